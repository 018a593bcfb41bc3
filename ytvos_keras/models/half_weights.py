"""Weights files in half precision, for distribution."""

import tempfile
from pathlib import Path

import h5py
import keras

from ytvos_keras.models.weight_files import checksum_path, write_checksum


def save_half_weights(model: keras.Model, path: str | Path) -> None:
    """Writes a `.weights.h5` file with all arrays in float16.

    `model.load_weights(path)` reads it like any other. The file is written whole or not at all, and
    its checksum beside it.

    Args:
        model: Any built Keras model.
        path: Must end in `.weights.h5`, as Keras asks for.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        full, half = Path(folder, "full.weights.h5"), Path(folder, "half.weights.h5")
        model.save_weights(full)
        with h5py.File(full, "r") as source, h5py.File(half, "w", libver="latest") as target:
            target.attrs.update(source.attrs)
            source.visititems(lambda name, item: _copy(name, item, target))
        checksum_path(path).unlink(missing_ok=True)  # never that of another file
        half.replace(path)
    write_checksum(path)


def _copy(name, item, target):
    if name.split("/")[0] == "optimizer":  # of a compiled model
        return
    if isinstance(item, h5py.Group):
        copy = target.require_group(name)
    else:
        value = item[()]
        copy = target.create_dataset(name, data=value.astype("float16"))
    copy.attrs.update(item.attrs)
