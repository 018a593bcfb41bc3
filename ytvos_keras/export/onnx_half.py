"""ONNX graphs with their weights in half precision."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LEAST = 256  # numbers; smaller tensors are not weights, and take no space
_HALF_MAX = float(np.finfo(np.float16).max)


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
        half = numpy_helper.to_array(tensor).astype(np.float16)
        # The cast has the old name, so that no node needs to change.
        name = f"{tensor.name}/float16"
        tensors.append(numpy_helper.from_array(half, name))
        casts.append(helper.make_node("Cast", [name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *copy.graph.node]
    tensors = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    copy.graph.ClearField("node")
    copy.graph.ClearField("initializer")
    copy.graph.node.extend(nodes)
    copy.graph.initializer.extend(tensors)
    return copy


def _is_weight(tensor: onnx.TensorProto) -> bool:
    if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _LEAST:
        return False
    return bool(np.abs(numpy_helper.to_array(tensor)).max() <= _HALF_MAX)
