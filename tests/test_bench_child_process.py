import pytest

from ytvos_keras.bench.child_process import ChildProcess
from ytvos_keras.errors import InputError

ANSWERS = "import sys\nfor n, _ in enumerate(sys.stdin): print(sys.argv[1], n, flush=True)"


def test_every_line_is_answered():
    with ChildProcess(ANSWERS, "line") as child:
        for n in range(2):
            child.send_line()
            assert child.output.readline() == f"line {n}\n"
    assert child._process.returncode != 0  # it was waiting for more, and was killed


def test_process_that_succeeds():
    with ChildProcess("print(1)") as child:
        assert child.output.read() == "1\n"
        child.check("printing")


def test_error_ends_with_the_last_line_of_the_process():
    code = "import sys; print('notes', file=sys.stderr); raise ValueError('no such model')"
    message = r"^segmenting failed\. Received: exit code 1\. ValueError: no such model$"
    with ChildProcess(code) as child, pytest.raises(InputError, match=message):
        child.check("segmenting")
