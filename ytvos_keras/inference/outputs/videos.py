"""Video outputs."""

from fractions import Fraction
from pathlib import Path

import numpy as np

from ytvos_keras.inference.outputs.pictures import cut_out
from ytvos_keras.inference.outputs.writer import Look, MaskedFrame, OutputWriter
from ytvos_keras.media.alpha_video import AlphaVideoWriter
from ytvos_keras.media.object_names import draw_names
from ytvos_keras.media.overlay import overlay
from ytvos_keras.media.video import VideoWriter

GREEN = (0, 177, 64)  # chroma key green


class OverlayVideo(OutputWriter):
    """Objects tinted and outlined over the video; with their names if they have any."""

    def __init__(self, path: Path, fps: Fraction, look: Look):
        super().__init__(path)
        self.look = look
        self._video = VideoWriter(path, fps)

    def write(self, item: MaskedFrame) -> None:
        self._video.write(self.picture(item), item.time)

    def picture(self, item: MaskedFrame) -> np.ndarray:
        """The frame to write, uint8 (H, W, 3)."""
        shown = overlay(item.frame, item.labels, self.look.palette)
        if self.look.names:
            shown = draw_names(shown, item.labels, self.look.name, self.look.palette)
        return shown

    def __enter__(self) -> "OverlayVideo":
        self._video.__enter__()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._video.__exit__(*error)


class GreenScreenVideo(OverlayVideo):
    """The objects in their original colours on a green screen."""

    def picture(self, item: MaskedFrame) -> np.ndarray:
        return np.where(item.labels[..., None] > 0, item.frame, np.array(GREEN, np.uint8))


class CutoutVideo(OutputWriter):
    """A WebM video with an alpha channel (VP9), transparent where no object is."""

    def __init__(self, path: Path, fps: Fraction):
        super().__init__(path)
        self._video = AlphaVideoWriter(path, fps)

    def write(self, item: MaskedFrame) -> None:
        self._video.write(cut_out(item), item.time)

    def __enter__(self) -> "CutoutVideo":
        self._video.__enter__()
        return self

    def __exit__(self, *error) -> bool | None:
        return self._video.__exit__(*error)
