"""The folder in which the command was started; the page may open its videos."""

from collections.abc import Callable
from pathlib import Path

from ytvos_keras.annotate.events import Events
from ytvos_keras.annotate.session import Session
from ytvos_keras.errors import InputError
from ytvos_keras.media.listing import PICTURE_SUFFIXES, VIDEO_SUFFIXES

_MOST_LISTED = 200


class Workspace:
    """Open one video at a time.

    Args:
        root: the page may only open videos in this folder.
        load: returns a `Segmenter`; called in the model's thread.
    """

    def __init__(self, root: Path, load: Callable[[], object]):
        # Resolved here and in `inside`: a link in the folder must not lead out of it.
        self.root, self._load = root.resolve(), load
        self.events = Events()
        self.session: Session | None = None

    def open(self, path: Path, output: Path | None = None) -> Session:
        """Open a video, by default with the output folder `NAME-masks` in the root.

        If it cannot be used, the previous video stays open.
        """
        output = output or self.root / f"{path.stem if path.is_file() else path.name}-masks"
        # Masks are named after their frames and would overwrite them.
        if output.resolve() == path.resolve():
            raise InputError(f"{output}: contains the frames; give another folder for the masks.")
        if self.session is not None and self.session.propagator.status.state == "running":
            raise InputError("the model is running; stop it before opening another video.")
        if self.session is not None and self.session.project.folder.resolve() == output.resolve():
            self.close()  # it holds the lock of the folder
        # Before closing the previous session, so that it stays open if this fails.
        session = Session(path, output, self._load, self.events.publish)
        self.close()
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
            raise InputError(f"{name!r}: is not in {self.root}; start ytvos-annotate there.")
        return path

    def videos(self) -> list[str]:
        """Names of the video files and picture folders in the root, one level deep."""
        found = []
        for path in sorted(self.root.iterdir()):
            # Output folders contain pictures, too.
            if path.name.startswith(".") or path.name.endswith("-masks"):
                continue
            if path.suffix.lower() in VIDEO_SUFFIXES or (path.is_dir() and _has_pictures(path)):
                found.append(path.name)
        return found[:_MOST_LISTED]

    def close(self) -> None:
        """Close the open video, if any."""
        if self.session is not None:
            self.session.close()
            self.session = None


def _has_pictures(folder: Path) -> bool:
    try:
        return any(entry.suffix.lower() in PICTURE_SUFFIXES for entry in folder.iterdir())
    except OSError:  # unreadable, so not offered
        return False
