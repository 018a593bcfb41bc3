"""Video outputs."""

import abc
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np

from ytvos_keras.inference.outputs.image_outputs import cut_out
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.overlay import draw_names, overlay
from ytvos_keras.media.video import AlphaVideoWriter, VideoWriter

FOLDER_FPS = Fraction(24)  # for folders of frames, which have no frame rate; as in DAVIS
GREEN = (0, 177, 64)  # chroma key green


class _VideoOutput(OutputWriter):
    """A video with one image per frame; `fps` counts if the frames have no times."""

    kind: type[VideoWriter | AlphaVideoWriter] = VideoWriter

    def __init__(self, path: Path, fps: Fraction):
        super().__init__(path)
        self._video = self.kind(path, fps)
        self._begin: Fraction | None = None  # time of the first frame

    @abc.abstractmethod
    def picture(self, item: MaskedFrame) -> np.ndarray:
        """The image to write, uint8 (H, W, 3), or (H, W, 4) with alpha."""

    def write(self, item: MaskedFrame) -> None:
        time = item.time
        if time is not None:
            # A range of a video begins late, its output at 0.
            self._begin = time if self._begin is None else self._begin
            time -= self._begin
        self._video.write(self.picture(item), time)

    def __enter__(self) -> Self:
        self._video.__enter__()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._video.__exit__(*error)


class OverlayVideo(_VideoOutput):
    """Objects tinted and outlined over the video, with their names if they have any."""

    def __init__(self, path: Path, fps: Fraction, style: ObjectStyle):
        super().__init__(path, fps)
        self.style = style

    def picture(self, item: MaskedFrame) -> np.ndarray:
        shown = overlay(item.frame, item.labels, self.style.palette)
        if self.style.names:
            shown = draw_names(shown, item.labels, self.style.name, self.style.palette)
        return shown


class GreenScreenVideo(_VideoOutput):
    """The objects in their original colours on a green screen."""

    def picture(self, item: MaskedFrame) -> np.ndarray:
        return np.where(item.labels[..., None] > 0, item.frame, np.array(GREEN, np.uint8))


class CutoutVideo(_VideoOutput):
    """A WebM video with an alpha channel (VP9), transparent outside objects."""

    kind = AlphaVideoWriter

    def picture(self, item: MaskedFrame) -> np.ndarray:
        return cut_out(item)
