"""Damaged JSON files of the package give one error line that names the file."""

import json
from fractions import Fraction

import numpy as np
import pytest
from annotate_project import make_project

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.clips_folder import ClipsFolder
from ytvos_keras.datasets.raw_videos.lists import read_sources, write_meta
from ytvos_keras.datasets.readers.annotated_pictures import picture_path
from ytvos_keras.errors import InputError
from ytvos_keras.inference.batch_summary import VideoOutcome, add_to_summary, read_summary
from ytvos_keras.inference.confidence_log import ConfidenceLog
from ytvos_keras.training.cluster import read_tf_config
from ytvos_keras.training.run_files import RunFiles

DEEP = "[" * 100_000
DAMAGED = ("", "{", "[1]", "null", DEEP, '{"clips": 3, "videos": []}', "9" * 5000, '["\\ud800"]')


@pytest.mark.parametrize("text", DAMAGED)
def test_run_json(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"^\S*run\.json: [^\n]+$|contains another run"):
        RunFiles(tmp_path).claim({"recipe": {}})


@pytest.mark.parametrize(
    "text", [*DAMAGED, '{"clips": [{"name": "a"}]}', '{"clips": [{"name": 1}]}']
)
def test_clips_json(tmp_path, text):
    (tmp_path / "clips.json").write_text(text)
    with pytest.raises(InputError, match=r"^\S*clips\.json: [^\n]*`ytvos-prepare videos`[^\n]*$"):
        read_sources(tmp_path / "clips.json")


@pytest.mark.parametrize("text", DAMAGED)
def test_meta_json_of_clips(tmp_path, text):
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(InputError, match=r"^\S*meta\.json: [^\n]+$"):
        write_meta(tmp_path, ())
    assert (tmp_path / "meta.json").read_text() == text


def test_the_users_meta_json_loses_nothing(tmp_path):
    path = tmp_path / "meta.json"
    path.write_text('{"id": 123456789012345678901234567890, "videos": {}}')
    write_meta(tmp_path, [Clip("a_00", "a.mp4", start=Fraction(0), frame_count=90)])
    assert json.loads(path.read_text()) == {
        "id": 123456789012345678901234567890,
        "videos": {"a_00": {"objects": {}}},
    }
    path.write_text(text := '{"videos": {"a": {}, "a": {"objects": {}}}}')
    with pytest.raises(InputError, match='"a" appears twice in one object; keep one of them'):
        write_meta(tmp_path, [])
    assert path.read_text() == text


def test_summary_of_a_batch(tmp_path):
    add_to_summary(tmp_path, VideoOutcome("a", 3, 1, 0.5, fingerprint="0f"))
    path = tmp_path / "summary.json"
    good = json.loads(path.read_text())
    assert read_summary(path) == good
    deep = f'{{"other": {"[" * 1010}{"]" * 1010}, "frames"'
    path.write_text(path.read_text().replace('{\n  "frames"', deep))
    assert "other" in path.read_text()
    assert read_summary(path) == good  # what is not read is not written again
    wrong = {"frames": "<script>", "objects": None, "seconds": [], "error": 5, "fingerprint": 1}
    wrong["damaged"] = [[]]
    for key, value in wrong.items():
        path.write_text(json.dumps({"a": good["a"] | {key: value}}))
        with pytest.raises(InputError, match="is not the summary of a batch"):
            read_summary(path)


@pytest.mark.parametrize(
    "text", [*DAMAGED, '{"f": {"x": 0.5}}', '{"f": {"1": "x"}}', '{"f": {"1": 2}}']
)
def test_confidence_in_a_state(text):
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        ConfidenceLog().restore(np.array(text))


@pytest.mark.parametrize(
    "text",
    [
        *DAMAGED,
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1e999}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
    ],
)
def test_tf_config(text):
    with pytest.raises(InputError, match="TF_CONFIG must be") as error:
        read_tf_config(text or "0")
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "change",
    [
        {"objects": []},
        {"objects": {"x": {"name": "a", "colour": "#ff9f1c"}}},
        {"objects": {"300": {"name": "a", "colour": "#ff9f1c"}}},
        {"objects": {"1": {"name": "a", "colour": "url(x)"}}},
        {"objects": {"1": {"name": "a"}}},
        {"trusted": {"00000": {"1": 3}}},
        {"trusted": {"00000": [1]}},
        {"version": 99},
    ],
)
def test_annotation_project(tmp_path, change):
    made = make_project(tmp_path)
    made.add_object()
    path = tmp_path / "masks" / "annotate.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(
        InputError, match=r"annotate\.json: (is|was) [^\n]*move it away to start over"
    ):
        make_project(tmp_path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *[("name", name) for name in ("", "..", "../v_00", "w_00", "v_00/..", "v_", 5)],
        ("frame_count", "90"),
        ("frame_count", 0),
        ("written", None),
        ("quality", {"brightness": "dark"}),
        ("start", 0),
    ],
)
def test_record_of_a_raw_video(tmp_path, place, value):
    clip = Clip("v_00", "v.mp4", start=Fraction(0), frame_count=90)
    video = RawVideo("v.mp4", 1000, 29.97, (48, 64), 3.0, 1, (clip,))
    folder = ClipsFolder(tmp_path)
    path = tmp_path / ".clips/videos/v.json"
    path.parent.mkdir(parents=True)
    folder.save("v", video)
    assert folder.records() == [video]
    content = json.loads(path.read_text())
    content["clips"][0][place] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"v\.json: is not a record of .*clips\[0\]\.{place}"):
        folder.load("v")


@pytest.mark.parametrize("name", ["x" * 256 + ".jpg", "é" * 200, "a/" * 600 + "b", "a\0b", "", "."])
def test_impossible_file_names(name):
    with pytest.raises(ValueError, match="not a file name"):
        picture_path(name)
