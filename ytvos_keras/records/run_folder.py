"""The hidden folder of a run: its tasks, unfinished files and messages of its workers."""

import contextlib
import os
import pickle
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COUNTER, _FAILURE = "done", "failure"
_FAILURE_BYTES = 4096


class RunEndedError(Exception):
    """The run is over: it failed, was stopped, or its process ended."""


class RunFolder:
    """Shared state of a run and its workers, which may be on other machines.

    When the folder is removed, the unfinished files are gone and remaining workers stop after their
    current video: reading from the folder and reporting to it then raise `RunEndedError`.
    """

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    @contextlib.contextmanager
    def new(cls, output: Path, split: str) -> Iterator["RunFolder"]:
        """Create the folder of a new run in `output`, and remove it when the run ends."""
        # In the output folder, so that shards move within one file system that all workers see.
        run = cls(output / f".{split}.{uuid.uuid4().hex}")
        try:
            run.path.mkdir()
            (run.path / _COUNTER).touch()
            # Filled in advance, so that it can be written even if the disk is full.
            (run.path / _FAILURE).write_bytes(b" " * _FAILURE_BYTES)
            yield run
        finally:
            run.remove()

    @staticmethod
    def remove_others(output: Path, split: str) -> None:
        """Remove leftovers of killed runs."""
        for folder in output.glob(f".{split}.*"):
            # The pattern above also matches the folders of a split `train.small`.
            if re.fullmatch(r"[0-9a-f]{32}", folder.name.removeprefix(f".{split}.")):
                shutil.rmtree(folder)

    def remove(self) -> None:
        """Remove the folder, which ends the run."""
        shutil.rmtree(self.path, ignore_errors=True)

    def add_task(self, name: str, task: Any) -> Path:
        """Store a task, so that only its file name goes through Beam."""
        path = self.path / f"{name}.task"
        path.write_bytes(pickle.dumps(task))
        return path

    def read_task(self, path: str) -> Any:
        """Read a task stored by `add_task`."""
        return pickle.loads(self._read(Path(path).name))

    @property
    def failure(self) -> str:
        """Messages of failures; empty if there are none."""
        return self._read(_FAILURE).decode(errors="replace").strip()

    @property
    def done(self) -> int:
        """Number of videos done; those of a retried task count twice."""
        return len(self._read(_COUNTER))

    def count(self) -> None:
        """Report to the run that a video is done. After a failure, the run has ended."""
        # Checked after every video, so that a failure ends all workers within one video.
        if self.failure:
            raise RunEndedError
        # One byte per video: workers append without a lock, and the file size is the count.
        self._write(_COUNTER, os.O_APPEND, b".")

    def fail(self, message: str) -> None:
        """Report a failure to the run."""
        # File names need not be valid Unicode.
        text = message.encode(errors="backslashreplace")[:_FAILURE_BYTES]
        self._write(_FAILURE, 0, text.ljust(_FAILURE_BYTES))

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError as error:
            raise RunEndedError from error

    def _write(self, name: str, flags: int, data: bytes) -> None:
        try:
            file = os.open(self.path / name, os.O_WRONLY | flags)  # not created if it is gone
        except FileNotFoundError as error:
            raise RunEndedError from error
        try:
            os.write(file, data)
        except OSError:
            pass  # a full disk: the count does not matter, and failures have reserved space
        finally:
            os.close(file)
