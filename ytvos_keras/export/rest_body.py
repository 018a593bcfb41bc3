"""The body of a REST request, read within limits."""

import re
import threading
from http.server import BaseHTTPRequestHandler

from ytvos_keras.export.served_model import LARGEST_MESSAGE, RequestError

LARGEST_BODY = 2**25
"""Largest REST request in bytes; gRPC allows more. Parsing takes up to 25 times as much memory."""

_LENGTH = re.compile("[0-9]{1,18}")  # `int` also accepts signs, spaces and underscores


class LengthRequiredError(Exception):
    """The request has no usable Content-Length."""


class BodyReader:
    """Reads bodies of many, even slow clients at once, with `LARGEST_MESSAGE` bytes in total."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._room = LARGEST_MESSAGE

    def read(self, handler: BaseHTTPRequestHandler) -> bytes:
        """Read the body of a request.

        Raises:
            LengthRequiredError: there is not exactly one numeric `Content-Length`.
            RequestError: the body is too long or too short, or other bodies leave no room.
        """
        length = _length(handler)
        if length > LARGEST_BODY:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"a REST request may have at most {LARGEST_BODY} bytes; use gRPC for larger ones.",
            )
        with self._lock:
            if length > self._room:
                raise RequestError("RESOURCE_EXHAUSTED", "too many large requests; try later.")
            # Reserved before reading, which limits the total that all clients announce.
            self._room -= length
        try:
            # Outside the lock: a slow client may take long.
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
    # With two lengths, or none, it is unclear where the next request begins.
    if "Transfer-Encoding" in headers or headers.defects or len(lengths) != 1:
        raise LengthRequiredError
    if not _LENGTH.fullmatch(lengths[0]):
        raise LengthRequiredError
    return int(lengths[0])
