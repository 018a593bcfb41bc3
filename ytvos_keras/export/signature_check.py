"""Compare the signatures of an exported model with the Keras model."""

from collections.abc import Callable, Sequence

import numpy as np

from ytvos_keras.export.parity import (
    CorrectedStream,
    KerasStream,
    Parity,
    SignatureStream,
    check_parity,
    measure_parity,
)
from ytvos_keras.progress import Progress

_FEW = 3  # frames; enough to see whether another signature agrees with `initialize` and `step`


def check_signatures(
    model,
    stream: SignatureStream,
    frames: Sequence[np.ndarray],
    masks: np.ndarray,
    report: Progress,
    check: Callable[[Parity], None] = check_parity,
) -> Parity:
    """Stream a clip through the Keras model and all signatures for arrays, and compare.

    Args:
        model: The `S2S`.
        stream: The exported model.
        frames: uint8 (H, W, 3), at least three.
        masks: uint8 (K, H, W, 1), 0 or 1: objects in the first frame.
        report: Called with a stage, frames done and total frames.
        check: Called with the agreement of each signature; raises `ParityError` if it is too small.

    Returns:
        How close `initialize` and `step` are to the model.
    """

    def compare(reference, stream, frames, on_frame=None):
        parity = measure_parity(reference, stream, frames, masks, on_frame)
        check(parity)
        return parity

    reference = KerasStream(model)
    parity = compare(reference, stream, frames, lambda *n: report("comparing", *n))
    few = frames[:_FEW]
    # Against `step`, which has just been compared with Keras.
    for other in (FeatureStream(stream), _ClipStream(stream, few, masks)):
        compare(stream, other, few)
    if model.memory is not None:
        compare(CorrectedStream(reference, masks), CorrectedStream(stream, masks), few)
    return parity


class FeatureStream(SignatureStream):
    """Replaces `step` by `encode`, once for all objects, and `step_features`."""

    def __init__(self, stream: SignatureStream):
        self.stream = stream

    def run(self, signature, inputs):
        return self.stream.run(signature, inputs)

    def step(self, image, state):
        state = self.run("step_features", {**self.run("encode", {"image": image}), **state})
        height, width = image.shape[1:3]
        return state.pop("probs")[:, :height, :width], state


class _ClipStream:
    """A `Stream` that returns the masks of `segment_clip` frame by frame."""

    def __init__(self, stream: SignatureStream, frames: Sequence[np.ndarray], masks: np.ndarray):
        inputs = {"images": np.stack(frames)[None], "mask": masks}
        probs = stream.run("segment_clip", inputs)["probs"]
        # (frames, objects, H, W, 1), without the first, which is the given mask.
        self._left = iter(probs.swapaxes(0, 1)[1:])

    def initialize(self, image, mask):
        return {}

    def step(self, image, state):
        return next(self._left), state
