"""Python code that runs in a separate process, with a reason if it fails."""

import contextlib
import subprocess
import sys
import tempfile
from typing import Self

from ytvos_keras.errors import InputError


class ChildProcess:
    """Python code in a separate process, whose memory does not include that of this one.

    The process is killed at the end of a `with` block.

    Args:
        code: what to run.
        arguments: `sys.argv[1:]` of the process.
    """

    def __init__(self, code: str, *arguments: object):
        # Not a pipe: a process that prints a lot would block until the pipe is read.
        self._errors = tempfile.TemporaryFile(  # noqa: SIM115 (see close)
            "w+", encoding="utf-8", errors="replace"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None  # pipes
        self._input = self._process.stdin
        self.output = self._process.stdout
        """What the process prints; it ends when the process does."""

    def send_line(self) -> None:
        """Send an empty line to the process."""
        # If it has ended, there is no output either, and `ending` says why. On Windows, the error
        # is not a BrokenPipeError.
        with contextlib.suppress(OSError):
            print(file=self._input, flush=True)

    def ending(self) -> str:
        """Wait for the process to end; return its exit code and the last line of its errors."""
        code = self._process.wait()
        self._errors.seek(0)
        # The last line of a traceback is the error.
        last = (self._errors.read().splitlines() or [""])[-1]
        return f"exit code {code}. {last}".rstrip()

    def check(self, what: str) -> None:
        """Wait for the process to end; raise an `InputError` if it failed at `what`."""
        if self._process.wait():
            raise InputError(f"{what} failed. Received: {self.ending()}")

    def close(self) -> None:
        """End the process."""
        # Killed, not asked to stop: it may hang, or have run out of memory.
        self._process.kill()
        self._process.wait()
        for file in (self._input, self.output, self._errors):
            with contextlib.suppress(OSError):  # a line that the process never read
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
