"""Segmenting a video frame by frame."""

import dataclasses
import operator
import warnings
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError
from ytvos_keras.inference.checks import check_frame, check_object_mask, check_size
from ytvos_keras.inference.functions import FrameFunctions, Tensors
from ytvos_keras.inference.sizes import resize_frame, resize_mask, working_size
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.masks import MAX_ID, check_label_map


class Segmenter:
    """Follow objects through a video: give first masks, feed frames, get a label map for each.

    A mask given with `add_object` belongs to the frame that the next `step` gets. That step returns
    the given mask as it is (where given masks overlap, the one added last), and predictions in the
    rest of the frame. Later steps return predictions. Before there is any object, steps return
    zeros. Memory does not grow with the length of the video.

    The model works at `size`, or else at about its `config.input_size` (its area, at the frame's
    aspect ratio; exactly 256×448 for 16:9). Frames are resized bilinearly with antialiasing, masks
    by nearest neighbour, probabilities bilinearly to native size, where objects are merged.

    Args:
        model: an `S2S`.
        size: working (height, width) in pixels, at least the model's stride; larger finds smaller
            objects and takes longer.

    Raises:
        InputError: the size is not two such numbers.

    Example:
        >>> segmenter = Segmenter(ytvos_keras.load("s2s-lite"))
        >>> segmenter.add_object(first_mask)
        1
        >>> for frame in frames:
        ...     label_map = segmenter.step(frame)
    """

    def __init__(self, model, size: tuple[int, int] | None = None):
        self.model = model
        self.size = None if size is None else _checked_size(size, model.stride)
        self._functions: dict[tuple[int, int], FrameFunctions] = {}
        self._video = VideoState()

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects in the order in which they were added."""
        return [*self._video.object_ids, *(i for i, _ in self._video.pending)]

    @property
    def video(self) -> VideoState:
        """What is known of the video so far: an immutable snapshot, without copies."""
        return self._video

    @property
    def frame_count(self) -> int:
        """Number of frames seen."""
        return self._video.frame_count

    def add_object(self, mask: np.ndarray, object_id: int | None = None) -> int:
        """Add an object whose mask in the next frame is known.

        Args:
            mask: (H, W) at the frame's native size: boolean, or 0 and one other value.
            object_id: 1–254, not in use; the lowest free one if None.

        Returns:
            The object's id, its value in the label maps.

        Raises:
            InputError: the mask is empty, of several values, of colours, or of another size than
                the frames; the id is in use or outside 1–254.
        """
        used = self.object_ids
        if object_id is None:
            object_id = next((i for i in range(1, MAX_ID + 1) if i not in used), MAX_ID + 1)
        object_id = operator.index(object_id)
        name = f"mask of object {object_id}"
        if not 1 <= object_id <= MAX_ID:
            raise InputError(f"an object id must be 1 to {MAX_ID}. Received: {object_id}.")
        if object_id in used:
            raise InputError(
                f"object {object_id} is already followed; give the new one another id."
            )
        mask = check_object_mask(mask, name)
        if (expected := self._expected_size()) is not None:
            check_size(mask.shape, expected, name)
        pending = (*self._video.pending, (object_id, mask))
        self._video = dataclasses.replace(self._video, pending=pending)
        return object_id

    def add_objects(self, label_map: np.ndarray) -> list[int]:
        """Add every object of a label map; its values become the ids.

        Args:
            label_map: (H, W), as `media.check_label_map` accepts it.

        Returns:
            The ids, ascending.

        Raises:
            InputError: as `add_object`; then none of the objects is added.
        """
        label_map = check_label_map(label_map)
        before = self._video
        try:
            ids = _ids(label_map)
            return [self.add_object(label_map == i, i) for i in ids]
        except InputError:
            self._video = before
            raise

    def add_new_objects(self, label_map: np.ndarray) -> list[int]:
        """Add those objects of a label map that are not followed yet.

        For folders of annotations, where later masks hold earlier objects again: a mask counts only
        in the first frame of its object.

        Args:
            label_map: uint8 (H, W), checked (`media.read_mask` gives such); may be all 0.

        Returns:
            The ids that were added, ascending.
        """
        known = set(self.object_ids)
        return [self.add_object(label_map == i, i) for i in _ids(label_map) if i not in known]

    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment the next frame.

        Args:
            frame: (H, W, 3), RGB; uint8, or float in 0–255 (rounded).

        Returns:
            uint8 (H, W) at the frame's size: 0 or the id of an object.

        Raises:
            InputError: the frame is not such an array, or its size is not that of the frames before
                and of the given masks; nothing has changed then.
        """
        video, name = self._video, f"frame {self._video.frame_count}"
        frame = check_frame(frame, name)
        native = frame.shape[:2]
        if video.frame_size is not None:
            check_size(native, video.frame_size, name)
        for object_id, mask in video.pending:
            check_size(mask.shape, native, f"mask of object {object_id}")
        labels, tensors = np.zeros(native, np.uint8), video.tensors
        if tensors or video.pending:
            labels, tensors = self._segment(frame, video)
        self._video = VideoState(native, video.frame_count + 1, tuple(self.object_ids), tensors)
        return labels

    def segment(
        self, frames: Iterable[np.ndarray], masks: np.ndarray | Mapping[int, np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Segment a whole video, lazily.

        Args:
            frames: RGB frames as `step` takes them; any iterable, a generator too.
            masks: the label map of the first frame, or {frame index: label map} with the objects
                that first appear there. Objects that are followed already are left as they are.

        Yields:
            uint8 (H, W) label map of each frame.

        Raises:
            InputError: as `add_objects` and `step`.
        """
        masks = dict(masks) if isinstance(masks, Mapping) else {0: masks}
        for index, frame in enumerate(frames):
            if index in masks:
                label_map = check_label_map(masks.pop(index), name=f"mask of frame {index}")
                self.add_new_objects(label_map)
            yield self.step(frame)
        if masks:
            warnings.warn(
                f"the mask of frame {min(masks)} was not used: the video has no such frame.",
                stacklevel=2,
            )

    def reset(self) -> None:
        """Forget the objects and the video; the compiled functions are kept for the next one."""
        self._video = VideoState()

    def state(self) -> dict[str, np.ndarray]:
        """Return all that is needed to go on later, as arrays for `np.savez`; see `restore`."""
        return self._video.to_arrays()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from a `state()` of a Segmenter with the same model and size.

        Raises:
            InputError: it is not such a state.
        """
        self._video = VideoState.from_arrays(state)

    def _segment(self, frame: np.ndarray, video: VideoState) -> tuple[np.ndarray, Tensors]:
        """Labels of a frame with objects, and the model's next state."""
        functions = self._functions_for(frame.shape[:2])
        small = resize_frame(frame, functions.size)
        features = functions.encode(small)
        labels, tensors = np.zeros(frame.shape[:2], np.uint8), video.tensors
        if tensors:
            rows, tensors = functions.advance(features, tensors, frame.shape[:2])
            labels = np.array([0, *video.object_ids], np.uint8)[rows]
        if video.pending:
            masks = np.stack([_small_mask(i, m, functions.size) for i, m in video.pending])
            new = functions.initialize(small, masks, features)
            tensors = {k: tf.concat([tensors[k], new[k]], 0) for k in new} if tensors else new
        for object_id, mask in video.pending:
            labels[mask > 0] = object_id
        return labels, tensors

    def _functions_for(self, native: tuple[int, int]) -> FrameFunctions:
        config = self.model.config
        size = self.size or working_size(native, config.input_size, self.model.stride)
        if size not in self._functions:
            self._functions[size] = FrameFunctions(self.model, size)
        return self._functions[size]

    def _expected_size(self) -> tuple[int, int] | None:
        if self._video.frame_size is None and self._video.pending:
            return self._video.pending[0][1].shape
        return self._video.frame_size


def _ids(label_map: np.ndarray) -> list[int]:
    return np.unique(label_map[label_map > 0]).tolist()


def _small_mask(object_id: int, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = resize_mask(mask, size)
    if not small.any():
        warnings.warn(
            f"object {object_id} ({int(mask.sum())} pixels) vanishes at the working size "
            f"{size[0]}x{size[1]}; give a larger size to follow it.",
            stacklevel=4,
        )
    return small


def _checked_size(size: tuple[int, int], stride: int) -> tuple[int, int]:
    try:
        numbers = tuple(map(operator.index, size))
    except TypeError:
        numbers = ()
    if len(numbers) != 2 or min(numbers) < stride:
        raise InputError(
            f"size must be (height, width), each at least {stride} pixels. Received: {size}."
        )
    return numbers
