"""A `MaskFinder` that all requests share."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ytvos_keras.errors import InputError, first_line

if TYPE_CHECKING:  # importing it takes seconds, because it imports TensorFlow
    from ytvos_keras.inference import MaskFinder

logger = logging.getLogger(__name__)


class SharedFinder:
    """Find masks from any thread, one at a time.

    Args:
        load: returns the `MaskFinder`; called once, when the first mask is to be found, and again
            only if it fails.
    """

    def __init__(self, load: "Callable[[], MaskFinder]"):
        self._load = load
        self._finder: MaskFinder | None = None
        self._lock = threading.Lock()

    def find(self, frame: np.ndarray, trimap: np.ndarray) -> np.ndarray:
        """Find the mask of an object; waits for earlier calls.

        Args:
            frame: uint8 (H, W, 3), RGB.
            trimap: float32 (H, W): 1 on the object, 0 elsewhere, 0.5 where that is unknown.

        Returns:
            Boolean (H, W).

        Raises:
            InputError: the model cannot be loaded, or the finder rejects the trimap.
        """
        with self._lock:
            if self._finder is None:
                self._finder = self._loaded()
            return self._finder.find(frame, trimap)

    def _loaded(self) -> "MaskFinder":
        try:
            return self._load()
        except Exception as error:
            # The user can solve these; anything else is a bug, so log its traceback.
            if not isinstance(error, InputError | OSError):
                logger.exception("the model that finds objects cannot be loaded")
            reason = first_line(error)
            raise InputError(f"the model that finds objects cannot be loaded: {reason}") from error
