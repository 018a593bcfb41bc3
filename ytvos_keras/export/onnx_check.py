"""Compare all ONNX graphs of a model with the Keras model."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ytvos_keras.export.onnx_convert import CLIP
from ytvos_keras.export.onnx_packages import onnx
from ytvos_keras.export.onnx_stream import FeatureStream, OnnxStream
from ytvos_keras.export.parity import (
    CorrectedStream,
    KerasStream,
    Parity,
    check_parity,
    demo_clip,
    measure_parity,
)
from ytvos_keras.export.signatures import CORRECT

_FEW = 3  # frames; enough to see whether another graph agrees with `initialize` and `step`

Graphs = Mapping[str, onnx.ModelProto | Path]
Progress = Callable[[str, int, int | None], None]


def check_graphs(
    model, graphs: Graphs, size: tuple[int, int] | None, report: Progress, *, within: bool
) -> Parity:
    """Stream the bundled clip through the Keras model and all graphs, and compare.

    Returns how close `initialize` and `step` are to the model. With `within`, the probabilities of
    all graphs must agree with it. `size` is the (height, width) of all images, if it is fixed.
    """
    frames, masks = demo_clip(size or model.config.input_size)

    def compare(reference, stream, frames, on_frame=None):
        parity = measure_parity(reference, stream, frames, masks, on_frame)
        if within:
            check_parity(parity)
        return parity

    reference, stream = KerasStream(model), OnnxStream(graphs)
    parity = compare(reference, stream, frames, lambda *n: report("comparing", *n))
    few = frames[:_FEW]
    # Against the graph of `step`, which has just been compared with Keras.
    for other in (FeatureStream(graphs), _ClipStream(graphs, few, masks)):
        compare(stream, other, few)
    if CORRECT in graphs:
        compare(CorrectedStream(reference, masks), CorrectedStream(stream, masks), few)
    return parity


class _ClipStream:
    """A `Stream` that returns the masks of `segment_clip` frame by frame."""

    def __init__(self, graphs: Graphs, frames: Sequence[np.ndarray], masks: np.ndarray):
        inputs = {"images": np.stack(frames)[None], "mask": masks}
        probs = OnnxStream(graphs).run(CLIP, inputs)["probs"]
        # (frames, objects, H, W, 1), without the first, which is the given mask.
        self._left = iter(probs.swapaxes(0, 1)[1:])

    def initialize(self, image, mask):
        return {}

    def step(self, image, state):
        return next(self._left), state
