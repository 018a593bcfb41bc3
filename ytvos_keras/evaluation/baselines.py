"""Baselines: the first mask copied, and the first mask propagated by optical flow."""

import numpy as np

from ytvos_keras.errors import importing


class CopiedMask:
    """Predict the mask of the first frame in every frame."""

    def reset(self) -> None:
        """Forget the video."""
        self._labels: np.ndarray | None = None

    def add_objects(self, label_map: np.ndarray) -> list[int]:
        """Set the label map of the first frame, uint8 `(H, W)`; returns its ids."""
        self._labels = label_map
        return np.unique(label_map[label_map > 0]).tolist()

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Return the label map of a frame, uint8 `(H, W)`."""
        if self._labels is None:
            raise ValueError("call add_objects before step")
        return self._labels


class FlowPropagation(CopiedMask):
    """Propagate the masks from frame to frame with OpenCV's DIS optical flow, medium preset.

    Every pixel of a frame is traced back to its position in the previous frame. Masks are kept as
    soft masks in 0–1 and interpolated, to preserve contours; the object with the largest value
    above one half wins.

    References:
        Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016.
    """

    def __init__(self):
        with importing(extra="bench", what="optical flow with OpenCV"):
            import cv2

        self._cv2 = cv2
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self.reset()

    def reset(self) -> None:
        self._labels = self._grey = None

    def add_objects(self, label_map: np.ndarray) -> list[int]:
        ids = super().add_objects(label_map)
        self._ids = np.array([0, *ids], np.uint8)
        self._shares = [np.float32(label_map == number) for number in ids]
        return ids

    def step(self, frame: np.ndarray) -> np.ndarray:
        cv2 = self._cv2
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if self._grey is not None:
            x, y = np.meshgrid(*map(np.arange, grey.shape[::-1]))
            was = np.stack([x, y], -1) + self._flow.calc(grey, self._grey, None)
            was = was.astype(np.float32)
            # Outside the frame, remap fills in 0, so that whatever enters is background.
            self._shares = [cv2.remap(share, was, None, cv2.INTER_LINEAR) for share in self._shares]
        self._grey = grey
        # First in the stack, so that argmax gives a tie to the background.
        half = np.full(grey.shape, 0.5, np.float32)
        return self._ids[np.argmax(np.stack([half, *self._shares]), axis=0)]
