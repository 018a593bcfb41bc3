import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from models_helper import bundled_model, small_model
from tiny_export import tiny_clip, tiny_export
from tiny_s2s import TinyS2S

from ytvos_keras.errors import InputError
from ytvos_keras.export import saved_model as module
from ytvos_keras.export.parity import (
    CorrectedStream,
    KerasStream,
    ParityError,
    SignatureStream,
    demo_clip,
    measure_parity,
)
from ytvos_keras.export.saved_model import SavedModelStream, export_saved_model
from ytvos_keras.export.served_model import ServedVersion
from ytvos_keras.export.serving_config import model_config
from ytvos_keras.export.serving_warmup import WARMUP_FILE, read_warmup
from ytvos_keras.export.signature_check import FeatureStream

SIGNATURES = ["step", "initialize", "encode", "step_features", "segment_clip"]
BYTE_SIGNATURES = ["initialize_bytes", "step_bytes", "segment_clip_bytes"]


class SessionStream(SignatureStream):
    """Streams through a `ServedVersion`: `tf.compat.v1.saved_model.load` and a session."""

    def __init__(self, path):
        self.version = ServedVersion(path)

    def run(self, signature, inputs):
        return self.version.run(signature, inputs)

    def step(self, image, state):
        state = self.run("", {"image": image, **state})  # the default signature
        return state.pop("probs"), state


def check_with_c_library(reference, signatures, path, clip, folder):
    """Stream a clip in a process that imports no TensorFlow, and compare with a `KerasStream`."""
    names = {
        signature: {
            side: {name: info.name for name, info in getattr(signatures[signature], side).items()}
            for side in ("inputs", "outputs")
        }
        for signature in ("initialize", "step")
    }
    (folder / "io.json").write_text(json.dumps(names))
    frames, masks = clip
    np.savez(folder / "clip.npz", frames=np.stack(frames), masks=masks)
    library = next(Path(tf.__file__).parent.glob("libtensorflow_cc.*"))
    script = Path(__file__).with_name("c_api_session.py")
    files = [folder / name for name in ("io.json", "clip.npz", "out.npz")]
    command = map(str, [sys.executable, script, library, path, *files])
    subprocess.run(list(command), check=True, capture_output=True)
    probs = np.load(files[2])["probs"]
    state = reference.initialize(frames[0][None], masks)
    for found, frame in zip(probs, frames[1:], strict=True):
        expected, state = reference.step(frame[None], state)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.fixture(scope="module")
def loaded():
    return SavedModelStream(tiny_export().saved.path)


def test_written_files():
    _, folder, saved = tiny_export()
    assert list(saved.signatures) == SIGNATURES + BYTE_SIGNATURES
    assert saved.signatures["step"] == (
        ["image", "h", "previous_mask"],
        ["probs", "h", "previous_mask"],
    )
    assert saved.path == folder / "1"
    assert sorted(p.name for p in folder.iterdir()) == ["1", "models.config"]
    assert saved.size > 10_000
    assert (saved.parity.frames, saved.parity.objects, saved.parity.size) == (20, 2, (32, 48))
    lines = saved.lines()
    assert lines[1] == "signature    step: image, h, previous_mask -> probs, h, previous_mask"
    assert lines[-1] == "warm-up      8 requests, read back and run"
    facts = json.loads((saved.path / "assets.extra" / "model.json").read_text())
    assert (facts["model"], facts["size"], facts["stride"]) == ("not stated", "any", "8")
    assert {"licence", "ytvos-keras", "tensorflow", "keras"} <= set(facts)


@pytest.fixture(scope="module", params=["step", "encode", "session"])
def stream(request, loaded):
    if request.param == "session":
        return SessionStream(tiny_export().saved.path)
    return FeatureStream(loaded) if request.param == "encode" else loaded


@pytest.mark.parametrize(("size", "objects"), [((37, 50), 2), ((64, 40), 1)])
def test_stream_matches_keras(stream, size, objects):
    clip = tiny_clip(size, 6, objects)
    parity = measure_parity(KerasStream(tiny_export().model), stream, *clip)
    assert parity.largest_difference < 1e-6
    assert parity.equal_labels == 1


def test_clip_equals_the_stream_after_the_given_mask(loaded):
    frames, masks = tiny_clip()
    clip = loaded.run("segment_clip", {"images": np.stack(frames)[None], "mask": masks})["probs"]
    np.testing.assert_array_equal(clip[:, 0], masks)
    state = loaded.initialize(frames[0][None], masks)
    for t in range(1, len(frames)):
        probs, state = loaded.step(frames[t][None], state)
        np.testing.assert_allclose(clip[:, t], probs, atol=1e-6)


def test_videos_of_a_batch_are_independent(loaded):
    (one, other), masks = tiny_clip(frames=2)
    images = np.stack([[one, other], [other, one]])
    both = loaded.run("segment_clip", {"images": images, "mask": masks})
    alone = loaded.run("segment_clip", {"images": images[1:], "mask": masks[1:]})
    np.testing.assert_allclose(both["probs"][1:], alone["probs"], atol=1e-6)


def test_any_nonzero_value_marks_the_object(loaded):
    frames, masks = tiny_clip()
    state = loaded.initialize(frames[0][None], masks)
    for name, x in loaded.initialize(frames[0][None], 255 * masks).items():
        np.testing.assert_array_equal(x, state[name])


def test_the_default_signature_is_step(loaded):
    names = [set(loaded.signatures[n].structured_outputs) for n in ("serving_default", "step")]
    assert names[0] == names[1]


def test_warmup_file_record_by_record(loaded):
    requests = read_warmup(tiny_export().saved.path / WARMUP_FILE)
    assert [r.model_spec.signature_name for r in requests] == SIGNATURES + BYTE_SIGNATURES
    for request in requests:
        assert request.model_spec.name == "tiny"
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        outputs = loaded.run(request.model_spec.signature_name, inputs)
        assert all(len(x) == 1 for x in outputs.values())


def test_c_library_runs_the_model_without_python(tmp_path):
    model, _, saved = tiny_export()
    signatures = ServedVersion(saved.path).signatures
    check_with_c_library(KerasStream(model), signatures, saved.path, tiny_clip(), tmp_path)


@pytest.mark.parametrize("signature", ["step", "step_features", "segment_clip"])
def test_failed_parity_leaves_no_files(tmp_path, monkeypatch, signature):
    class Wrong(SavedModelStream):
        def run(self, name, inputs):
            outputs = super().run(name, inputs)
            if name == signature:
                outputs["probs"] += np.float32(0.001)
            return outputs

    monkeypatch.setattr(module, "SavedModelStream", Wrong)
    monkeypatch.setattr(module, "byte_signatures", lambda *_: {})
    with pytest.raises(
        ParityError, match=r"within 0.0001 and 99.9 % .*: largest difference 1.0e-03"
    ):
        export_saved_model(TinyS2S(), tmp_path / "tiny")
    assert list((tmp_path / "tiny").iterdir()) == []


def test_fixed_size_and_the_next_version(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "byte_signatures", lambda *_: {})  # tested above
    (tmp_path / "tiny" / "7").mkdir(parents=True)
    (tmp_path / "tiny" / "models.config").write_text("mine")
    saved = export_saved_model(TinyS2S(), tmp_path / "tiny", size=(24, 40), warmup=False)
    assert saved.path.name == "8"
    assert saved.parity.size == (24, 40)
    assert "max_batch_size" in (saved.path / "batching_params.pbtxt").read_text()
    assert (tmp_path / "tiny" / "models.config").read_text() == "mine"
    assert not (saved.path / WARMUP_FILE).exists()
    signature = SavedModelStream(saved.path).signatures["step"]
    shapes = {k: v.shape.as_list() for k, v in signature.structured_input_signature[1].items()}
    assert shapes == {
        "image": [None, 24, 40, 3],
        "h": [None, 3, 5, 4],
        "previous_mask": [None, 24, 40, 1],
    }


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ("versions: 1 # versions: 2", "models.config serves 1; add version 2 to serve this one"),
        ("versions: [1, 3]", "models.config serves 1, 3; add version 2 to serve this one"),
        ("versions: 1 versions: 2", None),
    ],
)
def test_version_that_the_config_does_not_list_is_reported(tmp_path, monkeypatch, versions, said):
    monkeypatch.setattr(module, "byte_signatures", lambda *_: {})  # tested above
    (tmp_path / "tiny" / "1").mkdir(parents=True)
    config = model_config("tiny", 1).replace("versions: 1\n", f"{versions}\n")
    (tmp_path / "tiny" / "models.config").write_text(config)
    saved = export_saved_model(TinyS2S(), tmp_path / "tiny", size=(24, 40), warmup=False)
    lines = [line for line in saved.lines() if line.startswith("config ")]
    assert lines == ([f"config       {said}"] if said else [])


def test_existing_version_is_kept(tmp_path):
    (tmp_path / "3").mkdir()
    with pytest.raises(InputError, match=r"3: already exists; give another version"):
        export_saved_model(TinyS2S(), tmp_path, version=3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["paper", "mask-as-input"])
def test_other_models_of_the_family(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "byte_signatures", lambda *_: {})  # tested with other models
    model = small_model(kind)
    saved = export_saved_model(model, tmp_path / "s2s", size=(40, 70), warmup=False)
    assert saved.parity.largest_difference < 1e-4
    stream = SavedModelStream(saved.path)
    probs = stream.signatures["step"].structured_outputs["probs"]
    assert probs.shape.as_list() == [None, 40, 70, 1]
    parity = measure_parity(KerasStream(model), FeatureStream(stream), *tiny_clip((40, 70), 3))
    assert parity.largest_difference < 1e-4


@pytest.mark.slow
def test_s2s_lite(tmp_path, monkeypatch):
    model = bundled_model()
    # The full size, which `test_export_bundled` compares, takes seven times as long.
    monkeypatch.setattr(module, "demo_clip", lambda size: demo_clip((96, 160)))
    saved = export_saved_model(model, tmp_path / "s2s")
    assert (saved.parity.frames, saved.parity.size) == (20, (96, 160))
    assert saved.parity.largest_difference < 1e-4
    assert saved.parity.equal_labels >= 0.999
    clip = demo_clip((90, 130), 3, 3)
    reference, session = KerasStream(model), SessionStream(saved.path)
    features = FeatureStream(session)
    for stream in (session, features):
        parity = measure_parity(reference, stream, *clip)
        assert parity.largest_difference < 1e-4
    check_with_c_library(reference, session.version.signatures, saved.path, clip, tmp_path)
    corrected = (CorrectedStream(each, clip[1]) for each in (reference, features))
    parity = measure_parity(*corrected, *clip)
    assert parity.largest_difference < 1e-4
