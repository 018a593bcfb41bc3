"""Access control by a secret URL token and same-origin checks."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
ASGIApp = Callable[[Scope, Callable, Callable], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LONGEST_PATH = 1000  # characters; Python's `int` refuses more than 4300 digits
_HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Middleware that serves `/TOKEN/…` to the same origin and rejects everything else.

    Other web pages can send requests to loopback, but do not know the token; in a DNS rebinding
    attack, the host is not the expected one.

    Args:
        app: the protected application; it sees paths without the token.
        token: the secret part of the address.
        hosts: allowed `Host` headers, such as `127.0.0.1:8765`.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]):
        self.app, self.token, self.hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Callable, send: Callable) -> None:
        if scope["type"] == "websocket":  # not served; Starlette would fail on one
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = self._inner_path(scope)
        if path is None:
            await _refuse(send)
            return
        prefix = f"/{self.token}"
        # Starlette strips `root_path` from the path before it looks for a route.
        scope = {**scope, "path": prefix + path, "root_path": prefix}

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                added = [(k.encode(), v.encode()) for k, v in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _inner_path(self, scope: Scope) -> str | None:
        """The path after the token; None if the request is rejected."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        _, _, rest = scope["path"].partition("/")
        token, slash, path = rest.partition("/")
        host = headers.get("host", "")
        # Browsers omit this header from plain GET requests to the same origin.
        origin = headers.get("origin", f"http://{host}")
        # In constant time, so that the duration does not reveal how much of the token was right.
        known = secrets.compare_digest(token.encode(), self.token.encode()) and slash
        if len(path) > _LONGEST_PATH:
            return None
        if not known or host not in self.hosts or origin != f"http://{host}":
            return None
        # `none`: the user typed or opened the address. Older browsers do not send this header.
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return None
        return f"/{path}"


async def _refuse(send: Callable) -> None:
    # The same response for every reason, so that it reveals nothing. A page of an earlier server
    # shows the error.
    body = b'{"error": "Open the address that ytvos-annotate printed."}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
