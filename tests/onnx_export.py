"""Exported ONNX files for all tests that only read them: tracing and converting takes long."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import keras
from tiny_s2s import TinyS2S

from ytvos_keras.export.onnx_convert import convert
from ytvos_keras.export.onnx_files import OnnxFiles, export_onnx


@functools.cache
def tiny_model() -> TinyS2S:
    keras.utils.set_random_seed(0)
    return TinyS2S((64, 96))


@functools.cache
def tiny_graphs() -> dict:
    """Of float32; tests copy what they change."""
    return convert(tiny_model())


@functools.cache
def tiny_onnx(precision: str = "float32") -> OnnxFiles:
    return export_onnx(tiny_model(), new_folder(), name="tiny", precision=precision)


def new_folder() -> Path:
    """Not there yet; gone at the end."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    return folder / "onnx"
