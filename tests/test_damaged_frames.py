"""`--on-damage skip`, and images that are suspiciously dark."""

import av
import numpy as np
import pytest
from fake_model import FakeModel
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference import segment_files
from ytvos_keras.media import open_frames, write_mask
from ytvos_keras.media.reversed_frames import read_reversed
from ytvos_keras.media.video import VideoWriter
from ytvos_keras.progress import silent

SIZE = (32, 48)


def frame(index):
    return np.full((*SIZE, 3), 40 + 20 * index, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Six frames, of which 2 and 3 are truncated."""
    (tmp_path / "clip").mkdir()
    for index in range(6):
        Image.fromarray(frame(index)).save(tmp_path / "clip" / f"{index}.png")
    for index in (2, 3):
        path = tmp_path / "clip" / f"{index}.png"
        path.write_bytes(path.read_bytes()[:60])
    return tmp_path / "clip"


@pytest.fixture
def video(tmp_path):
    """Twenty frames, with part of the compressed data overwritten."""
    random = np.random.default_rng(0)
    path = tmp_path / "a.mp4"
    with VideoWriter(path) as writer:
        for _ in range(20):
            writer.write(random.integers(0, 255, (*SIZE, 3), np.uint8))
    data = bytearray(path.read_bytes())
    middle = (data.index(b"mdat") + len(data)) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    return path


def test_stop_is_the_default(folder, video):
    with pytest.raises(InputError, match=r"2\.png: cannot be read as an image"):
        list(open_frames(folder))
    with pytest.raises(InputError, match=r"a\.mp4: frame \d{5} cannot be decoded"):
        list(open_frames(video))


def test_folder_with_damaged_frames(folder):
    source = open_frames(folder, skip_damage=True)
    read = list(source)
    assert [name for name, _ in read] == list("012345")
    assert source.damaged == ["2", "3"]
    for (_, picture), expected in zip(read, (0, 1, 1, 1, 4, 5), strict=True):
        np.testing.assert_array_equal(picture, frame(expected))
    backward = dict(read_reversed(source, range(5, -1, -1)))
    np.testing.assert_array_equal(backward["3"], frame(1))
    assert source.damaged == ["2", "3"]  # each is reported once
    (folder / "0.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"0\.png: cannot be read"):
        open_frames(folder, skip_damage=True)


def test_video_with_damaged_frames(video):
    source = open_frames(video, skip_damage=True)
    read = list(source.read_with_times())
    assert source.damaged
    assert len(read) >= 18
    times = [time for _, time, _ in read]
    assert times == sorted(times)


@pytest.mark.parametrize(("packet", "frame"), [(1, 4), (4, 3)])  # I0 P4 B1 B2 B3 P8 …
def test_numbers_of_frames_after_damage_in_a_video_with_b_frames(tmp_path, packet, frame):
    """Packets are in decoding order, and the decoder may drop frames without an error."""
    path, count = tmp_path / "b.mp4", 24
    forced = "bframes=3:b-adapt=0:keyint=8:min-keyint=8:scenecut=0:b-pyramid=none"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": forced})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(count):
            picture = np.full((*SIZE, 3), 20 + 9 * index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    intact = dict(open_frames(path))
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    order = sorted(p.pts for p in packets)
    assert [order.index(p.pts) for p in packets[:5]] == [0, 4, 1, 2, 3]
    data, damaged = bytearray(path.read_bytes()), packets[packet]
    data[damaged.pos + 4 : damaged.pos + damaged.size] = bytes(damaged.size - 4)
    path.write_bytes(data)

    source = open_frames(path, skip_damage=True)
    read = dict(source)
    assert list(read) == list(intact)
    assert f"{frame:05d}" in source.damaged
    # If others refer to it, errors spread to the end of the group of pictures.
    group = range(1, 8) if packet == 1 else [frame]
    for name in intact.keys() - {f"{index:05d}" for index in group}:
        np.testing.assert_array_equal(read[name], intact[name])


@pytest.mark.parametrize("kind", ["folder", "video"])
def test_the_replacement_is_the_same_wherever_reading_begins(request, kind):
    source = open_frames(request.getfixturevalue(kind), skip_damage=True)
    whole = dict(source)
    damaged = source.damaged[0]
    start = source.index_of(damaged)
    for frames in (source.read(start), source.read(0, lambda index: index in (0, start))):
        np.testing.assert_array_equal(dict(frames)[damaged], whole[damaged])


def test_a_stretch_of_damaged_frames(folder):
    source = open_frames(folder, skip_damage=True)
    for start in (2, 3):
        name, picture = next(source.read(start))
        assert name == str(start)
        np.testing.assert_array_equal(picture, frame(1))
    # Of every third frame, 0 and 3 are read; the nearest intact one before 3 is 1.
    every_third = dict(source.read(0, lambda index: index % 3 == 0))
    np.testing.assert_array_equal(every_third["3"], frame(1))


@pytest.mark.parametrize("count", [2, 5])
def test_a_run_resumed_at_or_after_damaged_frames(tmp_path, folder, count):
    mask = np.zeros(SIZE, np.uint8)
    mask[4:12, 4:12] = 1
    write_mask(tmp_path / "mask.png", mask)

    def run(name, on_progress=silent):
        return segment_files(
            folder,
            tmp_path / "mask.png",
            tmp_path / name,
            FakeModel(),
            on_damage="skip",
            on_progress=on_progress,
        )

    def interrupt(stage, done, total):
        if done == count:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="cannot be decoded"):
        whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("resumed", interrupt)
    with pytest.warns(UserWarning, match="cannot be decoded"):
        resumed = run("resumed")
    assert resumed.resumed_from == count
    assert resumed.damaged == whole.damaged == ("2", "3")
    masks = [
        {file.name: file.read_bytes() for file in result.masks.glob("*.png")}
        for result in (whole, resumed)
    ]
    assert masks[0] == masks[1]


def test_damage_is_reported(tmp_path, folder):
    mask = np.zeros(SIZE, np.uint8)
    mask[4:12, 4:12] = 1
    write_mask(tmp_path / "mask.png", mask)
    with pytest.warns(
        UserWarning, match=r"clip: frame 2 \(and 1 more\) cannot be decoded; the previous"
    ):
        result = segment_files(
            folder, tmp_path / "mask.png", tmp_path / "out", FakeModel(), on_damage="skip"
        )
    assert result.damaged == ("2", "3")
    assert result.frame_count == 6
    with pytest.raises(InputError, match="on_damage must be one of stop, skip"):
        segment_files(folder, tmp_path / "mask.png", tmp_path / "b", FakeModel(), on_damage="go")


def test_12_bit_values_in_a_16_bit_image(tmp_path):
    Image.fromarray(np.full(SIZE, 4095, np.uint16)).save(tmp_path / "a.png")
    with pytest.warns(UserWarning, match=r"a\.png: 16 bits, but no value above 4095: frames will"):
        open_frames(tmp_path)
    Image.fromarray(np.full(SIZE, 65535, np.uint16)).save(tmp_path / "a.png")
    assert open_frames(tmp_path).count == 1
