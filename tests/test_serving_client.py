"""The client in `export/`, over gRPC and REST, against a local `Segmenter`."""

import contextlib
import importlib.util
import re
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_export import tiny_clip, tiny_export

from ytvos_keras.errors import InputError
from ytvos_keras.export.development_server import development_server
from ytvos_keras.inference import Segmenter
from ytvos_keras.media import read_mask, write_mask

EXPORT = Path(__file__).parents[1] / "export"


@pytest.fixture(scope="module")
def client():
    spec = importlib.util.spec_from_file_location("serving_client", EXPORT / "serving_client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def server():
    with development_server(tiny_export().folder) as address:
        yield address


@pytest.fixture
def video(tmp_path):
    """Frames and masks in folders; object 2 appears in the third frame."""
    frames, masks = tiny_clip((64, 96), frames=5)
    for folder in ("frames", "masks"):
        (tmp_path / folder).mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "frames" / f"{i:05d}.png")
    write_mask(tmp_path / "masks" / "00000.png", masks[0, ..., 0])
    write_mask(tmp_path / "masks" / "00002.png", 2 * masks[1, ..., 0])
    segmenter = Segmenter(tiny_export().model)
    given = {0: masks[0, ..., 0], 2: 2 * masks[1, ..., 0]}
    return tmp_path, list(segmenter.segment(frames, given))


@pytest.mark.parametrize(
    ("options", "least"), [(["--size", "32x48"], 0.999), (["--rest", "--version", "stable"], 0.97)]
)
def test_segments_a_video(client, server, video, capsys, options, least):
    folder, expected = video
    port = server.rest_port if "--rest" in options else server.grpc_port
    places = [str(folder / "frames"), "--mask", str(folder / "masks"), "--output", f"{folder}/out"]
    code = client.main([*places, "--server", f"127.0.0.1:{port}", "--model", "tiny", *options])
    assert code == 0
    assert re.fullmatch(r"masks .*out \(5 PNG files, [\d.]+ frames/s\)\n", capsys.readouterr().out)
    labels = [read_mask(file)[0] for file in sorted((folder / "out").glob("*.png"))]
    assert {1, 2} <= set(np.unique(labels))
    assert np.mean(np.stack(labels) == np.stack(expected)) >= least


@pytest.mark.parametrize("options", [[], ["--rest"]])
def test_errors_are_one_line(client, server, video, capsys, options):
    folder, _ = video
    port = server.rest_port if options else server.grpc_port
    places = [str(folder / "frames"), "--mask", str(folder / "masks"), "--output", f"{folder}/out"]
    command = [*places, "--server", f"127.0.0.1:{port}", "--model", "big", "--quiet", *options]
    assert client.main(command) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: 127.0.0.1:{port}: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["frames", "masks"])
def test_inputs_are_not_overwritten(client, video, capsys, name):
    folder, _ = video
    before = {file.name: file.read_bytes() for file in (folder / name).iterdir()}
    places = [str(folder / "frames"), "--mask", str(folder / "masks")]
    assert client.main([*places, "--output", f"{folder / name}", "--server", "127.0.0.1:1"]) == 1
    error = capsys.readouterr().err
    assert error == f"error: {folder / name}: is not empty; give the name of a new folder.\n"
    assert {file.name: file.read_bytes() for file in (folder / name).iterdir()} == before


def test_without_the_extra_the_error_names_it(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(InputError, match=r"gRPC needs .*pip install 'ytvos-keras\[serving\]'$"):
        client.GrpcModel("127.0.0.1:1", "tiny")


@pytest.mark.parametrize(
    "answer", [b"\0\0\x18\4\0\0\0\0\0", b"HTTP/1.1 200 OK\r\n\r\n<html>"], ids=["grpc", "web"]
)
def test_a_port_that_does_not_speak_rest_is_one_line(client, answer):
    with (
        answering(answer) as port,
        pytest.raises(InputError, match=f":{port}: not a REST port of a model server") as error,
    ):
        client.RestModel(f"127.0.0.1:{port}", "tiny")
    assert str(error.value).isprintable()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"])
def test_a_server_that_closes_the_connection_is_one_line(client, answer):
    with (
        answering(answer) as port,
        pytest.raises(InputError, match=f":{port}: the server closed the connection"),
    ):
        client.RestModel(f"127.0.0.1:{port}", "tiny")


def test_a_closed_port_is_one_line(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(InputError, match=f"^127.0.0.1:{port}: .*refused"):
        client.RestModel(f"127.0.0.1:{port}", "tiny")


@contextlib.contextmanager
def answering(data: bytes):
    """A port at which the first connection receives `data` and is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(2**16)
                connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()
