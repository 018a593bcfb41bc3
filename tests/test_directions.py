"""Bidirectional propagation from the given masks.

The fake model moves an object one pixel to the right per step.
"""

import logging
import warnings

import av
import numpy as np
import pytest
import tensorflow as tf
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference import Segmenter, inputs, passes, segment_files
from ytvos_keras.inference.backward_pass import FOLDER_NAME
from ytvos_keras.inference.directions import choose_directions, merge_directions
from ytvos_keras.inference.first_masks import open_first_masks
from ytvos_keras.inference.frame_range import FrameRange
from ytvos_keras.media import open_frames, read_mask, write_mask
from ytvos_keras.media.reversed_frames import read_reversed
from ytvos_keras.media.video import VideoWriter

SIZE = (32, 48)
COUNT = 8


def bar(column, value=1, row=0):
    mask = np.zeros(SIZE, np.uint8)
    mask[row : row + 4, column] = value
    return mask


def column(labels, value=1):
    """The first column of an object, or None if it is absent."""
    columns = np.flatnonzero((labels == value).any(0))
    return columns[0] if columns.size else None


def columns(folder, value=1):
    files = sorted(folder.glob("*.png"))
    return [column(read_mask(file, allow_empty=True)[0], value) for file in files]


def frame(index):
    return np.full((*SIZE, 3), 100 + 10 * index, np.uint8)


@pytest.fixture
def clip(tmp_path):
    folder = tmp_path / "clip"
    folder.mkdir()
    for index in range(COUNT):
        Image.fromarray(frame(index)).save(folder / f"{index:03d}.png")
    return folder


@pytest.fixture
def mask(tmp_path):
    """An object at column 20 of frame 3."""
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "003.png", bar(20))
    return tmp_path / "masks"


BOTH = [23, 22, 21, 20, 21, 22, 23, 24]  # away from the mask, one column per frame


@pytest.mark.parametrize(
    ("direction", "expected"),
    [
        (None, BOTH),
        ("both", BOTH),
        ("forward", [None] * 3 + BOTH[3:]),
        ("backward", BOTH[:4] + [None] * 4),
    ],
)
def test_directions(tmp_path, clip, mask, caplog, direction, expected):
    caplog.set_level(logging.INFO, "ytvos_keras")
    calls = []
    result = segment_files(
        clip,
        mask,
        tmp_path / "out",
        FakeModel(),
        direction=direction,
        on_progress=lambda *call: calls.append(call),
    )
    assert columns(result.masks) == expected
    assert result.frame_count == COUNT
    assert ("are also tracked backward" in caplog.text) == (direction is None)
    backward = [call for call in calls if call[0] == "backward"]
    assert backward == ([] if direction == "forward" else [("backward", i, 4) for i in range(1, 5)])
    assert not (tmp_path / "out" / FOLDER_NAME).exists()
    memory = Segmenter(FakeModel()).segment(
        map(frame, range(COUNT)), {3: bar(20)}, direction=direction or "both"
    )
    assert [column(labels) for labels in memory] == expected


def test_with_a_first_mask_the_default_is_forward(tmp_path, clip, mask):
    """As in the benchmarks: an object that appears late is not searched for in earlier frames."""
    write_mask(mask / "000.png", bar(5, 2, row=10))
    result = segment_files(clip, mask, tmp_path / "out", FakeModel())
    assert columns(result.masks) == [None] * 3 + BOTH[3:]
    assert columns(result.masks, 2) == list(range(5, 5 + COUNT))


def test_single_mask_of_any_frame(tmp_path, clip, mask):
    arguments = clip, mask / "003.png"
    result = segment_files(*arguments, tmp_path / "a", FakeModel(), mask_frame="003")
    assert columns(result.masks) == BOTH
    result = segment_files(*arguments, tmp_path / "b", FakeModel(), mask_frame="3")
    assert columns(result.masks) == BOTH
    with pytest.raises(InputError, match=r"clip: has no frame '9'; give a frame's name or number"):
        segment_files(*arguments, tmp_path / "c", FakeModel(), mask_frame="9")


def test_between_two_masks_the_nearer_one_wins(tmp_path, clip, mask):
    write_mask(mask / "006.png", bar(30))
    arguments = clip, mask
    first_only = segment_files(*arguments, tmp_path / "a", FakeModel())
    assert columns(first_only.masks) == BOTH
    both = segment_files(*arguments, tmp_path / "b", FakeModel(), all_masks=True)
    assert columns(both.masks) == [23, 22, 21, 20, 21, 31, 30, 31]
    (tmp_path / "corrections").mkdir()
    (mask / "006.png").rename(tmp_path / "corrections" / "006.png")
    corrected = segment_files(
        *arguments, tmp_path / "c", FakeModel(), corrections=tmp_path / "corrections"
    )
    assert columns(corrected.masks) == columns(both.masks)
    memory = Segmenter(FakeModel()).segment(
        [frame(i) for i in range(COUNT)], {3: bar(20)}, {6: bar(30)}, direction="both"
    )
    assert [column(labels) for labels in memory] == columns(both.masks)


class DarkFrames(FakeModel):
    """Lowers the confidence in dark frames and in all frames that follow them."""

    def step_features(self, features, state):
        probabilities, after = super().step_features(features, state)
        is_bright = tf.cast(features["grey"][:, :1, :1, 0] > 105, tf.float32)
        return probabilities, after | {
            "confidence": state["confidence"] * (0.1 + 0.85 * is_bright[:, 0])
        }


def test_in_memory_the_more_confident_direction_wins():
    frames = [frame(index) for index in range(COUNT)]
    masks, corrections = {0: bar(10)}, {COUNT - 1: bar(30)}
    nearer = list(Segmenter(FakeModel()).segment(frames, masks, corrections, direction="both"))
    assert [column(labels) for labels in nearer] == [10, 11, 12, 13, 33, 32, 31, 30]
    frames[1] = np.full((*SIZE, 3), 100, np.uint8)  # the forward pass is unreliable from here on
    segmenter = Segmenter(DarkFrames())
    sure = list(segmenter.segment(iter(frames), masks, corrections, direction="both"))
    assert [column(labels) for labels in sure][2:] == [35, 34, 33, 32, 31, 30]


def test_in_memory_objects_tracked_before_are_kept():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(bar(5, row=10), 2)
    frames = [frame(index) for index in range(COUNT)]
    masks = {3: bar(20), 4: bar(40, 2)}  # object 2 is tracked, so its mask is not used
    found = list(segmenter.segment(frames, masks, direction="both"))
    assert [column(labels) for labels in found] == BOTH
    assert [column(labels, 2) for labels in found] == list(range(5, 5 + COUNT))
    # The confidence in it has fallen, so the backward pass from a correction wins.
    later = list(segmenter.segment(frames, {}, {6: bar(40, 2)}, direction="both"))
    assert [column(labels, 2) for labels in later] == [46, 45, 44, 43, 42, 41, 40, 41]


def test_in_memory_masks_beyond_the_end_are_reported():
    masks, corrections = {3: bar(20), COUNT + 2: bar(9, 2)}, {COUNT: bar(30)}
    frames = (frame(index) for index in range(COUNT))
    with pytest.warns(UserWarning, match="the mask of frame 8 was not used"):
        found = list(Segmenter(FakeModel()).segment(frames, masks, corrections, direction="both"))
    assert [column(labels) for labels in found] == BOTH


def test_in_memory_many_thin_objects():
    """Without the object that is given before, the ids have a gap, as grey levels of edges do."""
    thin = sum(bar(3 * object_id, object_id) for object_id in range(1, 14))
    masks = {0: bar(3, 12, row=20), 2: thin}
    found = list(Segmenter(FakeModel()).segment([frame(0)] * 3, masks, direction="both"))
    assert column(found[2], 13) == 39


@pytest.mark.parametrize("direction", ["both", "backward"])
def test_in_memory_without_masks(direction):
    found = list(Segmenter(FakeModel()).segment([frame(0)] * 2, {}, direction=direction))
    np.testing.assert_array_equal(found, np.zeros((2, *SIZE)))


def test_in_memory_an_error_leaves_the_segmenter_as_it_was():
    segmenter = Segmenter(FakeModel())
    segmenter.add_object(bar(5), 2)
    frames = [frame(0), frame(1)[:8], frame(2)]
    with pytest.raises(InputError, match="8 pixels, but the video is"):
        list(segmenter.segment(frames, {2: bar(20)}, direction="both"))
    assert segmenter.object_ids == [2]


def test_frames_of_a_generator_are_checked_like_others():
    found = Segmenter(FakeModel()).segment(
        (frame(index).astype(np.float32) for index in range(COUNT)), {3: bar(20)}, direction="both"
    )
    assert [column(labels) for labels in found] == BOTH
    with pytest.raises(InputError, match=r"frame 0: a frame must be RGB"):
        list(Segmenter(FakeModel()).segment(iter([bar(0)]), bar(0), direction="both"))


def test_merge_by_confidence_and_overlap():
    forward, backward = bar(1) + bar(9, 2), bar(2) + bar(9, 2, row=8)
    trusted, unsure = {1: [0, 10], 2: [0, 10]}, ({}, {})
    merged = merge_directions(forward, backward, choose_directions(4, trusted, unsure))
    np.testing.assert_array_equal(merged, forward)  # forward is nearer
    sure = {1: 0.5, 2: 0.5}, {1: 0.9, 2: 0.5}
    merged = merge_directions(forward, backward, choose_directions(4, trusted, sure))
    np.testing.assert_array_equal(merged, bar(2) + bar(9, 2))
    chosen = choose_directions(4, {1: [3], 2: [9]}, unsure)
    over = merge_directions(bar(1), bar(1, 2), chosen)
    np.testing.assert_array_equal(over, bar(1))  # object 1's mask is nearer
    chosen = choose_directions(10, {1: [0, 10]}, ({1: 0.1}, {1: 0.9}))
    assert chosen == {1: (True, 0)}  # the given mask, however sure the passes are


@pytest.mark.parametrize(("stage", "count"), [("backward", 2), ("backward", 4), ("masks", 5)])
def test_interrupted_and_resumed(tmp_path, clip, mask, monkeypatch, stage, count):
    monkeypatch.setattr(passes, "SAVE_EVERY", 3)
    segment_files(clip, mask, tmp_path / "whole", FakeModel())

    def interrupt(now, done, total):
        if (now, done) == (stage, count):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, mask, tmp_path / "out", FakeModel(), on_progress=interrupt)
    assert (tmp_path / "out" / FOLDER_NAME).is_dir()
    calls = []
    segment_files(clip, mask, tmp_path / "out", FakeModel(), on_progress=lambda *c: calls.append(c))
    again = [call[1] for call in calls if call[0] == stage]
    assert again == list(range(count + 1, (5 if stage == "backward" else 9)))
    whole, out = (
        {file.name: file.read_bytes() for file in (tmp_path / name).iterdir()}
        for name in ("whole", "out")
    )
    assert out == whole


def test_interrupted_backward_pass_is_an_unfinished_run(tmp_path, clip, mask):
    arguments = clip, mask, tmp_path / "out", FakeModel()

    def interrupt(*call):
        if call[:2] == ("backward", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(*arguments, on_progress=interrupt)
    with pytest.raises(InputError, match="contains an unfinished run with other frames"):
        segment_files(*arguments, direction="forward")
    calls = []
    segment_files(*arguments, on_progress=lambda *call: calls.append(call[:2]))
    assert calls[0] == ("backward", 3)


def test_backward_pass_interrupted_in_its_first_frame_leaves_nothing(
    tmp_path, clip, mask, monkeypatch
):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(passes, "write_mask", interrupt)
    with pytest.raises(KeyboardInterrupt):
        segment_files(clip, mask, tmp_path / "out", FakeModel())
    assert not list((tmp_path / "out").iterdir())


def test_interrupted_overwriting_is_resumed(tmp_path, clip, mask):
    arguments = clip, mask, tmp_path / "out", FakeModel()
    segment_files(*arguments)
    calls = []

    def interrupt(*call):
        calls.append(call[:2])
        if call[:2] == ("backward", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        segment_files(*arguments, overwrite=True, on_progress=interrupt)
    result = segment_files(*arguments, on_progress=lambda *call: calls.append(call[:2]))
    assert calls[:4] == [("backward", i) for i in range(1, 5)]
    assert columns(result.masks) == BOTH


def test_backward_pass_is_kept_if_the_forward_pass_is_interrupted_at_once(
    tmp_path, clip, mask, monkeypatch
):
    arguments = clip, mask, tmp_path / "out", FakeModel()
    segment_files(*arguments)
    real = passes.write_mask

    def interrupt(path, *rest):
        if path.parent == tmp_path / "out":
            raise KeyboardInterrupt
        real(path, *rest)

    monkeypatch.setattr(passes, "write_mask", interrupt)
    with pytest.raises(KeyboardInterrupt):
        segment_files(*arguments, overwrite=True)
    monkeypatch.setattr(passes, "write_mask", real)
    stages = set()
    result = segment_files(*arguments, on_progress=lambda stage, *_: stages.add(stage))
    assert stages == {"masks"}
    assert columns(result.masks) == BOTH


@pytest.fixture(params=["a.mp4", "a.avi"])
def video(request, tmp_path):
    """One video with an index of key frames, and one without."""
    path = tmp_path / request.param
    if path.suffix == ".mp4":
        with VideoWriter(path) as writer:
            for index in range(COUNT):
                writer.write(frame(index))
        return path
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"g": "4"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame(index))))
        container.mux(stream.encode(None))
    return path


def test_videos_are_read_backward(tmp_path, video):
    source = open_frames(video)
    forward = dict(source)
    backward = list(read_reversed(source, [6, 5, 2, 0]))
    assert [name for name, _ in backward] == ["00006", "00005", "00002", "00000"]
    for name, picture in backward:
        np.testing.assert_array_equal(picture, forward[name])
    write_mask(tmp_path / "mask.png", bar(20))
    result = segment_files(
        video, tmp_path / "mask.png", tmp_path / "o", FakeModel(), mask_frame="3"
    )
    assert columns(result.masks) == BOTH


def test_a_mask_behind_the_end_is_no_mask_of_an_earlier_frame(tmp_path, video, monkeypatch):
    source = open_frames(video)
    source.count = None if video.suffix == ".mp4" else COUNT + 20  # by a wrong header
    monkeypatch.setattr(inputs, "open_frames", lambda path, **_: source)
    write_mask(tmp_path / "mask.png", bar(20))
    for number, message in (("10", "ends before frame 00010"), ("9" * 5000, "has no frame '99")):
        with pytest.raises(InputError, match=message), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the cut-off file
            segment_files(
                video, tmp_path / "mask.png", tmp_path / "o", FakeModel(), mask_frame=number
            )


def test_no_video_has_more_frames_than_bytes(tmp_path, video):
    source = open_frames(video)
    source.count = None
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / "20240101123015.png", bar(20))
    with pytest.raises(InputError, match="has no frame of this name"):
        open_first_masks(tmp_path / "masks", source)


def test_a_state_that_says_billions_of_frames_ends_at_the_last_frame(tmp_path, clip, mask):
    assert inputs.check_files(clip, mask, tmp_path / "out").index_after(10**18) == COUNT


def test_frame_range(tmp_path, clip, mask):
    options = {"start": "002", "stop": "6", "overlay": True}
    result = segment_files(clip, mask, tmp_path / "out", FakeModel(), **options)
    assert [file.stem for file in sorted(result.masks.glob("*.png"))] == [
        "002",
        "003",
        "004",
        "005",
    ]
    assert columns(result.masks) == BOTH[2:6]
    assert open_frames(result.overlay).count == 4
    single = segment_files(clip, mask / "003.png", tmp_path / "b", FakeModel(), start="5")
    assert columns(single.masks) == [20, 21, 22]  # a single mask belongs to the first frame
    with pytest.raises(
        InputError, match="a mask is given for frame 3, outside the range of frames"
    ):
        segment_files(clip, mask, tmp_path / "c", FakeModel(), stop="3")
    write_mask(mask / "004.png", bar(9))
    later = segment_files(clip, mask, tmp_path / "e", FakeModel(), start="4")
    assert columns(later.masks) == [9, 10, 11, 12]  # the first mask in the range
    (mask / "004.png").unlink()
    (tmp_path / "corrections").mkdir()
    write_mask(tmp_path / "corrections" / "006.png", bar(30))
    with pytest.raises(InputError, match="corrections: a mask is given for frame 6, outside"):
        segment_files(
            *(clip, mask, tmp_path / "d", FakeModel()),
            corrections=tmp_path / "corrections",
            stop="6",
        )


def test_time_range(tmp_path, clip):
    with VideoWriter(tmp_path / "a.mp4", 2) as writer:
        for index in range(COUNT):
            writer.write(frame(index))
    source = open_frames(tmp_path / "a.mp4")
    assert FrameRange.of("1s", "0:03", source) == FrameRange(2, 6)
    assert FrameRange.of("1.2s", None, source) == FrameRange(3, None)
    for text in (str(COUNT), f"{COUNT:05d}"):
        assert FrameRange.of("2", text, source) == FrameRange(2, COUNT)
    with pytest.raises(InputError, match=f"has no frame '{COUNT + 1}'"):
        FrameRange.of("2", str(COUNT + 1), source)
    for text in ("4s", "1:00"):  # the last frame is shown at 3.5 s
        assert FrameRange.of("2", text, source) == FrameRange(2, None)
    for text in ("1:00", "99", "nonsense"):
        with pytest.raises(InputError, match="has no frame"):
            FrameRange.of(text, None, source)
    with VideoWriter(tmp_path / "a.avi", 2) as writer:  # no time stamps
        for index in range(COUNT):
            writer.write(frame(index))
    source = open_frames(tmp_path / "a.avi")
    source.count = 3  # the header says too few
    assert FrameRange.of("2s", "2.5s", source) == FrameRange(4, 5)
    with pytest.raises(InputError, match="no frame from 5 to 5"):
        FrameRange.of("5", "5", source)
    with pytest.raises(InputError, match="or its frames have no times"):
        FrameRange.of("1s", None, open_frames(clip))
    with pytest.raises(InputError, match="or its frames have no times"):
        FrameRange.of(None, "1s", open_frames(clip))
    assert FrameRange.of(None, f"{COUNT:03d}", open_frames(clip)) == FrameRange(0, COUNT)


def test_unknown_direction(tmp_path, clip, mask):
    with pytest.raises(InputError, match="direction must be one of forward, backward, both"):
        segment_files(clip, mask, tmp_path / "out", FakeModel(), direction="up")
    with pytest.raises(InputError, match="direction must be one of"):
        next(Segmenter(FakeModel()).segment([frame(0)], bar(0), direction="up"))


def test_confidence_is_written_and_summarized(tmp_path, clip, mask, monkeypatch, caplog):
    """With a Segmenter that has one: backward stays confident, forward declines."""
    caplog.set_level(logging.INFO, "ytvos_keras")

    values = iter([0.9, 0.9, 0.8, 0.7, 0, 0, 0, 1.0, 0.9, 0.6, 0.4, 0.2])
    monkeypatch.setattr(
        Segmenter, "confidence", property(lambda self: {1: next(values)}), raising=False
    )
    result = segment_files(clip, mask, tmp_path / "out", FakeModel())
    rows = (tmp_path / "out" / "confidence.csv").read_text().splitlines()
    assert rows[0] == "frame,object,confidence"
    expected = [0.7, 0.8, 0.9, 1.0, 0.9, 0.6, 0.4, 0.2]
    assert rows[1:] == [f"{i:03d},1,{value}" for i, value in enumerate(expected)]
    assert result.lost == {1: ["006", "007"]}
    assert (
        "object 1 is probably lost in 2 frames, the first is 006; see confidence.csv" in caplog.text
    )
