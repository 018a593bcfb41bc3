"""Convert float32 graphs to float16 weights or int8 convolutions."""

from collections.abc import Sequence

import numpy as np

from ytvos_keras.export.annotated_clips import Clip
from ytvos_keras.export.onnx_convert import Graphs
from ytvos_keras.export.onnx_packages import onnx
from ytvos_keras.export.onnx_quantize import calibration_inputs, quantize
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.signatures import CORRECT
from ytvos_keras.progress import Progress

_LEAST = 256  # numbers; smaller tensors are not weights, and take little space
_HALF_MAX = float(np.finfo(np.float16).max)


def to_precision(
    graphs: Graphs,
    precision: str,
    model,
    clips: Sequence[Clip],
    size: tuple[int, int] | None,
    report: Progress,
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
    quantized = {}
    for number, (name, graph) in enumerate(graphs.items(), start=1):
        # `correct` has no convolutions.
        quantized[name] = graph if name == CORRECT else quantize(graph, inputs[name])
        report("calibrating", number, len(graphs))
    return quantized


def with_half_weights(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Copy a graph with weights stored as float16, at half the file size.

    They are cast to float32 when a runtime loads the file, so every runtime supports them, at the
    same speed. Inputs, outputs and states stay float32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(graph)
    casts, tensors = [], []
    for tensor in copy.graph.initializer:
        if not _is_weight(tensor):
            tensors.append(tensor)
            continue
        half = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        # The cast has the old name, so that no node needs to change.
        name = f"{tensor.name}/float16"
        tensors.append(onnx.numpy_helper.from_array(half, name))
        cast = onnx.helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT)
        casts.append(cast)
    nodes = [*casts, *copy.graph.node]
    tensors = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    copy.graph.ClearField("node")
    copy.graph.ClearField("initializer")
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend(tensors)
    return copy


def _is_weight(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < _LEAST:
        return False
    return bool(np.abs(onnx.numpy_helper.to_array(tensor)).max() <= _HALF_MAX)
