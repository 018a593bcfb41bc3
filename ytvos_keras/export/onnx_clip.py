"""Build the graph that segments a whole clip: a loop around the graph of one step."""

import onnx
from onnx import TensorProto, compose, helper

from ytvos_keras.export.onnx_convert import NEXT

_PREFIX = "initialize/"  # prefix of all names in that graph


def clip_graph(initialize: onnx.ModelProto, step: onnx.ModelProto) -> onnx.ModelProto:
    """Combine `initialize` and `step` into a graph for a whole clip.

    The loop is ONNX's `Scan`: it carries the state and reads the frames. Only the images and the
    result grow with the length of the clip.

    Args:
        initialize: The graph of that signature, of any precision.
        step: That of `step`, of the same model.

    Returns:
        A graph from `images` uint8 `(images, frames, height, width, 3)` and `mask` uint8
        `(objects, height, width, 1)` to `probs` float32 `(objects, frames, height, width, 1)`. The
        first frame's probabilities are the given mask. A clip has at least two frames.
    """
    # Weights of both graphs are stored twice: onnxruntime 1.32 prepacks only those in the loop's
    # own graph, and was 35 % slower with shared ones.
    start = compose.add_prefix_graph(initialize.graph, _PREFIX)
    body, state = _loop_body(step.graph)
    make = helper.make_node
    nodes = [
        make("Slice", ["images", "zero", "one", "one"], ["first_images"]),
        make("Squeeze", ["first_images", "one"], [f"{_PREFIX}image"]),
        make("Slice", ["images", "one", "end", "one"], ["more_images"]),
        make("Identity", ["mask"], [f"{_PREFIX}mask"]),
        *start.node,
        make(
            "Scan",
            [*(_PREFIX + name for name in state), "more_images"],
            [*(f"last_{name}" for name in state), "more_probs"],
            body=body,
            num_scan_inputs=1,
            # Frames are the second dimension; states have none.
            scan_input_axes=[1],
            scan_output_axes=[1],
        ),
        # Through bool, since 255 is an object as well as 1.
        make("Cast", ["mask"], ["is_object"], to=TensorProto.BOOL),
        make("Cast", ["is_object"], ["first_prob"], to=TensorProto.FLOAT),
        make("Unsqueeze", ["first_prob", "one"], ["first_probs"]),
        make("Concat", ["first_probs", "more_probs"], ["probs"], axis=1),
    ]
    numbers = [
        # `end` is past any clip: Slice stops at the last frame.
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("zero", 0), ("one", 1), ("end", 2**31 - 1))
    ]
    inputs, outputs = _by_name(initialize.graph.input), _by_name(step.graph.output)
    graph = helper.make_graph(
        nodes,
        "segment_clip",
        [_with_frames(inputs["image"], "images"), inputs["mask"]],
        [_with_frames(outputs["probs"], "probs")],
        [*numbers, *start.initializer],
    )
    model = helper.make_model(graph, opset_imports=step.opset_import)
    model.ir_version = step.ir_version
    return model


def _loop_body(step: onnx.GraphProto) -> tuple[onnx.GraphProto, list[str]]:
    """The graph of a step with the state first, as `Scan` requires, and the state's names."""
    inputs, outputs = _by_name(step.input), _by_name(step.output)
    state = [name for name in inputs if name != "image"]
    body = helper.make_graph(
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
    """The description of one image or map as that of those of a clip."""
    tensor = value.type.tensor_type
    rows, *rest = (dim.dim_param or dim.dim_value for dim in tensor.shape.dim)
    return helper.make_tensor_value_info(name, tensor.elem_type, [rows, "frames", *rest])
