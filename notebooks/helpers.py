"""What the notebooks share: TensorFlow without its notes, and images.

Import it first: the notes come when TensorFlow is imported.
"""

import logging
import os
from collections.abc import Sequence

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before the import below

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython

from ytvos_keras.media import davis_palette, overlay
from ytvos_keras.quiet_import import import_tensorflow

import_tensorflow()
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it announces what it reads and writes
# A tenth of the size of PNG.
get_ipython().run_line_magic("config", "InlineBackend.figure_formats = ['jpeg']")

_WIDTH = 10  # inches
_BRIGHT = np.minimum(2 * davis_palette().astype(int), 255).astype("uint8")


def paint(frames: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Draws masks into the frames of a clip.

    Args:
        frames: T images, uint8 (H, W, 3), RGB.
        masks: T label maps, (H, W) or (H, W, 1), whole numbers of any type.

    Returns:
        T images.
    """
    return [
        overlay(np.array(frame), np.array(mask).reshape(frame.shape[:2]).astype("uint8"), _BRIGHT)
        for frame, mask in zip(frames, masks, strict=True)
    ]


def show(
    *rows: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> None:
    """Show rows of images.

    Args:
        rows: each has the same number of images, uint8 (H, W, 3), RGB, all of one size.
        titles: above the images of the first row.
        labels: left of the rows.
    """
    height, width = rows[0][0].shape[:2]
    columns = len(rows[0])
    row_height = _WIDTH / columns * height / width + 0.06
    size = (_WIDTH, len(rows) * row_height + (0.3 if titles else 0))
    figure, axes = plt.subplots(
        len(rows), columns, figsize=size, squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    for line, row in zip(axes, rows, strict=True):
        for axis, picture in zip(line, row, strict=True):
            axis.imshow(picture)
            axis.set(xticks=[], yticks=[], frame_on=False)
    for axis, title in zip(axes[0], titles, strict=False):
        axis.set_title(title, fontsize=9)
    for axis, label in zip(axes[:, 0], labels, strict=False):
        axis.set_ylabel(label, fontsize=9)
    plt.show()
