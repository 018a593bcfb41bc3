import contextlib
import json
import logging
import re
import warnings

import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.cli import segment
from ytvos_keras.errors import InputError
from ytvos_keras.inference import batch as batch_module
from ytvos_keras.inference import file_segmentation as files_module
from ytvos_keras.inference import passes
from ytvos_keras.inference.batch import segment_batch
from ytvos_keras.inference.batch_files import list_batch
from ytvos_keras.inference.batch_summary import SUMMARY_NAME
from ytvos_keras.media import write_mask
from ytvos_keras.media.folder_lock import FolderInUseError, folder_lock
from ytvos_keras.media.video import VideoWriter
from ytvos_keras.progress import silent

SIZE = (32, 48)


def frame(index):
    return np.full((*SIZE, 3), 100 + index, np.uint8)


def mask(value=1):
    label_map = np.zeros(SIZE, np.uint8)
    label_map[4:20, 4:20] = value
    return label_map


def write_folder(folder, count):
    folder.mkdir()
    for i in range(count):
        Image.fromarray(frame(i)).save(folder / f"{i:05d}.jpg")


@pytest.fixture
def folders(tmp_path):
    """Two folders of frames and a video file, each with a mask."""
    videos, masks = tmp_path / "videos", tmp_path / "masks"
    videos.mkdir()
    masks.mkdir()
    write_folder(videos / "dog10", 2)
    write_folder(videos / "dog2", 3)
    with VideoWriter(videos / "cat.mp4") as video:
        for i in range(4):
            video.write(frame(i))
    (masks / "dog2").mkdir()
    write_mask(masks / "dog2" / "00000.png", mask())
    write_mask(masks / "dog2" / "00001.png", mask(7))
    write_mask(masks / "dog10.png", mask())
    write_mask(masks / "cat.png", mask())
    (videos / "notes.txt").write_text("no video")
    (videos / ".hidden").mkdir()
    return videos, masks, tmp_path / "out"


@pytest.fixture(scope="module")
def model():
    return FakeModel()


def written(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*.png")}


def facts(outcomes):
    return [(o.name, o.frames, o.objects, o.error, o.from_earlier_run) for o in outcomes]


def test_listing(folders, tmp_path):
    videos, masks, out = folders
    corrections = tmp_path / "corrections"
    (corrections / "dog10").mkdir(parents=True)
    cat, dog2, dog10 = list_batch(*folders, corrections)
    assert (cat.name, cat.frames, cat.output) == ("cat", videos / "cat.mp4", out / "cat")
    assert [v.masks for v in (cat, dog2, dog10)] == [
        masks / "cat.png",
        masks / "dog2",
        masks / "dog10.png",
    ]
    assert [v.corrections for v in (cat, dog2, dog10)] == [None, None, corrections / "dog10"]


def test_listing_errors(folders, tmp_path):
    videos, masks, out = folders
    with pytest.raises(InputError, match=r"absent: no such folder; a batch needs folders"):
        list_batch(tmp_path / "absent", masks, out)
    with pytest.raises(InputError, match=r"cat\.png: no such folder"):
        list_batch(videos, masks / "cat.png", out)
    with pytest.raises(InputError, match=r"cat\.png: is a file; give a folder"):
        list_batch(videos, masks, masks / "cat.png")
    with pytest.raises(InputError, match="no videos in this folder, neither folders of frames"):
        list_batch(videos / "dog2", masks, out)
    (videos / "cat").mkdir()
    with pytest.raises(InputError, match=r"cat and cat\.mp4 are videos of the same name"):
        list_batch(videos, masks, out)


def test_bad_video_does_not_stop_the_others(folders, model, caplog):
    videos, masks, out = folders
    (masks / "cat.png").unlink()
    (videos / "dog2" / "00002.jpg").write_bytes(b"no picture")
    outcomes = segment_batch(*folders, model)
    no_mask, damaged = (outcome.error for outcome in outcomes[:2])
    assert facts(outcomes) == [
        ("cat", 0, 0, no_mask, False),
        ("dog2", 2, 2, damaged, False),
        ("dog10", 2, 1, None, False),
    ]
    assert no_mask == f"{masks / 'cat'}: no such file or folder."
    assert "00002.jpg" in damaged
    assert caplog.record_tuples == [
        ("ytvos_keras.inference.batch", logging.ERROR, f"cat: {no_mask}"),
        ("ytvos_keras.inference.batch", logging.ERROR, f"dog2: {damaged}"),
    ]
    summary = json.loads((out / SUMMARY_NAME).read_text())
    assert list(summary) == ["cat", "dog2", "dog10"]
    assert summary["dog10"]["frames"] == 2
    assert summary["dog2"]["error"] == damaged

    # Once both are repaired, the same call processes only what is missing.
    write_mask(masks / "cat.png", mask())
    Image.fromarray(frame(2)).save(videos / "dog2" / "00002.png")
    (videos / "dog2" / "00002.jpg").unlink()
    before = (out / "dog10" / "00001.png").stat().st_mtime_ns
    again = facts(segment_batch(*folders, model))
    assert again[0] == ("cat", 4, 1, None, False)
    assert again[2] == ("dog10", 2, 1, None, True)
    assert (out / "dog10" / "00001.png").stat().st_mtime_ns == before
    assert "unfinished run with other frames" in again[1][3]  # left unfinished with different files


def test_interrupted_and_resumed(folders, model, tmp_path, monkeypatch):
    videos, masks, out = folders
    segment_batch(videos, masks, tmp_path / "whole", model)
    real = passes.write_mask

    def killed(path, *rest):
        if path.parent.name == "dog2" and path.name == "00001.png":
            raise KeyboardInterrupt
        real(path, *rest)

    monkeypatch.setattr(passes, "write_mask", killed)
    with pytest.raises(KeyboardInterrupt):
        segment_batch(*folders, model)
    assert list(json.loads((out / SUMMARY_NAME).read_text())) == ["cat"]
    monkeypatch.setattr(passes, "write_mask", real)
    outcomes = segment_batch(*folders, model)
    assert [outcome.from_earlier_run for outcome in outcomes] == [True, False, False]
    assert written(out) == written(tmp_path / "whole")


def test_finished_videos_of_another_run(folders, model):
    segment_batch(*folders, model)
    first = segment_batch(*folders, model, every=2)[0]
    assert re.search(r"cat: was made from other frames, masks, model or options", first.error)
    # The error undoes nothing: with the first options again, all is done.
    assert all(outcome.from_earlier_run for outcome in segment_batch(*folders, model))
    outcomes = segment_batch(*folders, model, every=2, overwrite=True)
    assert [outcome.frames for outcome in outcomes] == [2, 3, 1]  # dog2: a mask for frame 1
    (folders[2] / SUMMARY_NAME).write_text("[1]")
    with pytest.raises(InputError, match=r"summary\.json: is not the summary of a batch"):
        segment_batch(*folders, model)
    outcomes = segment_batch(*folders, model, overwrite=True)
    assert [outcome.error for outcome in outcomes] == [None] * 3


def test_video_that_another_process_finishes_meanwhile(folders, model):
    @contextlib.contextmanager
    def progress(name):
        if name == "cat":
            segment_batch(*folders, model, shard=(3, 3))
        yield silent

    outcomes = segment_batch(*folders, model, progress=progress)
    assert facts(outcomes)[1:] == [("dog2", 3, 2, None, False), ("dog10", 2, 1, None, True)]


def test_damaged_frames_of_finished_videos_are_remembered(folders, model):
    videos, _, out = folders
    (videos / "dog2" / "00002.jpg").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"dog2: frame 00002 cannot be decoded"):
        segment_batch(*folders, model, on_damage="skip")
    again = segment_batch(*folders, model, on_damage="skip")
    assert again[1].from_earlier_run and again[1].damaged == ("00002",)
    assert json.loads((out / SUMMARY_NAME).read_text())["dog2"]["damaged"] == ["00002"]


def test_command(folders, model, monkeypatch, capsys):
    videos, masks, out = folders
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(files_module, "load_model", lambda *_: model)
    (masks / "cat.png").unlink()
    command = [str(videos), "--batch", "--mask", str(masks), "--output", str(out)]
    assert segment.main(command) == 1
    printed, err = capsys.readouterr()
    rows = [line.split()[:4] for line in printed.splitlines()]
    assert rows[0] == ["video", "frames", "objects", "seconds"]
    assert [row[:3] for row in rows[2:] if row[0] in ("cat", "dog2", "dog10")] == [
        ["cat", "0", "0"],
        ["dog2", "3", "2"],
        ["dog10", "2", "1"],
    ]
    assert f"cat: {masks / 'cat'}: no such file or folder." in err
    assert "dog2" in err  # in the progress bar
    assert err.splitlines()[-1] == "error: 1 of 3 videos failed: cat."
    write_mask(masks / "cat.png", mask())
    assert segment.main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_command_warns_once(folders, model, monkeypatch, capsys):
    videos, masks, out = folders
    monkeypatch.setattr(files_module, "load_model", lambda *_: model)
    write_mask(masks / "bird.png", mask())
    command = [str(videos), "--batch", "--mask", str(masks), "--output", str(out), "--quiet"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert segment.main(command) == 0
    assert capsys.readouterr().err.count("bird.png: not used, no video has this name") == 1


def test_unexpected_error_does_not_stop_the_others(folders, model, monkeypatch, caplog):
    real = batch_module.check_files

    def fail(frames, *rest, **options):
        if frames.name == "dog2":
            raise ValueError("31 is not a valid Type")
        return real(frames, *rest, **options)

    monkeypatch.setattr(batch_module, "check_files", fail)
    outcomes = segment_batch(*folders, model)
    assert [outcome.error for outcome in outcomes] == [
        None,
        "ValueError: 31 is not a valid Type",
        None,
    ]
    assert "dog2: ValueError: 31 is not a valid Type" in caplog.text


def test_shards(folders, model):
    out = folders[2]
    assert [o.name for o in segment_batch(*folders, model, shard=(2, 2))] == ["dog2"]
    assert [o.name for o in segment_batch(*folders, model, shard=(1, 2))] == ["cat", "dog10"]
    assert list(json.loads((out / SUMMARY_NAME).read_text())) == ["cat", "dog2", "dog10"]
    assert all(outcome.from_earlier_run for outcome in segment_batch(*folders, model))
    with pytest.raises(InputError, match=r"a shard is I/N with I from 1 to N. Received: 3/2"):
        segment_batch(*folders, model, shard=(3, 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_more_shards_than_videos(folders, jobs):
    assert segment_batch(*folders, "s2s-lite", shard=(4, 4), jobs=jobs) == []


def test_video_locked_by_another_process_is_skipped(folders, model):
    out = folders[2]
    (out / "cat").mkdir(parents=True)
    with folder_lock(out / "cat"):
        outcomes = segment_batch(*folders, model)
    assert [outcome.busy for outcome in outcomes] == [True, False, False]
    assert list(json.loads((out / SUMMARY_NAME).read_text())) == ["dog2", "dog10"]
    assert [o.frames for o in segment_batch(*folders, model)] == [4, 3, 2]
    left = [path.name for path in out.rglob(".ytvos*")]
    assert left == []


def test_one_process_per_folder(tmp_path):
    with folder_lock(tmp_path):
        with (
            pytest.raises(FolderInUseError, match="another process is writing to it"),
            folder_lock(tmp_path),
        ):
            pass
        (tmp_path / "b").mkdir()
        with folder_lock(tmp_path / "b"):
            pass
    with folder_lock(tmp_path):
        pass


def test_jobs_share_the_videos(folders, model, monkeypatch):
    calls = []

    def in_this_process(function, items, jobs, what):
        calls.append((len(items), jobs))
        return map(function, items)

    monkeypatch.setattr(batch_module, "map_in_processes", in_this_process)
    monkeypatch.setattr(files_module, "load_model", lambda *_: model)
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    outcomes = segment_batch(*folders, "s2s-lite", jobs=2)
    assert [outcome.name for outcome in outcomes] == ["cat", "dog2", "dog10"]
    assert calls == [(2, 2)]
    with pytest.raises(InputError, match="jobs need the name or path of a model"):
        segment_batch(*folders, model, jobs=2)


def test_summary_page(folders, model):
    _, masks, out = folders
    (masks / "cat.png").unlink()
    segment_batch(*folders, model, overlay=True, contact_sheet=True)
    page = (out / "summary.html").read_text()
    assert "3 videos, 1 failed" in page
    assert '<a href="dog2/overlay.mp4">overlay</a>' in page
    assert 'src="dog10/sheet/contact_sheet.jpg"' in page
    assert "no such file or folder" in page
