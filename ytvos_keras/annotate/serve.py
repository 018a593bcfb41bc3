"""Run the server on loopback until it is interrupted."""

import contextlib
import socket
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.errors import InputError, importing

if TYPE_CHECKING:  # imports TensorFlow
    from ytvos_keras.inference import MaskFinder

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def opened_workspace(
    path: Path | None,
    output: Path | None,
    load: Callable[[], object],
    load_finder: "Callable[[], MaskFinder]",
) -> Iterator[Workspace]:
    """Yield the workspace of the current folder, with a video open if a path is given.

    See `Workspace` for the last two arguments.
    """
    workspace = Workspace(Path.cwd(), load, load_finder)
    try:
        if path is not None:
            workspace.open(path, output)
        yield workspace
    finally:
        workspace.close()


def serve(
    workspace: Workspace,
    port: int = 0,
    *,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page on 127.0.0.1 until Ctrl-C; port 0 picks a free one.

    `say` is called with the address of the page.
    """
    with importing(extra="annotate", what="the page"):
        import uvicorn

        from ytvos_keras.annotate.server import make_app, new_token

    with listen(port) as listener:
        port = listener.getsockname()[1]
        # Any other host name may have been pointed here by an attacker (DNS rebinding).
        hosts = frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})
        token = new_token()
        address = f"http://{LOOPBACK}:{port}/{token}/"
        say(address)
        config = uvicorn.Config(
            make_app(workspace, token, hosts),
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,  # event streams of open pages do not end by themselves
        )
        if browser:
            webbrowser.open(address)  # the socket already listens, so the browser's request waits
        with contextlib.suppress(KeyboardInterrupt):  # the normal way to stop the server
            uvicorn.Server(config).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """Return a socket that listens on a loopback port; 0 picks a free one."""
    listener = socket.socket()
    try:
        # Otherwise the port stays blocked for a minute after the command has ended.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise InputError(
            f"port {port} cannot be used ({error.strerror}); choose another --port, or omit it."
        ) from error
    return listener
