"""Live input from a camera or stream, tested with pipes and a local server instead of a camera."""

import contextlib
import http.server
import io
import os
import re
import signal
import threading

import av
import numpy as np
import pytest
from fake_model import FakeModel

from ytvos_keras.cli import segment
from ytvos_keras.errors import InputError
from ytvos_keras.inference import file_segmentation as files_module
from ytvos_keras.inference.backward_pass import FOLDER_NAME
from ytvos_keras.inference.resume import RESUME_NAME
from ytvos_keras.media import live_frames, open_frames, read_mask, write_mask
from ytvos_keras.media.live_frames import LiveFrames

SIZE = (32, 48)
COUNT = 8
LONG = 200
START = 10  # initial column of the object; the fake model moves it right by one per frame


def grey(index):
    return 100 + 10 * index


def encoded(path, pictures):
    """Bytes of a Matroska file without an index, with frames every quarter of a second."""
    with av.open(str(path), "w", options={"live": "1"}) as container:
        video = container.add_stream("mpeg4", rate=4)
        video.height, video.width, video.pix_fmt = *SIZE, "yuv420p"
        for pixels in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode(None))
    return path.read_bytes()


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """`COUNT` frames."""
    pictures = (np.full((*SIZE, 3), grey(index), np.uint8) for index in range(COUNT))
    return encoded(tmp_path_factory.mktemp("stream") / "a.mkv", pictures)


@pytest.fixture
def serve():
    """Return a function that serves bytes of undeclared length and returns the URL."""
    with contextlib.ExitStack() as stack:

        def serve(data):
            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def do_GET(self):
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data))

                def log_message(self, *_):
                    pass

            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/a.mkv"

        yield serve


@pytest.fixture
def endless(tmp_path):
    """A named pipe on which the stream never ends: it waits after `LONG` frames."""
    rng = np.random.default_rng(0)
    # Noise, because FFmpeg waits for some thousand bytes before it returns a frame.
    pictures = (rng.integers(0, 256, (*SIZE, 3), np.uint8) for _ in range(LONG))
    data = encoded(tmp_path / "long.mkv", pictures)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    done, timed_out = threading.Event(), []

    def write():
        with contextlib.suppress(BrokenPipeError), path.open("wb") as file:
            file.write(data)
            file.flush()
            if not done.wait(60):
                timed_out.append(True)

    thread = threading.Thread(target=write)
    thread.start()
    yield str(path)
    done.set()
    thread.join()
    assert not timed_out  # else it was the pipe that ended the stream


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "load_model", lambda *_: FakeModel())
    mask = np.zeros(SIZE, np.uint8)
    mask[4:8, START] = 3
    write_mask(tmp_path / "first.png", mask)
    return ["--mask", str(tmp_path / "first.png"), "--output", str(tmp_path / "out")]


def columns(folder):
    masks = [read_mask(file)[0] for file in sorted(folder.glob("*.png"))]
    return [int(np.flatnonzero((labels == 3).any(0))[0]) for labels in masks]


def test_frames_from_a_server(serve, stream):
    frames = list(LiveFrames(serve(stream)))
    assert [index for index, _, _ in frames] == list(range(COUNT))
    assert [float(time) for _, time, _ in frames] == pytest.approx([i / 4 for i in range(COUNT)])
    for index, _, frame in frames:
        assert frame.shape == (*SIZE, 3)
        assert np.abs(frame.astype(int) - grey(index)).max() < 6


def test_stop_ends_a_waiting_stream(endless):
    frames = LiveFrames(endless)
    seen = []
    for index, _, _ in frames:
        seen.append(index)
        if index == 2:
            threading.Timer(1.0, frames.stop).start()
    assert seen[:3] == [0, 1, 2]


def test_undecodable_packet_is_skipped_and_counted(serve, stream):
    with av.open(io.BytesIO(stream)) as container:
        packet = [bytes(packet) for packet in container.demux(video=0)][4]
    frames = LiveFrames(serve(stream.replace(packet, bytes(len(packet)))))
    times = [float(time) for _, time, _ in frames]
    assert times == pytest.approx([i / 4 for i in range(COUNT) if i != 4])
    assert frames.damaged == 1


def test_stream_goes_on_after_a_damaged_part(serve, stream):
    place = len(stream) * 2 // 3
    damaged = stream[:place] + bytes(40) + stream[place + 40 :]
    frames = list(LiveFrames(serve(damaged)))
    assert 2 <= len(frames) < COUNT
    _, time, frame = frames[-1]
    assert float(time) == pytest.approx((COUNT - 1) / 4)
    assert np.abs(frame.astype(int) - grey(COUNT - 1)).max() < 6


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("99", r"/dev/video99: no such camera"),
        ("nowhere", r"nowhere: no such device; give the number of a camera, or a URL"),
        (__file__, r"is a file; give it as INPUT, without --live"),
    ],
)
def test_missing_sources(source, message):
    with pytest.raises(InputError, match=message):
        LiveFrames(source)


def test_not_a_stream(serve):
    for url in (serve(b"nothing of a video"), "http://127.0.0.1:1/a.mkv"):
        with pytest.raises(InputError, match=r"a\.mkv: cannot be opened as a stream"):
            list(LiveFrames(url))


def test_errors_name_the_url_as_given(serve, tmp_path):
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        audio = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(audio.encode(sound))
    url = serve((tmp_path / "sound.wav").read_bytes())
    with pytest.raises(InputError, match=rf"^{re.escape(url)}: no video in this file"):
        list(LiveFrames(url))


def test_an_unexpected_error_does_not_hang(serve, stream, monkeypatch):
    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(live_frames, "upright", no_memory)
    with pytest.raises(MemoryError):
        list(LiveFrames(serve(stream)))


def test_command(serve, stream, arguments, tmp_path, capsys):
    assert segment.main(["--live", serve(stream), *arguments, "--overlay"]) == 0
    out, err = capsys.readouterr()
    assert f"masks    {tmp_path / 'out'} (8 PNG files)" in out
    assert "8/? frames" in err
    assert columns(tmp_path / "out") == [START + i for i in range(COUNT)]
    times = [float(t) for _, t, _ in open_frames(tmp_path / "out/overlay.mp4").read_with_times()]
    assert times == pytest.approx([i / 4 for i in range(COUNT)])
    assert segment.main(["--live", serve(stream), *arguments]) == 1
    assert "out: is not empty; give another folder" in capsys.readouterr().err


def test_every_second_frame(serve, stream, arguments, tmp_path):
    assert segment.main(["--live", serve(stream), *arguments, "--every", "2", "--quiet"]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["00000.png", "00002.png", "00004.png", "00006.png"]


def test_many_thin_objects(serve, stream, arguments, tmp_path):
    """The ids of an index image must not be taken for smooth edges."""
    labels = np.zeros(SIZE, np.uint8)
    for object_id in (*range(1, 12), 13):
        labels[4:28, 3 * object_id] = object_id
    write_mask(tmp_path / "first.png", labels)
    assert segment.main(["--live", serve(stream), *arguments, "--quiet"]) == 0
    np.testing.assert_array_equal(read_mask(tmp_path / "out/00000.png")[0], labels)


def test_overwriting_ends_an_unfinished_run(serve, stream, arguments, tmp_path, capsys):
    """Otherwise its command would later resume among the new masks."""
    (tmp_path / "out" / FOLDER_NAME).mkdir(parents=True)
    live = ["--live", serve(stream), *arguments, "--quiet"]
    assert segment.main(live) == 1
    assert "out: contains an unfinished run; give another folder" in capsys.readouterr().err
    for name in (RESUME_NAME, "confidence.csv"):
        (tmp_path / "out" / name).touch()
    assert segment.main([*live, "--overwrite"]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [f"{i:05d}.png" for i in range(COUNT)]


def test_ctrl_c_leaves_complete_files(endless, arguments, tmp_path, capsys):
    ended = threading.Event()

    def interrupt():
        while not (tmp_path / "out" / "00004.png").exists():
            if ended.wait(0.05):
                return
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    before = signal.getsignal(signal.SIGINT)
    try:
        code = segment.main(["--live", endless, *arguments, "--overlay"])
    finally:
        ended.set()
        thread.join()
    assert code == 0
    assert signal.getsignal(signal.SIGINT) is before
    names = [path.name for path in (tmp_path / "out").iterdir()]
    count = len(columns(tmp_path / "out"))
    assert 5 <= count <= LONG
    assert sorted(names) == [*(f"{i:05d}.png" for i in range(count)), "overlay.mp4"]
    assert len(list(open_frames(tmp_path / "out/overlay.mp4"))) == count
    assert "PNG files)" in capsys.readouterr().out


def test_stream_that_breaks_off(arguments, tmp_path, monkeypatch, capsys):
    """What was written is kept, including the overlay, and the error is reported."""

    class Broken(LiveFrames):
        def _read(self):
            for index in range(3):
                yield index, np.full((*SIZE, 3), 150, np.uint8)
            raise av.error.OSError(5, "Input/output error")

    monkeypatch.setattr("ytvos_keras.media.live_frames.LiveFrames", Broken)
    assert segment.main(["--live", "rtsp://camera", *arguments, "--overlay", "--quiet"]) == 1
    assert capsys.readouterr().err == (
        "error: rtsp://camera: breaks off after 3 frames. (Input/output error)\n"
    )
    assert columns(tmp_path / "out") == [START + i for i in range(3)]
    assert len(list(open_frames(tmp_path / "out/overlay.mp4"))) == 3


def test_mask_errors(serve, stream, arguments, tmp_path, capsys):
    live = ["--live", serve(stream)]
    assert segment.main([*live, "--mask", str(tmp_path), *arguments[2:]]) == 1
    assert "a live source takes one mask, for its first frame" in capsys.readouterr().err
    write_mask(tmp_path / "first.png", np.ones((16, 16), np.uint8))
    assert segment.main([*live, *arguments, "--overlay"]) == 1
    assert "first.png: the mask is 16×16 pixels" in capsys.readouterr().err
    assert not any((tmp_path / "out").iterdir())
