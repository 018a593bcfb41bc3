"""Choose and read the images that make up a synthetic clip."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ytvos_keras.data.augmentation import SyntheticConfig
from ytvos_keras.data.record_store import (
    UnreadableFrameError,
    is_object,
    read_image,
    read_labels,
)
from ytvos_keras.data.sampling import Drawn, first_frames
from ytvos_keras.records.indexed_video import IndexedVideo

OTHERS = 2  # largest number of further objects
_T = TypeVar("_T")
_TRIES = 20

Array = Any  # of NumPy or TensorFlow


class Scene(NamedTuple):
    """The images and masks of a scene, as arrays or tensors; an empty image means none.

    Args:
        image: uint8 (height, width, 3) with the target.
        mask: boolean (height, width), the target.
        background: uint8 (height, width, 3); empty: the target stays in its image.
        images: of the further objects, uint8 (height, width, 3) each.
        masks: these objects, boolean (height, width) each.
        passes: whether the first of them passes over the target.
    """

    image: Array
    mask: Array
    background: Array
    images: tuple[Array, ...]
    masks: tuple[Array, ...]
    passes: Array


class SceneSampler:
    """Draw and read backgrounds and further objects for a target.

    Args:
        pictures: records of one frame; those without a large enough object are backgrounds only.
        config: proportions of the kinds of scenes.
        min_object: smallest further object, as a fraction of its image.
        on_unreadable: called for every damaged image, which is then replaced by another.
    """

    def __init__(
        self,
        pictures: Sequence[IndexedVideo],
        config: SyntheticConfig,
        min_object: float,
        on_unreadable: Callable[[UnreadableFrameError], None],
    ):
        self.pictures, self.config, self.on_unreadable = pictures, config, on_unreadable
        found = [(picture, list(first_frames(picture, min_object))) for picture in pictures]
        self._with_objects = [(picture, numbers) for picture, numbers in found if numbers]

    def read(self, target: Drawn, rng: np.random.Generator) -> Scene:
        """Make a scene.

        Raises:
            UnreadableFrameError: the target's own image is damaged, or 20 others in a row are.
        """
        picture, number = target.video, target.number
        image, mask = _read(picture, number)
        share = picture.objects[number].areas[0] / (picture.height * picture.width)
        # If the object filled the image, there would be no background to learn from.
        fits = share < self.config.max_whole_share
        whole = rng.random() < self.config.whole_picture and fits
        # Not None: TensorFlow needs the same types from every scene.
        nothing = np.zeros((0, 0, 3), np.uint8), np.zeros((0, 0), bool)
        background = nothing[0] if whole else self._retried(self._background, rng, picture)
        # One `chance` for both further objects: the second is present only if the first is.
        passes = rng.random() < self.config.disappear
        none, one, _ = self.config.distractors
        chance = rng.random()
        present = (passes or chance >= none, chance >= none + one)
        others = []
        for k in range(OTHERS):
            if not present[k]:
                others.append(nothing)
            elif rng.random() < self.config.copies and not (passes and k == 0):
                others.append((image, mask))
            else:
                others.append(self._retried(self._other, rng, picture))
        images, masks = zip(*others, strict=True)
        return Scene(image, mask, background, images, masks, passes)

    def _background(self, rng, target):
        # Not the target's own image, in which the object would appear again as background.
        picture = _draw(self.pictures, lambda picture: picture is not target, rng)
        return np.asarray(read_image(picture, 0))

    def _other(self, rng, target):
        """Read an object of another image, with a probability proportional to √area."""
        picture, numbers = _draw(self._with_objects, lambda found: found[0] is not target, rng)
        weights = np.sqrt([picture.objects[number].areas[0] for number in numbers])
        return _read(picture, int(rng.choice(numbers, p=weights / weights.sum())))

    def _retried(self, read, rng, target):
        for _ in range(_TRIES - 1):
            try:
                return read(rng, target)
            except UnreadableFrameError as error:
                self.on_unreadable(error)
        return read(rng, target)


def _draw(choices: Sequence[_T], allowed: Callable[[_T], bool], rng: np.random.Generator) -> _T:
    """Draw one of the allowed choices, or the only one there is."""
    while True:
        choice = choices[int(rng.integers(len(choices)))]
        if allowed(choice) or len(choices) == 1:
            return choice


def _read(picture: IndexedVideo, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Read the pixels of an image, and the mask of an object."""
    labels = read_labels(picture, 0)
    return np.asarray(read_image(picture, 0)), is_object(labels, picture, number)
