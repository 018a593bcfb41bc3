from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media import containers, open_frames
from ytvos_keras.media import display_matrix as display_matrix_module
from ytvos_keras.media.containers import open_video
from ytvos_keras.media.display_matrix import display_matrix, upright
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.video import VideoWriter
from ytvos_keras.media.video_frames import VideoFrames

SIZE = (48, 64)


def picture(value, size=SIZE):
    return np.full((*size, 3), value, np.uint8)


def write_video(path, count=6):
    with VideoWriter(path, 25) as video:
        for number in range(count):
            video.write(picture(20 + 30 * number))
    return path


def test_names_that_look_like_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("2024-01-01T12:30:15.mp4", "file:x.mp4", "concat:x.mp4", "run:1/a.mp4"):
        Path(name).parent.mkdir(exist_ok=True)
        write_video(name)
        assert len(list(open_frames(name))) == 6
        assert RandomFrames(name).frame(3).shape == (*SIZE, 3)


def test_cover_image_is_not_the_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        videos = []
        for value in (60, 200):
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
            videos.append((stream, value))
        jpeg = av.VideoFrame.from_ndarray(picture(0, (32, 32))).reformat(format="yuvj420p")
        packets = [*cover.encode(jpeg), *cover.encode(None)]
        for stream, value in videos:
            for _ in range(3):
                packets += stream.encode(av.VideoFrame.from_ndarray(picture(value)))
            packets += stream.encode(None)
        for packet in packets:
            container.mux(packet)
    for track, value in enumerate((60, 200)):
        source = VideoFrames(path, track)
        assert source.size == SIZE
        assert abs(next(iter(source))[1].mean() - value) < 4
    with pytest.raises(InputError, match=r"a\.mp4: no video track 2; it has 2, counted from 0"):
        VideoFrames(path, 2)


def test_side_data_unknown_to_pyav(tmp_path):
    class Frame:
        rotation = 0

        @property
        def side_data(self):
            raise ValueError("31 is not a valid Type")

    frame = Frame()
    assert display_matrix(frame) is None
    stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, -1)
    for degrees in (90, 180, -90):
        frame.rotation = degrees
        shown = upright(stored, display_matrix(frame))
        np.testing.assert_array_equal(shown, np.rot90(stored, degrees // 90))


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_matches_the_display_matrix(tmp_path, degrees):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a display matrix")
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.set_display_rotation(degrees)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(9))))
        container.mux(stream.encode(None))
    with open_video(tmp_path / "a.mp4") as container:
        frame = next(container.decode(video=0))
        stored = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, -1)
        ours = upright(stored, display_matrix_module._rotation(frame.rotation))
        np.testing.assert_array_equal(ours, upright(stored, display_matrix(frame)))


def test_trimmed_video_is_not_reported_as_truncated(tmp_path):
    """The file contains frames before the first shown one, hidden by an edit list."""
    write_video(tmp_path / "whole.mp4", 8)
    with open_video(tmp_path / "whole.mp4") as whole, av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream_from_template(whole.streams.video[0])
        step = None
        for packet in whole.demux(video=0):
            if packet.size:
                step = step or packet.duration
                packet.pts, packet.dts = packet.pts - 3 * step, packet.dts - 3 * step
                packet.stream = stream
                out.mux(packet)
    source = open_frames(tmp_path / "a.mp4")
    frames = list(source)  # a warning would be an error
    assert source.count == len(frames) == 5


def test_times_are_written_and_read(tmp_path):
    times = [Fraction(time, 1000) for time in (0, 40, 80, 540, 3000, 3040)]
    with VideoWriter(tmp_path / "a.mp4", 25) as video:
        for number, time in enumerate(times):
            video.write(picture(20 + 30 * number), time)
    read = [time for _, time, _ in open_frames(tmp_path / "a.mp4").read_with_times()]
    assert read == times


def test_repeated_times_are_separated(tmp_path):
    with VideoWriter(tmp_path / "a.mp4") as video:
        for time in (0, 0, 1):
            video.write(picture(90), Fraction(time))
    times = [time for _, time, _ in open_frames(tmp_path / "a.mp4").read_with_times()]
    assert times[0] == 0 < times[1] < times[2] == 1


@pytest.mark.parametrize("height", [480, 720])
def test_colours_of_written_videos(tmp_path, height):
    """Converted and tagged with the colour matrix that is standard for the resolution."""
    colour = np.array([200, 60, 30], np.uint8)
    with VideoWriter(tmp_path / "a.mp4") as video:
        video.write(np.broadcast_to(colour, (height, 64, 3)))
    ((_, frame),) = open_frames(tmp_path / "a.mp4")
    assert np.abs(frame.astype(int) - colour).max() < 5
    with open_video(tmp_path / "a.mp4") as container:
        stored = next(container.decode(video=0))
        assert stored.colorspace == (1 if height == 720 else 6)
        assert stored.color_range == 1
        luma = stored.to_ndarray()[height // 2, 32]
    red, green, blue = (0.2126, 0.7152, 0.0722) if height == 720 else (0.299, 0.587, 0.114)
    assert abs(luma - (16 + 219 / 255 * (colour @ [red, green, blue]))) < 3


def test_untagged_high_definition_is_bt_709(tmp_path):
    colour = np.array([200, 60, 30], np.uint8)
    frame = av.VideoFrame.from_ndarray(np.broadcast_to(colour, (720, 64, 3)).copy())
    frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 720, 64, "yuv420p"
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with open_video(tmp_path / "a.mp4") as container:
        assert next(container.decode(video=0)).colorspace == 2  # untagged
    ((_, read),) = open_frames(tmp_path / "a.mp4")
    assert np.abs(read.astype(int) - colour).max() < 5


def test_frames_of_too_many_pixels_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setitem(containers._LIMITS, "max_pixels", str(SIZE[0] * SIZE[1] - 1))
    path = write_video(tmp_path / "a.mp4")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read as a video.*may have at most"):
        open_frames(path)
    monkeypatch.setitem(containers._LIMITS, "max_pixels", str(2 * SIZE[0] * SIZE[1]))
    assert len(list(open_frames(path))) == 6


def test_an_unknown_codec_is_one_line(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    data = path.read_bytes()
    assert data.count(b"avc1") >= 1
    path.write_bytes(data.replace(b"avc1", b"xxxx"))
    with pytest.raises(InputError, match=r"a\.mp4: "):
        open_frames(path)
