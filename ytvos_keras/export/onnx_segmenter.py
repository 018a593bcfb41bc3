"""Segment videos with ONNX graphs, and time the steps."""

import time
from typing import TYPE_CHECKING

import numpy as np

from ytvos_keras.inference.merge import merge_probabilities
from ytvos_keras.inference.sizes import resize_frame, resize_mask, working_size
from ytvos_keras.media.masks import ids_in

if TYPE_CHECKING:
    from ytvos_keras.export.parity import Stream


class OnnxSegmenter:
    """Track the objects of a first frame like `Segmenter`, for scoring.

    Args:
        stream: The graphs, an `OnnxStream`.
        input_size: Nominal working (height, width); only the area matters.
        stride: Stride of the model, in pixels.
        size: (height, width) of all images, if it is fixed.

    Attributes:
        seconds: Durations of the model's steps so far, without resizing and merging.
    """

    def __init__(
        self,
        stream: "Stream",
        input_size: tuple[int, int],
        stride: int,
        size: tuple[int, int] | None = None,
    ):
        self.stream = stream
        self.input_size = input_size
        self.stride = stride
        self.size = size
        self.seconds: list[float] = []
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.state: dict[str, np.ndarray] | None = None
        self.first: np.ndarray | None = None
        self.object_ids: list[int] = []

    def add_objects(self, label_map: np.ndarray) -> list[int]:
        """Set the mask of the first frame, uint8 (H, W); returns its ids."""
        self.first = label_map
        self.object_ids = ids_in(label_map)
        return self.object_ids

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Labels uint8 (H, W) of the next frame, uint8 (H, W, 3)."""
        native = frame.shape[:2]
        size = self.size or working_size(native, self.input_size, self.stride)
        image = resize_frame(frame, size)[None]
        if self.state is None:
            if self.first is None:
                raise ValueError("add_objects must be called before step")
            masks = [resize_mask((self.first == i).astype(np.uint8), size) for i in self.object_ids]
            self.state = self.stream.initialize(image, np.stack(masks)[..., None])
            # The given mask is the result of its frame, as in `Segmenter`.
            return self.first
        begin = time.perf_counter()
        probs, self.state = self.stream.step(image, self.state)
        # Excludes the first frame, which runs another graph, and resizing.
        self.seconds.append(time.perf_counter() - begin)
        rows = merge_probabilities(probs, native).numpy()
        return np.array([0, *self.object_ids], np.uint8)[rows]  # rows of `probs` to ids
