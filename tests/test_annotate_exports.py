import io
import json
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from annotate_project import SIZE, box, make_frames, make_project
from PIL import Image
from pycocotools import mask as coco

from ytvos_keras.annotate.exports import FORMATS, export
from ytvos_keras.annotate.project import Prediction, Project
from ytvos_keras.cli.prepare import main as prepare
from ytvos_keras.errors import InputError
from ytvos_keras.media import open_frames, write_mask
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.video import VideoWriter

LABELS = box(5) | box(30, 20, value=2)


@pytest.fixture
def project(tmp_path):
    """Eight frames; frames 1 (drawn) and 2 (object 1 predicted) have masks."""
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    project.change_object(2, name="red / cup", colour="#00ff00")
    project.save_drawn(1, LABELS, [1, 2])
    project.save_predicted(2, box(6), {1: Prediction("a"), 2: Prediction("a")})
    return project


def pictures(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {n: Image.open(io.BytesIO(archive.read(n))) for n in archive.namelist()}


def test_palette(project):
    found = pictures(export(project, "palette").path)
    assert list(found) == ["00001.png", "00002.png"]
    assert found["00001.png"].mode == "P"
    np.testing.assert_array_equal(np.asarray(found["00001.png"]), LABELS)


def test_binary(project):
    found = pictures(export(project, "binary").path)
    np.testing.assert_array_equal(np.asarray(found["00001.png"]), 255 * (LABELS > 0))


def test_per_object(project):
    found = pictures(export(project, "per-object").path)
    assert sorted(found)[0] == "1_object_1/00001.png"
    np.testing.assert_array_equal(np.asarray(found["2_red_cup/00001.png"]), 255 * (LABELS == 2))
    assert not np.asarray(found["2_red_cup/00002.png"]).any()


def test_cutout(project):
    found = np.asarray(pictures(export(project, "cutout").path)["00001.png"])
    np.testing.assert_array_equal(found[..., 3], 255 * (LABELS > 0))
    assert (found[LABELS > 0][:, :3] == 101).all()
    assert not found[LABELS == 0].any()


def test_overlay(project):
    frames = [frame for _, frame in open_frames(export(project, "overlay").path)]
    assert len(frames) == 8
    red, green, blue = frames[1][24, 34].astype(int)
    assert green > red + 50 and green > blue + 50


def test_cutout_video(project):
    assert len([frame for _, frame in open_frames(export(project, "cutout-video").path)]) == 8


@pytest.mark.parametrize("name", ["overlay", "cutout-video"])
def test_variable_frame_rate(tmp_path, name):
    times = [Fraction(time, 1000) for time in (0, 40, 80, 540, 1000)]
    with VideoWriter(tmp_path / "a.mp4", 25) as video:
        for time in times:
            video.write(np.full((*SIZE, 3), 90, np.uint8), time)
    project = Project(tmp_path / "masks", RandomFrames(tmp_path / "a.mp4"))
    project.add_object()
    project.save_drawn(0, box(5), [1])
    written = open_frames(export(project, name).path).read_with_times()
    assert [time for _, time, _ in written] == times


@pytest.mark.parametrize("name", FORMATS)
def test_names_that_are_not_valid_unicode(tmp_path, name):
    (make_frames(tmp_path / "clip", 2) / "00001.png").rename(tmp_path / "clip/caf\udce9.png")
    project = Project(tmp_path / "masks", RandomFrames(tmp_path / "clip"))
    project.add_object()
    project.save_drawn(1, box(5), [1])
    path = export(project, name).path
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            assert any("caf_udce9" in entry for entry in names)
            if "meta.json" in names:
                meta = json.loads(archive.read("meta.json"))
                assert meta["videos"]["clip"]["objects"]["1"]["frames"] == ["caf_udce9"]


def test_names_with_a_backslash(tmp_path):
    names = ["a\\b.png", "a_b.png"]
    for path, name in zip(sorted(make_frames(tmp_path / "clip", 2).iterdir()), names, strict=True):
        path.rename(tmp_path / "clip" / name)
    project = Project(tmp_path / "masks", RandomFrames(tmp_path / "clip"))
    project.add_object()
    for index in (0, 1):
        project.save_drawn(index, box(5), [1])
    assert sorted(pictures(export(project, "palette").path)) == names


def test_coco(project):
    content = json.loads(export(project, "coco").path.read_text())
    assert [image["file_name"] for image in content["images"]] == ["00001", "00002"]
    assert {c["id"]: c["name"] for c in content["categories"]} == {1: "object 1", 2: "red / cup"}
    cup = content["annotations"][1]
    assert (cup["image_id"], cup["category_id"], cup["area"]) == (1, 2, 64)
    assert cup["bbox"] == [30, 20, 8, 8]
    np.testing.assert_array_equal(coco.decode(cup["segmentation"]), LABELS == 2)


def test_youtube_vos_passes_prepare_check(project, tmp_path, capsys):
    with zipfile.ZipFile(export(project, "youtube-vos").path) as archive:
        archive.extractall(tmp_path / "set")
    meta = json.loads((tmp_path / "set/meta.json").read_text())
    objects = meta["videos"]["clip"]["objects"]
    assert objects["2"] == {"category": "red / cup", "frames": ["00001"]}
    assert prepare(["check", str(tmp_path / "set")]) == 0


def test_youtube_vos_leaves_out_frames_in_which_an_object_is_unknown(project):
    project.add_object()  # never drawn
    assert export(project, "youtube-vos").note == ""
    project.save_predicted(3, box(7), {1: Prediction("a")})  # object 2 may be there, too
    write_mask(project.folder / "00005.png", LABELS)  # by another command
    path, note = export(project, "youtube-vos")
    with zipfile.ZipFile(path) as archive:
        masks = [name for name in archive.namelist() if name.endswith(".png")]
    assert [name[-9:] for name in masks] == ["00001.png", "00002.png", "00005.png"]
    assert note.startswith("without 1 frame in which an object is neither drawn nor propagated")


def test_youtube_vos_without_a_complete_frame(tmp_path):
    project = make_project(tmp_path)
    project.add_object(), project.add_object()
    project.save_drawn(1, box(5), [1])
    project.save_drawn(3, box(30, value=2), [2])
    with pytest.raises(InputError, match="every frame with a mask lacks an object"):
        export(project, "youtube-vos")


@pytest.mark.parametrize("name", FORMATS)
def test_object_is_deleted_during_the_export(project, name):
    path, _ = export(project, name, lambda done, total: done > 1 or project.delete_object(2))
    if name == "youtube-vos":
        with zipfile.ZipFile(path) as archive:
            objects = json.loads(archive.read("meta.json"))["videos"]["clip"]["objects"]
        assert objects["2"] == {"category": "object 2", "frames": ["00001"]}


def test_progress(project):
    ticks = []
    export(project, "palette", lambda done, total: ticks.append((done, total)))
    assert ticks == [(1, 2), (2, 2)]


def test_failed_export_leaves_no_files(project):
    def tick(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(project, "palette", tick)
    assert list((project.folder / "exports").iterdir()) == []


def test_nothing_to_export(tmp_path):
    with pytest.raises(InputError, match="no mask to export yet"):
        export(make_project(tmp_path), "palette")


def test_unknown_format(project):
    with pytest.raises(InputError, match="choose one of palette, binary"):
        export(project, "../x")
    assert all("/" not in form.file for form in FORMATS.values())
