"""The HTTP interface of the page."""

import gzip
import json
import secrets
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ytvos_keras.annotate import exports, propagator
from ytvos_keras.annotate.guard import ASGIApp, Guard
from ytvos_keras.annotate.propagation_plan import DIRECTIONS
from ytvos_keras.annotate.request_content import query_number, read_body, read_object
from ytvos_keras.annotate.session import Session
from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.listing import VIDEO_SUFFIXES
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.trimap import BACKGROUND, OBJECT, UNKNOWN

_TRIMAP = np.array([BACKGROUND, UNKNOWN, OBJECT], np.float32)  # by the byte that the page sends


def make_app(workspace: Workspace, token: str, hosts: frozenset[str]) -> ASGIApp:
    """Create the application with its guard; see `Guard` for the arguments."""
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
        Route("/api/find/{index:int}", _find, methods=["POST"]),
        Route("/api/objects", _add_object, methods=["POST"]),
        Route("/api/objects/{id:int}", _change_object, methods=["PATCH"]),
        Route("/api/objects/{id:int}", _delete_object, methods=["DELETE"]),
        Route("/api/propagate", _propagate, methods=["POST"]),
        Route("/api/stop", _stop, methods=["POST"]),
        Route("/api/events", _events),
        Route("/api/exports", _formats),
        Route("/api/exports/{name}", _export, methods=["POST"]),
        Route("/api/exports/{name}", _exported),
        # Last: it matches every path.
        Mount("/", StaticFiles(directory=str(page), html=True)),
    ]
    handlers = {
        InputError: _input_error,
        IndexError: _no_frame,
        OSError: _input_error,
        HTTPException: _http_error,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.state.workspace = workspace
    return Guard(app, token, hosts)


def new_token() -> str:
    """Create a secret for the address of the page."""
    # 128 bits: it cannot be guessed.
    return secrets.token_urlsafe(16)


def _json(
    content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """JSON in ASCII, which can also express file names that are not valid Unicode."""
    text = json.dumps(content, allow_nan=False)
    return Response(text, status_code, headers, media_type="application/json")


def _workspace(request: Request) -> Workspace:
    return request.app.state.workspace


def _session(request: Request) -> Session:
    session = _workspace(request).session
    if session is None:
        raise HTTPException(404, "no video is open")
    # Another page may have opened another video: an edit must not end up in that one.
    if request.query_params.get("opened", session.opened) != session.opened:
        raise HTTPException(409, f"{session.frames.path.name} was opened in the meantime.")
    return session


def _notify_other_pages(request: Request) -> None:
    """Notify other pages of a change, so that they reload instead of overwriting it."""
    page = request.query_params.get("page")
    _workspace(request).events.publish({"type": "edited", "page": page})


def _project(request: Request) -> Response:
    session = _workspace(request).session
    return _json(session.summary() if session else {"video": None})


def _videos(request: Request) -> Response:
    workspace = _workspace(request)
    return _json({"root": str(workspace.root), "videos": workspace.videos()})


async def _open(request: Request) -> Response:
    name = (await read_object(request)).get("name")
    if not isinstance(name, str):
        raise InputError("give the name of a video.")
    # In a thread: opening reads a video's whole index, and the event loop must keep serving.
    await run_in_threadpool(_workspace(request).open_name, name)
    return _json({})


async def _upload(request: Request) -> Response:
    """Save a dropped video in the root and open it."""
    workspace, name = _workspace(request), request.query_params.get("name", "")
    path = workspace.inside(name)
    if path.parent != workspace.root or path.suffix.lower() not in VIDEO_SUFFIXES:
        raise InputError(f"{name}: drop a video file ({', '.join(VIDEO_SUFFIXES)}).")
    if path.exists():  # the same file again, or another one that must not be overwritten
        if path.stat().st_size != int(request.headers.get("content-length", -1)):
            raise InputError(
                f"{name}: a different file of this name is in {workspace.root}; rename this one."
            )
    else:
        await _receive(request, path)
        try:
            await run_in_threadpool(RandomFrames, path)
        except InputError:
            path.unlink()  # otherwise a readable file of this name would be refused
            raise
    await run_in_threadpool(workspace.open, path)
    return _json({})


async def _receive(request: Request, path: Path) -> None:
    # Atomic, so that a tab closed during the upload leaves no partial video.
    with atomic_path(path) as part, part.open("wb") as file:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)


def _frame(request: Request) -> Response:
    width = query_number(request, "width")
    picture = _session(request).picture(request.path_params["index"], width and max(16, width))
    return _picture(picture)


def _thumbnail(request: Request) -> Response:
    near = query_number(request, "near") or 0
    return _picture(_session(request).thumbnail(request.path_params["index"], near))


def _picture(data: bytes) -> Response:
    # Addresses contain `Session.opened`, so that the browser can cache images.
    return Response(data, media_type="image/jpeg", headers={"cache-control": "max-age=3600"})


def _mask(request: Request) -> Response:
    """The label map of a frame, one byte per pixel, row by row."""
    session, index = _session(request), request.path_params["index"]
    if index >= session.frames.count:
        raise IndexError
    return _pixels(session.project.mask(index))


def _pixels(pixels: np.ndarray) -> Response:
    """One byte per pixel, uint8 (H, W), row by row."""
    # Level 1: masks are plain areas, which compress well at any level.
    data = gzip.compress(pixels.tobytes(), 1)
    # no-store: the model may change the mask at any time.
    headers = {"content-encoding": "gzip", "cache-control": "no-store"}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def _read_pixels(request: Request, size: tuple[int, int]) -> np.ndarray:
    """Read a body with one byte per pixel: uint8 (H, W)."""
    height, width = size
    body = await read_body(request, height * width)
    if len(body) != height * width:
        raise InputError(f"a mask must have {height * width} bytes. Received: {len(body)}.")
    return np.frombuffer(body, np.uint8).reshape(size)


async def _save_mask(request: Request) -> Response:
    session, index = _session(request), request.path_params["index"]
    if index >= session.frames.count:
        raise IndexError
    ids = request.query_params.get("trusted", "")
    if not all(part.isdecimal() and len(part) <= 3 for part in ids.split(",") if part):
        raise InputError("trusted must be a comma-separated list of object ids.")
    labels = await _read_pixels(request, session.frames.size)
    session = _session(request)  # again: another one may have been opened while the body arrived
    session.propagator.stop()  # its results are now out of date
    trusted = [int(part) for part in ids.split(",") if part]
    await run_in_threadpool(session.project.save_drawn, index, labels, trusted)
    _notify_other_pages(request)
    return _json({})


async def _find(request: Request) -> Response:
    """Find the mask of an object in a frame: one byte per pixel, 0 or 1.

    The body is a trimap, one byte per pixel: 2 on the object, 0 elsewhere, 1 where that is unknown.
    """
    session, index = _session(request), request.path_params["index"]
    if index >= session.frames.count:
        raise IndexError
    codes = await _read_pixels(request, session.frames.size)
    if codes.max() >= len(_TRIMAP):
        raise InputError("a trimap must have no other values than 0, 1 and 2.")
    finder = _workspace(request).finder

    def find() -> Response:
        return _pixels(finder.find(session.frames.frame(index), _TRIMAP[codes]).astype(np.uint8))

    return await run_in_threadpool(find)


def _add_object(request: Request) -> Response:
    object_id = _session(request).project.add_object()
    _notify_other_pages(request)
    return _json({"id": object_id})


async def _change_object(request: Request) -> Response:
    changes = await read_object(request)
    if not changes.keys() <= {"name", "colour"}:
        raise InputError("only the name and the colour of an object can be changed.")
    change = _session(request).project.change_object
    await run_in_threadpool(change, request.path_params["id"], **changes)
    _notify_other_pages(request)
    return _json({})


def _delete_object(request: Request) -> Response:
    session = _session(request)
    session.propagator.stop()
    session.project.delete_object(request.path_params["id"])
    session.propagator.stop()  # a run that another page began during the search
    _notify_other_pages(request)
    return _json({})


async def _propagate(request: Request) -> Response:
    wanted = await read_object(request)
    start, stop, direction = (wanted.get(key) for key in ("start", "stop", "direction"))
    if type(start) is not int or type(stop) is not int or direction not in DIRECTIONS:
        raise InputError("give start and stop as frame numbers, and a direction.")
    _session(request).propagator.start(propagator.Request(start, stop, direction))
    return _json({})


def _stop(request: Request) -> Response:
    _session(request).propagator.stop()
    return _json({})


def _formats(request: Request) -> Response:
    return _json({name: form.title for name, form in exports.FORMATS.items()})


def _export(request: Request) -> Response:
    """Write an export; the page downloads it from the same address."""
    name, publish = request.path_params["name"], _workspace(request).events.publish

    def tick(done: int, total: int) -> None:
        publish({"type": "export", "name": name, "done": done, "total": total})

    path, note = exports.export(_session(request).project, name, tick)
    return _json({"file": path.name, "path": str(path), "note": note})


def _exported(request: Request) -> Response:
    form = exports.FORMATS.get(request.path_params["name"])
    folder = _session(request).project.folder / exports.EXPORT_FOLDER
    if form is None or not (folder / form.file).is_file():
        raise HTTPException(404, "export it first")
    headers = {"cache-control": "no-store"}
    return FileResponse(folder / form.file, filename=form.file, headers=headers)


async def _events(request: Request) -> Response:
    workspace = _workspace(request)

    def first() -> list[dict]:
        session = workspace.session  # may be closed meanwhile
        return [] if session is None else [session.propagator.status.event()]

    stream = workspace.events.stream(first)
    headers = {"cache-control": "no-store"}
    return StreamingResponse(stream, media_type="text/event-stream", headers=headers)


def _input_error(request: Request, error: Exception) -> Response:
    return _json({"error": " ".join(str(error).split())}, status_code=400)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": error.detail}, error.status_code, error.headers)


def _no_frame(request: Request, error: Exception) -> Response:
    return _json({"error": "there is no such frame"}, status_code=404)
