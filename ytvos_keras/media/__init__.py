"""Read, check and write frame and mask files, without TensorFlow."""

from ytvos_keras.media.frame_source import FrameSource
from ytvos_keras.media.frames import open_frames
from ytvos_keras.media.masks import check_label_map, read_mask, write_mask
from ytvos_keras.media.overlay import overlay
from ytvos_keras.media.palette import davis_palette
from ytvos_keras.media.trimap import box_trimap

__all__ = [
    "FrameSource",
    "box_trimap",
    "check_label_map",
    "davis_palette",
    "open_frames",
    "overlay",
    "read_mask",
    "write_mask",
]
