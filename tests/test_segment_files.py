import dataclasses
import logging
import re
import sys
from fractions import Fraction

import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference import (
    OnlineLearningConfig,
    Segmenter,
    SegmentOptions,
    file_segmentation,
    passes,
    segment_files,
)
from ytvos_keras.inference import inputs as inputs_module
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media import atomic, davis_palette, open_frames, read_mask, write_mask
from ytvos_keras.media.folder_lock import FolderInUseError
from ytvos_keras.media.masks import check_label_map
from ytvos_keras.media.video import VideoWriter

SIZE = (32, 48)


def box(top, left, value=1, side=8, size=SIZE):
    mask = np.zeros(size, np.uint8)
    mask[top : top + side, left : left + side] = value
    return mask


def bright(index, size=SIZE):
    """A frame with one dark row at a position that moves, so that every frame is different."""
    frame = np.full((*size, 3), 150, np.uint8)
    frame[(3 * index) % size[0]] = 0
    return frame


@pytest.fixture
def clip(tmp_path):
    """A folder of eight frames."""
    folder = tmp_path / "clip"
    folder.mkdir()
    for i in range(8):
        Image.fromarray(bright(i)).save(folder / f"img{i + 5}.png")  # img5 … img12
    return folder


@pytest.fixture
def video(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4", Fraction(30000, 1001)) as writer:
        for i in range(8):
            writer.write(bright(i))
    return tmp_path / "clip.mp4"


@pytest.fixture
def masks(tmp_path):
    """Two objects in the first frame, and a third one in frame 3."""
    folder = tmp_path / "first_masks"
    folder.mkdir()
    write_mask(folder / "img5.png", box(2, 2) + box(20, 20, 5))
    write_mask(folder / "img8.png", box(12, 2, 9))
    return folder


def contents(folder):
    files = [file for file in folder.iterdir() if file.name != "confidence.csv"]
    return {file.name: file.read_bytes() for file in files}


def assert_same_results(folder, expected):
    """Compare masks byte by byte, but the overlay by its decoded frames.

    The assembly code of x264 encodes frames this small slightly differently from run to run, at the
    same distance from the originals; with `asm=0` the bytes are equal.
    """
    found, wanted = contents(folder), contents(expected)
    assert found.keys() == wanted.keys()
    if "overlay.mp4" in found:
        shown = [[frame for _, frame in open_frames(f / "overlay.mp4")] for f in (folder, expected)]
        a, b = np.array(shown, int)
        assert a.shape == b.shape
        assert np.abs(a - b).mean() < 3
    found.pop("overlay.mp4", None), wanted.pop("overlay.mp4", None)
    assert found == wanted


def test_float16_is_not_for_online_learning():
    learning = OnlineLearningConfig()
    with pytest.raises(InputError, match="does not scale its loss"):
        SegmentOptions(precision="mixed_float16", online_learning=learning)
    SegmentOptions(
        precision="mixed_float16",
        online_learning=dataclasses.replace(learning, precision="float32"),
    )


def test_precision_of_a_loaded_model(clip, tmp_path):
    write_mask(tmp_path / "first.png", box(2, 2))
    with pytest.raises(InputError, match="load the model in that precision"):
        segment_files(
            clip, tmp_path / "first.png", tmp_path / "out", FakeModel(), precision="mixed_bfloat16"
        )
    assert not (tmp_path / "out").exists()


def test_folder_in_palette_pngs_out(tmp_path, clip):
    palette = davis_palette().copy()
    palette[1] = 236, 95, 103
    write_mask(tmp_path / "first.png", box(2, 2), palette)
    result = segment_files(clip, tmp_path / "first.png", tmp_path / "new" / "out", FakeModel())
    assert (result.frame_count, result.resumed_from, result.overlay) == (8, 0, None)
    written = sorted(contents(result.masks))
    assert written == sorted(f"img{i}.png" for i in range(5, 13))
    for i in range(8):
        label_map, own = read_mask(result.masks / f"img{i + 5}.png", allow_empty=True)
        assert label_map.shape == SIZE
        np.testing.assert_array_equal(own, palette)
    np.testing.assert_array_equal(read_mask(result.masks / "img5.png")[0], box(2, 2))


def test_binary_mask_gets_davis_colours(tmp_path, clip):
    Image.fromarray(box(2, 2, 255)).save(tmp_path / "first.png")
    segment_files(clip, tmp_path / "first.png", tmp_path / "out", FakeModel())
    label_map, palette = read_mask(tmp_path / "out" / "img5.png")
    np.testing.assert_array_equal(label_map, box(2, 2))
    np.testing.assert_array_equal(palette, davis_palette())


def test_objects_that_appear_late(tmp_path, clip, masks):
    segment_files(clip, masks, tmp_path / "out", FakeModel())
    ids = [set(np.unique(read_mask(tmp_path / "out" / f"img{i}.png")[0])) for i in range(5, 13)]
    assert ids == [{0, 1, 5}] * 3 + [{0, 1, 5, 9}] * 5
    given = read_mask(tmp_path / "out" / "img8.png")[0]
    np.testing.assert_array_equal(given == 9, box(12, 2) > 0)


def test_video_in_with_masks_named_by_frame_number(tmp_path, video):
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "2.png", box(2, 2))
    write_mask(tmp_path / "masks" / "00004.png", box(20, 20, 2))
    calls = []
    result = segment_files(
        video,
        tmp_path / "masks",
        tmp_path / "out",
        FakeModel(),
        direction="forward",
        overlay=True,
        on_progress=lambda *call: calls.append(call),
    )
    assert result.overlay == tmp_path / "out" / "overlay.mp4"
    names = [f"{i:05d}.png" for i in range(8)]
    assert sorted(contents(tmp_path / "out")) == [*names, "overlay.mp4"]
    ids = [np.unique(read_mask(tmp_path / "out" / n, allow_empty=True)[0]).max() for n in names]
    assert ids == [0, 0, 1, 1, 2, 2, 2, 2]
    shown = open_frames(result.overlay)
    assert (shown.count, shown.fps, shown.size) == (8, Fraction(30000, 1001), SIZE)
    assert calls == [(s, i, 8) for s in ("masks", "overlay") for i in range(1, 9)]


def test_overlay_of_a_folder_shows_the_colours(tmp_path, clip):
    write_mask(tmp_path / "first.png", box(2, 2, side=24))
    result = segment_files(
        clip, tmp_path / "first.png", tmp_path / "out", FakeModel(), overlay=True
    )
    shown = open_frames(result.overlay)
    assert shown.fps == 24
    _, frame = next(iter(shown))
    red, green, _ = frame[14, 14].astype(int)
    assert red - green > 40


def interrupt_at(stage, count, error=KeyboardInterrupt):
    def report(now, done, total):
        if (now, done) == (stage, count):
            raise error

    return report


@pytest.mark.parametrize(
    ("source", "stage", "count", "save_every"),
    [
        ("clip", "masks", 1, 50),
        ("clip", "masks", 3, 2),
        ("clip", "masks", 8, 3),
        ("clip", "overlay", 4, 50),
        ("video", "masks", 4, 2),
        ("video", "overlay", 4, 50),
    ],
)
def test_resumed_equals_uninterrupted(
    tmp_path, clip, video, masks, monkeypatch, caplog, source, stage, count, save_every
):
    monkeypatch.setattr(passes, "SAVE_EVERY", save_every)
    caplog.set_level(logging.INFO, "ytvos_keras")
    frames = {"clip": clip, "video": video}[source]
    if source == "video":
        (masks / "img5.png").rename(masks / "0.png")
        (masks / "img8.png").rename(masks / "3.png")
    segment_files(frames, masks, tmp_path / "whole", FakeModel(), overlay=True)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_files(
            frames,
            masks,
            out,
            FakeModel(),
            overlay=True,
            on_progress=interrupt_at(stage, count),
        )
    done = count if stage == "masks" else 8
    names = [name for name, _ in open_frames(frames)]
    assert set(contents(out)) == {RESUME_NAME, *(f"{name}.png" for name in names[:done])}
    again = []
    result = segment_files(
        frames, masks, out, FakeModel(), overlay=True, on_progress=lambda *c: again.append(c)
    )
    assert result.resumed_from == done
    assert f"resuming after {done} frames of an earlier run" in caplog.messages
    assert [c[1] for c in again if c[0] == "masks"] == list(range(done + 1, 9))
    assert_same_results(out, tmp_path / "whole")


def test_interrupted_within_a_frame(tmp_path, clip, masks, monkeypatch):
    segment_files(clip, masks, tmp_path / "whole", FakeModel())
    real = passes.write_mask

    def interrupted(path, *args):
        if path.name == "img8.png":  # the third object was just added; its frame is being stepped
            raise KeyboardInterrupt
        real(path, *args)

    monkeypatch.setattr(passes, "write_mask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, masks, tmp_path / "out", FakeModel())
    monkeypatch.setattr(passes, "write_mask", real)
    assert segment_files(clip, masks, tmp_path / "out", FakeModel()).resumed_from == 3
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_killed_without_saving(tmp_path, clip, masks, monkeypatch):
    """A power cut leaves the last regular save, and masks newer than it."""
    segment_files(clip, masks, tmp_path / "whole", FakeModel())
    monkeypatch.setattr(passes, "SAVE_EVERY", 3)
    kept = {}

    def keep(stage, done, total):
        if done == 5:
            kept.update(contents(tmp_path / "out"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, masks, tmp_path / "out", FakeModel(), on_progress=keep)
    (tmp_path / "out" / RESUME_NAME).write_bytes(kept[RESUME_NAME])
    (tmp_path / "out" / ".0123456789abcdef.part").write_bytes(b"half a mask")
    atomic._swept.clear()  # simulate another process
    assert segment_files(clip, masks, tmp_path / "out", FakeModel()).resumed_from == 3
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.fixture
def corrections(tmp_path):
    """Re-initializes object 5 in frames 2 and 6, and object 1 in frame 6."""
    folder = tmp_path / "corrections"
    folder.mkdir()
    write_mask(folder / "img7.png", box(4, 30, 5))
    write_mask(folder / "img11.png", box(22, 30, 5) + box(0, 0))
    return folder


def test_many_thin_objects(tmp_path, clip):
    """An index image has ids; as an array, it would be taken for smooth edges."""
    labels = np.zeros(SIZE, np.uint8)
    for object_id in (*range(1, 12), 13):
        labels[4:28, 3 * object_id] = object_id
    with pytest.raises(InputError, match="smooth edges"):
        check_label_map(labels)
    write_mask(tmp_path / "first.png", labels)
    result = segment_files(clip, tmp_path / "first.png", tmp_path / "out", FakeModel())
    np.testing.assert_array_equal(read_mask(result.masks / "img5.png")[0], labels)


def test_corrections(tmp_path, clip, masks, corrections):
    plain = segment_files(clip, masks, tmp_path / "plain", FakeModel()).masks
    out = segment_files(clip, masks, tmp_path / "out", FakeModel(), corrections=corrections).masks
    for name in ("img7", "img11"):
        given, labels = read_mask(corrections / f"{name}.png")[0], read_mask(out / f"{name}.png")[0]
        np.testing.assert_array_equal(labels[given > 0], given[given > 0])
    for i in range(5, 13):
        before, after = (read_mask(folder / f"img{i}.png")[0] for folder in (plain, out))
        np.testing.assert_array_equal(before == 9, after == 9)  # this object is not corrected
        assert ((before == 5) == (after == 5)).all() == (i < 7)
        assert ((before == 1) == (after == 1)).all() == (i < 11)


@pytest.mark.parametrize(
    ("name", "mask", "message"),
    [
        ("img5", box(0, 0), "img5.png: object 1 is not tracked before this frame"),
        ("img8", box(0, 0, 9), "Tracked: 1, 5."),
        ("img9", box(0, 0, 7), "Tracked: 1, 5, 9."),
        ("img9", box(0, 0, 0), "img9.png: no object in it"),
        ("img9", box(0, 0) > 0, "img9.png: black and white, so it does not show which object"),
        ("img9", box(0, 0, size=(8, 8)), "img9.png: the mask is 8×8 pixels, but the video is"),
        ("img99", box(0, 0), "has no frame of this name"),
    ],
)
def test_unusable_corrections(tmp_path, clip, masks, name, mask, message):
    (tmp_path / "corrections").mkdir()
    if mask.dtype == bool:
        Image.fromarray(mask).save(tmp_path / "corrections" / f"{name}.png")
    else:
        write_mask(tmp_path / "corrections" / f"{name}.png", mask)
    with pytest.raises(InputError, match=re.escape(message)):
        segment_files(clip, masks, tmp_path / "out", "none", corrections=tmp_path / "corrections")
    with pytest.raises(InputError, match=r"absent: no such folder; give a folder of masks"):
        segment_files(clip, masks, tmp_path / "out", "none", corrections=tmp_path / "absent")


def test_folder_in_which_another_run_has_just_finished(tmp_path, clip, masks, monkeypatch):
    def meanwhile(*arguments, **options):
        (tmp_path / "out").mkdir()
        write_mask(tmp_path / "out/img5.png", box(1, 1))

    monkeypatch.setattr(file_segmentation, "find_first_masks", meanwhile)
    with pytest.raises(FolderInUseError, match="out: another run has just finished there"):
        segment_files(clip, masks, tmp_path / "out", FakeModel())
    np.testing.assert_array_equal(read_mask(tmp_path / "out/img5.png")[0], box(1, 1))


def test_confidence_is_in_the_order_of_frames(tmp_path, clip, masks, monkeypatch):
    monkeypatch.setattr(Segmenter, "confidence", {1: 0.25}, raising=False)
    result = segment_files(clip, masks, tmp_path / "out", FakeModel())
    names = [f"img{i}" for i in range(5, 13)]
    rows = (tmp_path / "out/confidence.csv").read_text().splitlines()
    assert rows[1:] == [f"{name},1,0.25" for name in names]
    assert result.lost == {1: names}


def test_confidence_of_an_earlier_run_is_deleted(tmp_path, clip, masks, monkeypatch):
    segment_files(clip, masks, tmp_path / "out", FakeModel())
    assert (tmp_path / "out/confidence.csv").exists()
    monkeypatch.setattr(Segmenter, "confidence", {})  # as of a model that predicts none
    segment_files(clip, masks, tmp_path / "out", FakeModel(), overwrite=True)
    assert not (tmp_path / "out/confidence.csv").exists()


@pytest.mark.parametrize("source", ["clip", "video"])
def test_every_third_frame(tmp_path, clip, video, masks, corrections, source):
    """Frames with a given mask are also kept: frame 3 has one, frame 2 a correction."""
    frames = {"clip": clip, "video": video}[source]
    (corrections / "img11.png").unlink()
    if source == "video":
        for file in [*masks.iterdir(), *corrections.iterdir()]:
            file.rename(file.with_name(f"{int(file.stem[3:]) - 5}.png"))
    names = [name for name, _ in open_frames(frames)]
    calls, out = [], tmp_path / "out"
    arguments = frames, masks, out, FakeModel()
    options = {"corrections": corrections, "every": 3, "overlay": True}

    def stop(*call):
        calls.append(call)
        if call[:2] == ("masks", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(*arguments, **options, on_progress=stop)
    result = segment_files(*arguments, **options, on_progress=lambda *call: calls.append(call))
    wanted = [names[i] for i in (0, 2, 3, 6)]
    assert (result.frame_count, result.resumed_from) == (4, 2)
    assert calls == [(s, i, 4) for s in ("masks", "overlay") for i in range(1, 5)]
    assert set(contents(out)) == {"overlay.mp4", *(f"{name}.png" for name in wanted)}
    shown = open_frames(result.overlay)
    if source == "video":  # frames keep their times
        times = [time * open_frames(video).fps for _, time, _ in shown.read_with_times()]
        assert times == pytest.approx([0, 2, 3, 6], abs=1e-3)
    assert (shown.count, shown.fps) == (4, 8) or source == "video"
    # As if the video had no other frames: object 5 has moved by one in frame 3.
    labels = read_mask(out / f"{wanted[2]}.png")[0]
    assert labels[4, 29:40].tolist() == [0, 0, *[5] * 8, 0]
    with pytest.raises(InputError, match="every must be at least 1"):
        segment_files(*arguments, every=0, overwrite=True)


@pytest.mark.parametrize(
    "change", ["mask", "frame", "size", "model", "every", "track", "corrections"]
)
def test_different_run_is_not_resumed(tmp_path, clip, masks, corrections, change):
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, masks, out, FakeModel(), on_progress=interrupt_at("masks", 3))
    model, options = FakeModel(), {}
    if change == "mask":
        write_mask(masks / "img8.png", box(12, 3, 9))
    elif change == "frame":
        Image.fromarray(bright(2)[::-1]).save(clip / "img9.png")
    elif change == "size":
        options = {"size": (32, 64)}
    elif change in ("every", "track"):
        options = {change: 2}
    elif change == "corrections":
        options = {"corrections": corrections}
    else:
        model = FakeModel(scale=0.8)
    with pytest.raises(InputError, match=r"unfinished run with other frames.*--overwrite"):
        segment_files(clip, masks, out, model, **options)
    assert segment_files(clip, masks, out, model, **options, overwrite=True).resumed_from == 0
    segment_files(clip, masks, tmp_path / "whole", model, **options)
    # With every=2, a mask of the previous run remains.
    assert contents(tmp_path / "whole").items() <= contents(out).items()


def test_damaged_resume_file(tmp_path, clip, masks):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RESUME_NAME).write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(InputError, match=r"cannot be read; give another folder, or --overwrite"):
        segment_files(clip, masks, tmp_path / "out", FakeModel())


def test_existing_output(tmp_path, clip, masks):
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").write_text("hidden files do not count")
    segment_files(clip, masks, out, FakeModel())
    (out / "notes.txt").write_text("kept")
    before = contents(out)
    with pytest.raises(InputError, match=r"out: is not empty; give another folder, or --overwrite"):
        segment_files(clip, masks, out, FakeModel())
    segment_files(clip, masks, out, FakeModel(), overwrite=True)
    assert contents(out) == before
    for folder in (clip, masks):
        with pytest.raises(InputError, match="contains an input, which could be overwritten"):
            segment_files(clip, masks, folder, FakeModel(), overwrite=True)
    with pytest.raises(InputError, match="is a file; give a folder"):
        segment_files(clip, masks, out / "notes.txt", FakeModel())


def expect_error(frames, masks, out, message):
    """Expect an error before the model is loaded (there is none of that name), and no output."""
    with pytest.raises(InputError, match=re.escape(message)) as error:
        segment_files(frames, masks, out, model="no-such-model")
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_masks_are_checked_first(tmp_path, clip, video, masks):
    out = tmp_path / "out"
    expect_error(clip, tmp_path / "absent.png", out, "absent.png: no such file or folder")
    write_mask(tmp_path / "small.png", box(0, 0, size=(16, 16)))
    expect_error(
        clip, tmp_path / "small.png", out, "small.png: the mask is 16×16 pixels, but the video is"
    )
    (tmp_path / "empty").mkdir()
    expect_error(clip, tmp_path / "empty", out, "empty: no masks (PNG) in this folder")
    write_mask(masks / "img99.png", box(0, 0))
    expect_error(clip, masks, out, "has no frame of this name; name a mask after the frame")
    (masks / "img99.png").rename(tmp_path / "empty" / "8.png")
    expect_error(video, tmp_path / "empty", out, "clip.mp4 has no frame of this name")
    (tmp_path / "empty" / "8.png").rename(tmp_path / "empty" / "3.png")
    write_mask(tmp_path / "empty" / "03.png", box(0, 0))
    expect_error(video, tmp_path / "empty", out, "03.png and 3.png are for the same frame")


def test_coco_file_is_checked_first(tmp_path, clip, masks, monkeypatch):
    pytest.importorskip("pycocotools")

    def expect(coco, message):
        with pytest.raises(InputError, match=re.escape(message)):
            segment_files(clip, masks, tmp_path / "out", "no-such-model", coco=coco)
        assert not (tmp_path / "out").exists()

    expect(tmp_path / "absent" / "a.json", "a.json: the folder does not exist; create it first")
    expect(clip, "clip: is a folder; give a file")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pycocotools", None)
        expect(tmp_path / "a.json", "pip install 'ytvos-keras[annotations]'")
    coco = tmp_path / "out" / "a.json"  # a folder that the run creates
    assert segment_files(clip, masks, tmp_path / "out", FakeModel(), coco=coco).outputs == {
        "coco": coco
    }


def test_blank_masks_in_a_folder(tmp_path, clip, masks):
    write_mask(masks / "img6.png", box(0, 0, 0))
    segment_files(clip, masks, tmp_path / "out", FakeModel())
    for name in ("img5.png", "img8.png"):
        (masks / name).unlink()
    expect_error(clip, masks, tmp_path / "out2", "no object in any of its masks")
    expect_error(clip, masks / "img6.png", tmp_path / "out2", "img6.png: no object in it")


def test_tracked_objects_in_later_masks_are_unaffected(tmp_path, clip, masks, caplog):
    """As in DAVIS annotations, which have a mask for every frame."""
    expected = segment_files(clip, masks, tmp_path / "expected", FakeModel())
    write_mask(masks / "img6.png", box(20, 20))
    write_mask(masks / "img7.png", box(9, 9))
    caplog.set_level(logging.INFO, "ytvos_keras")
    segment_files(clip, masks, tmp_path / "out", FakeModel())
    assert f"{masks}: 2 of 4 masks are used" in caplog.text
    assert contents(tmp_path / "out") == contents(expected.masks)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "I;16"])
def test_second_black_and_white_mask_is_refused(tmp_path, clip, masks, mode):
    """Its object would be id 1 again, whatever was meant."""
    image = Image.fromarray(255 * box(20, 20))
    if mode == "I;16":
        image = Image.fromarray(65535 * box(20, 20).astype(np.uint16))
    else:
        image = image.convert(mode)
    image.save(masks / "img8.png")
    expect_error(clip, masks, tmp_path / "out", r"img8.png: black and white, so its object would")


def test_black_and_white_mask_after_other_ids_is_object_1(tmp_path, clip, masks):
    for file in masks.iterdir():
        file.unlink()
    write_mask(masks / "img5.png", box(4, 4, value=2))
    Image.fromarray(255 * box(20, 20)).save(masks / "img8.png")
    result = segment_files(clip, masks, tmp_path / "out", FakeModel())
    labels, _ = read_mask(result.masks / "img8.png")
    assert set(np.unique(labels)) == {0, 1, 2}


def test_frame_of_a_different_size_keeps_the_run_resumable(tmp_path, clip, masks):
    Image.fromarray(bright(0, (40, 48))).save(clip / "img8.png")
    with pytest.raises(InputError, match="clip, img8: frame 3 is 48×40 pixels, but the video is"):
        segment_files(clip, masks, tmp_path / "out", FakeModel())
    assert sorted(contents(tmp_path / "out")) == [RESUME_NAME, "img5.png", "img6.png", "img7.png"]


def test_failure_in_the_first_frame_leaves_no_files(tmp_path, clip, masks, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(passes, "write_mask", fail)
    with pytest.raises(OSError, match="disk full"):
        segment_files(clip, masks, tmp_path / "out", FakeModel())
    assert contents(tmp_path / "out") == {}


def test_a_header_that_counts_too_few_frames(tmp_path, video, monkeypatch):
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "0.png", box(0, 0))
    write_mask(tmp_path / "masks" / "6.png", box(20, 20, 2))
    arguments = video, tmp_path / "masks"
    segment_files(*arguments, tmp_path / "whole", FakeModel())

    def wrong(path, **options):
        source = open_frames(path, **options)
        source.count = 3
        return source

    monkeypatch.setattr(inputs_module, "open_frames", wrong)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_files(*arguments, out, FakeModel(), on_progress=interrupt_at("masks", 5))
    assert segment_files(*arguments, out, FakeModel()).resumed_from == 5
    assert contents(out) == contents(tmp_path / "whole")
    later = segment_files(
        *(video, tmp_path / "masks" / "0.png", tmp_path / "later", FakeModel()),
        mask_frame="5",
        start="4",
        stop="7",
    )
    assert sorted(contents(later.masks)) == ["00004.png", "00005.png", "00006.png"]
    (tmp_path / "masks" / "6.png").rename(tmp_path / "masks" / "8.png")
    expect_error(*arguments, tmp_path / "none", "has no frame of this name")


def test_masks_beyond_a_video_of_unknown_length(tmp_path, video, monkeypatch):
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "0.png", box(0, 0))
    write_mask(tmp_path / "masks" / "20.png", box(0, 0, 2))
    source = open_frames(video)
    source.count = None
    monkeypatch.setattr(inputs_module, "open_frames", lambda path, **_: source)
    with pytest.warns(UserWarning, match=r"20\.png: not used, the video ends before this frame"):
        segment_files(video, tmp_path / "masks", tmp_path / "out", FakeModel())
