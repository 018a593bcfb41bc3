"""One-line errors for bad data in the middle of a run."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from ytvos_keras.data.record_store import (
    UnreadableFrameError,
    frame_name,
    read_encoded,
    recently_read,
)
from ytvos_keras.errors import InputError


@contextlib.contextmanager
def name_data_errors() -> Iterator[None]:
    """Recover the one-line error from an exception of a running `make_dataset` dataset.

    TensorFlow wraps an `InputError` of the dataset in pages of text. If it cannot decode an intact
    JPEG, its error does not name the frame, so the frames read last are decoded again to find it.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        # Of a Python exception in a dataset, only the text survives, in TensorFlow's error.
        found = re.search(r"InputError: (.+)", error.message)
        if found:
            raise InputError(found[1]) from error
        name = _undecodable() if "JPEG" in error.message else None
        if name is None:
            raise
        raise InputError(
            f"{name}: TensorFlow cannot decode it; replace the frame or leave the video out, "
            "and write the records again with ytvos-prepare"
        ) from error


def _undecodable() -> str | None:
    """The name of the first of the recently read frames that cannot be decoded."""
    # A copy, because the dataset's threads may still append; the dict decodes each frame once.
    for name, place in {frame_name(*place): place for place in recently_read.copy()}.items():
        try:
            tf.io.decode_jpeg(read_encoded(*place), channels=3)
        except UnreadableFrameError:
            continue  # damaged in the meantime: a different fault
        except tf.errors.InvalidArgumentError:
            return name
    return None
