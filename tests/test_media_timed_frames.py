from fractions import Fraction

import av
import numpy as np
import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media.video_frames import VideoFrames


def write_video(path, times, codec="libx264", size=(48, 64), turned=False):
    """Write frames of increasing brightness shown at the given times in milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "8"})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if turned:
            stream.set_display_rotation(90)
        for index, time in enumerate(times):
            picture = np.full((*size, 3), 10 + 4 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


STEADY = [40 * i for i in range(30)]


@pytest.mark.parametrize("times", [STEADY, [0, 10, 60, *(100 + 37 * i for i in range(20))]])
def test_times_match_the_file(tmp_path, times):
    read = list(VideoFrames(write_video(tmp_path / "a.mkv", times)).read_timed())
    assert [time * 1000 for time, _ in read] == times
    for index, (_, frame) in enumerate(read):
        assert np.abs(frame.astype(int) - (10 + 4 * index)).max() < 4


def test_times_start_at_the_first_frame(tmp_path):
    source = VideoFrames(write_video(tmp_path / "a.mkv", [500 + time for time in STEADY]))
    assert [time * 1000 for time, _ in source.read_timed()] == STEADY


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_seeking_gives_the_same_frames(tmp_path, name):
    source = VideoFrames(write_video(tmp_path / name, STEADY))
    read = list(source.read_timed())
    assert len(read) == 30
    for index in (1, 7, 8, 20, 29):
        later = list(source.read_timed(read[index][0]))
        assert [time for time, _ in later] == [time for time, _ in read[index:]]
        np.testing.assert_array_equal(later[0][1], read[index][1])


def test_seeking_is_used_only_where_it_is_exact(tmp_path):
    target = Fraction(1)
    assert VideoFrames(write_video(tmp_path / "a.mp4", STEADY))._lands_before(target)
    assert not VideoFrames(write_video(tmp_path / "a.ts", STEADY))._lands_before(target)


@pytest.mark.parametrize("turned", [False, True])
def test_scaling_applies_to_upright_frames(tmp_path, turned):
    if turned and not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a display matrix")
    source = VideoFrames(write_video(tmp_path / "a.mp4", STEADY, turned=turned))
    height, width = source.size
    assert (height, width) == ((64, 48) if turned else (48, 64))
    _, frame = next(source.read_timed(size=(height // 2, width // 2)))
    assert frame.shape == (height // 2, width // 2, 3)


def test_stream_without_time_stamps_has_a_constant_rate(tmp_path):
    source = VideoFrames(write_video(tmp_path / "a.h264", STEADY))
    assert [time for time, _ in source.read_timed()] == [i / source.fps for i in range(30)]


def test_times_that_run_backwards_are_reported(tmp_path, monkeypatch):
    source = VideoFrames(write_video(tmp_path / "a.mp4", STEADY))
    times = iter([Fraction(0), Fraction(2), Fraction(1)])
    monkeypatch.setattr(source, "_time", lambda frame, index: next(times))
    with pytest.raises(InputError, match=r"a\.mp4: time stamps are missing or run backwards; re-e"):
        list(source.read_timed())
