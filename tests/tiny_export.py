"""One exported `TinyS2S` for all tests that only read it."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
from tiny_s2s import TinyS2S

from ytvos_keras.export.parity import demo_clip
from ytvos_keras.export.saved_model import SavedModel, export_saved_model


class Exported(NamedTuple):
    model: TinyS2S
    folder: Path
    saved: SavedModel


@functools.cache
def tiny_export() -> Exported:
    keras.utils.set_random_seed(0)
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    model = TinyS2S()
    return Exported(model, folder / "tiny", export_saved_model(model, folder / "tiny"))


def tiny_clip(size=(37, 50), frames=6, objects=2):
    """A clip whose sides no stride divides."""
    return demo_clip(size, frames, objects)
