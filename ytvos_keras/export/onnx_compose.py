"""Build graphs from other graphs: a step from its two parts, a whole clip from a loop of steps."""

from ytvos_keras.export.onnx_packages import onnx

NEXT = "_next"
"""In ONNX an output cannot have the name of an input: `step` takes `h` and returns `h_next`."""

# Prefixes of all names in the graphs to combine.
_ENCODE = "encode/"
_STEP = "step_features/"
_INITIALIZE = "initialize/"


def step_graph(encode: onnx.ModelProto, step_features: onnx.ModelProto) -> onnx.ModelProto:
    """Combine `encode` and `step_features` into `step`, with probabilities at the frame's size.

    tf2onnx converts the two parts much faster than `step` itself.
    """
    make = onnx.helper.make_node
    first = onnx.compose.add_prefix_graph(encode.graph, _ENCODE)
    second = onnx.compose.add_prefix_graph(step_features.graph, _STEP)
    features = [value.name for value in encode.graph.output]
    state = [value for value in step_features.graph.input if value.name not in features]
    image, probs = encode.graph.input[0], "probs"
    others = [value.name for value in step_features.graph.output if value.name != probs]
    nodes = [
        # Identities connect graphs whose names have different prefixes; runtimes remove them.
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
    numbers = [_integers("corner", [0, 0]), _integers("sides", [1, 2])]
    graph = onnx.helper.make_graph(
        nodes,
        "step",
        [image, *state],
        list(step_features.graph.output),
        [*numbers, *first.initializer, *second.initializer],
    )
    model = _model(graph, like=step_features)
    model.producer_name, model.producer_version = encode.producer_name, encode.producer_version
    return model


def clip_graph(initialize: onnx.ModelProto, step: onnx.ModelProto) -> onnx.ModelProto:
    """Combine `initialize` and `step` into a graph for a whole clip.

    The loop is ONNX's `Scan`: it carries the state and reads the frames. Only the images and the
    result grow with the length of the clip. Both graphs must be of the same model, at any
    precision.

    Returns:
        A graph from `images` uint8 `(images, frames, height, width, 3)` and `mask` uint8
        `(objects, height, width, 1)` to `probs` float32 `(objects, frames, height, width, 1)`. The
        first frame's probabilities are the given mask. A clip must have at least two frames.
    """
    # Weights of both graphs are stored twice: onnxruntime 1.32 prepacks only those in the loop's
    # own graph, and was 35 % slower with shared ones.
    start = onnx.compose.add_prefix_graph(initialize.graph, _INITIALIZE)
    body, state = _loop_body(step.graph)
    make = onnx.helper.make_node
    nodes = [
        make("Slice", ["images", "zero", "one", "one"], ["first_images"]),
        make("Squeeze", ["first_images", "one"], [f"{_INITIALIZE}image"]),
        make("Slice", ["images", "one", "end", "one"], ["more_images"]),
        make("Identity", ["mask"], [f"{_INITIALIZE}mask"]),
        *start.node,
        make(
            "Scan",
            [*(_INITIALIZE + name for name in state), "more_images"],
            [*(f"last_{name}" for name in state), "more_probs"],
            body=body,
            num_scan_inputs=1,
            # Frames are the second dimension of images and probabilities.
            scan_input_axes=[1],
            scan_output_axes=[1],
        ),
        # Through bool, since 1 and 255 both mark an object.
        make("Cast", ["mask"], ["is_object"], to=onnx.TensorProto.BOOL),
        make("Cast", ["is_object"], ["first_prob"], to=onnx.TensorProto.FLOAT),
        make("Unsqueeze", ["first_prob", "one"], ["first_probs"]),
        make("Concat", ["first_probs", "more_probs"], ["probs"], axis=1),
    ]
    # `end` is past any clip: Slice stops at the last frame.
    numbers = [_integers("zero", [0]), _integers("one", [1]), _integers("end", [2**31 - 1])]
    inputs, outputs = _by_name(initialize.graph.input), _by_name(step.graph.output)
    graph = onnx.helper.make_graph(
        nodes,
        "segment_clip",
        [_with_frames(inputs["image"], "images"), inputs["mask"]],
        [_with_frames(outputs["probs"], "probs")],
        [*numbers, *start.initializer],
    )
    return _model(graph, like=step)


def _model(graph: onnx.GraphProto, like: onnx.ModelProto) -> onnx.ModelProto:
    model = onnx.helper.make_model(graph, opset_imports=like.opset_import)
    model.ir_version = like.ir_version
    return model


def _integers(name: str, values: list[int]) -> onnx.TensorProto:
    return onnx.helper.make_tensor(name, onnx.TensorProto.INT64, [len(values)], values)


def _loop_body(step: onnx.GraphProto) -> tuple[onnx.GraphProto, list[str]]:
    """The graph of a step with the state first, as `Scan` requires, and the state's names."""
    inputs, outputs = _by_name(step.input), _by_name(step.output)
    state = [name for name in inputs if name != "image"]
    body = onnx.helper.make_graph(
        step.node,
        "step",
        [inputs[name] for name in (*state, "image")],
        [outputs[name] for name in (*(name + NEXT for name in state), "probs")],
        step.initializer,
    )
    return body, state


def _by_name(values) -> dict[str, onnx.ValueInfoProto]:
    return {value.name: value for value in values}


def _with_frames(value: onnx.ValueInfoProto, name: str) -> onnx.ValueInfoProto:
    """Extend the description of one image or map to all frames of a clip."""
    tensor = value.type.tensor_type
    rows, *rest = (dim.dim_param or dim.dim_value for dim in tensor.shape.dim)
    return onnx.helper.make_tensor_value_info(name, tensor.elem_type, [rows, "frames", *rest])
