"""Send mutated requests to the development server: a client error or a valid answer."""

import base64
import json
import random
import re
import socket
from http.server import ThreadingHTTPServer

import grpc
import numpy as np
import pytest
import tensorflow as tf
from fuzz_budget import LARGEST, SEED, inputs, peak_memory
from fuzz_readers import picture
from mutate import mutate_bytes, mutate_json
from tensorflow_serving.apis import predict_pb2
from tiny_export import tiny_export

from ytvos_keras.export.development_server import development_server

COST = 6
CLIENTS_FAULTS = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"}
HEAD = "POST /v1/models/tiny:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n"


@pytest.fixture(scope="module")
def server():
    with development_server(tiny_export().folder) as address:
        yield address


@pytest.fixture
def tracebacks(monkeypatch):
    """Collect the exceptions that the REST server would print."""
    errors = []
    monkeypatch.setattr(ThreadingHTTPServer, "handle_error", lambda *args: errors.append(args[1:]))
    return errors


def files():
    frame, mask = picture("JPEG"), picture("PNG", "L")
    return {"image_bytes": [frame], "mask_bytes": [mask]}


def json_of_files():
    inputs = {
        name: [{"b64": base64.b64encode(data).decode()} for data in values]
        for name, values in files().items()
    }
    return {"signature_name": "initialize_bytes", "inputs": inputs}


def json_of_tensors():
    image, mask = np.zeros((1, 8, 8, 3), int), np.ones((1, 8, 8, 1), int)
    inputs = {"image": image.tolist(), "mask": mask.tolist()}
    return {"signature_name": "initialize", "inputs": inputs}


def send(server, data):
    """Send data, close the sending side and return the answer."""
    answer = b""
    with socket.create_connection((server.host, server.rest_port), timeout=60) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(2**20):
                answer += part
        except ConnectionError:  # closed by the server while sending
            return answer or b"HTTP/1.1 4"
    return answer


@pytest.mark.parametrize("seed", [json_of_files, json_of_tensors])
@pytest.mark.parametrize("part", ["body", "request"])
def test_rest(server, tracebacks, counts, seed, part):
    rng, before = random.Random(f"{seed.__name__} {part} {SEED}"), peak_memory()
    body = json.dumps(seed()).encode()
    good = HEAD.format(len(body)).encode() + body
    assert send(server, good).startswith(b"HTTP/1.1 200")
    for count in inputs(COST):
        if part == "body":
            changed = mutate_json(body, rng)
            request = HEAD.format(len(changed)).encode() + changed
        else:
            head = mutate_bytes(good[: rng.choice((60, 100, len(good)))], rng)
            request = head + good[len(head) :]
        answer = send(server, request)
        blamed = answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 200", b"HTTP/1.1 503"))
        old = re.search(rb"<p>Error code: 4\d\d</p>", answer)  # HTTP/0.9 has no status line
        assert blamed or old or is_empty(request), (request[:2000], answer[:300])
        assert not tracebacks, request[:2000]
        counts[f"REST {part}, {seed.__name__[8:]}"] = count
    assert peak_memory() < before + LARGEST


def is_empty(request):
    """Whether there is no request line, or an empty one, and so nothing to answer."""
    return b"\n" not in request or not request.split(b"\n")[0].strip()


@pytest.mark.parametrize("signature", ["initialize", "initialize_bytes"])
def test_grpc(server, counts, signature):
    rng, before = random.Random(f"{signature} {SEED}"), peak_memory()
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "tiny", signature
    tensors = {"image": np.zeros((1, 8, 8, 3), "uint8"), "mask": np.ones((1, 8, 8, 1), "uint8")}
    for name, value in (tensors if signature == "initialize" else files()).items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    good = request.SerializeToString()
    with grpc.insecure_channel(f"{server.host}:{server.grpc_port}") as channel:
        call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
        call(good, timeout=60)
        for count in inputs(COST):
            data, code = mutate_bytes(good, rng), "OK"
            try:
                call(data, timeout=60)
            except grpc.RpcError as error:
                code = error.code().name
            assert code in CLIENTS_FAULTS, (code, data[:2000])
            counts[f"gRPC {signature}"] = count
    assert peak_memory() < before + LARGEST
