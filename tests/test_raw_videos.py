import csv
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from ytvos_keras.datasets.raw_videos.find_videos import find_videos
from ytvos_keras.datasets.raw_videos.lists import read_sources
from ytvos_keras.datasets.raw_videos.prepare_clips import prepare_clips
from ytvos_keras.datasets.raw_videos.quality import QualityLimits
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.datasets.readers.youtube_vos import read_youtube_vos
from ytvos_keras.errors import InputError
from ytvos_keras.media import atomic, write_mask
from ytvos_keras.media.video import VideoWriter

pytest.importorskip("scenedetect")

SIZE = (64, 96)
RATE = 10  # frames per second: a third of the usual work
SHORT = ClipSettings(min_seconds=1, max_seconds=2)


def shot(seed, count, change=lambda frame, random: frame):
    """Frames of one texture in one colour, moving slowly sideways."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 100, (20, 40, 3), np.uint8))
    texture = np.asarray(coarse.resize((240, 120), Image.Resampling.BICUBIC)).astype(int)
    texture += random.integers(-30, 30, (120, 240, 1)) + np.roll([130, 70, 30], seed)
    texture = np.clip(texture, 0, 255).astype(np.uint8)
    for number in range(count):
        x = 20 + number % 100
        yield change(texture[20 : 20 + SIZE[0], x : x + SIZE[1]].copy(), random)


def dark(frame, random):
    return frame // 8


def blurred(frame, random):
    return np.asarray(Image.fromarray(frame).filter(ImageFilter.GaussianBlur(4)))


def shaken(frame, random):
    return np.roll(frame, random.integers(-8, 9, 2), (0, 1))


def write_video(path, *shots, numbered=True):
    """Write consecutive shots; each frame encodes its number in binary in its top rows."""
    path.parent.mkdir(exist_ok=True)
    with VideoWriter(path, RATE) as video:
        for number, frame in enumerate(frame for frames in shots for frame in frames):
            for bit in range(10 * numbered):
                frame[:8, bit * 8 : bit * 8 + 8] = 255 * (number >> bit & 1)
            video.write(frame)
    return path


def number_of(file):
    """Decode the number that a frame shows."""
    picture = np.asarray(Image.open(file).convert("L"))
    return sum((picture[2:6, bit * 8 + 2 : bit * 8 + 6].mean() > 128) << bit for bit in range(10))


def digests(folder):
    """Digests of all files; none of them may contain a timestamp."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """`two.mp4`: 10 s and 6 s; `sub/bad light.mp4`: 4 s each of dark, blurred, shaken and good."""
    folder = tmp_path_factory.mktemp("raw")
    write_video(folder / "two.mp4", shot(1, 100), shot(2, 60))
    write_video(
        folder / "sub" / "bad light.mp4",
        *(shot(3 + i, 40, change) for i, change in enumerate((dark, blurred, shaken))),
        shot(6, 40),
        numbered=False,
    )
    return folder


@pytest.fixture(scope="module")
def made(raw, tmp_path_factory):
    """Clips of one to two seconds from `raw`."""
    output = tmp_path_factory.mktemp("made") / "clips"
    return output, prepare_clips(raw, output, settings=SHORT)


def test_clips_stay_in_one_shot_and_avoid_the_ends(made):
    _, report = made
    clips = [clip for clip in report.clips if clip.video == "two.mp4"]
    assert [clip.name for clip in clips] == [f"two_{i:02d}" for i in range(1, 6)]
    for clip in clips:
        assert 30 <= clip.frame_count <= 60
        assert clip.start >= 1.6 and clip.end <= 14.4 + 1 / 15
        assert clip.end <= 10 or clip.start >= 10  # no clip spans the cut
    assert not report.failures and not report.without_clips


def test_clips_last_three_to_six_seconds_by_default(raw, tmp_path):
    report = prepare_clips(raw / "two.mp4", tmp_path / "clips")
    assert [clip.name for clip in report.clips] == ["two_01", "two_02"]
    assert all(90 <= clip.frame_count <= 180 for clip in report.clips)
    assert report.clips[0].end <= 10 <= report.clips[1].start


def test_frames_are_resampled_to_30_fps_by_nearest(made):
    output, report = made
    for clip in report.clips:
        if clip.video != "two.mp4":
            continue
        files = sorted((output / "JPEGImages_all_frames" / clip.name).iterdir())
        assert [file.name for file in files] == [f"{i:05d}.jpg" for i in range(clip.frame_count)]
        first = round(clip.start * RATE)
        expected = [first + round(i / 3) for i in range(clip.frame_count)]
        assert [number_of(file) for file in files] == expected


def test_layout_matches_youtube_vos(made):
    output, report = made
    for clip in report.clips:
        every = output / "JPEGImages_all_frames" / clip.name
        annotated = sorted((output / "JPEGImages" / clip.name).iterdir())
        assert [f.stem for f in annotated] == [f"{i:05d}" for i in range(0, clip.frame_count, 5)]
        assert len(annotated) == clip.annotated_count
        assert all(f.read_bytes() == (every / f.name).read_bytes() for f in annotated)
        assert list((output / "Annotations" / clip.name).iterdir()) == []
    meta = json.loads((output / "meta.json").read_text())
    assert meta == {"videos": {clip.name: {"objects": {}} for clip in report.clips}}
    assert not list(output.rglob("*.part"))


def test_annotated_clip_is_readable(raw, tmp_path):
    output = tmp_path / "clips"
    clip = prepare_clips(raw / "two.mp4", output).clips[0]
    write_mask(output / "Annotations" / clip.name / "00005.png", np.eye(*SIZE, dtype=np.uint8))
    meta = {"videos": {clip.name: {"objects": {"1": {"category": "dog", "frames": ["00005"]}}}}}
    (output / "meta.json").write_text(json.dumps(meta))
    (video,) = read_youtube_vos(output, all_frames=True, videos=[clip.name])
    assert len(video.frames) == clip.frame_count and video.categories == {1: "dog"}
    prepare_clips(raw / "two.mp4", output)
    kept = json.loads((output / "meta.json").read_text())["videos"]
    assert kept[clip.name] == meta["videos"][clip.name] and len(kept) == 2


def test_bad_clips_are_proposed_for_rejection_but_kept(made):
    output, report = made
    proposals = {"dark": 0, "blurry": 0, "shaky": 0, "keep": 0}
    for clip in report.clips:
        kind = ("dark", "blurry", "shaky", "keep")[int(clip.start // 4)]
        if clip.video == "two.mp4":
            kind = "keep"
        text = "; ".join(clip.reasons) or "keep"
        assert kind in text, (clip, text)
        assert re.search(r"\d", text) or kind == "keep"
        assert clip.written and (output / "JPEGImages" / clip.name).is_dir()
        proposals[kind] += 1
    assert all(proposals.values())


def test_lists_record_the_origin_of_clips(made):
    output, report = made
    listed = json.loads((output / "clips.json").read_text())
    assert [row["name"] for row in listed["clips"]] == [clip.name for clip in report.clips]
    row, clip = listed["clips"][0], report.clips[0]
    assert (row["video"], row["proposal"]) == ("sub/bad light.mp4", "reject")
    assert (row["frames"], row["annotated"]) == (clip.frame_count, clip.annotated_count)
    assert row["start"] == round(float(clip.start), 3) and row["end"] == round(float(clip.end), 3)
    assert row["reasons"] == list(clip.reasons) and row["brightness"] == clip.quality.brightness
    assert (listed["frames_per_second"], listed["annotate_every"]) == (30, 5)
    assert listed["settings"]["seed"] == 0 and listed["limits"]["max_blur"] == 1.7
    assert listed["videos"][1] == {
        "video": "two.mp4",
        "seconds": 16.0,
        "frames_per_second": 10.0,
        "shots": 2,
        "clips": 5,
    }
    with (output / "clips.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["name"] for row in table] == [row["name"] for row in listed["clips"]]
    assert table[0]["reasons"] == "; ".join(clip.reasons)
    assert read_sources(output / "clips.json")["two_03"] == "two.mp4"
    with pytest.raises(InputError, match=r"meta\.json: needs a member 'clips'"):
        read_sources(output / "meta.json")


def test_contact_sheet_marks_proposals(made):
    output, report = made
    (sheet,) = report.sheets
    assert sheet == output / "contact_sheet_01.jpg"
    picture = np.asarray(Image.open(sheet)).astype(int)
    row = picture.shape[0] // len(report.clips)
    for place, clip in enumerate(report.clips):
        left = picture[place * row + row // 2, 3:8].mean(axis=0)  # paper left of the text
        assert (left[0] - left[1] > 15) == bool(clip.reasons), (clip.name, left)


def test_interrupted_and_resumed(raw, made, tmp_path):
    class Stop(Exception):
        pass

    def stop_at(frame):
        def report(stage, done, total):
            if stage == "frames" and done == frame:
                raise Stop

        return report

    output = tmp_path / "clips"
    for frame in (40, 210):  # while detecting shots; while cutting a clip
        with pytest.raises(Stop):
            prepare_clips(raw, output, settings=SHORT, on_progress=stop_at(frame))
        assert not (output / "clips.json").exists()
        assert not list(output.rglob("*.part"))
    done = sorted((output / "JPEGImages").iterdir())
    assert 1 <= len(done) < len(made[1].clips)
    # A kill leaves what could not be cleaned up: a hidden folder, and one folder of a pair.
    (output / "JPEGImages" / ".0123456789abcdef.part").mkdir()
    atomic._swept.clear()  # simulate another process
    (output / "JPEGImages_all_frames" / "two_01").mkdir()
    (output / "JPEGImages_all_frames" / "two_01" / "00099.jpg").touch()
    times = [file.stat().st_mtime_ns for file in done]
    prepare_clips(raw, output, settings=SHORT)
    assert [file.stat().st_mtime_ns for file in done] == times
    assert digests(output) == digests(made[0])


def test_second_run_decodes_nothing(raw, made):
    output, report = made
    before = digests(output)
    calls = []
    again = prepare_clips(raw, output, settings=SHORT, on_progress=lambda *call: calls.append(call))
    assert calls == [("videos", 1, 2), ("videos", 2, 2)]
    assert again == report and digests(output) == before


def test_long_names_and_broken_links(raw, made, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    long = "x" * 250 + ".mp4"
    (videos / long).symlink_to(raw / "two.mp4")
    (videos / "link.mp4").symlink_to(raw / "two.mp4")
    report = prepare_clips(videos, tmp_path / "clips", settings=SHORT)
    assert not report.failures
    assert {len(clip.name) for clip in report.clips} == {len("link_01"), 200 + len("_01")}
    (videos / "link.mp4").unlink()
    (videos / "link.mp4").symlink_to(tmp_path / "unmounted")
    report = prepare_clips(videos, tmp_path / "clips", settings=SHORT)
    assert list(report.failures) == ["link.mp4"]
    assert "link.mp4: cannot be read. (No such file" in report.failures["link.mp4"]


def test_several_processes_make_the_same_clips(raw, made, tmp_path):
    prepare_clips(raw, tmp_path / "clips", settings=SHORT, jobs=2)
    assert digests(tmp_path / "clips") == digests(made[0])


def test_clips_depend_only_on_seed_and_name(raw, made, tmp_path):
    def starts(report):
        return [clip.start for clip in report.clips if clip.video == "two.mp4"]

    alone = prepare_clips(raw / "two.mp4", tmp_path / "alone", settings=SHORT)
    other = ClipSettings(min_seconds=1, max_seconds=2, seed=1)
    seeded = prepare_clips(raw / "two.mp4", tmp_path / "seeded", settings=other)
    assert starts(alone) == starts(made[1]) != starts(seeded)


def test_broken_videos_are_reported_and_the_others_done(raw, tmp_path):
    whole = (raw / "two.mp4").read_bytes()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a text.mp4").write_text("not a video")
    (tmp_path / "raw" / "cut off.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "raw" / "whole.mp4").write_bytes(whole)
    report = prepare_clips(tmp_path / "raw", tmp_path / "clips", settings=SHORT)
    assert list(report.failures) == ["a text.mp4", "cut off.mp4"]
    assert "a text.mp4: cannot be read as a video" in report.failures["a text.mp4"]
    assert re.search(r"cut off\.mp4: frame \d+ cannot be deco", report.failures["cut off.mp4"])
    assert {clip.video for clip in report.clips} == {"whole.mp4"}
    assert json.loads((tmp_path / "clips" / "clips.json").read_text())["failures"] == (
        report.failures
    )


def test_video_without_a_long_shot_has_no_clips(tmp_path):
    write_video(tmp_path / "short.mp4", shot(1, 20), shot(2, 20))
    report = prepare_clips(tmp_path / "short.mp4", tmp_path / "clips")
    assert report.without_clips == ("short.mp4",) and not report.failures and not report.sheets


def test_rejected_clips_can_be_left_out_and_added_later(raw, tmp_path):
    output, video = tmp_path / "clips", raw / "sub" / "bad light.mp4"
    settings = ClipSettings(clips_per_video=10, min_seconds=1, max_seconds=2)
    report = prepare_clips(video, output, settings=settings, leave_out_rejected=True)
    rejected = [clip for clip in report.clips if clip.reasons]
    assert rejected and len(rejected) < len(report.clips)
    for clip in report.clips:
        assert clip.written == (not clip.reasons)
        for place in ("JPEGImages", "JPEGImages_all_frames", "Annotations"):
            assert (output / place / clip.name).exists() == clip.written
    meta = json.loads((output / "meta.json").read_text())
    assert list(meta["videos"]) == [clip.name for clip in report.clips if clip.written]
    loose = QualityLimits(min_brightness=0, max_blur=100, max_shake=100)
    later = prepare_clips(video, output, settings=settings, limits=loose, leave_out_rejected=True)
    assert all(clip.written and not clip.reasons for clip in later.clips)


def test_manually_removed_clips_are_not_recreated(raw, tmp_path):
    output = tmp_path / "clips"
    clip, _ = prepare_clips(raw / "two.mp4", output).clips
    for file in (output / "JPEGImages" / clip.name).iterdir():
        file.unlink()
    (output / "JPEGImages" / clip.name).rmdir()
    again = prepare_clips(raw / "two.mp4", output).clips
    assert [(clip.name, clip.written) for clip in again] == [("two_01", False), ("two_02", True)]
    assert not (output / "JPEGImages" / clip.name).exists()


@pytest.mark.parametrize(("height", "size"), [(32, (32, 48)), (480, SIZE)])
def test_height_never_enlarges_frames(raw, tmp_path, height, size):
    settings = ClipSettings(clips_per_video=1, height=height)
    (clip,) = prepare_clips(raw / "two.mp4", tmp_path / "clips", settings=settings).clips
    with Image.open(tmp_path / "clips" / "JPEGImages" / clip.name / "00000.jpg") as image:
        assert image.size[::-1] == size


def test_output_folder_must_be_new_or_have_the_same_settings(raw, made, tmp_path):
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="contains something other than the clips of an earlier"):
        prepare_clips(raw, tmp_path)
    message = r"clips made with max seconds 2, not 4, seed 0, not 7; use the same settings"
    with pytest.raises(InputError, match=message):
        prepare_clips(raw, made[0], settings=ClipSettings(min_seconds=1, max_seconds=4, seed=7))


def test_replaced_video_is_reported(raw, tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes((raw / "two.mp4").read_bytes())
    prepare_clips(video, tmp_path / "clips", settings=SHORT)
    write_video(video, shot(9, 30))
    report = prepare_clips(video, tmp_path / "clips", settings=SHORT)
    assert "a.mp4: a different file of this name was cut" in report.failures["a.mp4"]
    assert len(report.clips) == 5


def test_finding_videos(tmp_path):
    for name in ("b10.MP4", "b9.mkv", "sub/a b.webm", ".hidden.mp4", ".git/x.mp4", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = find_videos(tmp_path)
    assert [video.label for video in found] == ["b9.mkv", "b10.MP4", "sub/a b.webm"]
    assert [video.name for video in found] == ["b9", "b10", "sub-a_b"]
    (tmp_path / "b9.avi").touch()
    with pytest.raises(InputError, match=r"of b9\.avi and b9\.mkv would both be called b9_…"):
        find_videos(tmp_path)
    with pytest.raises(InputError, match=r"absent: no such file or folder"):
        find_videos(tmp_path / "absent")
    with pytest.raises(InputError, match=r"\.git/sub: no videos in this folder \(\.3g2, "):
        (tmp_path / ".git" / "sub").mkdir()
        find_videos(tmp_path / ".git" / "sub")


def test_finding_videos_in_linked_folders(tmp_path):
    for name in ("raw/z/a.mp4", "disk/b.mp4"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    (tmp_path / "raw/disk").symlink_to(tmp_path / "disk")
    (tmp_path / "raw/more").symlink_to(tmp_path / "disk")  # only once
    (tmp_path / "raw/a").symlink_to("z")  # under its own path
    (tmp_path / "disk/loop").symlink_to(tmp_path / "raw")
    labels = [video.label for video in find_videos(tmp_path / "raw")]
    assert labels == ["disk/b.mp4", "z/a.mp4"]


def test_clips_are_named_alike_on_every_system(tmp_path):
    (tmp_path / unicodedata.normalize("NFD", "café.mp4")).touch()
    assert [video.name for video in find_videos(tmp_path)] == ["café"]


def test_missing_extra_is_reported(raw, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scenedetect", None)
    with pytest.raises(InputError, match=r"run: pip install 'ytvos-keras\[clips\]'$"):
        prepare_clips(raw, tmp_path / "clips")
    assert not Path(tmp_path / "clips").exists()
