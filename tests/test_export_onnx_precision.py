"""int8 quantization, its cost, and the clips on which that cost is measured."""

import dataclasses
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image
from tiny_export import tiny_graphs, tiny_model, tiny_onnx

from ytvos_keras.errors import InputError
from ytvos_keras.export.annotated_clips import Clip, bundled_clip, clips_to_score, find_clips
from ytvos_keras.export.onnx_files import OnnxFiles, _describe_clips, export_onnx
from ytvos_keras.export.onnx_measure import Measured, measure_precisions
from ytvos_keras.export.onnx_quantize import (
    _at_most,
    calibration_inputs,
    long_enough,
    quantize,
)
from ytvos_keras.export.onnx_segmenter import OnnxSegmenter
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.parity import Parity
from ytvos_keras.media import write_mask


@pytest.fixture
def clips(tmp_path) -> list[Clip]:
    """A moving square with a mask for every frame."""
    for kind in ("JPEGImages", "Annotations"):
        (tmp_path / kind / "square").mkdir(parents=True)
    for t in range(12):
        labels = np.zeros((64, 96), np.uint8)
        labels[20:44, 10 + 3 * t : 34 + 3 * t] = 3
        frame = np.repeat(60 + 40 * labels[..., None], 3, axis=-1)
        Image.fromarray(frame).save(tmp_path / "JPEGImages" / "square" / f"{t:05d}.png")
        write_mask(tmp_path / "Annotations" / "square" / f"{t:05d}.png", labels)
    return find_clips(tmp_path)


@pytest.fixture(scope="module")
def stream():
    return OnnxStream(tiny_graphs(), threads=1)


def test_calibration_uses_every_fifth_frame_and_the_models_own_state(stream, clips):
    inputs = calibration_inputs(stream, clips, (64, 96), 8, count=2)
    counts = {name: len(own) for name, own in inputs.items()}
    assert counts == {"initialize": 1, "step": 2, "encode": 2, "step_features": 2}
    assert inputs["step"][0]["image"].shape == (1, 64, 96, 3)
    # The clip has one object; a second one shows how objects see each other.
    assert inputs["initialize"][0]["mask"].sum(axis=(1, 2, 3)).tolist() == [24 * 24] * 2
    assert not np.array_equal(inputs["step"][0]["h"], inputs["step"][1]["h"])
    assert set(inputs["step_features"][0]) == {"features", "h", "previous_mask"}


def test_calibration_on_more_clips_than_frames(stream, clips):
    many = [dataclasses.replace(clips[0], name=str(n)) for n in range(5)]
    inputs = calibration_inputs(stream, many, (64, 96), 8, count=2)
    assert len(inputs["step"]) == 2
    assert [clip.name for clip in _at_most(many, 2)] == ["0", "2"]
    assert _at_most(many, 9) == many


def test_convolutions_are_int8_per_output_channel(stream, clips):
    inputs = calibration_inputs(stream, clips, (64, 96), 8, count=2)
    graph = quantize(tiny_graphs()["step"], inputs["step"])
    onnx.checker.check_model(graph, full_check=True)
    operations = [node.op_type for node in graph.graph.node]
    assert "Conv" not in operations
    assert operations.count("QLinearConv") == 3
    weights = {x.name: x for x in graph.graph.initializer}
    for node in graph.graph.node:
        if node.op_type == "QLinearConv":
            kernel, scale = weights[node.input[3]], weights[node.input[4]]
            assert kernel.data_type == onnx.TensorProto.INT8
            assert list(scale.dims) == [kernel.dims[0]]
    assert [x.name for x in graph.graph.input] == [
        x.name for x in tiny_graphs()["step"].graph.input
    ]


def test_the_small_backbone_and_depthwise_convolutions_stay_float(stream, clips):
    inputs = calibration_inputs(stream, clips, (64, 96), 8, count=1)
    graph = onnx.ModelProto.FromString(tiny_graphs()["step"].SerializeToString())
    first = next(node for node in graph.graph.node if node.op_type == "Conv")
    first.name = "encoder/efficient_net_lite0/stem"
    operations = [node.op_type for node in quantize(graph, inputs["step"]).graph.node]
    assert operations.count("Conv") == 1


def test_empty_first_mask_is_refused_for_calibration(stream, clips):
    path = next(iter(clips[0].masks.values()))
    Image.new("L", (96, 64)).save(path)
    with pytest.raises(InputError, match=r"00000\.png: no object in it"):
        calibration_inputs(stream, clips, (64, 96), 8)


def test_short_calibration_clips_are_refused_before_the_conversion(clips, tmp_path):
    for frame in sorted(clips[0].path.iterdir())[5:]:
        frame.unlink()
    with pytest.raises(InputError, match="no calibration clip has more than 5 frames"):
        export_onnx(*(None, tmp_path / "int8"), name="tiny", precision="int8", calibration=tmp_path)


def test_long_clips_replace_short_ones(clips, tmp_path):
    def copy(name, frames):
        shutil.copytree(clips[0].path, tmp_path / name)
        for frame in sorted((tmp_path / name).iterdir())[frames:]:
            frame.unlink()
        return dataclasses.replace(clips[0], name=name, path=tmp_path / name)

    many = [copy("a", 5), copy("b", 6), copy("c", 5), copy("d", 6)]  # a and c are evenly spaced
    assert [clip.name for clip in long_enough(many, 2)] == ["b", "d"]
    missing = dataclasses.replace(clips[0], name="missing", path=tmp_path / "missing")
    few = [copy("e", 6), missing, copy("f", 6), missing]  # no more are opened than needed
    assert [clip.name for clip in long_enough(few, 2)] == ["e", "f"]


def segmenter(stream):
    return OnnxSegmenter(stream, (64, 96), 8)


class Shifted:
    """Finds the square of `clips` some columns too far to the right."""

    def __init__(self, columns, seconds):
        self.columns, self.seconds = columns, seconds

    def reset(self):
        pass

    def add_objects(self, labels):
        return np.unique(labels[labels > 0]).tolist()

    def step(self, frame):
        return np.roll(np.where(frame[..., 0] > 100, 3, 0), self.columns, axis=1)


def test_precisions_are_scored_against_annotations(clips):
    reports = []
    segmenters = {"exact": Shifted(0, [0.9, 0.1, 0.3]), "shifted": Shifted(6, [0.2])}
    measured = measure_precisions(segmenters, clips, lambda *x: reports.append(x))
    assert measured["exact"] == Measured(1.0, 0.3)
    # The square is 24 pixels wide: an overlap of 18 columns, and a union of 30.
    assert measured["shifted"] == Measured(pytest.approx(18 / 30), 0.2)
    assert reports == [("measuring on clips", 0, 1)]


def test_without_annotations_the_first_precision_is_the_reference(stream, clips):
    first = dict(list(clips[0].masks.items())[:1])
    clip = dataclasses.replace(clips[0], masks=first)
    measured = measure_precisions({"a": segmenter(stream), "b": segmenter(stream)}, [clip])
    assert measured["a"].J == measured["b"].J == 1
    assert measured["a"].seconds > 0


def test_clips_without_ground_truth_are_scored_only_among_themselves(clips):
    without = [bundled_clip(), bundled_clip()]
    assert clips_to_score([*clips, *without]) == clips
    assert _describe_clips(clips) == "square"
    assert _describe_clips([*clips, *without]) == "square (2 without ground truth left out)"
    assert clips_to_score(without) == without
    assert _describe_clips(without) == "2 clips (against the float32 masks)"


def test_the_bundled_clip_has_a_first_mask_only():
    clip = bundled_clip()
    assert not clip.has_truth
    (frame, mask), (_, none) = clip.frames(limit=2)
    assert frame.shape[:2] == mask.shape
    assert mask.any()
    assert none is None


def test_clip_without_a_first_mask_is_reported(clips):
    next(iter(clips[0].masks.values())).unlink()
    del clips[0].masks["00000"]
    with pytest.raises(InputError, match="square: the first frame, 00000, has no mask"):
        list(clips[0].frames())


def test_names_in_different_unicode_normalization_forms(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "b\u00e4r") for form in ("NFC", "NFD"))
    for kind, name in (("JPEGImages", decomposed), ("Annotations", composed)):
        (tmp_path / kind / name).mkdir(parents=True)
        write_mask(tmp_path / kind / name / f"{name}.png", np.ones((8, 8), np.uint8))
    (clip,) = find_clips(tmp_path)
    assert [mask.sum() for _, mask in clip.frames()] == [64]


def test_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(InputError, match="Annotations: no such folder"):
        find_clips(tmp_path)


def test_summary_of_a_reduced_precision():
    exported = OnnxFiles(
        path=Path("graphs"),
        sizes={"step.onnx": 2_345_678},
        signatures={"step": (["image", "h"], ["probs", "h_next"])},
        precision="int8",
        parity=Parity(20, 2, (64, 96), largest_difference=0.0123, equal_labels=0.98765),
        measured={"float32": Measured(0.8, 0.05), "int8": Measured(0.785, 0.02)},
        measured_on="3 clips",
    )
    assert exported.lines() == [
        "onnx         graphs (int8)",
        "graph        step.onnx (2.3 MB): image, h -> probs, h_next",
        "parity       20 frames of 64x96, 2 objects: largest difference 1.2e-02, "
        "98.765 % of labels equal",
        "measured     float32: J 80.0 on 3 clips, loss 0.0 points; 50 ms per frame, "
        "1.00 times as fast as float32",
        "measured     int8: J 78.5 on 3 clips, loss 1.5 points; 20 ms per frame, "
        "2.50 times as fast as float32",
    ]


def test_int8_files_report_their_cost():
    exported = tiny_onnx("int8")
    assert list(exported.measured) == ["float32", "int8"]
    (line,) = (x for x in exported.lines() if x.startswith("measured     int8"))
    assert "J " in line
    assert "loss" in line
    assert "times as fast as float32" in line
    frame = np.zeros((1, 2, 64, 96, 3), np.uint8)
    mask = np.ones((1, 64, 96, 1), np.uint8)
    clip = OnnxStream({"segment_clip": exported.path / "segment_clip.onnx"}, threads=1)
    assert np.isfinite(clip.run("segment_clip", {"images": frame, "mask": mask})["probs"]).all()
    assert tiny_model().dtype_policy.name == "float32"
