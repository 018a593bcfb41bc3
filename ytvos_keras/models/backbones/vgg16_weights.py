"""Read pretrained VGG-16 weights and reshape them for the model."""

import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.models.weight_files import check_weight_file

# Filters and number of convolutions of each block (Simonyan and Zisserman, 2014, configuration D).
BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))

Weights = dict[str, tuple[np.ndarray, np.ndarray]]


def _kernel_shapes() -> dict[str, tuple[int, ...]]:
    """Kernel shapes of the convolutions, by their names in keras.applications."""
    shapes: dict[str, tuple[int, ...]] = {}
    channels = 3
    for b, (filters, count) in enumerate(BLOCKS, start=1):
        for c in range(1, count + 1):
            shapes[f"block{b}_conv{c}"] = (3, 3, channels, filters)
            channels = filters
    return shapes


_SHAPES = _kernel_shapes()
_FC1_SHAPE = (7 * 7 * 512, 4096)


def read_vgg16_weights(source: str | Path, with_fc6: bool) -> Weights:
    """Read kernels and biases of VGG-16 by layer name, float32.

    `source` is `"imagenet"` or the path of an `.h5` file as `keras.applications` distributes it,
    with or without the top, or a `.weights.h5` or `.keras` file of that model. `"fc1"` is read only
    `with_fc6`, and is missing from files without the top.
    """
    if str(source) == "imagenet":
        return _from_model(_download(with_fc6))
    path = Path(source)
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; pass a Keras VGG-16 weights file, or 'imagenet' to download one"
        )
    weights = _read_file(path, with_fc6)
    _check(weights, path)
    if with_fc6 and "fc1" not in weights:
        warnings.warn(
            f"{path}: has no fc1, so fc6 starts from random weights, and is trained even if the "
            "backbone is frozen; use the file with the top for a pretrained fc6.",
            stacklevel=2,
        )
    return weights


def _download(with_fc6: bool) -> keras.Model:
    try:
        return keras.applications.VGG16(weights="imagenet", include_top=with_fc6)
    except Exception as error:  # Keras wraps network errors in a bare Exception
        raise InputError(
            "cannot download the ImageNet weights of VGG-16; pass a Keras VGG-16 weights file "
            f"instead of imagenet ({first_line(error)})"
        ) from error


def collapse_fc6(kernel: np.ndarray) -> np.ndarray:
    """Sum a `(7, 7, in, out)` kernel over its positions to `(1, 1, in, out)`.

    Both give the same result on a map that is constant over 7×7 cells.
    """
    return kernel.sum(axis=(0, 1), keepdims=True)


def _read_file(path: Path, with_fc6: bool) -> Weights:
    check_weight_file(path)
    try:
        if path.suffix == ".keras":
            return _from_model(keras.saving.load_model(path, compile=False))
        with h5py.File(path, "r") as file:
            # The layout of Keras 1 and 2, in which keras.applications still distributes its files.
            if "layer_names" in file.attrs:
                return _from_legacy_h5(file, with_fc6)
            # Keras 3 names stored layers after their class: those of the top are dense, dense_1, ….
            has_top = any("dense" in name for name in file.get("layers", ()))
        # Keras 3 files can only be read into a model with the same layers, top included.
        model = keras.applications.VGG16(weights=None, include_top=has_top)
        model.load_weights(path)
        return _from_model(model)
    except Exception as error:  # Keras and HDF5 raise all kinds of errors
        raise InputError(
            f"{path}: not a Keras VGG-16 weights file ({first_line(error)})"
        ) from error


def _from_legacy_h5(file: h5py.File, with_fc6: bool) -> Weights:
    # fc1 alone is 411 MB, so it is read only if it is used.
    wanted = [name for name in file if name in _SHAPES or (name == "fc1" and with_fc6)]
    names = {name: file[name].attrs["weight_names"] for name in wanted}
    return {
        name: (np.asarray(file[name][kernel], "float32"), np.asarray(file[name][bias], "float32"))
        for name, (kernel, bias) in names.items()
    }


def _from_model(model: keras.Model) -> Weights:
    # Neither fc2 nor predictions: the paper keeps only the first fully connected layer.
    layers = [layer for layer in model.layers if layer.name in _SHAPES or layer.name == "fc1"]
    return {layer.name: tuple(layer.get_weights()) for layer in layers}


def _check(weights: Weights, path: Path) -> None:
    shapes = _SHAPES | ({"fc1": _FC1_SHAPE} if "fc1" in weights else {})
    for name, shape in shapes.items():
        if name not in weights:
            raise InputError(f"{path}: layer {name} is missing; is it a Keras VGG-16 weights file?")
        found = [array.shape for array in weights[name]]
        if found != [shape, shape[-1:]]:
            raise InputError(
                f"{path}: {name} must have a kernel {shape} and a bias {shape[-1:]}, found {found}"
            )
