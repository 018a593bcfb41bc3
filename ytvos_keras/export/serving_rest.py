"""The part of TensorFlow Serving's REST interface that this package needs, over a `ServedModel`.

References:
    - https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
import contextlib
import itertools
import json
import re
import socket
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import tensorflow as tf
from google.protobuf import json_format

from ytvos_keras.export.rest_body import BodyReader, LengthRequiredError
from ytvos_keras.export.served_model import (
    MOST_STRINGS,
    RequestError,
    ServedModel,
    check_names,
)
from ytvos_keras.media.json_file import JsonError, parse_json

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
METRICS_PATH = "/monitoring/prometheus/metrics"
_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[0-9]{1,18})|/labels/(?P<label>[^/:]+))?(?P<action>/metadata|:predict)?"
)
_PATIENCE = 60
"""Seconds that a client may take to send a request, to send the next one, or to read an answer."""

_CLIENTS_FAULTS = {501: 405, 505: 400}  # errors that http.server blames on the server
_HTTP_CODES = {"NOT_FOUND": 404, "INVALID_ARGUMENT": 400, "RESOURCE_EXHAUSTED": 503}


def start_rest_server(model: ServedModel, host: str, port: int) -> ThreadingHTTPServer:
    """Start a server in a thread; `server.shutdown()` ends it.

    Args:
        model: The model to serve.
        host: Host to listen on.
        port: Port to listen on; 0 for a free one, which is then `server.server_port`.
    """
    server = _Server((host, port), model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], model: ServedModel):
        super().__init__(address, _Handler)
        self.model = model
        self.counts: Counter[int] = Counter()  # of answers, by HTTP code
        self.bodies = BodyReader()
        self.parsing = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle(self):
        with contextlib.suppress(OSError):  # a client may disconnect at any moment
            super().handle()

    def handle_one_request(self):
        # Not a socket timeout, which would restart with every byte.
        self._timer = threading.Timer(_PATIENCE, self._too_slow)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().handle_one_request()
        finally:
            self._timer.cancel()

    def send_error(self, code, message=None, explain=None):
        super().send_error(_CLIENTS_FAULTS.get(code, code), message, explain)

    def _too_slow(self):
        with contextlib.suppress(OSError):
            self.connection.sendall(_TOO_SLOW)
            # Wakes the thread that is blocked reading from this client.
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self):
        self._timer.cancel()
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # unread bytes must not be taken for the next request
        if self.path == METRICS_PATH:
            self._send(200, _metrics(self.server).encode(), "text/plain; version=0.0.4")
        else:
            self._answer(self._get)

    def do_POST(self):
        self._answer(self._post)

    def log_message(self, *args):
        pass

    def _get(self):
        action, *choice = self._route()
        if action == "/metadata":
            return _metadata(self.server.model, self.server.model.choose(*choice))
        if action:
            raise RequestError("INVALID_ARGUMENT", ":predict must be a POST.")
        status = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        numbers = self.server.model.chosen_versions(*choice)
        return {"model_version_status": [{"version": str(n), **status} for n in numbers]}

    def _post(self):
        # Outside the lock: a slow client must not hold up the others.
        data = self._body()
        with self.server.parsing:  # one at a time, to limit memory
            body = _parse(data)
            action, *choice = self._route()
            if action != ":predict":
                raise RequestError("INVALID_ARGUMENT", "a POST must go to …:predict.")
            version = self.server.model.versions[self.server.model.choose(*choice)]
            signature = body.get("signature_name", "")
            if not isinstance(signature, str):
                raise RequestError("INVALID_ARGUMENT", "signature_name must be a string.")
            definition = version.signature(signature)
            inputs, in_rows = _read_inputs(body, definition)
            # Freed before the model runs: parsed lists take many times the memory of arrays.
            del body, data
        # Sessions are safe to use from several threads.
        outputs = version.run(signature, inputs)
        return _write_rows(outputs) if in_rows else {"outputs": _single(_write_all(outputs))}

    def _answer(self, work):
        try:
            code, content = 200, work()
        except RequestError as error:
            code, content = _HTTP_CODES.get(error.code, 500), {"error": str(error)}
        except LengthRequiredError:
            code, content = 411, {"error": "a POST needs exactly one numeric Content-Length."}
        self.server.counts[code] += 1
        self._send(code, json.dumps(content).encode(), "application/json")

    def _send(self, code, content, content_type):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        # Writing blocks if a client does not read.
        self.connection.settimeout(_PATIENCE)
        self.wfile.write(content)
        self.connection.settimeout(None)  # the timer limits the next request

    def _route(self):
        """The action, version and label in the path; each may be None."""
        model, match = self.server.model, _PATH.fullmatch(self.path)
        if match is None or match["name"] != model.name:
            raise RequestError("NOT_FOUND", f"{self.path}: not found; try /v1/models/{model.name}.")
        version = int(match["version"]) if match["version"] else None
        return match["action"], version, match["label"]

    def _body(self):
        # After an error, what is left of the body must not be taken for the next request.
        stays_open, self.close_connection = not self.close_connection, True
        data = self.server.bodies.read(self)
        self._timer.cancel()
        self.close_connection = not stays_open  # the body is read: reuse is safe
        return data


def _parse(data: bytes) -> dict:
    try:
        # NaN as in TensorFlow Serving; the check in the graph names the input that is not finite.
        body = parse_json(data, allow_nan=True)
    except JsonError as error:
        raise RequestError("INVALID_ARGUMENT", f"the body {error}.") from error
    if not isinstance(body, dict):
        raise RequestError("INVALID_ARGUMENT", "the body must be a JSON object.")
    return body


def _metrics(server: _Server) -> str:
    name = "ytvos_development_server_requests_total"
    lines = [f'{name}{{code="{code}"}} {count}' for code, count in sorted(server.counts.items())]
    return "\n".join([f"# TYPE {name} counter", *lines, ""])


def _metadata(model: ServedModel, number: int) -> dict:
    signatures = {
        name: json_format.MessageToDict(definition, preserving_proto_field_name=True)
        for name, definition in model.versions[number].signatures.items()
    }
    return {
        "model_spec": {"name": model.name, "signature_name": "", "version": str(number)},
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def _read_inputs(body: dict, definition) -> tuple[dict[str, np.ndarray], bool]:
    """Read arrays from `instances` (rows) or `inputs` (columns), and whether it was rows."""
    if ("instances" in body) == ("inputs" in body):
        raise RequestError("INVALID_ARGUMENT", 'give either "instances" or "inputs".')
    in_rows = "instances" in body
    columns = _columns(body["instances"]) if in_rows else body["inputs"]
    # The only input may come without its name, and {"b64": …} is a string.
    if not isinstance(columns, dict) or set(columns) == {"b64"}:
        columns = {next(iter(definition.inputs)): columns}
    if set(columns) - set(definition.inputs):
        check_names(definition, columns)  # raises; missing inputs are reported after unknown ones
    arrays = {name: _array(name, value, definition.inputs[name]) for name, value in columns.items()}
    return arrays, in_rows


def _columns(rows):
    if not isinstance(rows, list) or not rows:
        raise RequestError("INVALID_ARGUMENT", '"instances" must be a non-empty list.')
    if not all(isinstance(row, dict) and set(row) != {"b64"} for row in rows):
        return rows
    if any(set(row) != set(rows[0]) for row in rows):
        raise RequestError("INVALID_ARGUMENT", "all instances must have the same inputs.")
    return {name: [row[name] for row in rows] for name in rows[0]}


def _array(name: str, value, info) -> np.ndarray:
    dtype = tf.as_dtype(info.dtype)
    try:
        if dtype == tf.string:
            return _strings(value, len(info.tensor_shape.dim))
        _check_numbers(value)
        # First without a dtype: with one, NumPy would silently truncate 0.5 to 0.
        array = np.array(value)
        if array.dtype.kind not in "uif" or (array.dtype.kind == "f" and dtype.is_integer):
            raise ValueError(f"found {array.dtype}")
        return np.array(value, dtype.as_numpy_dtype)  # an overflow is an error
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise RequestError(
            "INVALID_ARGUMENT", f"{name} must contain {dtype.name} in equal rows. ({error})"
        ) from error


def _check_numbers(value) -> None:
    """Make sure that nested lists contain numbers: NumPy would pad all strings to the longest."""
    level = [value]
    while level:
        kinds = set(map(type, level))
        if other := kinds - {int, float, list}:
            raise ValueError(f"found {other.pop().__name__}")
        if kinds != {list}:  # numbers; NumPy rejects lists among them
            return
        # Level by level, not recursively: nesting may be deeper than Python's stack.
        level = [*itertools.chain.from_iterable(level)]


def _strings(value, rank: int) -> np.ndarray:
    """Decode byte strings from nested lists of depth `rank`."""
    shape, level = [], [value]
    for _ in range(rank):
        lengths = {len(x) if isinstance(x, list) else -1 for x in level}
        if len(lengths) > 1 or -1 in lengths:
            raise ValueError(f"strings must be in {rank} levels of lists of equal length")
        shape.append(lengths.pop() if lengths else 0)
        level = [y for x in level for y in x]
    if len(level) > MOST_STRINGS:
        raise ValueError(f"at most {MOST_STRINGS} strings")
    # Not np.array(level), which makes an array of bytes that strips trailing zeros.
    array = np.empty(len(level), object)
    array[:] = [_decode(x) for x in level]
    return array.reshape(shape)


def _decode(value) -> bytes:
    if isinstance(value, dict) and set(value) == {"b64"}:
        return base64.b64decode(value["b64"], validate=True)
    if isinstance(value, str):
        return value.encode()
    raise ValueError('a string must be text or {"b64": …}')


def _write_rows(outputs: dict[str, np.ndarray]) -> dict:
    columns = _write_all(outputs)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": [_single(row) for row in rows]}


def _single(named: dict):
    """Return a single output without its name."""
    return next(iter(named.values())) if len(named) == 1 else named


def _write_all(outputs: dict[str, np.ndarray]) -> dict:
    return {name: _write(array, name.endswith("_bytes")) for name, array in outputs.items()}


def _write(array: np.ndarray, as_bytes: bool):
    if array.dtype != object:
        return array.tolist()

    def encode(value):
        if isinstance(value, list):
            return [encode(x) for x in value]
        return {"b64": base64.b64encode(value).decode()} if as_bytes else value.decode()

    return encode(array.tolist())
