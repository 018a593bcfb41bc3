"""Compare an exported model with the Keras model on a real clip."""

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError
from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.signatures import CORRECT, correction_inputs
from ytvos_keras.inference.merge import BACKGROUND
from ytvos_keras.inference.sizes import resize_frame, resize_mask

TOLERANCE = 1e-4  # largest difference of probabilities, in float32
EQUAL_LABELS = 0.999  # smallest fraction of pixels
USABLE_LABELS = 0.5  # the same for reduced precision
ROUNDING = 1e-6  # objects that a model cannot tell apart have the same probability up to this

Arrays = dict[str, np.ndarray]


class ParityError(InputError):
    """An exported model differs from its Keras model."""


class Stream(Protocol):
    """An exported model, run frame by frame on arrays; see `export.signatures` for their names."""

    def initialize(self, image: np.ndarray, mask: np.ndarray) -> Arrays:
        """The state from `image` uint8 `(1, H, W, 3)` and `mask` uint8 `(K, H, W, 1)`."""

    def step(self, image: np.ndarray, state: Arrays) -> tuple[np.ndarray, Arrays]:
        """`probs` float32 `(K, H, W, 1)` of the next image, and the next state."""


@dataclasses.dataclass(frozen=True)
class Parity:
    """Agreement of two streams.

    Attributes:
        frames: Number of frames compared, without the first, whose mask is given.
        objects: Number of tracked objects.
        size: (height, width) of the frames, in pixels.
        largest_difference: Largest difference of two probabilities; NaN if any of them is NaN.
        equal_labels: Fraction of pixels with the same label, 0–1; labels whose probabilities are
            equal up to rounding are the same.
    """

    frames: int
    objects: int
    size: tuple[int, int]
    largest_difference: float
    equal_labels: float

    def __str__(self):
        return (
            f"{self.frames} frames of {self.size[0]}x{self.size[1]}, {self.objects} objects: "
            f"largest difference {self.largest_difference:.1e}, "
            f"{100 * self.equal_labels:.3f} % of labels equal"
        )


def measure_parity(
    reference: Stream,
    stream: Stream,
    frames: Sequence[np.ndarray],
    masks: np.ndarray,
    on_frame: Callable[[int, int], None] | None = None,
) -> Parity:
    """Stream a clip through both models, each with its own state, and compare the results.

    Args:
        reference: The Keras model, as a `KerasStream`.
        stream: The exported model.
        frames: uint8 (H, W, 3), at least two.
        masks: uint8 (K, H, W, 1), 0 or 1: objects in the first frame.
        on_frame: Called with frames done and total frames.
    """
    # Each continues from its own state, so differences may accumulate, as in use.
    states = [s.initialize(frames[0][None], masks) for s in (reference, stream)]
    largest, equal = 0.0, []
    for number, frame in enumerate(frames[1:], start=1):
        expected, states[0] = reference.step(frame[None], states[0])
        probs, states[1] = stream.step(frame[None], states[1])
        largest = np.maximum(largest, np.abs(probs - expected).max())  # NaN stays NaN
        equal.append(_equal_labels(probs, expected))
        if on_frame is not None:
            on_frame(number, len(frames) - 1)
    return Parity(
        len(frames) - 1, len(masks), masks.shape[1:3], float(largest), float(np.mean(equal))
    )


def check_parity(parity: Parity) -> None:
    """Raise `ParityError` unless probabilities and labels are close enough."""
    # Not `>`, which is false for NaN.
    if not parity.largest_difference <= TOLERANCE or parity.equal_labels < EQUAL_LABELS:
        raise ParityError(
            f"the exported model must match the Keras model's probabilities within {TOLERANCE:g} "
            f"and {100 * EQUAL_LABELS:g} % of its labels; nothing was kept. Received: {parity}"
        )


def check_usable(parity: Parity) -> None:
    """Raise `ParityError` if an export of reduced precision is unusable."""
    if not np.isfinite(parity.largest_difference) or parity.equal_labels < USABLE_LABELS:
        raise ParityError(
            f"the exported model must give finite probabilities and {100 * USABLE_LABELS:g} % of "
            f"the Keras model's labels; nothing was kept. Received: {parity}"
        )


class SignatureStream(abc.ABC):
    """A `Stream` over the signatures of an exported model."""

    @abc.abstractmethod
    def run(self, signature: str, inputs: Arrays) -> Arrays:
        """Run a signature: outputs by name, the next state under the names of the state."""

    def initialize(self, image, mask):
        """The state, from `initialize`."""
        return self.run("initialize", {"image": image, "mask": mask})

    def step(self, image, state):
        """Probabilities and the next state, from `step`."""
        state = self.run("step", {"image": image, **state})
        return state.pop("probs"), state

    def correct(self, image, mask, state):
        """The state after a correction, from `initialize` and `correct`."""
        given = self.initialize(image, mask)
        return given | self.run(CORRECT, correction_inputs(given, state))


class KerasStream:
    """An `S2S` as a `Stream`."""

    def __init__(self, model):
        self.model = model
        self._step = tf.function(model.step, autograph=False, reduce_retracing=True)

    def initialize(self, image, mask):
        return self.model.initialize(image, mask)

    def step(self, image, state):
        probs, state = self._step(tf.constant(image), state)
        return np.asarray(probs), state

    def correct(self, image, mask, state):
        return self.model.correct(image, mask, state)


class CorrectedStream:
    """A `Stream` of a model with a memory, to which the same masks are given after every step."""

    def __init__(self, stream, masks: np.ndarray):
        self.stream, self.masks = stream, masks

    def initialize(self, image, mask):
        return self.stream.initialize(image, mask)

    def step(self, image, state):
        probs, state = self.stream.step(image, state)
        return probs, self.stream.correct(image, self.masks, state)


def demo_clip(
    size: tuple[int, int], frames: int = 21, objects: int = 2
) -> tuple[list[np.ndarray], np.ndarray]:
    """The start of the bundled clip, resized to (height, width), and masks of its first frame.

    The first mask is that of the rabbit; the others are shifted copies of it.

    Returns:
        frames: uint8 (height, width, 3) each, RGB.
        masks: uint8 (objects, height, width, 1), 0 or 1.
    """
    read, (first_mask, *_) = zip(*bundled_clip().frames(frames), strict=True)
    pictures = [resize_frame(frame, size) for frame in read]
    mask = resize_mask((first_mask > 0).astype(np.uint8), size)
    moves = [n * size[1] // objects for n in range(objects)]
    # Shifted copies are wrong as masks, but different, which is enough for a comparison.
    return pictures, np.stack([np.roll(mask, move, axis=1) for move in moves])[..., None]


def _equal_labels(probs: np.ndarray, expected: np.ndarray) -> float:
    """The fraction of pixels whose label is one of the most probable by `expected`.

    A label is the argmax over [0.5, p₁ … p_K]; probabilities tie if they differ by rounding only.
    """
    probs, expected = (
        np.concatenate([np.full_like(x[:1], BACKGROUND), x]) for x in (probs, expected)
    )
    chosen = np.take_along_axis(expected, probs.argmax(axis=0)[None], axis=0)
    # Argmax of nearly equal objects is decided by rounding, so ties count as equal.
    return float(np.mean(chosen >= expected.max(axis=0) - ROUNDING))
