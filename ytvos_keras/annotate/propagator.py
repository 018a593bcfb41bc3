"""A worker thread for the model, so that the page stays responsive."""

import dataclasses
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable

from ytvos_keras.annotate.chain_runner import ChainRunner
from ytvos_keras.annotate.project import Project
from ytvos_keras.annotate.propagation_plan import Chain, Direction, plan
from ytvos_keras.errors import InputError, counted, first_line
from ytvos_keras.media.random_frames import RandomFrames

SAVE_SECONDS = 2.0  # seconds between saves of the predictions' origins
_SPEED_FRAMES = 20  # window for averaging the speed
_revisions = itertools.count(1)

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Request:
    """Bring frames `start` to `stop` - 1 up to date."""

    start: int
    stop: int
    direction: Direction


@dataclasses.dataclass
class Status:
    """Status of the model, for the page.

    Attributes:
        state: `loading`, `ready`, `running` or `failed`.
        message: why it failed, or how the last run ended.
        done: frames computed in this run.
        total: frames to compute in this run.
        per_second: recent frames per second.
        seconds_left: estimate; None before the first frame.
        revision: increases with every status, since messages over two connections can arrive out
            of order.
    """

    state: str = "loading"
    message: str = ""
    done: int = 0
    total: int = 0
    per_second: float = 0.0
    seconds_left: float | None = None
    revision: int = dataclasses.field(default_factory=_revisions.__next__)

    def event(self) -> dict:
        """The event to publish when the status changes."""
        return {"type": "status", **dataclasses.asdict(self)}


class Propagator:
    """Run the model over a project in a separate thread, one request at a time.

    Args:
        project: the masks.
        load: called in the thread; returns a `Segmenter`.
        publish: called with a dict for every event, from the thread: `status` with the fields of
            `Status`, and `frame` with the index of a frame that has a new mask, and the confidence
            of its predicted objects by id, None where it is not known.
    """

    def __init__(
        self, project: Project, load: Callable[[], object], publish: Callable[[dict], None]
    ):
        self.project, self._load, self._publish = project, load, publish
        self.status = Status()
        self._requests: queue.Queue[Request | None] = queue.Queue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        # One thread for all runs: a `Segmenter` belongs to the thread that uses it.
        self._thread = threading.Thread(target=self._work, name="propagation", daemon=True)
        self._thread.start()

    def start(self, request: Request) -> None:
        """Begin a run; raises an `InputError` if the model is not ready."""
        if not 0 <= request.start < request.stop <= self.project.frames.count:
            raise InputError("the range must lie within the video.")
        with self._lock:
            if self.status.state != "ready":
                raise InputError(f"the model is {self.status.state}; try again when it is ready.")
            # Under the lock and before the request, so that a later `stop` ends the new run.
            self._stop.clear()
            self._tell(state="running", message="", done=0, total=0, seconds_left=None)
            self._requests.put(request)

    def stop(self) -> None:
        """End the run after the current frame; masks computed so far are kept."""
        self._stop.set()

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._requests.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            # A separate decoder, because the page requests other frames at the same time.
            frames = RandomFrames(self.project.frames.path)
            runner = ChainRunner(self.project, frames, self._load())
        except Exception as error:
            logger.exception("the model cannot be loaded")
            self._tell(state="failed", message=first_line(error))
            return
        self._tell(state="ready")
        while (request := self._requests.get()) is not None:
            try:
                try:
                    message = self._run(runner, request)
                finally:
                    self.project.save_predictions()
            except Exception as error:
                # The user can solve these; anything else is a bug, so log its traceback.
                if not isinstance(error, InputError | OSError):
                    logger.exception("propagation failed")
                message = f"Stopped: {first_line(error)}"
            self._tell(state="ready", message=message, seconds_left=None)

    def _run(self, runner: ChainRunner, request: Request) -> str:
        with self.project.lock:
            trusted = {i: tuple(ids) for i, ids in self.project.trusted.items()}
        if not trusted:
            return "Draw an object first."

        def chains_in(direction: Direction) -> list[Chain]:
            return plan(trusted, request.start, request.stop, direction, runner.is_fresh)

        chains = chains_in(request.direction)
        if not chains:
            if chains_in("both"):
                return "Nothing left to compute in this direction; R computes both ways."
            return "Every frame in the range is up to date."
        total = sum(len(chain.frames) for chain in chains)
        times: list[float] = []
        done, saved = 0, time.monotonic()
        for number, chain in enumerate(chains):
            later = sum(len(other.frames) for other in chains[number + 1 :])
            for index, left, confidence in runner.run(chain):
                done, times = done + 1, [*times[-_SPEED_FRAMES:], time.monotonic()]
                self._publish({"type": "frame", "index": index, "confidence": confidence})
                # A resumed chain has fewer frames left than `total` includes.
                self._tell_progress(done, min(total, done + left + later), times)
                if times[-1] - saved > SAVE_SECONDS:
                    self.project.save_predictions()
                    saved = times[-1]
                if self._stop.is_set():
                    return f"Stopped after {counted(done, 'frame')}."
        return f"Done: {counted(done, 'frame')}."

    def _tell_progress(self, done: int, total: int, times: list[float]) -> None:
        speed = (len(times) - 1) / (times[-1] - times[0]) if times[-1] > times[0] else 0.0
        seconds = (total - done) / speed if speed else None
        self._tell(done=done, total=total, per_second=speed, seconds_left=seconds)

    def _tell(self, **changes) -> None:
        fields = {**dataclasses.asdict(self.status), **changes}
        del fields["revision"]
        self.status = Status(**fields)
        self._publish(self.status.event())
