"""The development server over gRPC and REST, with valid and invalid requests."""

import base64
import contextlib
import email.message
import io
import json
import shutil
import socket
import struct
import threading
import tracemalloc
import types
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tiny_export import tiny_clip, tiny_export

from ytvos_keras.errors import InputError
from ytvos_keras.export import byte_signatures, request_checks, rest_body, serving_rest
from ytvos_keras.export.development_server import development_server
from ytvos_keras.export.parity import KerasStream, measure_parity
from ytvos_keras.export.served_model import RequestError
from ytvos_keras.export.serving_config import CONFIG_FILE
from ytvos_keras.export.serving_rest import _Handler
from ytvos_keras.inference.sizes import working_size


def encoded(picture, file_format):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, file_format)
    return file.getvalue()


def decoded(file):
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.fixture(scope="module")
def server():
    with development_server(tiny_export().folder) as address:
        yield address


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"{server.host}:{server.grpc_port}") as channel:
        yield channel


class Grpc:
    """Streams through `PredictRequest`s."""

    def __init__(self, channel, **choice):
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.choice = choice or {"version_label": "stable"}

    def predict(self, signature, name="tiny", **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = name, signature
        for key, value in self.choice.items():
            if key == "version":
                request.model_spec.version.value = value
            else:
                request.model_spec.version_label = value
        for key, value in inputs.items():
            is_proto = isinstance(value, tf.make_tensor_proto(0).__class__)
            request.inputs[key].CopyFrom(value if is_proto else tf.make_tensor_proto(value))
        response = self.stub.Predict(request, timeout=60)
        assert response.model_spec.version.value == 1
        return {key: tf.make_ndarray(proto) for key, proto in response.outputs.items()}

    def initialize(self, image, mask):
        return self.predict("initialize", image=image, mask=mask)

    def step(self, image, state):
        state = self.predict("step", image=image, **state)
        return state.pop("probs"), state


@pytest.fixture
def client(channel):
    return Grpc(channel)


@pytest.fixture
def request_of(client):
    """A valid `step` request for tests to modify."""
    frames, masks = tiny_clip()
    return {"image": frames[1][None], **client.initialize(frames[0][None], masks)}


@pytest.fixture
def still_serving(client):
    """Check that the server still answers after the test."""
    yield
    frames, masks = tiny_clip(frames=2)
    assert client.initialize(frames[0][None], masks)["h"].shape == (2, 5, 7, 4)


def test_clip_with_the_state_passed_from_frame_to_frame(client):
    parity = measure_parity(KerasStream(tiny_export().model), client, *tiny_clip(frames=20))
    assert parity.frames == 19
    assert parity.largest_difference < 1e-6


def test_metadata_and_status(channel):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "tiny"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    stub.GetModelMetadata(request).metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "step", "segment_clip_bytes"} <= set(signatures.signature_def)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "tiny"
    (status,) = (
        model_service_pb2_grpc.ModelServiceStub(channel)
        .GetModelStatus(request)
        .model_version_status
    )
    assert (status.version, status.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory):
    folder = shutil.copytree(tiny_export().folder, tmp_path_factory.mktemp("two") / "tiny")
    shutil.copytree(folder / "1", folder / "2")
    config = (folder / CONFIG_FILE).read_text()
    (folder / CONFIG_FILE).write_text(config.replace("versions: 1", "versions: 1 versions: 2"))
    with development_server(folder) as address:
        yield address


@pytest.mark.parametrize(
    ("path", "choice", "expected"),
    [
        ("", {}, [2, 1]),
        ("/versions/1", {"version": {"value": 1}}, [1]),
        ("/labels/stable", {"version_label": "stable"}, [1]),
    ],
)
def test_status_of_several_versions(two_versions, path, choice, expected):
    assert two_versions.versions == [1, 2]
    _, answer = rest(two_versions, f"/v1/models/tiny{path}")
    assert [int(status["version"]) for status in answer["model_version_status"]] == expected
    request = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "tiny", **choice})
    with grpc.insecure_channel(f"{two_versions.host}:{two_versions.grpc_port}") as channel:
        answer = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request)
    assert [status.version for status in answer.model_version_status] == expected


def huge(value):
    proto = tf.make_tensor_proto(value)
    proto.tensor_shape.dim[0].size = 20_000
    proto.tensor_shape.dim[1].size = 20_000
    return proto


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"image": np.zeros((37, 50, 3), "uint8")},
            r"image must be uint8 \(any, any, any, 3\). Received: uint8 \(37, 50, 3\).",
        ),
        ({"image": np.zeros((1, 37, 50, 4), "uint8")}, r"Received: uint8 \(1, 37, 50, 4\)"),
        ({"image": np.zeros((1, 37, 50, 3), "float32")}, r"Received: float32 \(1, 37, 50, 3\)"),
        ({"image": np.zeros((1, 0, 50, 3), "uint8")}, "image must not be empty"),
        ({"image": np.zeros((1, 1500, 1500, 3), "uint8")}, "frames must have at most 1048576 pix"),
        ({"image": np.zeros((1, 1, 2**17 + 1, 3), "uint8")}, "frames must have at most 1048576"),
        ({"h": np.zeros((3000, 5, 7, 4), "float32")}, "all rows together must have at most 2"),
        ({"h": np.full((2, 5, 7, 4), np.nan, "float32")}, "h must contain finite numbers"),
        (
            {"image": np.zeros((1, 64, 50, 3), "uint8")},
            "belong to a frame of the size of image. Received: (h 2 5 7 4|pre.*1) image 1 64 50 3",
        ),
        ({"h": np.zeros((2, 5, 8, 4), "float32")}, "h must belong to a frame of the size"),
        ({"h": np.zeros((3, 5, 7, 4), "float32")}, "image must have|previous_mask must have equal"),
        ({"image": np.zeros((3, 37, 50, 3), "uint8")}, "must have equal rows"),
        (
            {"h": huge(np.zeros((1, 1, 1, 4), "float32"))},
            "all inputs together must have at most 268435456 bytes; h has",
        ),
        (
            {"extra": np.zeros(1)},
            "must be h, image, previous_mask. Missing: none; unknown: extra",
        ),
    ],
)
def test_wrong_tensor(client, request_of, still_serving, change, message):
    with pytest.raises(grpc.RpcError, match=message) as error:
        client.predict("step", **(request_of | change))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_clips_are_limited_by_all_their_pixels(monkeypatch):
    for module in (request_checks, byte_signatures):
        monkeypatch.setattr(module, "MOST_CLIP_PIXELS", 2 * 3 * 40 * 56)  # padded 37×50
    model = tiny_export().model
    graphs = request_checks.checked_signatures(model)
    clip = graphs["segment_clip"].function
    frames, masks = tiny_clip(frames=4)
    images = np.stack(frames)[None]
    assert clip({"images": images[:, :3], "mask": masks})["probs"].shape == (2, 3, 37, 50, 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="all frames and rows together must"):
        clip({"images": images, "mask": masks})
    clip = byte_signatures.byte_signatures(model, graphs)["segment_clip_bytes"].function
    files = [3 * [encoded(frame, "JPEG") for frame in frames]]  # shown at 32×48
    masks = [encoded(mask[..., 0] * 255, "PNG") for mask in masks]
    with pytest.raises(tf.errors.InvalidArgumentError, match="all frames together must have at"):
        clip({"images_bytes": tf.constant(files), "mask_bytes": tf.constant(masks)})


def test_wrong_names(channel, client, request_of, still_serving):
    del request_of["h"]
    for call, code, message in (
        (lambda: client.predict("step", **request_of), "INVALID_ARGUMENT", "Missing: h"),
        (lambda: client.predict("stop"), "INVALID_ARGUMENT", "no signature 'stop'; give one of"),
        (lambda: client.predict("step", "big"), "NOT_FOUND", "no model 'big'; this one is 'tiny'"),
        (lambda: Grpc(channel, version=9).predict("step"), "NOT_FOUND", "no version 9; loaded: 1"),
        (
            lambda: Grpc(channel, version_label="canary").predict("step"),
            "NOT_FOUND",
            "no version label 'canary'; known: stable",
        ),
    ):
        with pytest.raises(grpc.RpcError, match=message) as error:
            call()
        assert error.value.code() == grpc.StatusCode[code]


def rest(server, path, body=None):
    url = f"http://{server.host}:{server.rest_port}{path}"
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data), timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def test_rest_streams_files_with_an_opaque_state(server, client):
    """Matches gRPC at the same working size, up to the eight bits of a PNG."""
    frames, masks = tiny_clip((64, 96), frames=4)
    files = [b64(encoded(frame, "JPEG")) for frame in frames]
    mask_files = [b64(encoded(255 * mask[..., 0], "PNG")) for mask in masks]
    size = working_size((64, 96), (32, 48), 8)
    assert size == (32, 48)
    small = [_small(base64.b64decode(file["b64"])) for file in files]
    state = client.initialize(small[0][None], masks[:, 1::2, 1::2])
    inputs = {"image_bytes": files[:1], "mask_bytes": mask_files}
    path = "/v1/models/tiny/labels/stable:predict"
    code, answer = rest(server, path, {"signature_name": "initialize_bytes", "inputs": inputs})
    assert code == 200
    handed_on = answer["outputs"]
    for t in (1, 2, 3):
        inputs = {"image_bytes": files[t : t + 1], **handed_on}
        _, answer = rest(server, path, {"signature_name": "step_bytes", "inputs": inputs})
        handed_on = answer["outputs"]
        probs, state = client.step(small[t][None], state)
        for row, file in zip(probs, handed_on.pop("probs_bytes"), strict=True):
            expected = tf.image.resize(row, (64, 96))[..., 0]
            np.testing.assert_allclose(
                decoded(base64.b64decode(file["b64"])) / 255, expected, atol=0.01
            )


def _small(file):
    picture = tf.io.decode_jpeg(file, dct_method="INTEGER_ACCURATE")
    return np.rint(tf.image.resize(picture, (32, 48), antialias=True)).astype(np.uint8)


def test_rest_segments_clips_row_by_row(server):
    frames, masks = tiny_clip((64, 96), frames=3)
    files = [b64(encoded(frame, "JPEG")) for frame in frames]
    rows = [
        {"images_bytes": files, "mask_bytes": b64(encoded(mask[..., 0], "PNG"))} for mask in masks
    ]
    body = {"signature_name": "segment_clip_bytes", "instances": rows}
    code, answer = rest(server, "/v1/models/tiny:predict", body)
    assert code == 200
    assert np.shape(answer["predictions"]) == (2, 3)  # objects, frames
    first = decoded(base64.b64decode(answer["predictions"][0][0]["b64"]))
    assert np.mean((first > 127) == (masks[0, ..., 0] > 0)) > 0.95


def test_rest_tensors(server, client):
    frames, masks = tiny_clip((8, 8), frames=1)
    inputs = {"image": frames[0][None].tolist(), "mask": masks.tolist()}
    body = {"signature_name": "initialize", "inputs": inputs}
    _, answer = rest(server, "/v1/models/tiny/versions/1:predict", body)
    expected = client.initialize(frames[0][None], masks)
    for name, x in expected.items():
        np.testing.assert_allclose(answer["outputs"][name], x, atol=1e-6)


def test_rest_metadata_status_and_metrics(server):
    assert rest(server, "/v1/models/tiny")[1]["model_version_status"][0]["state"] == "AVAILABLE"
    metadata = rest(server, "/v1/models/tiny/metadata")[1]
    assert metadata["model_spec"]["version"] == "1"
    assert "step_bytes" in metadata["metadata"]["signature_def"]["signature_def"]
    url = f"http://{server.host}:{server.rest_port}/monitoring/prometheus/metrics"
    with urllib.request.urlopen(url) as response:
        assert 'requests_total{code="200"}' in response.read().decode()


def test_client_that_hangs_up_is_not_an_error(monkeypatch):
    def gone(handler):
        raise ConnectionResetError

    monkeypatch.setattr(BaseHTTPRequestHandler, "handle", gone)
    object.__new__(_Handler).handle()  # an exception would print a traceback on the server


def jpeg_of(height, width):
    """A JPEG whose header claims another size."""
    file = bytearray(encoded(np.zeros((16, 16, 3), np.uint8), "JPEG"))
    place = file.index(b"\xff\xc0") + 5
    file[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(file)


FRAME = encoded(np.zeros((32, 48, 3), np.uint8), "JPEG")
MASK = encoded(np.ones((32, 48), np.uint8), "PNG")


@pytest.mark.parametrize(
    ("image", "mask", "message"),
    [
        (b"hello", MASK, "an image must be a JPEG (base64 in REST). Received: 5 bytes"),
        (b"", MASK, "an image must be a JPEG"),
        (MASK, MASK, "an image must be a JPEG"),
        (FRAME[:200], MASK, "Invalid JPEG data"),
        (jpeg_of(20_000, 20_000), MASK, "must have 1 to 33554432 pixels. Received: 20000 20000"),
        (
            jpeg_of(16, 2_000),
            encoded(np.ones((16, 2_000), np.uint8), "PNG"),
            "images may be at most 16 times as long as wide. Received: 16 2000",
        ),
        (FRAME, b"hello", "a mask must be a PNG of the size of its image. This is not a PNG"),
        (FRAME, FRAME, "a mask must be a PNG of the size of its image. This is not a PNG"),
        (
            FRAME,
            encoded(np.ones((32, 40), np.uint8), "PNG"),
            "a mask must be a PNG of the size of its image. Received: 32 40 expected 32 48",
        ),
        (FRAME, MASK[:60], ""),
    ],
)
def test_invalid_images(server, client, still_serving, image, mask, message):
    inputs = {"image_bytes": [b64(image)], "mask_bytes": [b64(mask)]}
    body = {"signature_name": "initialize_bytes", "inputs": inputs}
    code, answer = rest(server, "/v1/models/tiny:predict", body)
    assert (code, message in answer["error"]) == (400, True), answer
    with pytest.raises(grpc.RpcError) as error:
        inputs = {"image_bytes": np.array([image], object), "mask_bytes": [mask]}
        client.predict("initialize_bytes", **inputs)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_invalid_state_string(server, client, still_serving):
    state = client.predict("initialize_bytes", image_bytes=[FRAME], mask_bytes=[MASK])
    large = encoded(np.zeros((64, 96, 3), np.uint8), "JPEG")
    assert client.predict("step_bytes", image_bytes=[large], **state)  # same size once resized
    tall = encoded(np.zeros((96, 48, 3), np.uint8), "JPEG")
    for inputs in (
        {"image_bytes": [tall], **state},
        {"image_bytes": [FRAME], **state, "h_bytes": [MASK]},
        {"image_bytes": [FRAME], **state, "h_bytes": [b"x"]},
    ):
        with pytest.raises(grpc.RpcError, match="h_bytes must be passed back unchanged"):
            client.predict("step_bytes", **inputs)


def test_rows_are_counted_before_they_are_decoded(client, still_serving):
    many = [b"x"] * 1400  # at 32×48, 1365 rows are allowed
    for signature, names in (
        ("initialize_bytes", ["mask_bytes"]),
        ("step_bytes", ["h_bytes", "previous_mask_bytes"]),
    ):
        with pytest.raises(grpc.RpcError, match="all rows together must have at most 2"):
            client.predict(signature, image_bytes=[FRAME], **dict.fromkeys(names, many))


def test_rows_of_a_fixed_size_are_counted():
    pixels = tf.constant(10**9, tf.int64)  # of the operator's choice
    request_checks.few_rows(tf.constant(64, tf.int64), pixels, fixed=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"at most 64 rows"):
        request_checks.few_rows(tf.constant(65, tf.int64), pixels, fixed=True)


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        ("/v1/models/tiny:predict", b"{", 400, "the body is not valid JSON"),
        ("/v1/models/tiny:predict", b"[" * 100_000, 400, "the body is nested too deeply"),
        ("/v1/models/tiny:predict", [], 400, "must be a JSON object"),
        ("/v1/models/tiny:predict", {}, 400, 'give either "instances" or "inputs"'),
        ("/v1/models/tiny:predict", {"instances": []}, 400, "a non-empty list"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [[1, 2], [3]]}}, 400, "equal rows"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [300]}}, 400, "image must contain uint8"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [0.5]}}, 400, "image must contain uint8"),
        ("/v1/models/tiny:predict", {"inputs": {"image": ["a"]}}, 400, "image must contain uint8"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [[True]]}}, 400, "found bool"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [3, {}]}}, 400, "found dict"),
        ("/v1/models/tiny:predict", {"inputs": {"image": [3]}}, 400, "Missing: h, previous_mask"),
        (
            "/v1/models/tiny:predict",
            {"instances": [{"image": 1}, {"h": 1}]},
            400,
            "all instances must have the same inputs",
        ),
        (
            "/v1/models/tiny:predict",
            {"signature_name": "initialize_bytes", "inputs": {"image_bytes": [{"b64": "?"}]}},
            400,
            "image_bytes must contain string",
        ),
        ("/v1/models/big:predict", {"inputs": {}}, 404, "try /v1/models/tiny"),
        ("/v1/models/tiny/versions/9:predict", {"inputs": {}}, 404, "no version 9"),
        ("/v1/models/tiny", {"inputs": {}}, 400, "a POST must go to"),
        ("/v1/models/tiny:predict", None, 400, "must be a POST"),
        ("/elsewhere", None, 404, "not found"),
    ],
)
def test_rest_faults(server, still_serving, path, body, code, message):
    found, answer = rest(server, path, body)
    assert found == code
    assert message in answer["error"]


def test_texts_among_numbers_take_no_memory():
    value, image = ["a" * 100_000, *["b"] * 1000], tf.make_tensor_proto(np.zeros(1, np.uint8))
    tracemalloc.start()
    try:
        with pytest.raises(RequestError, match="found str"):
            serving_rest._array("image", value, image)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


def raw(server, data, timeout=10):
    """Return everything received until the server closes the connection or falls silent."""
    answer = b""
    with socket.create_connection((server.host, server.rest_port), timeout=timeout) as connection:
        connection.sendall(data)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while part := connection.recv(65536):
                answer += part
    return answer


POST = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        POST + b"\r\n{}",
        POST + b"Content-Length: x\r\n\r\n{}",
        POST + b"Content-Length: -1\r\n\r\n{}",
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        POST + b"Content-Length: 99999999999\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        POST + b"Content-Length : 2\r\n\r\n{}",
        POST + b"no header\r\n\r\n",
        b"GET /v1/models/tiny/versions/" + b"9" * 5000 + b" HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /v1/models/tiny HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET ",
        b"DELETE /v1/models/tiny HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
)
def test_malformed_requests_are_client_errors_and_close_the_connection(
    server, still_serving, request_
):
    answer = raw(server, request_)
    expected = (
        b"HTTP/1.1 200" if request_.startswith(b"GET /v1/models/tiny HTTP") else b"HTTP/1.1 4"
    )
    assert answer.startswith(expected) or b"<h1>Error response</h1>" in answer
    assert answer.count(b"HTTP/1.1 ") <= 1  # no part is parsed as a second request


def body(content):
    return POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(content) + content


@pytest.mark.parametrize(
    "images",
    [
        b'[["YQ=="],["YQ==","YQ=="]]',
        b'[[["a"],"b"]]',
        b"[" * 500 + b'"x"' + b"]" * 500,
        b"[" * 960 + b'"x"' + b"]" * 960,
        b"[" * 100_000,
        b'[{"b64": 5}]',
        b'["\\ud800"]',
        b"null",
        b"{}",
    ],
)
def test_strings_in_malformed_lists(server, still_serving, images):
    content = (
        b'{"signature_name":"segment_clip_bytes","inputs":{"images_bytes":%s,"mask_bytes":["a"]}}'
    )
    assert raw(server, body(content % images)).startswith(b"HTTP/1.1 400")


def test_slow_client_times_out(server, still_serving, monkeypatch):
    monkeypatch.setattr(serving_rest, "_PATIENCE", 0.2)
    for begin in (b"", b"GET /v1", POST + b"Content-Length: 5\r\n\r\n{"):
        assert raw(server, begin).startswith(b"HTTP/1.1 408 Request Timeout")


def test_a_client_that_does_not_read_is_closed(server, still_serving, monkeypatch):
    monkeypatch.setattr(serving_rest, "_PATIENCE", 0.2)
    monkeypatch.setattr(serving_rest, "_metrics", lambda _: "x" * 50_000_000)
    address = (server.host, server.rest_port)
    given_up, finish = threading.Event(), _Handler.finish
    with socket.create_connection(address, timeout=10) as connection:
        client = connection.getsockname()

        def finish_and_tell(handler):
            finish(handler)
            if handler.client_address == client:
                given_up.set()

        monkeypatch.setattr(_Handler, "finish", finish_and_tell)
        connection.sendall(f"GET {serving_rest.METRICS_PATH} HTTP/1.1\r\n\r\n".encode())
        assert given_up.wait(60)
        size = 0
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(2**20):
                size += len(part)
    assert size < 50_000_000


def test_slow_bodies_do_not_block_others(server, still_serving):
    address = (server.host, server.rest_port)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            slow = stack.enter_context(socket.create_connection(address))
            slow.sendall(POST + b"Content-Length: 5\r\n\r\n{")
        assert raw(server, body(b"{}")).startswith(b"HTTP/1.1 400")


def test_large_bodies_share_a_budget(server, still_serving, monkeypatch):
    monkeypatch.setattr(rest_body, "LARGEST_MESSAGE", 10)
    reader = rest_body.BodyReader()
    handler = types.SimpleNamespace(headers=email.message.Message(), rfile=io.BytesIO(b"x" * 11))
    handler.headers["Content-Length"] = "11"
    with pytest.raises(RequestError, match="too many large requests"):
        reader.read(handler)
    handler.headers.replace_header("Content-Length", "10")
    assert reader.read(handler) == b"x" * 10
    with pytest.raises(RequestError, match="shorter than Content-Length"):
        reader.read(handler)
    handler.rfile.seek(0)
    assert reader.read(handler) == b"x" * 10  # the budget was released


def test_bytes_that_are_not_a_request(channel, still_serving):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    for data in (b"\xff" * 20, b"\x0a\xff\xff\xff\xff\x0f", b"x"):
        with pytest.raises(grpc.RpcError) as error:
            call(data, timeout=60)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_shape_without_its_values(client, still_serving):
    for count in (10**4, 10**8):
        strings = tf.make_tensor_proto(np.array([b"x"], object))
        strings.tensor_shape.dim[0].size = count
        with pytest.raises(grpc.RpcError) as error:
            client.predict("initialize_bytes", image_bytes=strings, mask_bytes=strings)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    few = tf.make_tensor_proto(np.zeros((1, 2, 2, 3), np.uint8))
    few.tensor_shape.dim[1].size = 1000
    with pytest.raises(grpc.RpcError, match="its shape has 6000 values, but it has 12"):
        client.predict("encode", image=few)
    for value in (-1, 300):
        proto = tf.make_tensor_proto(np.uint8(1), shape=(1, 1, 1, 3))
        proto.ClearField("tensor_content")
        proto.int_val[:] = [value] * 3
        with pytest.raises(grpc.RpcError) as error:
            client.predict("encode", image=proto)
        assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "no models.config in it; give a folder from ytvos-export"),
        ("model {", "test_nothing_to_serve.*: models.config: not a ModelServerConfig"),
        ("model_config_list {}", "must name one model and the versions"),
        (
            'model_config_list { config { name: "a" '
            "model_version_policy { specific { versions: 4 } } } }",
            "4: no SavedModel, but .* names this version",
        ),
    ],
)
def test_nothing_to_serve(tmp_path, config, message):
    if config is not None:
        (tmp_path / CONFIG_FILE).write_text(config)
    with pytest.raises(InputError, match=message), development_server(tmp_path):
        pass


def cut_in_half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def rename_a_function(file):
    data = file.read_bytes()
    at = data.rindex(b"__inference__traced_restore_")  # in the library
    file.write_bytes(data[:at] + b"x" + data[at + 1 :])


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("saved_model.pb", lambda file: file.write_bytes(b""), "MetaGraphDef"),
        ("saved_model.pb", lambda file: file.write_bytes(b"no protocol buffer"), "[Pp]arsing"),
        ("saved_model.pb", cut_in_half, "[Pp]arsing"),
        ("saved_model.pb", rename_a_function, "its graph calls .*, which is missing"),
        ("variables", shutil.rmtree, "not a valid checkpoint"),
        ("variables/variables.index", cut_in_half, "not an sstable"),
        ("variables/variables.data-00000-of-00001", cut_in_half, "Read less bytes"),
        ("variables/variables.data-00000-of-00001", lambda file: file.unlink(), "No such file"),
    ],
)
def test_a_damaged_model_is_one_line(tmp_path, file, change, reason):
    folder = shutil.copytree(tiny_export().folder, tmp_path / "tiny")
    change(folder / "1" / file)
    with (
        pytest.raises(InputError, match=f"tiny/1: is damaged; copy or .*{reason}") as error,
        development_server(folder),
    ):
        pass
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["grpc_port", "rest_port"])
def test_ports_are_not_shared_and_not_out_of_range(server, kind):
    folder = tiny_export().folder
    for port in (getattr(server, kind), 70_000, -1):
        with (
            pytest.raises(InputError, match=rf":{port}; check the host|Received: {port}"),
            development_server(folder, **{kind: port}),
        ):
            pass
