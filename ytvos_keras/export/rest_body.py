"""The body of a REST request, read within limits."""

import re
import threading
from http.server import BaseHTTPRequestHandler

from ytvos_keras.export.served_model import LARGEST_MESSAGE, RequestError

LARGEST_BODY = 2**25
"""Bytes of a REST request. Python needs up to 25 times as many to parse JSON; larger ones: gRPC."""

_LENGTH = re.compile("[0-9]{1,18}")  # `int` also takes signs, spaces and underscores


class LengthRequiredError(Exception):
    """The end of the request is unclear."""


class BodyReader:
    """Reads bodies of many clients at once, slow ones too, of `LARGEST_MESSAGE` bytes in all."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room = LARGEST_MESSAGE

    def read(self, handler: BaseHTTPRequestHandler) -> bytes:
        """Read the body of a request.

        Raises:
            LengthRequiredError: there is not one `Content-Length` of digits.
            RequestError: the body is too long or too short, or other bodies leave no room.
        """
        length = _length(handler)
        if length > LARGEST_BODY:
            raise RequestError("INVALID_ARGUMENT", f"at most {LARGEST_BODY} bytes are read.")
        with self._lock:
            if length > self._room:
                raise RequestError("RESOURCE_EXHAUSTED", "too many large requests; try later.")
            # Reserved before reading: what all clients announce together has a limit.
            self._room -= length
        try:
            # Without the lock: the slowest client determines how long this takes.
            data = handler.rfile.read(length)
        finally:
            with self._lock:
                self._room += length
        if len(data) < length:
            raise RequestError("INVALID_ARGUMENT", "the body is shorter than Content-Length.")
        return data


def _length(handler: BaseHTTPRequestHandler) -> int:
    headers = handler.headers
    lengths = headers.get_all("Content-Length") or []
    # Two statements of length, or none, leave it open where the next request begins.
    if "Transfer-Encoding" in headers or headers.defects or len(lengths) != 1:
        raise LengthRequiredError
    if not _LENGTH.fullmatch(lengths[0]):
        raise LengthRequiredError
    return int(lengths[0])
