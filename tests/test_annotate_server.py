import asyncio
import contextlib
import gzip
import io
import socket
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from annotate_project import (
    SIZE,
    EllipseFinder,
    box,
    ellipse_in,
    load_segmenter,
    make_frames,
    wait_until,
)
from annotate_server import running_server
from tiny_s2s import TinyS2S

from ytvos_keras.annotate.event_stream import Events
from ytvos_keras.annotate.guard import Guard
from ytvos_keras.annotate.propagator import Propagator
from ytvos_keras.annotate.serve import LOOPBACK, listen
from ytvos_keras.annotate.session import Session
from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.cli import annotate
from ytvos_keras.errors import InputError
from ytvos_keras.inference import MaskFinder, Segmenter
from ytvos_keras.inference.one_thread import OneThread, alone
from ytvos_keras.media import read_mask
from ytvos_keras.media.folder_lock import FolderInUseError, folder_lock

COUNT = 8


@pytest.fixture
def finder():
    return EllipseFinder()


@pytest.fixture
def workspace(tmp_path, finder):
    make_frames(tmp_path / "clip", COUNT)
    workspace = Workspace(tmp_path, load_segmenter, lambda: finder)
    yield workspace
    workspace.close()


@pytest.fixture
def client(workspace):
    with running_server(workspace) as client:
        yield client


@pytest.fixture
def opened(client):
    assert client.post("/api/open", json={"name": "clip"}).status == 200
    return client


def test_open_draw_propagate(opened, workspace, tmp_path):
    assert opened.get("/api/videos").json()["videos"] == ["clip"]
    assert opened.post("/api/objects").json() == {"id": 1}
    assert opened.put("/api/masks/0?trusted=1", content=box(5).tobytes()).status == 200
    wait_until(lambda: opened.get("/api/project").json()["status"]["state"] == "ready")
    wanted = {"start": 0, "stop": COUNT, "direction": "forward"}
    assert opened.post("/api/propagate", json=wanted).status == 200
    wait_until(lambda: opened.get("/api/project").json()["status"]["state"] == "ready")
    project = opened.get("/api/project").json()
    video = {"name": "clip", "count": 8, "height": 32, "width": 48, "fps": None}
    assert project["video"] == {**video, "opened": workspace.session.opened}
    assert project["trusted"] == {"0": [1]}
    assert project["confidence"] == {str(i): {"1": 0.5**i} for i in range(1, 8)}
    mask = gzip.decompress(opened.get("/api/masks/3").content)
    np.testing.assert_array_equal(np.frombuffer(mask, np.uint8).reshape(SIZE), box(8))
    np.testing.assert_array_equal(read_mask(tmp_path / "clip-masks/00003.png")[0], box(8))


def test_pictures(opened):
    assert opened.get("/api/frames/2").content[:2] == b"\xff\xd8"
    small, large = (len(opened.get(f"/api/frames/2{q}").content) for q in ("?width=16", ""))
    assert small < large
    assert opened.get("/api/thumbnails/7").headers["content-type"] == "image/jpeg"


def test_objects(opened):
    opened.post("/api/objects")
    assert opened.patch("/api/objects/1", json={"name": "dog"}).status == 200
    assert opened.get("/api/project").json()["objects"]["1"]["name"] == "dog"
    assert opened.delete("/api/objects/1").status == 200
    assert opened.get("/api/project").json()["objects"] == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1:9999"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/project", "/api/events"])
def test_other_origins_are_refused(opened, headers, path):
    assert opened.get(path, headers=headers).status == 403


@pytest.mark.parametrize("path", ["/", "/guess/", "/secret", "/secretx/", "/api/project", "//"])
def test_other_tokens_are_refused(client, path):
    response = client.request("GET", path, prefix="")
    assert response.status == 403
    assert response.json() == {"error": "Open the address that ytvos-annotate printed."}


def test_web_sockets_are_refused():
    sent = []

    async def send(message):
        sent.append(message["type"])

    asyncio.run(Guard(None, "secret", frozenset())({"type": "websocket"}, None, send))
    assert sent == ["websocket.close"]


def test_content_security_policy_is_strict(client):
    response = client.get("/")
    assert response.status == 200
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "name", ["..", "../clip", "/etc", "clip/../../x", "clip\0", "missing", "", "."]
)
def test_videos_outside_the_folder_are_refused(client, name):
    response = client.post("/api/open", json={"name": name})
    assert response.status == 400
    assert len(response.json()["error"].splitlines()) == 1


def test_link_to_outside_is_refused(client, tmp_path):
    (tmp_path / "link").symlink_to("/")
    assert client.post("/api/open", json={"name": "link"}).status == 400


def test_links_to_outside_are_not_listed(client, tmp_path):
    (tmp_path / "link.mp4").symlink_to(sys.executable)
    assert client.get("/api/videos").json()["videos"] == ["clip"]


def test_video_is_reopened_with_its_output(workspace, tmp_path):
    make_frames(tmp_path / "other", COUNT)
    workspace.open(tmp_path / "clip", tmp_path / "mine")
    workspace.open_name("other")
    assert workspace.open_name("clip").project.folder == tmp_path / "mine"


def test_video_stays_open_if_it_cannot_be_reopened(workspace, tmp_path):
    session = workspace.open_name("clip")
    (tmp_path / "clip").rename(tmp_path / "moved")
    (tmp_path / "clip").mkdir()
    with pytest.raises(InputError, match="clip: no frames"):
        workspace.open_name("clip")
    assert workspace.session is session
    assert session.project.add_object() == 1


@pytest.mark.parametrize("path", ["/../server.py", "/%2e%2e/server.py", "/..%2fserver.py"])
def test_files_outside_the_page_are_refused(client, path):
    response = client.get(path)
    assert response.status in (403, 404)
    assert b"starlette" not in response.content


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PUT", "/api/masks/0", b"short", 400),
        ("PUT", "/api/masks/0", bytes(SIZE[0] * SIZE[1] + 1), 413),
        ("PUT", "/api/masks/0?trusted=x", bytes(SIZE[0] * SIZE[1]), 400),
        ("PUT", f"/api/masks/0?trusted={5000 * '1'}", bytes(SIZE[0] * SIZE[1]), 400),
        ("PUT", "/api/masks/0?trusted=9", bytes(SIZE[0] * SIZE[1]), 400),
        ("PUT", "/api/masks/0", b"\7" * (SIZE[0] * SIZE[1]), 400),
        ("PUT", "/api/masks/8", bytes(SIZE[0] * SIZE[1]), 404),
        ("PUT", "/api/masks/0?opened=earlier", bytes(SIZE[0] * SIZE[1]), 409),
        ("GET", "/api/frames/0?opened=earlier", b"", 409),
        ("GET", "/api/masks/8", b"", 404),
        ("GET", "/api/frames/8", b"", 404),
        ("GET", "/api/frames/99999999999999999999", b"", 404),
        ("POST", "/api/find/0", b"short", 400),
        ("POST", "/api/find/0", bytes(SIZE[0] * SIZE[1] + 1), 413),
        ("POST", "/api/find/0", b"\3" * (SIZE[0] * SIZE[1]), 400),
        ("POST", "/api/find/8", b"\1" * (SIZE[0] * SIZE[1]), 404),
        ("POST", "/api/find/0?opened=earlier", b"\1" * (SIZE[0] * SIZE[1]), 409),
        ("GET", "/api/frames/-1", b"", 404),
        ("GET", f"/api/frames/{5000 * '1'}", b"", 403),
        ("POST", "/api/propagate", b"{}", 400),
        ("POST", "/api/propagate", b"[", 400),
        ("POST", "/api/propagate", b"[" * 60_000, 400),
        ("POST", "/api/propagate", b"[" * 70_000, 413),
        ("POST", "/api/propagate", b'{"start":true,"stop":3,"direction":"forward"}', 400),
        ("POST", "/api/propagate", b'{"start":0,"stop":3,"direction":"up"}', 400),
        ("POST", "/api/propagate", b'{"start":0,"stop":99,"direction":"both"}', 400),
        ("PATCH", "/api/objects/1", b'{"name":"x"}', 400),
        ("DELETE", "/api/objects/1", b"", 400),
        ("PATCH", "/api/objects/1", b'{"colour":' + b"[" * 1010 + b"]" * 1010 + b"}", 400),
        ("POST", "/api/open", b'{"name":1}', 400),
        ("POST", "/api/open", rb'{"name":"caf\udce9.mp4"}', 400),
        ("PUT", "/api/upload?name=../x.mp4", b"x", 400),
        ("PUT", "/api/upload?name=x.sh", b"x", 400),
        ("PUT", "/api/upload", b"x", 400),
    ],
)
def test_invalid_requests_change_nothing(opened, method, path, body, code, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    assert opened.request(method, path, content=body).status == code
    assert sorted(tmp_path.rglob("*")) == before


def find(client, codes=1, index=0):
    """Ask for a mask, by default of something anywhere in the first frame."""
    content = np.broadcast_to(np.uint8(codes), SIZE).tobytes()
    return client.request("POST", f"/api/find/{index}", content=content)


def test_find(opened, workspace, finder, monkeypatch):
    frames = []
    original = finder.find
    monkeypatch.setattr(finder, "find", lambda frame, _: frames.append(frame) or original(frame, _))
    codes = np.zeros(SIZE, np.uint8)
    codes[4:20, 8:30] = 1
    codes[5:7, 9:12] = 2
    answer = find(opened, codes, index=3)
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    (trimap,) = finder.trimaps
    np.testing.assert_array_equal(trimap, codes / 2)
    mask = np.frombuffer(gzip.decompress(answer.content), np.uint8).reshape(SIZE)
    np.testing.assert_array_equal(mask, ellipse_in(trimap))
    np.testing.assert_array_equal(frames, [workspace.session.frames.frame(3)])
    assert not workspace.session.project.has_mask(3)  # the page saves it


def test_find_with_a_mask_finder(opened, workspace, monkeypatch):
    monkeypatch.setattr(workspace.finder, "_load", lambda: MaskFinder(TinyS2S()))
    codes = np.ones(SIZE, np.uint8)
    codes[:8] = 0
    codes[12:20, 8:30] = 2
    for _ in range(2):  # perhaps in another thread
        answer = find(opened, codes)
        mask = np.frombuffer(gzip.decompress(answer.content), np.uint8).reshape(SIZE)
        assert set(mask[codes == 0]) == {0}
        assert set(mask[codes == 2]) == {1}
    answer = find(opened, 0)
    assert answer.status == 400
    assert "the trimap is 0 everywhere" in answer.json()["error"]


def test_finder_is_loaded_once_for_all_videos(tmp_path):
    loaded = []

    def load_finder():
        loaded.append(EllipseFinder())
        return loaded[-1]

    for name in ("first", "second"):
        make_frames(tmp_path / name, COUNT)
    workspace = Workspace(tmp_path, load_segmenter, load_finder)
    with running_server(workspace) as client:
        client.post("/api/open", json={"name": "first"})
        assert not loaded
        assert find(client).status == 200
        client.post("/api/open", json={"name": "second"})
        assert find(client).status == 200
    workspace.close()
    assert [len(finder.trimaps) for finder in loaded] == [2]


def test_finder_that_cannot_be_loaded(opened, workspace, monkeypatch, caplog):
    failures = [InputError("it has no weights; train it."), RuntimeError("broken\nin many ways")]

    def load_finder():
        if failures:
            raise failures.pop(0)
        return EllipseFinder()

    monkeypatch.setattr(workspace.finder, "_load", load_finder)
    answers = [find(opened) for _ in range(3)]
    assert [answer.status for answer in answers] == [400, 400, 200]
    assert [answer.json()["error"] for answer in answers[:2]] == [
        "the model that finds objects cannot be loaded: it has no weights; train it.",
        "the model that finds objects cannot be loaded: broken",
    ]
    (record,) = caplog.records  # only of the bug
    assert "in many ways" in record.exc_text


def test_masks_are_found_one_after_the_other(opened, workspace, monkeypatch):
    class Busy(OneThread):
        @alone
        def find(self, frame, trimap):
            time.sleep(0.2)
            return trimap > 0

    monkeypatch.setattr(workspace.finder, "_load", Busy)
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: find(opened), range(3)))
    assert [answer.status for answer in answers] == [200] * 3


def test_finder_of_the_command(monkeypatch):
    monkeypatch.setattr(annotate, "_load_model", lambda name: f"the model {name}")
    assert annotate._load_finder().model == "the model s2s-lite-rough"


def test_names_that_are_not_valid_unicode(opened, tmp_path):
    (tmp_path / "caf\udce9.mp4").touch()  # Latin-1 on Linux
    assert "caf\udce9.mp4" in opened.get("/api/videos").json()["videos"]
    opened.post("/api/objects")
    assert opened.patch("/api/objects/1", json={"name": "\udce9"}).status == 200
    assert opened.get("/api/project").json()["objects"]["1"]["name"] == "\udce9"


def test_nothing_is_open(client):
    assert client.get("/api/project").json() == {"video": None}
    for path in ("/api/frames/0", "/api/masks/0"):
        assert client.get(path).status == 404


def test_upload_that_is_not_a_video(client, tmp_path):
    response = client.put("/api/upload?name=x.mp4", content=b"no video")
    assert response.status == 400
    assert "x.mp4" in response.json()["error"]
    assert not list(tmp_path.glob("*.mp4"))  # it would block its corrected version


def test_events_reach_every_page_and_slow_pages_reload():
    async def pages():
        events = Events()
        quick, slow = events.stream(), events.stream()
        assert [await anext(quick), await anext(slow)] == ["retry: 1000\n\n"] * 2
        first, second = asyncio.ensure_future(anext(quick)), asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)
        await asyncio.to_thread(events.publish, {"type": "frame", "index": 1})
        assert await first == await second == 'data: {"type": "frame", "index": 1}\n\n'
        for index in range(2001):
            events.publish({"index": index})
        await asyncio.sleep(0)
        seen = [await anext(slow)]
        while "reload" not in seen[-1]:
            seen.append(await anext(slow))
        await quick.aclose()
        await slow.aclose()
        events.publish({"type": "nobody"})

    asyncio.run(pages())


def test_events_after_the_server_has_ended():
    def fail(*_):
        raise RuntimeError("Event loop is closed")

    events = Events()
    loop = types.SimpleNamespace(is_closed=lambda: False, call_soon_threadsafe=fail)
    events._queues[asyncio.Queue()] = loop  # closed just now
    events.publish({"type": "frame"})


def test_export_download(opened):
    assert "palette" in opened.get("/api/exports").json()
    assert opened.post("/api/exports/palette").status == 400
    assert opened.get("/api/exports/palette").status == 404
    opened.post("/api/objects")
    opened.put("/api/masks/0?trusted=1", content=box(5).tobytes())
    assert opened.post("/api/exports/palette").json()["file"] == "masks.zip"
    answer = opened.get("/api/exports/palette")
    assert answer.content[:2] == b"PK"
    assert "masks.zip" in answer.headers["content-disposition"]
    assert opened.post("/api/exports/..%2f..%2fx").status in (400, 404, 405)
    assert opened.get("/api/exports/..%2fannotate.json").status == 404


def test_reopening_the_same_video(opened, workspace, tmp_path):
    opened.post("/api/objects")
    before = opened.get("/api/project").json()["video"]["opened"]
    assert opened.post("/api/open", json={"name": "clip"}).status == 200
    assert list(workspace.session.project.objects) == [1]
    # The file may have been replaced.
    answer = opened.get(f"/api/frames/0?opened={before}")
    assert answer.status == 409
    assert answer.json()["error"] == "clip was opened in the meantime."


def test_every_change_notifies_the_other_pages(opened, workspace, monkeypatch):
    sent = []
    monkeypatch.setattr(workspace.events, "publish", sent.append)
    opened.post("/api/objects?page=a")
    opened.put("/api/masks/0?page=b&trusted=1", content=box(5).tobytes())
    opened.patch("/api/objects/1?page=c", json={"name": "dog"})
    opened.put("/api/masks/0?page=refused", content=b"short")
    opened.delete("/api/objects/1?page=d")
    edits = [event for event in sent if event["type"] == "edited"]
    assert edits == [{"type": "edited", "page": page} for page in "abcd"]


def test_run_that_begins_while_an_object_is_being_deleted(opened, workspace, monkeypatch):
    step, gate = Segmenter.step, threading.Event()

    def gated(segmenter, frame):
        gate.wait(60)
        return step(segmenter, frame)

    monkeypatch.setattr(Segmenter, "step", gated)
    opened.post("/api/objects")
    opened.put("/api/masks/0?trusted=1", content=box(5).tobytes())
    session = workspace.session
    wait_until(lambda: session.propagator.status.state == "ready")
    search = session.project._map_masks

    def search_and_run(*arguments):
        wanted = {"start": 0, "stop": COUNT, "direction": "forward"}
        assert opened.post("/api/propagate", json=wanted).status == 200
        return search(*arguments)

    monkeypatch.setattr(session.project, "_map_masks", search_and_run)
    assert opened.delete("/api/objects/1").status == 200
    gate.set()
    wait_until(lambda: session.propagator.status.state == "ready")
    # Otherwise it could draw the next object with this id.
    assert not session.propagator.status.message.startswith("Done")


def test_two_videos_with_the_same_default_folder(opened, workspace, tmp_path):
    opened.post("/api/objects")
    opened.put("/api/masks/0?trusted=1", content=box(5).tobytes())
    workspace.close()
    path = tmp_path / "clip-masks/annotate.json"
    path.write_text(path.read_text().replace('"clip"', '"clip.mp4"'))  # made for the file
    before = path.read_text()
    answer = opened.post("/api/open", json={"name": "clip"})
    assert answer.status == 400
    assert "clip-masks: contains the masks of clip.mp4; start" in answer.json()["error"]
    assert path.read_text() == before
    workspace.open(tmp_path / "clip", tmp_path / "clip-masks")  # on purpose
    assert workspace.session.project.trusted.keys() == {0}


def test_folder_that_cannot_be_written_does_not_keep_the_video_open(opened, workspace, tmp_path):
    make_frames(tmp_path / "other", COUNT)
    (tmp_path / "clip-masks").rename(tmp_path / "moved")
    for name in ("other", "clip"):
        assert opened.post("/api/open", json={"name": name}).status == 200
        assert workspace.session.frames.path.name == name
    (tmp_path / "clip-masks").rename(tmp_path / "moved-too")
    workspace.close()
    assert workspace.session is None
    with folder_lock(tmp_path / "moved-too"):
        pass


def test_two_requests_to_open_at_once(workspace, tmp_path, monkeypatch):
    made, original = [], Session.__init__
    both = threading.Barrier(2)

    def slow(self, *arguments):
        made.append(self)
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        original(self, *arguments)

    monkeypatch.setattr(Session, "__init__", slow)
    make_frames(tmp_path / "other", COUNT)
    threads = [
        threading.Thread(target=workspace.open_name, args=(name,)) for name in ("clip", "other")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2
    assert workspace.session is made[1]
    assert not made[0].propagator._thread.is_alive()


def test_opening_a_video_while_the_model_is_loading(tmp_path, monkeypatch):
    for name in ("first", "second"):
        make_frames(tmp_path / name, COUNT)
    gates, log, sent = [threading.Event(), threading.Event()], [], []

    def load():
        log.append("begin")
        gates[log.count("begin") - 1].wait(60)
        log.append("end")
        return load_segmenter()

    def close(propagator):
        gates[0].set()  # the first video is being closed
        original(propagator)

    original = Propagator.close
    monkeypatch.setattr(Propagator, "close", close)
    workspace = Workspace(tmp_path, load, EllipseFinder)
    monkeypatch.setattr(workspace.events, "publish", sent.append)
    workspace.open_name("first")
    wait_until(lambda: log)
    workspace.open_name("second")
    status = workspace.session.propagator.status
    (ready,) = [event["revision"] for event in sent if event.get("state") == "ready"]
    assert status.state == "loading" and status.revision > ready
    gates[1].set()
    wait_until(lambda: workspace.session.propagator.status.state == "ready")
    assert log == ["begin", "end"] * 2
    workspace.close()


def test_second_command_in_the_same_folder_is_refused(opened, tmp_path):
    with pytest.raises(FolderInUseError, match="another process is writing to it"):
        Workspace(tmp_path, load_segmenter, EllipseFinder).open(tmp_path / "clip")


def test_closed_tab(opened, workspace):
    with opened.stream("/api/events") as stream:
        assert stream.readline() == b"retry: 1000\n"
        assert stream.readline() == b"\n"
        assert stream.readline().startswith(b'data: {"type": "status"')
        assert len(workspace.events._queues) == 1
    for _ in range(3):
        workspace.events.publish({"type": "frame"})
    wait_until(lambda: not workspace.events._queues)
    assert opened.get("/api/project").status == 200


@pytest.mark.parametrize("quiet", [False, True])
def test_address_reaches_a_pipe_at_once(monkeypatch, quiet):
    pipe = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(pipe))
    annotate._say("http://127.0.0.1:1/token/", quiet=quiet)
    lines = pipe.getvalue().splitlines()
    assert lines[0] == b"http://127.0.0.1:1/token/"
    assert len(lines) == (1 if quiet else 2)


def test_missing_extra_is_reported(tmp_path):
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from ytvos_keras.cli.annotate import main; sys.exit(main(['--no-browser']))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith("run: pip install 'ytvos-keras[annotate]'\n")


def test_wrong_path_is_reported():
    code = "import sys; from ytvos_keras.cli.annotate import main; sys.exit(main(['nothing.mp4']))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (
        1,
        "error: nothing.mp4: no such file or folder.\n",
    )


def test_port_in_use_is_reported():
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=rf"^port {port} cannot be used \(Address already in "):
            listen(port)
