"""Broadcast events from threads to all open pages, as server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

_WAITING = 2000  # events that a page may lag behind before it must reload everything
_HEARTBEAT = 15.0  # seconds; a closed tab is only detected when writing to it


class Events:
    """An event hub: call `publish` from any thread, and `stream` once per page."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[dict], asyncio.AbstractEventLoop] = {}

    def publish(self, event: dict) -> None:
        """Send an event to every open page."""
        # A copy, because the server's thread may add and remove pages meanwhile.
        for queue, loop in list(self._queues.items()):
            # The loop is closed if the model is still running after the server has ended.
            with contextlib.suppress(RuntimeError):
                # An asyncio queue may only be used in the thread of its event loop.
                loop.call_soon_threadsafe(_put, queue, event)

    async def stream(self, first: Callable[[], list[dict]] = list) -> AsyncIterator[str]:
        """Yield events from now on, in the format of `text/event-stream`.

        `first` returns the initial events of a page. It is called after subscribing, so that
        nothing published later is missed.
        """
        queue: asyncio.Queue[dict] = asyncio.Queue(_WAITING)
        self._queues[queue] = asyncio.get_running_loop()
        try:
            yield "retry: 1000\n\n"  # milliseconds until a browser reconnects
            for event in first():
                yield _data(event)
            while True:
                try:
                    yield _data(await asyncio.wait_for(queue.get(), _HEARTBEAT))
                except TimeoutError:
                    # A line with a colon is a comment, which browsers ignore.
                    yield ": still here\n\n"
        finally:
            del self._queues[queue]


def _data(event: dict) -> str:
    return f"data: {json.dumps(event)}\n\n"


def _put(queue: asyncio.Queue[dict], event: dict) -> None:
    if queue.full():  # the page is slow: drop what it missed and make it reload everything
        while not queue.empty():
            queue.get_nowait()
        event = {"type": "reload"}
    queue.put_nowait(event)
