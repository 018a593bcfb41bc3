"""An open video with its project and model thread."""

import contextlib
import dataclasses
import secrets
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.annotate.project import Project
from ytvos_keras.annotate.propagator import Propagator
from ytvos_keras.media.folder_lock import folder_lock
from ytvos_keras.media.pictures import encode_picture
from ytvos_keras.media.random_frames import RandomFrames

_THUMBNAIL = (160, 90)  # pixels, at most
_QUALITY = 88  # JPEG quality for the page


class Session:
    """A video, its masks, and the thread of the model.

    Args:
        path: a video file or a folder of images.
        output: the project's folder.

    Attributes:
        opened: identifies this session; another one may be of a video of the same name.

    Raises:
        InputError: the video or the folder cannot be used, or another process is using the folder.
    """

    def __init__(self, path: Path, output: Path):
        self.opened = secrets.token_hex(4)
        self.frames = RandomFrames(path)
        self._thumbnails = RandomFrames(path, cache_bytes=0)  # seeks separately
        output.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            held.enter_context(folder_lock(output))
            self.project = Project(output, self.frames)
            # The lock outlives the block only if the project could be read.
            self._held = held.pop_all()

    def start(self, load: Callable[[], object], publish: Callable[[dict], None]) -> None:
        """Start the model's thread; see `Propagator` for the arguments."""
        self.propagator = Propagator(self.project, load, publish)

    def close(self) -> None:
        """End the model's thread, save its predictions and release the folder."""
        try:
            self.project.finish_deleting()  # it writes masks without holding the project's lock
            self.propagator.close()
            self.project.save_predictions()
            self.project.save()  # newer than all masks, so the next session need not search them
        finally:
            # The lock is released last, when nothing is writing any more.
            self._held.close()

    def summary(self) -> dict:
        """Everything that the page needs to show the project, except images and masks."""
        frames, project = self.frames, self.project
        # Under the lock for a consistent snapshot: the model's thread changes all of this.
        with project.lock:
            confidence = {index: project.confidence(index) for index in sorted(project.predicted)}
            return {
                "video": {
                    "name": frames.path.name,
                    "opened": self.opened,
                    "count": frames.count,
                    "height": frames.size[0],
                    "width": frames.size[1],
                    "fps": float(frames.fps) if frames.fps else None,
                },
                "output": str(project.folder),
                "objects": {i: dataclasses.asdict(o) for i, o in sorted(project.objects.items())},
                "trusted": {i: sorted(ids) for i, ids in project.trusted.items()},
                "confidence": confidence,
                "status": dataclasses.asdict(self.propagator.status),
            }

    def picture(self, index: int, width: int | None = None) -> bytes:
        """A frame as JPEG, at most `width` pixels wide."""
        frame = self.frames.frame(index)
        return _jpeg(frame, (width, frame.shape[0]) if width else None)

    def thumbnail(self, index: int, near: int = 0) -> bytes:
        """A small JPEG of the frame, or of a key frame at most `near` frames before it."""
        return _jpeg(self._thumbnails.near(index, near), _THUMBNAIL)


def _jpeg(frame: np.ndarray, most: tuple[int, int] | None) -> bytes:
    image = Image.fromarray(frame)
    if most:
        image.thumbnail(most, Image.Resampling.BILINEAR)
    return encode_picture(image, "JPEG", quality=_QUALITY)
