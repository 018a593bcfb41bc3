"""Read request bodies, with size limits."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import JsonError, parse_json

_MOST_JSON = 64 * 2**10  # bytes


async def read_object(request: Request) -> dict[str, Any]:
    """Read the body as a JSON object; raises an `InputError` if it is not one."""
    try:
        content = parse_json(await read_body(request, _MOST_JSON))
    except JsonError as error:
        raise InputError(f"the request {error}.") from error
    if not isinstance(content, dict):
        raise InputError("the request must be a JSON object.")
    return content


async def read_body(request: Request, most: int) -> bytes:
    """Read the body; rejects it as soon as it is longer than `most` bytes."""
    # Counted as it arrives: the Content-Length header may be wrong or missing.
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, "the request is too large")
    return bytes(body)


def query_number(request: Request, name: str) -> int | None:
    """A whole number from the query string; None if it is missing or malformed."""
    text = request.query_params.get(name, "")
    # No frame number or width has ten digits; Python's `int` refuses more than 4300.
    return int(text) if text.isdecimal() and len(text) < 10 else None
