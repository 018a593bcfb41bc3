"""The working folder, whose videos the page can open."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.annotate.event_stream import Events
from ytvos_keras.annotate.project_files import read_video_name
from ytvos_keras.annotate.session import Session
from ytvos_keras.annotate.shared_finder import SharedFinder
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.listing import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from ytvos_keras.media.random_frames import RandomFrames

if TYPE_CHECKING:  # imports TensorFlow
    from ytvos_keras.inference import MaskFinder

_MOST_LISTED = 200

logger = logging.getLogger(__name__)


class Workspace:
    """Open one video at a time.

    Args:
        root: the page may only open videos in this folder.
        load: returns a `Segmenter`; called in the model's thread.
        load_finder: returns a `MaskFinder`; called when the first mask is to be found from a box or
            a scribble.

    Attributes:
        finder: finds masks, in all videos.
    """

    def __init__(
        self, root: Path, load: Callable[[], object], load_finder: "Callable[[], MaskFinder]"
    ):
        # Resolved here and in `inside`: a link in the folder must not lead out of it.
        self.root, self._load = root.resolve(), load
        self.finder = SharedFinder(load_finder)
        self.events = Events()
        self.session: Session | None = None
        self._outputs: dict[Path, Path] = {}  # video to the output folder it was opened with
        # Reentrant: `open` calls `close`.
        self._lock = threading.RLock()

    def open(self, path: Path, output: Path | None = None) -> Session:
        """Open a video.

        The default of the output folder is the one that was given when the video was opened before,
        or else `NAME-masks` in the root. If the video cannot be used, the previous one stays open.
        """
        # Two requests at once would both replace the same session, and one would never be closed.
        with self._lock:
            video = path.resolve()
            given = output or self._outputs.get(video)
            session = self._open(path, given or self._default_output(path))
            if given:
                self._outputs[video] = given
            return session

    def _default_output(self, path: Path) -> Path:
        output = self.root / f"{path.stem if path.is_file() else path.name}-masks"
        # `dog.mp4` and the folder `dog` share this default; their frames may have the same names.
        if (name := read_video_name(output)) not in (None, path.name):
            raise InputError(
                f"{output}: contains the masks of {name}; start ytvos-annotate {path.name} "
                "--output DIR for a video of another name."
            )
        return output

    def _open(self, path: Path, output: Path) -> Session:
        # Masks are named after their frames and would overwrite them.
        if output.resolve() == path.resolve():
            raise InputError(f"{output}: contains the frames; give another folder for the masks.")
        if self.session is not None and self.session.propagator.status.state == "running":
            raise InputError("the model is running; stop it before opening another video.")
        if self.session is not None and self.session.project.folder.resolve() == output.resolve():
            RandomFrames(path)  # fails before the session is closed
            self.close()  # it holds the lock of the folder
        # Before closing the previous session, so that it stays open if this fails.
        session = Session(path, output)
        self.close()
        # After closing it: its thread may still have been loading the model, which is loaded once,
        # and its last status must not be newer than the first one of this session.
        session.start(self._load, self.events.publish)
        self.session = session
        self.events.publish({"type": "reload"})
        return session

    def open_name(self, name: str) -> Session:
        """Open a video by its path relative to the root."""
        return self.open(self.inside(name))

    def inside(self, name: str) -> Path:
        """Return the path of a name in the root; raises an `InputError` if it leads outside."""
        path = None if "\0" in name else (self.root / name).resolve()
        if path is None or not path.is_relative_to(self.root):
            raise InputError(
                f"{name!r}: leads out of {self.root}; start ytvos-annotate in the video's folder."
            )
        return path

    def videos(self) -> list[str]:
        """Names of the video files and image folders in the root, one level deep."""
        found = []
        for path in sorted(self.root.iterdir()):
            # Output folders contain images, too.
            if path.name.startswith(".") or path.name.endswith("-masks"):
                continue
            if not path.resolve().is_relative_to(self.root):  # a link
                continue
            if path.suffix.lower() in VIDEO_SUFFIXES or (path.is_dir() and _has_pictures(path)):
                found.append(path.name)
        return found[:_MOST_LISTED]

    def close(self) -> None:
        """Close the open video, if any."""
        with self._lock:
            session, self.session = self.session, None
            try:
                if session is not None:
                    session.close()
            except OSError as error:
                # Every edit was saved or reported when it was made, and the rest is recomputed.
                logger.warning("the project could not be saved: %s", first_line(error))


def _has_pictures(folder: Path) -> bool:
    try:
        return any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in folder.iterdir())
    except OSError:  # unreadable, so not offered
        return False
