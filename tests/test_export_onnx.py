"""ONNX graphs: names, shapes, metadata, and parity with Keras."""

import copy
import dataclasses
import gc
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import tf2onnx
from models_helper import SMALL, small_model
from onnx import numpy_helper
from onnx_parity import check_small_clips, check_twenty_frames
from tiny_export import new_folder, tiny_clip, tiny_graphs, tiny_model, tiny_onnx

import ytvos_keras
from ytvos_keras import InputError
from ytvos_keras.export import onnx_compose, onnx_convert
from ytvos_keras.export.model_facts import LICENCES, model_facts
from ytvos_keras.export.onnx_compose import clip_graph
from ytvos_keras.export.onnx_convert import convert
from ytvos_keras.export.onnx_files import export_onnx
from ytvos_keras.export.onnx_precision import with_half_weights
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.parity import (
    KerasStream,
    ParityError,
    check_usable,
    measure_parity,
)
from ytvos_keras.export.signature_check import FeatureStream, check_signatures
from ytvos_keras.models import PRESETS, S2S

# The full width takes three times as long and 5 GB.
NARROW_VGG16 = dataclasses.replace(
    PRESETS["s2s-vgg16"],
    encoder_filters=64,
    state_filters=64,
    decoder_filters=(64, 32, 32, 16, 16),
)
GRAPHS = ["step", "initialize", "encode", "step_features", "segment_clip"]


def files_of(exported) -> dict[str, Path]:
    return {name: exported.path / f"{name}.onnx" for name in exported.signatures}


def shape_of(value) -> list:
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


@pytest.fixture(scope="module")
def stream():
    return OnnxStream(files_of(tiny_onnx()), threads=1)


def test_written_files():
    exported = tiny_onnx()
    assert list(exported.signatures) == GRAPHS
    assert sorted(exported.sizes) == sorted(f"{name}.onnx" for name in GRAPHS)
    assert exported.signatures["step"] == (
        ["image", "h", "previous_mask"],
        ["probs", "h_next", "previous_mask_next"],
    )
    assert exported.signatures["segment_clip"] == (["images", "mask"], ["probs"])
    assert exported.parity.largest_difference < 1e-5
    assert exported.measured == {}
    text = "\n".join(exported.lines())
    assert "step.onnx" in text
    assert "parity       20 frames of 64x96, 2 objects" in text


def test_metadata_describes_the_graph():
    exported = tiny_onnx()
    for name, path in files_of(exported).items():
        graph = onnx.load(path)
        onnx.checker.check_model(graph, full_check=True)
        facts = {prop.key: prop.value for prop in graph.metadata_props}
        assert facts["graph"] == name
        assert (facts["model"], facts["precision"], facts["size"]) == ("tiny", "float32", "any")
        assert (facts["working_size"], facts["stride"]) == ("64x96", "8")
        assert {"licence", "ytvos-keras", "tensorflow", "keras", "tf2onnx", "onnx"} <= set(facts)
    # Also what onnxruntime-web cannot read from the graphs.
    described = json.loads((exported.path / "model.json").read_text())
    del facts["graph"]
    assert described == {**facts, "graphs": GRAPHS}


def test_free_dimensions_have_names():
    step, clip = (onnx.load(files_of(tiny_onnx())[name]).graph for name in ("step", "segment_clip"))
    assert [shape_of(value) for value in step.input] == [
        ["images", "height", "width", 3],
        ["objects", "h_height", "h_width", 4],
        ["objects", "previous_mask_height", "previous_mask_width", 1],
    ]
    assert shape_of(step.output[0]) == ["objects", "height", "width", 1]
    assert shape_of(clip.input[0]) == ["images", "frames", "height", "width", 3]
    assert shape_of(clip.output[0]) == ["objects", "frames", "height", "width", 1]


@pytest.mark.parametrize(("size", "objects"), [((37, 50), 2), ((64, 64), 1), ((8, 9), 3)])
def test_varying_sizes_and_numbers_of_objects(stream, size, objects):
    frames, masks = tiny_clip(size, frames=4, objects=objects)
    for other in (stream, FeatureStream(stream)):
        parity = measure_parity(KerasStream(tiny_model()), other, frames, masks)
        assert parity.largest_difference < 1e-5


def test_one_image_per_object(stream):
    frames, masks = tiny_clip(objects=2)
    twice = np.stack([frames[0]] * 2)
    state = stream.initialize(frames[0][None], masks)
    of_one, _ = stream.step(frames[1][None], state)
    of_two, _ = stream.step(np.stack([frames[1]] * 2), stream.initialize(twice, masks))
    np.testing.assert_allclose(of_one, of_two, atol=1e-6)


def test_clip_equals_its_steps(stream):
    frames, masks = tiny_clip(frames=5)
    probs = stream.run("segment_clip", {"images": np.stack(frames)[None], "mask": masks})["probs"]
    assert probs.shape == (2, 5, 37, 50, 1)
    np.testing.assert_array_equal(probs[:, 0], masks)
    state = stream.initialize(frames[0][None], masks)
    for t, frame in enumerate(frames[1:], start=1):
        expected, state = stream.step(frame[None], state)
        np.testing.assert_allclose(probs[:, t], expected, atol=1e-6)


def test_conversion_at_a_fixed_size_leaves_no_copies_and_no_gc_settings():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()  # Python 3.12 itself freezes some
    graphs = convert(tiny_model(), (40, 50), ["step"])
    assert not [x for x in gc.get_objects() if type(x) is tf2onnx.graph.Graph]
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() <= frozen
    assert list(graphs) == ["step"]
    graph = graphs["step"].graph
    assert shape_of(graph.input[0]) == ["images", 40, 50, 3]
    assert shape_of(graph.input[1]) == ["objects", 5, 7, 4]
    assert shape_of(graph.output[0]) == ["objects", 40, 50, 1]


def test_float16_weights_are_stored_as_half_and_compute_in_float32():
    graph = tiny_graphs()["step"]
    half = with_half_weights(graph)
    kept = {x.name: numpy_helper.to_array(x) for x in half.graph.initializer}
    large = [x for x in graph.graph.initializer if x.data_type == 1 and np.prod(x.dims) >= 256]
    assert large
    for tensor in large:
        assert kept[f"{tensor.name}/float16"].dtype == np.float16
        assert tensor.name not in kept
    assert {x.type.tensor_type.elem_type for x in half.graph.output} == {1}
    frames, masks = tiny_clip(frames=3)
    streams = [
        OnnxStream({"initialize": tiny_graphs()["initialize"], "step": step}, threads=1)
        for step in (graph, half)
    ]
    assert 0 < measure_parity(*streams, frames, masks).largest_difference < 1e-2


def test_weights_beyond_float16_stay_float32():
    graph = copy.deepcopy(tiny_graphs()["encode"])
    (kernel,) = (x for x in graph.graph.initializer if np.prod(x.dims) >= 256)
    kernel.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(kernel) * 1e9, kernel.name))
    names = [x.name for x in with_half_weights(graph).graph.initializer]
    assert kernel.name in names


@pytest.mark.parametrize("name", GRAPHS)
def test_wrong_graph_is_detected_and_no_files_are_left(monkeypatch, name):
    def converted(*args, **kwargs):
        graphs = copy.deepcopy(tiny_graphs())
        if name in graphs:
            _spoil(graphs[name].graph)
        return graphs

    def joined(initialize, step):
        clip = clip_graph(initialize, step)
        if name == "segment_clip":
            loop = next(node for node in clip.graph.node if node.op_type == "Scan")
            _spoil(next(attribute.g for attribute in loop.attribute if attribute.name == "body"))
        return clip

    monkeypatch.setattr(onnx_convert, "convert", converted)
    monkeypatch.setattr(onnx_compose, "clip_graph", joined)
    output = new_folder()
    with pytest.raises(ParityError, match="nothing was kept"):
        export_onnx(tiny_model(), output, name="tiny")
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["encode", "segment_clip"])
def test_unusable_graph_of_a_reduced_precision_is_detected(stream, name):
    class Unusable(OnnxStream):
        def run(self, signature, inputs):
            factor = np.float32(np.nan if signature == name else 1)
            return {key: factor * x for key, x in super().run(signature, inputs).items()}

    frames, masks = tiny_clip(frames=3)
    unusable = Unusable(stream.graphs, threads=1)
    with pytest.raises(ParityError, match="must give finite probabilities"):
        check_signatures(tiny_model(), unusable, frames, masks, lambda *_: None, check_usable)


def _spoil(graph: onnx.GraphProto) -> None:
    """Scale up all weights."""
    for tensor in graph.initializer:
        if tensor.data_type == 1 and np.prod(tensor.dims) >= 256:
            value = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array(value * np.float32(1.5), tensor.name))


def test_non_empty_folder_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty; give the name of a new folder"):
        export_onnx(tiny_model(), tmp_path, name="tiny")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_half_precision_model_is_refused():
    model = S2S(SMALL["paper"], dtype="mixed_bfloat16")
    with pytest.raises(InputError, match=r"needs a float32 model.*mixed_bfloat16"):
        convert(model)


def test_half_precision_model_is_exported_in_float32(tmp_path, monkeypatch):
    def converted(model, *arguments, **options):
        assert model.compute_dtype == "float32"
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx_convert, "convert", converted)
    model = S2S(SMALL["paper"], dtype="mixed_bfloat16")
    with pytest.raises(KeyboardInterrupt):
        export_onnx(model, tmp_path / "onnx", name="small")


def test_all_bundled_weights_have_a_licence():
    assets = Path(ytvos_keras.__file__).parent / "assets"
    names = {file.name.removesuffix(".weights.h5") for file in assets.glob("*.weights.h5")}
    assert names == LICENCES.keys()


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("s2s-lite", "weights for research and evaluation"),
        ("s2s-lite.keras", "weights: not stated"),
        (None, "weights: not stated"),
    ],
)
def test_licence_of_bundled_and_of_other_weights(name, terms):
    assert terms in model_facts(tiny_model(), name, None)["licence"]


def test_missing_package_is_reported_on_call_not_on_import():
    code = """
import sys
packages = ["onnx", "onnxruntime", "tf2onnx"]
sys.modules |= dict.fromkeys(packages)
import ytvos_keras
assert all(hasattr(ytvos_keras, name) for name in dir(ytvos_keras))
assert all(hasattr(ytvos_keras.export, name) for name in dir(ytvos_keras.export))
while packages:
    try:
        ytvos_keras.export_onnx(None, "graphs", name="tiny")
    except ytvos_keras.InputError as error:
        print(error)
    del sys.modules[packages.pop(0)]
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    messages = result.stdout.splitlines()
    assert len(messages) == 3, result.stderr
    for package, message in zip(["onnx", "onnxruntime", "tf2onnx"], messages, strict=True):
        assert f"import of {package} halted" in message
        assert message.endswith("run: pip install 'ytvos-keras[onnx]'")


@pytest.mark.slow
def test_encoder_with_masks_matches_keras():
    model = small_model("mask-as-input")
    check_small_clips(KerasStream(model), OnnxStream(convert(model), threads=1))


@pytest.mark.slow
def test_vgg16_matches_keras():
    model = S2S(NARROW_VGG16)
    stream = OnnxStream(convert(model, graphs=["initialize", "step"]))
    # The full size takes sixteen times as long.
    check_twenty_frames(KerasStream(model), stream, (64, 112))
