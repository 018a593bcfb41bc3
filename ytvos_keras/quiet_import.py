"""Import TensorFlow without its start-up messages."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without the messages that they print.

    `TF_CPP_MIN_LOG_LEVEL` does not silence them: TensorFlow 2.21 writes lines about oneDNN and CUDA
    before its logging is set up. They come from C++, so the file descriptor is redirected, not only
    `sys.stderr`. If the import fails, they are shown.
    """
    with _descriptor_2_to_file():
        import keras  # noqa: F401
        import tensorflow as tf

        tf.config.list_physical_devices()  # the first device query prints more messages


@contextlib.contextmanager
def _descriptor_2_to_file() -> Iterator[None]:
    sys.stderr.flush()
    with tempfile.TemporaryFile() as notes:
        stderr = os.dup(2)
        os.dup2(notes.fileno(), 2)
        try:
            yield
        except Exception:  # not Ctrl-C, after which they would be noise
            notes.seek(0)
            os.write(stderr, notes.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
