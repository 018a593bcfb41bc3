"""Cached exports of `TinyS2S`, shared by read-only tests because tracing and converting is slow."""

import atexit
import copy
import functools
import shutil
import tempfile
import unittest.mock
from pathlib import Path
from typing import NamedTuple

import keras
from tiny_s2s import TinyS2S

from ytvos_keras.export import onnx_convert
from ytvos_keras.export.onnx_files import OnnxFiles, export_onnx
from ytvos_keras.export.parity import demo_clip
from ytvos_keras.export.saved_model import SavedModel, export_saved_model


class Exported(NamedTuple):
    model: TinyS2S
    folder: Path
    saved: SavedModel


@functools.cache
def tiny_model() -> TinyS2S:
    keras.utils.set_random_seed(0)
    return TinyS2S((64, 96))


@functools.cache
def tiny_export() -> Exported:
    """A SavedModel for any frame size."""
    keras.utils.set_random_seed(0)
    model, folder = TinyS2S(), new_folder()
    return Exported(model, folder, export_saved_model(model, folder))


@functools.cache
def tiny_graphs() -> dict:
    """ONNX graphs in float32; copy before modifying."""
    return onnx_convert.convert(tiny_model())


@functools.cache
def tiny_onnx(precision: str = "float32") -> OnnxFiles:
    # Converting takes most of the time, and is the same for every precision.
    graphs = copy.deepcopy(tiny_graphs())
    with unittest.mock.patch.object(onnx_convert, "convert", return_value=graphs):
        return export_onnx(tiny_model(), new_folder(), name="tiny", precision=precision)


def tiny_clip(size=(37, 50), frames=6, objects=2):
    """A clip whose height and width are not multiples of any stride."""
    return demo_clip(size, frames, objects)


def new_folder() -> Path:
    """A path that does not exist yet and is removed at exit."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return folder / "tiny"
