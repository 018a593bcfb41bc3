"""Convert float32 graphs to float16 weights or int8 convolutions."""

from collections.abc import Callable, Sequence

from ytvos_keras.export.annotated_clips import Clip
from ytvos_keras.export.onnx_convert import Graphs
from ytvos_keras.export.onnx_half import with_half_weights
from ytvos_keras.export.onnx_quantise import calibration_inputs, quantise
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.signatures import CORRECT


def to_precision(
    graphs: Graphs,
    precision: str,
    model,
    clips: Sequence[Clip],
    size: tuple[int, int] | None,
    report: Callable[[str, int, int | None], None],
) -> Graphs:
    """Convert float32 graphs to another precision; `clips` calibrate int8."""
    if precision == "float32":
        return dict(graphs)
    if precision == "float16":
        return {name: with_half_weights(graph) for name, graph in graphs.items()}
    report("calibrating", 0, len(graphs))
    shape = model.config.input_size, model.stride
    # States of the float32 graphs: what the int8 ones will see, up to rounding.
    inputs = calibration_inputs(OnnxStream(graphs), clips, *shape, size=size)
    quantised = {}
    for number, (name, graph) in enumerate(graphs.items(), start=1):
        # `correct` has no convolutions.
        quantised[name] = graph if name == CORRECT else quantise(graph, inputs[name])
        report("calibrating", number, len(graphs))
    return quantised
