"""ONNX graphs with convolutions in int8, calibrated on real frames."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from ytvos_keras.errors import InputError
from ytvos_keras.export.annotated_clips import Clip
from ytvos_keras.export.onnx_stream import Arrays, OnnxStream
from ytvos_keras.inference.sizes import resize_frame, resize_mask, working_size
from ytvos_keras.media.masks import ids_in

CALIBRATION_STEP = 5
"""Only every fifth frame is used, because neighbouring frames are similar."""

Inputs = dict[str, list[Arrays]]

# Suppresses onnxruntime's advice on a preprocessing step that these graphs do not need.
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}


CALIBRATION_FRAMES = 24


def long_enough(clips: Sequence[Clip], most: int = CALIBRATION_FRAMES) -> list[Clip]:
    """At most `most` clips that have a frame to calibrate on; `InputError` if there are none.

    Evenly spaced ones come first, and others replace those that are too short.
    """
    spaced = _at_most(clips, most)
    names = {clip.name for clip in spaced}
    found: list[Clip] = []
    for clip in [*spaced, *(clip for clip in clips if clip.name not in names)]:
        if sum(1 for _ in clip.frames(CALIBRATION_STEP + 1)) > CALIBRATION_STEP:
            found.append(clip)
        if len(found) == most:
            break
    if not found:
        raise InputError(
            f"no calibration clip has more than {CALIBRATION_STEP} frames; give longer clips."
        )
    return found


def calibration_inputs(
    stream: OnnxStream,
    clips: Sequence[Clip],
    input_size: tuple[int, int],
    stride: int,
    *,
    size: tuple[int, int] | None = None,
    count: int = CALIBRATION_FRAMES,
) -> Inputs:
    """Collect the inputs of the float32 graphs on real clips, including their own states.

    Args:
        stream: The float32 graphs, at least `initialize` and `step`.
        clips: At least one; all objects of its first frame are tracked.
        input_size: Nominal working (height, width); only the area matters.
        stride: Stride of the model, in pixels.
        size: (height, width) of all images, if it is fixed.
        count: Total number of frames, divided among the clips; of more clips than that, evenly
            spaced ones are used.

    Returns:
        Inputs by graph name.
    """
    inputs: Inputs = {name: [] for name in stream.graphs}
    clips = _at_most(clips, count)
    # Equal shares, so that one long clip does not determine the ranges alone.
    each = count // len(clips)
    for clip in clips:
        state: Arrays = {}
        for number, (frame, labels) in enumerate(clip.frames(each * CALIBRATION_STEP + 1)):
            sides = size or working_size(frame.shape[:2], input_size, stride)
            image = resize_frame(frame, sides)[None]
            if number == 0:
                assert labels is not None  # of the first frame
                mask = _first_masks(clip, labels, sides)
                inputs["initialize"].append({"image": image, "mask": mask})
                state = stream.initialize(image, mask)
                continue
            if number % CALIBRATION_STEP == 0:
                for name, own in _seen(stream, image, state).items():
                    inputs[name].append(own)
            # Step in every frame, even if it is not used: states follow from consecutive frames.
            _, state = stream.step(image, state)
    return inputs


def _at_most(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Evenly spaced clips, at most `count`; of fewer, all."""
    number = min(count, len(clips))
    return [clips[i * len(clips) // number] for i in range(number)]


def quantize(graph: onnx.ModelProto, inputs: Sequence[Arrays]) -> onnx.ModelProto:
    """Copy a graph with int8 convolutions: weights per output channel in 7 bits, uint8 activations.

    The range of each activation is the largest in `inputs`. Matching, normalization and the states
    stay in float32, and so does the small backbone of `s2s-lite`: in int8 it would save another 7 %
    of the time of a step, but the overlap of one step's masks with those of float32 would fall from
    0.98 to 0.88.
    """
    prepared = onnx.ModelProto()
    # The float32 graph is needed later, unchanged.
    prepared.CopyFrom(graph)
    facts = {prop.key: prop.value for prop in graph.metadata_props}
    helper.set_model_props(prepared, {**facts, **_PREPARED})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "int8.onnx")
        quantize_static(
            prepared,
            path,
            _Reader(inputs),
            # Not as pairs of QuantizeLinear and DequantizeLinear around float operations, which a
            # runtime may or may not fuse: this way results are the same everywhere.
            quant_format=QuantFormat.QOperator,
            op_types_to_quantize=["Conv"],
            per_channel=True,
            activation_type=QuantType.QUInt8,  # CPUs support it with QInt8 weights
            weight_type=QuantType.QInt8,
            # CPUs without VNNI add pairs of products in 16 bits, which overflow with 8-bit weights.
            reduce_range=True,
            nodes_to_exclude=[node.name for node in graph.graph.node if _stays_float(node)],
        )
        quantized = onnx.load(path)
    helper.set_model_props(quantized, facts)
    return quantized


def _stays_float(node: onnx.NodeProto) -> bool:
    groups = next((a.i for a in node.attribute if a.name == "group"), 1)
    # Depthwise, or in the backbone, which the name of the operation shows.
    return groups > 1 or "efficient_net" in node.name


def _seen(stream: OnnxStream, image: np.ndarray, state: Arrays) -> dict[str, Arrays]:
    """Inputs of all graphs for one more frame."""
    seen = {"step": {"image": image, **state}}
    if "step_features" in stream.graphs:
        seen["encode"] = {"image": image}
        seen["step_features"] = {**stream.run("encode", seen["encode"]), **state}
    return seen


def _first_masks(clip: Clip, labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Masks `(N, h, w, 1)` of the first frame, at least two."""
    ids = ids_in(labels)
    if not ids:
        raise InputError(f"{clip.name}: the mask of the first frame is empty; use another clip.")
    masks = [resize_mask((labels == i).astype(np.uint8), size) for i in ids]
    if len(masks) == 1:
        # An object alone would give maps of the other objects a range of 0, which rounds them all.
        masks.append(np.roll(masks[0], size[1] // 2, axis=1))
    return np.stack(masks)[..., None]


class _Reader(CalibrationDataReader):
    """Yield inputs one by one, as onnxruntime's tools require."""

    def __init__(self, inputs: Sequence[Arrays]):
        self._left: Iterator[Arrays] = iter(inputs)

    def get_next(self):
        return next(self._left, None)
