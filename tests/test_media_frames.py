import re
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.media import open_frames
from ytvos_keras.media.video import VideoWriter


def picture(height=8, width=12, value=100):
    return np.full((height, width, 3), value, np.uint8)


def write_video(path, count=6, height=48, width=64, fps=25):
    with VideoWriter(path, fps) as video:
        for i in range(count):
            video.write(picture(height, width, 20 + 30 * i))
    return path


def test_folder_is_read_in_natural_order_with_any_names(tmp_path):
    names = ["img10.png", "img9.JPG", "img1.jpeg", "Z.png"]
    for value, name in enumerate(names):
        Image.fromarray(picture(value=value * 40)).save(tmp_path / name)
    Image.fromarray(picture()).save(tmp_path / ".hidden.png")
    (tmp_path / "notes.txt").write_text("ignored")
    source = open_frames(tmp_path)
    read = list(source)
    assert [name for name, _ in read] == ["Z", "img1", "img9", "img10"]
    assert all(frame.dtype == np.uint8 and frame.shape == (8, 12, 3) for _, frame in read)
    assert (source.count, source.fps, source.size) == (4, None, (8, 12))
    assert [name for name, _ in source.read(start=2)] == ["img9", "img10"]
    assert source.index_of("img9") == 2
    assert source.index_of("img2") is None
    assert list(source.read(start=9)) == []


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1"])
def test_image_modes_become_rgb(tmp_path, mode):
    Image.fromarray(picture(value=255)).convert(mode).save(tmp_path / "a.png")
    ((_, frame),) = open_frames(tmp_path)
    np.testing.assert_array_equal(frame, picture(value=255))


def test_16_bit_greyscale_keeps_the_high_byte(tmp_path):
    Image.fromarray(np.full((4, 4), 0x80FF, np.uint16)).save(tmp_path / "a.png")
    ((_, frame),) = open_frames(tmp_path)
    np.testing.assert_array_equal(frame, np.full((4, 4, 3), 0x80))


def test_exif_orientation_is_applied(tmp_path):
    upright = picture(16, 32, 0)
    upright[:, :16] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was rotated: show a quarter turn clockwise
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(upright)))
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    source = open_frames(tmp_path)
    ((_, frame),) = source
    assert source.size == (16, 32)
    assert np.abs(frame.astype(int) - upright).max() < 20


def test_folder_errors(tmp_path):
    with pytest.raises(InputError, match="absent: no such file or folder"):
        open_frames(tmp_path / "absent")
    with pytest.raises(
        InputError, match=r"no frames \(JPEG, PNG, WebP, BMP or TIFF\) in this folder\.$"
    ):
        open_frames(tmp_path)
    (tmp_path / "clip").mkdir()
    with pytest.raises(InputError, match="there are folders in it: give one of them"):
        open_frames(tmp_path)
    for name in ("a.jpg", "a.png"):
        Image.fromarray(picture()).save(tmp_path / "clip" / name)
    with pytest.raises(InputError, match=r"a\.jpg and a\.png are frames of the same name"):
        open_frames(tmp_path / "clip")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_damaged_image_is_reported(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / f"0{suffix}")
    data = (tmp_path / f"0{suffix}").read_bytes()
    (tmp_path / f"1{suffix}").write_bytes(data[: len(data) // 2])
    frames = iter(open_frames(tmp_path))
    next(frames)
    with pytest.raises(InputError, match=f"1{suffix}: cannot be read as an image") as error:
        next(frames)
    assert "\n" not in str(error.value)


def test_video_frames(tmp_path):
    source = open_frames(write_video(tmp_path / "a.mp4"))
    assert (source.count, source.fps, source.size) == (6, Fraction(25), (48, 64))
    read = list(source)
    assert [name for name, _ in read] == [f"{i:05d}" for i in range(6)]
    for i, (_, frame) in enumerate(read):
        assert np.abs(frame.astype(int) - (20 + 30 * i)).max() < 4
    later = list(source.read(start=4))
    assert [name for name, _ in later] == ["00004", "00005"]
    np.testing.assert_array_equal(later[0][1], read[4][1])
    assert source.index_of("00003") == source.index_of("3") == 3
    assert source.index_of("first") is None


def test_video_writer_pads_odd_sizes(tmp_path):
    source = open_frames(write_video(tmp_path / "a.mp4", count=1, height=33, width=47))
    assert source.size == (34, 48)
    ((_, frame),) = source
    assert np.abs(frame.astype(int) - 20).max() < 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.pix_fmt == "yuv420p"
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # faststart


def test_video_writer_leaves_no_files_after_a_failure(tmp_path):
    with pytest.raises(KeyboardInterrupt), VideoWriter(tmp_path / "a.mp4") as video:
        video.write(picture(16, 16))
        raise KeyboardInterrupt
    with (
        pytest.raises(InputError, match="needs at least one frame"),
        VideoWriter(tmp_path / "b.mp4"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_video_writer_errors(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="uint8 with shape"), VideoWriter(tmp_path / "a.mp4") as v:
        v.write(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="the same size"), VideoWriter(tmp_path / "a.mp4") as v:
        v.write(picture(16, 16))
        v.write(picture(16, 32))
    with (
        pytest.raises(InputError, match="cannot be written"),
        VideoWriter(tmp_path / "absent" / "a.mp4") as video,
    ):
        video.write(picture(16, 16))
    monkeypatch.setattr("ytvos_keras.media.video._ENCODERS", ("no-such-encoder",))
    with pytest.raises(InputError, match=r"cannot encode H\.264.*pip install"):
        VideoWriter(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_display_matrix_is_applied(tmp_path, degrees, mirrored):
    stored = picture(32, 64, 0)
    stored[:16, :16] = 250  # a bright corner, top left
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a display matrix")
        stream.height, stream.width, stream.pix_fmt = 32, 64, "yuv420p"
        stream.set_display_rotation(degrees, hflip=mirrored)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode(None))
    expected = np.rot90(stored, degrees // 90)
    expected = expected[:, ::-1] if mirrored else expected
    source = open_frames(tmp_path / "a.mp4")
    ((_, frame),) = source
    assert source.size == expected.shape[:2]
    assert np.abs(frame.astype(int) - expected).mean() < 10


def test_video_errors(tmp_path):
    (tmp_path / "a.mp4").write_text("not a video")
    with pytest.raises(InputError, match=r"a\.mp4: cannot be read as a video; give a video file"):
        open_frames(tmp_path / "a.mp4")
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(InputError, match=r"sound\.wav: no video in this file"):
        open_frames(tmp_path / "sound.wav")


def noise_video(path, count=12):
    random = np.random.default_rng(0)
    with VideoWriter(path, 25) as video:
        for _ in range(count):
            video.write(random.integers(0, 255, (48, 64, 3), np.uint8))
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_truncated_video_reports_the_frame(tmp_path, share):
    data = noise_video(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(data[: int(len(data) * share)])
    message = re.escape(str(tmp_path / "a.mp4")) + r": frame \d{5} cannot be decoded; is the file"
    with pytest.raises(InputError, match=message) as error:
        list(open_frames(tmp_path / "a.mp4"))
    assert "\n" not in str(error.value)
