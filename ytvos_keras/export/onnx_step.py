"""Build the graph of a step from those of its two parts, which tf2onnx converts much faster."""

from ytvos_keras.export.onnx_packages import onnx

_ENCODE = "encode/"  # prefixes of the names in the two graphs
_STEP = "step_features/"


def step_graph(encode: onnx.ModelProto, step_features: onnx.ModelProto) -> onnx.ModelProto:
    """Combine `encode` and `step_features` into `step`, with probabilities at the frame's size."""
    make = onnx.helper.make_node
    first = onnx.compose.add_prefix_graph(encode.graph, _ENCODE)
    second = onnx.compose.add_prefix_graph(step_features.graph, _STEP)
    features = [value.name for value in encode.graph.output]
    state = [value for value in step_features.graph.input if value.name not in features]
    image, probs = encode.graph.input[0], "probs"
    others = [value.name for value in step_features.graph.output if value.name != probs]
    nodes = [
        # Identities join graphs whose names have different prefixes; runtimes remove them.
        make("Identity", [image.name], [_ENCODE + image.name]),
        *first.node,
        *(make("Identity", [_ENCODE + name], [_STEP + name]) for name in features),
        *(make("Identity", [value.name], [_STEP + value.name]) for value in state),
        *second.node,
        make("Shape", [image.name], ["frame_size"], start=1, end=3),
        # Crop the padding: sides 0 to height and width along axes 1 and 2.
        make("Slice", [_STEP + probs, "corner", "frame_size", "sides"], [probs]),
        *(make("Identity", [_STEP + name], [name]) for name in others),
    ]
    numbers = [
        onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [2], values)
        for name, values in (("corner", [0, 0]), ("sides", [1, 2]))
    ]
    graph = onnx.helper.make_graph(
        nodes,
        "step",
        [image, *state],
        list(step_features.graph.output),
        [*numbers, *first.initializer, *second.initializer],
    )
    model = onnx.helper.make_model(graph, opset_imports=step_features.opset_import)
    model.ir_version = step_features.ir_version
    model.producer_name, model.producer_version = encode.producer_name, encode.producer_version
    return model
