"""Video object segmentation in Keras 3.

Given a video and the mask of one or more objects in the first frame in which each appears, the
package returns the mask of every object in every later frame.

The names below are imported when they are first used (PEP 562): `import ytvos_keras` itself imports
no TensorFlow, so that commands answer `--help` at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ytvos_keras.data.make_dataset import make_dataset
    from ytvos_keras.errors import InputError
    from ytvos_keras.evaluation import evaluate
    from ytvos_keras.inference import Segmenter
    from ytvos_keras.models import S2S, S2SConfig
    from ytvos_keras.models.presets import load

__version__ = "0.1.0"

__all__ = [
    "S2S",
    "InputError",
    "S2SConfig",
    "Segmenter",
    "__version__",
    "evaluate",
    "load",
    "make_dataset",
]

_HOMES = {
    "InputError": "ytvos_keras.errors",
    "S2S": "ytvos_keras.models",
    "S2SConfig": "ytvos_keras.models",
    "Segmenter": "ytvos_keras.inference",
    "evaluate": "ytvos_keras.evaluation",
    "load": "ytvos_keras.models.presets",
    "make_dataset": "ytvos_keras.data.make_dataset",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
