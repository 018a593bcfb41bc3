import os
import subprocess
import sys

import pytest

from ytvos_keras.quiet_import import _descriptor_2_to_file


def test_tensorflow_imports_silently():
    code = (
        "import sys; from ytvos_keras.quiet_import import import_tensorflow as load; load();"
        "import tensorflow as tf; tf.constant(1); print('still here', file=sys.stderr)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert (result.stdout, result.stderr) == ("", "still here\n")


def test_output_is_shown_if_the_import_fails(capfd):
    with pytest.raises(ImportError), _descriptor_2_to_file():
        os.write(2, b"why it failed\n")
        raise ImportError
    assert capfd.readouterr().err == "why it failed\n"
