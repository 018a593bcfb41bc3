"""From a video and first masks to the masks of every frame.

The names are imported when they are first used: `segment_files` checks its files before TensorFlow
is loaded, and commands that import it answer `--help` at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ytvos_keras.inference.batch import segment_batch
    from ytvos_keras.inference.files import SegmentedFiles, segment_files
    from ytvos_keras.inference.merge import merge_probabilities
    from ytvos_keras.inference.segmenter import Segmenter

__all__ = [
    "SegmentedFiles",
    "Segmenter",
    "merge_probabilities",
    "segment_batch",
    "segment_files",
]

_HOMES = {
    "SegmentedFiles": "files",
    "Segmenter": "segmenter",
    "merge_probabilities": "merge",
    "segment_batch": "batch",
    "segment_files": "files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
