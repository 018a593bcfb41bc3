"""Segment a video frame by frame."""

import dataclasses
import operator
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.both_ways import segment_both_ways
from ytvos_keras.inference.frame_stepper import FrameStepper, OnLearning
from ytvos_keras.inference.input_checks import (
    check_frame,
    check_object_mask,
    check_size,
    check_working_size,
)
from ytvos_keras.inference.one_thread import OneThread, alone
from ytvos_keras.inference.saved_state import check_tensors, pack_state, unpack_state
from ytvos_keras.inference.video_state import VideoState
from ytvos_keras.media.array_file import save_arrays
from ytvos_keras.media.masks import MAX_ID, check_label_map, ids_in


class Segmenter(OneThread):
    """Track objects through a video: give first masks, feed frames, get a label map for each.

    A mask given with `add_object` belongs to the frame of the next `step`. That step returns the
    given mask unchanged (where given masks overlap, the one added last), and predictions elsewhere.
    Later steps return predictions. Before the first object, steps return zeros. Memory does not
    grow with the length of the video.

    A mask for an object that is already tracked corrects it: a model with a memory adds the frame
    to the object's memory as a trusted one; other models re-initialize the object from it.

    The model works at `size`, by default at about its `config.input_size` (the same area, at the
    frame's aspect ratio; for 16:9, exactly 288×512 with `s2s-lite`). Frames are resized bilinearly
    with antialiasing, masks by nearest neighbour, probabilities bilinearly to native size, where
    objects are merged.

    A Segmenter is not thread-safe: a call while another thread is in one raises an `InputError`.
    Several Segmenters, one per thread, may share a model. A process that was forked after a
    Segmenter was created cannot use TensorFlow; start it with
    `multiprocessing.get_context("spawn")`.

    Args:
        model: an `S2S`.
        size: working (height, width) in pixels, at least the model's stride; a larger size finds
            smaller objects and takes longer.
        online_learning: settings for fine-tuning a copy of the model to the objects of the video,
            in their first frame; `model` itself is unchanged. None: no online learning.

    Raises:
        InputError: the size is not two such numbers, or the process was forked after use.

    Example:
        >>> segmenter = Segmenter(ytvos_keras.load("s2s-lite"))
        >>> segmenter.add_object(first_mask)
        1
        >>> for frame in frames:
        ...     label_map = segmenter.step(frame)
    """

    def __init__(
        self,
        model,
        size: tuple[int, int] | None = None,
        *,
        online_learning: OnlineLearningConfig | None = None,
    ):
        super().__init__()
        self.model = model
        self.size = None if size is None else check_working_size(size, model.stride)
        self.online_learning = online_learning
        self.on_learning: OnLearning = None
        """Called after every step of online learning with steps done, total steps, and loss."""
        self._stepper = FrameStepper(model, self.size, online_learning)
        self._video = VideoState()

    @property
    def object_ids(self) -> list[int]:
        """Ids of all objects, in the order in which they were added."""
        followed = self._video.object_ids
        return [*followed, *(i for i, _ in self._video.pending if i not in followed)]

    @property
    def confidence(self) -> dict[int, float]:
        """The expected J (0–1) of each object's mask in the latest frame.

        Empty before the first object, and for models without `predict_confidence`.
        """
        return self._video.confidence

    @property
    def probabilities(self) -> dict[int, np.ndarray]:
        """For each object, the probability of every pixel of the latest frame: float32 (H, W), 0–1.

        Resized from the working size to that of the frame, which takes time for each object. A
        given mask is 0 and 1, and sets other objects to 0 where it covers them. Empty before the
        first object and directly after `restore` from a saved state.
        """
        known = self._video.probabilities
        return {} if known is None else known.maps(self.object_ids)

    @property
    def video(self) -> VideoState:
        """The state of the video: an immutable snapshot, without copies."""
        return self._video

    @property
    def frame_count(self) -> int:
        """Number of frames seen."""
        return self._video.frame_count

    @alone
    def add_object(self, mask: np.ndarray, object_id: int | None = None) -> int:
        """Add an object whose mask in the next frame is known, or correct one.

        Args:
            mask: (H, W) at the frame's native size: boolean, or 0 and one other value.
            object_id: 1–254. The id of a tracked object corrects it; None adds an object under the
                lowest free id.

        Returns:
            The object's id, its value in the label maps.

        Raises:
            InputError: the mask is empty, has several values or colours, or differs in size from
                the frames; the id is outside 1–254, or none is free. The Segmenter is then
                unchanged.
        """
        if object_id is None:
            used = self.object_ids
            object_id = next((i for i in range(1, MAX_ID + 1) if i not in used), None)
            if object_id is None:
                raise InputError(f"at most {MAX_ID} objects can be tracked; remove one first.")
        # Accepts NumPy integers; rejects 1.0 and "1".
        object_id = operator.index(object_id)
        name = f"mask of object {object_id}"
        if not 1 <= object_id <= MAX_ID:
            raise InputError(f"an object id must be 1 to {MAX_ID}. Received: {object_id}.")
        mask = check_object_mask(mask, name)
        if (expected := self._expected_size()) is not None:
            check_size(mask.shape, expected, name)
        self._video = self._video.with_mask(object_id, mask)
        return object_id

    @alone
    def remove_object(self, object_id: int) -> None:
        """Stop tracking an object; its id is free again.

        Raises:
            InputError: no object has this id.
        """
        if object_id not in self.object_ids:
            ids = ", ".join(map(str, self.object_ids)) or "none"
            raise InputError(
                f"object {object_id} is not tracked, so it cannot be removed. Tracked: {ids}."
            )
        self._video = self._video.without(object_id)

    @alone
    def add_objects(self, label_map: np.ndarray, *, indexed: bool = False) -> list[int]:
        """Add or correct every object of a label map; its values are the ids.

        Args:
            label_map: (H, W), as `media.check_label_map` accepts it.
            indexed: the values are known to be ids, such as those of an index image: thin objects
                are not taken for smooth edges, however many there are.

        Returns:
            The ids, ascending.

        Raises:
            InputError: as `add_object`; the Segmenter is then unchanged.
        """
        label_map = check_label_map(label_map, indexed=indexed)
        before = self._video
        try:
            return [self.add_object(label_map == i, i) for i in ids_in(label_map)]
        except InputError:
            # Snapshots are immutable, so an assignment is enough to roll back.
            self._video = before
            raise

    @alone
    def step(self, frame: np.ndarray) -> np.ndarray:
        """Segment the next frame.

        Args:
            frame: (H, W, 3), RGB; uint8, or float in 0–255 (rounded).

        Returns:
            uint8 (H, W) at the frame's size: 0 or the id of an object.

        Raises:
            InputError: the frame is not such an array, or differs in size from earlier frames or
                given masks; the Segmenter is then unchanged.
        """
        video, name = self._video, f"frame {self._video.frame_count}"
        # All checks come before anything changes: an error leaves the state as it was.
        frame = check_frame(frame, name)
        native = frame.shape[:2]
        if video.frame_size is not None:
            check_size(native, video.frame_size, name)
        for object_id, mask in video.pending:
            check_size(mask.shape, native, f"mask of object {object_id}")
        if video.tensors or video.pending:
            labels, self._video = self._stepper.step(frame, video, self.on_learning)
            return labels
        self._video = dataclasses.replace(
            video, frame_size=native, frame_count=video.frame_count + 1, probabilities=None
        )
        return np.zeros(native, np.uint8)

    def segment(
        self,
        frames: Iterable[np.ndarray],
        masks: np.ndarray | Mapping[int, np.ndarray],
        corrections: Mapping[int, np.ndarray] | None = None,
        *,
        direction: str = "forward",
    ) -> Iterator[np.ndarray]:
        """Segment a whole video, lazily.

        Args:
            frames: RGB frames as for `step`, from any iterable, including generators.
            masks: the label map of the first frame, or {frame index: label map} with the objects
                that first appear there. Objects that are already tracked are left as they are.
            corrections: {frame index: label map} with masks that correct tracked objects.
            direction: `forward`: from each mask on; frames before it are empty. `backward`: from
                each mask to the first frame. `both`: both, merged; between two masks of an object
                by confidence, or else by distance, see `directions.choose_directions`. Unless it is
                `forward`, no label map is yielded before the backward pass is done.

        Yields:
            uint8 (H, W) label map of each frame.

        Raises:
            InputError: as `add_objects` and `step`; or a correction is of an object without a first
                mask (if only tracked forward: in its frame or an earlier one).
        """
        if direction != "forward":
            unused = yield from segment_both_ways(self, frames, masks, corrections, direction)
        else:
            unused = yield from self._segment_forward(frames, masks, corrections)
        if unused:
            warnings.warn(
                f"the mask of frame {min(unused)} was not used: the video has no such frame.",
                stacklevel=2,
            )

    def _segment_forward(
        self,
        frames: Iterable[np.ndarray],
        masks: np.ndarray | Mapping[int, np.ndarray],
        corrections: Mapping[int, np.ndarray] | None,
    ) -> Generator[np.ndarray, None, set[int]]:
        """Implement `segment` without a backward pass; return the frames of unused masks."""
        masks = dict(masks) if isinstance(masks, Mapping) else {0: masks}
        corrections = dict(corrections or {})
        for index, frame in enumerate(frames):
            if index in masks:
                label_map = check_label_map(masks.pop(index), name=f"mask of frame {index}")
                # A mask only counts in the first frame of its object.
                for new in sorted(set(ids_in(label_map)) - set(self.object_ids)):
                    self.add_object(label_map == new, new)
            if index in corrections:
                name = f"correction of frame {index}"
                label_map = check_label_map(corrections.pop(index), name=name)
                if unknown := set(ids_in(label_map)) - set(self.object_ids):
                    raise InputError(f"{name}: object {min(unknown)} has no first mask.")
                self.add_objects(label_map)
            yield self.step(frame)
        return {*masks, *corrections}

    @alone
    def reset(self) -> None:
        """Forget the objects and the video; the compiled functions are kept for the next one."""
        self._video = VideoState()

    def state(self, video: VideoState | None = None) -> dict[str, np.ndarray]:
        """Return everything needed to resume later, as arrays for `np.savez`; see `restore`.

        Args:
            video: an earlier `video` of this Segmenter; default: the current one.
        """
        video = video or self._video
        return pack_state(video, self.model, self._stepper.size_for(video.frame_size))

    def save_state(self, path: str | Path) -> None:
        """Write `state()` to a file atomically, as an .npz without pickle.

        Args:
            path: the file's name, used unchanged.
        """
        save_arrays(Path(path), self.state())

    @alone
    def restore(self, state: VideoState | Mapping[str, np.ndarray] | str | Path) -> None:
        """Resume from a state, possibly in another process.

        The model, with all its weights, and the working size must be the same. Weights learned
        online are part of the state; `online_learning` must then be enabled.

        Args:
            state: the result of `state()`, or a file from `save_state`; or an earlier `video` of
                this Segmenter, which costs nothing, to switch between several videos.

        Raises:
            InputError: this is not such a state, or it belongs to another model or size; the
                Segmenter is then unchanged.

        Example:
            >>> segmenter.save_state("video.state")
            >>> segmenter = Segmenter(ytvos_keras.load("s2s-lite"))  # later, in another process
            >>> segmenter.restore("video.state")
        """
        # A snapshot of this Segmenter needs no checks.
        if isinstance(state, VideoState):
            self._video = state
            return
        video, size = unpack_state(state, self.model)
        own = self._stepper.size_for(video.frame_size)
        if video.learned and self.online_learning is None:
            raise InputError(
                "the state has weights from online learning; create the Segmenter with "
                "online_learning."
            )
        # Only the shapes of tensors depend on the size.
        if video.tensors and size != own:
            raise InputError(
                f"the state belongs to the working size {size[0]}x{size[1]}, but this Segmenter "
                f"has {own[0]}x{own[1]}; use the same size."
            )
        check_tensors(video, own, self.model)
        self._video = video

    def _expected_size(self) -> tuple[int, int] | None:
        if self._video.frame_size is None and self._video.pending:
            return self._video.pending[0][1].shape
        return self._video.frame_size
