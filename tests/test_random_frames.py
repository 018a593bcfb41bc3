from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media import open_frames
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.video import VideoWriter

COUNT = 30


def write_video(path, b_frames="2", codec="libx264"):
    """Frames of increasing brightness, with a key frame every eight."""
    with av.open(str(path), "w") as container:
        options = {"g": "8", "bf": b_frames} if path.suffix != ".avi" else {"g": "8"}
        options = options if codec == "libx264" else {"g": "8"}
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for index in range(COUNT):
            picture = np.full((48, 64, 3), 10 + 4 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
def test_random_access_equals_sequential_reading(tmp_path, name):
    path = write_video(tmp_path / name)
    expected = [frame for _, frame in open_frames(path)]
    frames = RandomFrames(path, cache_bytes=0)
    assert frames.count == COUNT
    for index in (17, 16, 15, 29, 0, 1, 2, 20, 8, 7):
        np.testing.assert_array_equal(frames.frame(index), expected[index])
        assert frames.name(index) == f"{index:05d}"


@pytest.mark.parametrize("codec", ["libsvtav1", "libx265", "libvpx-vp9", "mpeg4"])
def test_random_access_with_other_codecs(tmp_path, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"FFmpeg was built without {codec}")
    path = write_video(tmp_path / "a.mkv", codec=codec)
    expected = [frame for _, frame in open_frames(path)]
    frames = RandomFrames(path, cache_bytes=0)
    for index in reversed(range(COUNT)):
        np.testing.assert_array_equal(frames.frame(index), expected[index])


def test_hidden_vp8_frames_are_not_counted(tmp_path):
    """Alternate reference frames have a packet, but are not shown."""
    if "libvpx" not in av.codecs_available:
        pytest.skip("FFmpeg was built without libvpx")
    pictures = [np.full((48, 64, 3), 10 + 4 * index, np.uint8) for index in range(COUNT)]
    with av.open(str(tmp_path / "a.webm"), "w") as container:
        stream = container.add_stream("libvpx", rate=25, options={"g": "8"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        packets = [p for x in pictures for p in stream.encode(av.VideoFrame.from_ndarray(x))]
        packets += stream.encode(None)
        for index, packet in enumerate(packets):
            if index in (3, 12):  # the encoder makes them only in two passes, which PyAV lacks
                data = bytearray(bytes(packet))
                data[0] &= ~0x10  # show_frame
                hidden = av.Packet(bytes(data))
                hidden.stream, hidden.time_base = stream, Fraction(1, 1000)
                hidden.pts = hidden.dts = 40 * index - 20
                container.mux(hidden)
            container.mux(packet)
    expected = [frame for _, frame in open_frames(tmp_path / "a.webm")]
    frames = RandomFrames(tmp_path / "a.webm", cache_bytes=0)
    assert frames.is_indexed
    assert frames.count == len(expected) == COUNT
    for index in reversed(range(COUNT)):
        np.testing.assert_array_equal(frames.frame(index), expected[index])


def test_stepping_backward_decodes_a_group_once(tmp_path, monkeypatch):
    frames = RandomFrames(write_video(tmp_path / "a.mp4"))
    walks = []
    walk = frames._reader.walk
    monkeypatch.setattr(frames._reader, "walk", lambda index: walks.append(index) or walk(index))
    for index in (15, 14, 13, 12, 11, 10, 9, 8):
        frames.frame(index)
    assert walks == [15]


def test_frames_on_the_way_are_decoded_only_where_others_need_them(tmp_path, monkeypatch):
    expected = [frame for _, frame in open_frames(write_video(tmp_path / "a.mp4"))]
    frames = RandomFrames(tmp_path / "a.mp4", cache_bytes=0)
    decoded = []
    picture_of = frames._reader._pictures

    def pictures(start):
        for frame in picture_of(start):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(frames._reader, "_pictures", pictures)
    for index, most in ((15, 6), (9, 2), (15, 5)):  # 8, 2 and 6 without skipping
        decoded.clear()
        np.testing.assert_array_equal(frames.frame(index), expected[index])
        assert 0 < len(decoded) <= most


def test_the_search_for_a_dropped_frame_ends_after_it(tmp_path, monkeypatch):
    frames = RandomFrames(write_video(tmp_path / "a.mp4"))
    times, picture_of, decoded = frames._reader._times, frames._reader._pictures, []

    def pictures(start):
        for frame in picture_of(start):
            decoded.append(frame.pts)
            if frame.pts != times[10]:
                yield frame

    monkeypatch.setattr(frames._reader, "_pictures", pictures)
    with pytest.raises(InputError, match="frame 10 cannot be decoded"):
        frames.frame(10)
    assert max(decoded) == times[11]
    assert frames.frame(12).shape == (48, 64, 3)


def test_near_returns_a_close_key_frame(tmp_path):
    frames = RandomFrames(write_video(tmp_path / "a.mp4"))
    np.testing.assert_array_equal(frames.near(22, 6), frames.frame(16))
    np.testing.assert_array_equal(frames.near(22, 5), frames.frame(22))


def test_times_of_a_variable_frame_rate(tmp_path):
    times = [Fraction(time, 1000) for time in (0, 40, 80, 540, 3000, 3040)]
    with VideoWriter(tmp_path / "a.mp4", 25) as video:
        for time in times:
            video.write(np.zeros((48, 64, 3), np.uint8), time)
    frames = RandomFrames(tmp_path / "a.mp4")
    assert [frames.time(index) for index in range(frames.count)] == times
    without_index = RandomFrames(write_video(tmp_path / "a.avi"))
    assert without_index.time(3) is None


def test_memory_is_bounded(tmp_path):
    frames = RandomFrames(write_video(tmp_path / "a.mp4"), cache_bytes=5 * 48 * 64 * 3)
    for index in range(COUNT):
        frames.frame(index)
    assert len(frames._cache) == 5


def test_folder(tmp_path):
    for name, value in (("f2", 20), ("f10", 100)):
        Image.fromarray(np.full((8, 8, 3), value, np.uint8)).save(tmp_path / f"{name}.png")
    frames = RandomFrames(tmp_path)
    assert [frames.name(i) for i in range(frames.count)] == ["f2", "f10"]
    assert [frames.frame(i)[0, 0, 0] for i in (1, 0, 1)] == [100, 20, 100]
    assert frames.time(1) is None


def test_frame_of_a_different_size_is_reported(tmp_path):
    for name, side in (("a", 8), ("b", 9)):
        Image.fromarray(np.zeros((side, 8, 3), np.uint8)).save(tmp_path / f"{name}.png")
    with pytest.raises(InputError, match="b: is 8×9 pixels, but the first frame is 8×8"):
        RandomFrames(tmp_path).frame(1)


def test_index_beyond_the_end(tmp_path):
    with pytest.raises(IndexError, match="frame 30 of 30"):
        RandomFrames(write_video(tmp_path / "a.mp4")).frame(COUNT)


def test_a_header_that_says_billions_of_frames(tmp_path):
    path = write_video(tmp_path / "a.avi")
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 8 + 32  # dwLength of the stream
    assert int.from_bytes(data[place : place + 4], "little") == COUNT
    data[place : place + 4] = b"\xf0\xff\xff\xff"
    path.write_bytes(data)
    assert open_frames(path).count is None
    frames = RandomFrames(path)
    assert frames.count == COUNT
    assert frames.frame(COUNT - 1).shape == (48, 64, 3)
