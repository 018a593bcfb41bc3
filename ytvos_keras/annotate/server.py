"""The HTTP interface of the page."""

import gzip
import secrets
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ytvos_keras.annotate import propagator
from ytvos_keras.annotate.guard import ASGIApp, Guard
from ytvos_keras.annotate.plan import DIRECTIONS
from ytvos_keras.annotate.session import Session
from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.json_file import JsonError, parse_json
from ytvos_keras.media.listing import VIDEO_SUFFIXES

_MOST_JSON = 64 * 2**10  # bytes


def make_app(workspace: Workspace, token: str, hosts: frozenset[str]) -> ASGIApp:
    """The application behind its guard; see `Guard` for the arguments."""
    page = resources.files("ytvos_keras.annotate").joinpath("page")
    routes = [
        Route("/api/project", _project),
        Route("/api/videos", _videos),
        Route("/api/open", _open, methods=["POST"]),
        Route("/api/upload", _upload, methods=["PUT"]),
        Route("/api/frames/{index:int}", _frame),
        Route("/api/thumbnails/{index:int}", _thumbnail),
        Route("/api/masks/{index:int}", _mask),
        Route("/api/masks/{index:int}", _save_mask, methods=["PUT"]),
        Route("/api/objects", _add_object, methods=["POST"]),
        Route("/api/objects/{id:int}", _change_object, methods=["PATCH"]),
        Route("/api/objects/{id:int}", _delete_object, methods=["DELETE"]),
        Route("/api/propagate", _propagate, methods=["POST"]),
        Route("/api/stop", _stop, methods=["POST"]),
        Route("/api/events", _events),
        Mount("/", StaticFiles(directory=str(page), html=True)),
    ]
    handlers = {InputError: _input_error, IndexError: _no_frame, OSError: _input_error}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.workspace = workspace
    return Guard(app, token, hosts)


def new_token() -> str:
    """A secret for the address of the page."""
    return secrets.token_urlsafe(16)


def _workspace(request: Request) -> Workspace:
    return request.app.state.workspace


def _session(request: Request) -> Session:
    session = _workspace(request).session
    if session is None:
        raise HTTPException(404, "no video is open")
    return session


def _project(request: Request) -> Response:
    session = _workspace(request).session
    return JSONResponse(session.summary() if session else {"video": None})


def _videos(request: Request) -> Response:
    workspace = _workspace(request)
    return JSONResponse({"root": str(workspace.root), "videos": workspace.videos()})


async def _open(request: Request) -> Response:
    name = (await _json(request)).get("name")
    if not isinstance(name, str):
        raise InputError("give the name of a video.")
    await run_in_threadpool(_workspace(request).open_name, name)
    return JSONResponse({})


async def _upload(request: Request) -> Response:
    """Save a dropped video in the root and open it."""
    workspace, name = _workspace(request), request.query_params.get("name", "")
    path = workspace.inside(name)
    if path.parent != workspace.root or path.suffix.lower() not in VIDEO_SUFFIXES:
        raise InputError(f"{name}: drop a video file ({', '.join(VIDEO_SUFFIXES)}).")
    if path.exists():  # the same file dropped again, or another one that must not be lost
        if path.stat().st_size != int(request.headers.get("content-length", -1)):
            raise InputError(f"{name}: another file of this name is in {workspace.root}.")
    else:
        await _receive(request, path)
    await run_in_threadpool(workspace.open, path)
    return JSONResponse({})


async def _receive(request: Request, path: Path) -> None:
    with atomic_path(path) as part, part.open("wb") as file:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)


def _frame(request: Request) -> Response:
    width = _number(request, "width")
    picture = _session(request).picture(request.path_params["index"], width and max(16, width))
    return _picture(picture)


def _thumbnail(request: Request) -> Response:
    near = _number(request, "near") or 0
    return _picture(_session(request).thumbnail(request.path_params["index"], near))


def _number(request: Request, name: str) -> int | None:
    """A whole number of the query, None if it has none."""
    text = request.query_params.get(name, "")
    return int(text[:9]) if text.isdecimal() else None


def _picture(data: bytes) -> Response:
    # Addresses carry the name of the video, so that the browser may keep pictures.
    return Response(data, media_type="image/jpeg", headers={"cache-control": "max-age=3600"})


def _mask(request: Request) -> Response:
    """The label map of a frame, one byte for each pixel, row by row."""
    session, index = _session(request), request.path_params["index"]
    if index >= session.frames.count:
        raise IndexError
    data = gzip.compress(session.project.mask(index).tobytes(), 1)
    headers = {"content-encoding": "gzip", "cache-control": "no-store"}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def _save_mask(request: Request) -> Response:
    session, index = _session(request), request.path_params["index"]
    height, width = session.frames.size
    if index >= session.frames.count:
        raise IndexError
    ids = request.query_params.get("trusted", "")
    if not all(part.isdecimal() for part in ids.split(",") if part):
        raise InputError("trusted must be ids of objects.")
    body = await _body(request, height * width)
    if len(body) != height * width:
        raise InputError(f"a mask must have {height * width} bytes. Received: {len(body)}.")
    labels = np.frombuffer(body, np.uint8).reshape(height, width)
    session.propagator.stop()  # what it computes is out of date
    trusted = [int(part) for part in ids.split(",") if part]
    await run_in_threadpool(session.project.save_drawn, index, labels, trusted)
    return JSONResponse({})


def _add_object(request: Request) -> Response:
    return JSONResponse({"id": _session(request).project.add_object()})


async def _change_object(request: Request) -> Response:
    changes = await _json(request)
    if not changes.keys() <= {"name", "colour"}:
        raise InputError("an object has a name and a colour.")
    _session(request).project.change_object(request.path_params["id"], **changes)
    return JSONResponse({})


def _delete_object(request: Request) -> Response:
    session = _session(request)
    session.propagator.stop()
    session.project.delete_object(request.path_params["id"])
    return JSONResponse({})


async def _propagate(request: Request) -> Response:
    wanted = await _json(request)
    start, stop, direction = (wanted.get(key) for key in ("start", "stop", "direction"))
    if type(start) is not int or type(stop) is not int or direction not in DIRECTIONS:
        raise InputError("give start and stop as frame numbers, and a direction.")
    _session(request).propagator.start(propagator.Request(start, stop, direction))
    return JSONResponse({})


def _stop(request: Request) -> Response:
    _session(request).propagator.stop()
    return JSONResponse({})


async def _events(request: Request) -> Response:
    stream = _workspace(request).events.stream()
    headers = {"cache-control": "no-store"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


async def _json(request: Request) -> dict[str, Any]:
    try:
        content = parse_json(await _body(request, _MOST_JSON))
    except JsonError as error:
        raise InputError(f"the request {error}.") from error
    if not isinstance(content, dict):
        raise InputError("the request must be a JSON object.")
    return content


async def _body(request: Request, most: int) -> bytes:
    """The body, refused as soon as it is longer than `most` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise HTTPException(413, "the request is too large")
    return bytes(body)


def _input_error(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": " ".join(str(error).split())}, status_code=400)


def _no_frame(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "there is no such frame"}, status_code=404)
