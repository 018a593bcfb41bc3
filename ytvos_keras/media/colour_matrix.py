"""Choose the matrix that converts video colours to RGB and back."""

import av
from av.video.reformatter import Colorspace

_HIGH_DEFINITION = 720  # lines; players assume BT.709 for untagged video of this height or more
_UNSPECIFIED, BT_709, SMPTE_170M = 2, 1, 6  # of AVColorSpace, AVColorPrimaries and so on


def source_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """The matrix for decoding a frame; None to use the frame's tag.

    Untagged high-definition video is decoded as BT.709, as in players; FFmpeg would assume BT.601.
    """
    if frame.colorspace == _UNSPECIFIED and frame.height >= _HIGH_DEFINITION:
        return Colorspace.ITU709
    return None


def target_matrix(height: int) -> tuple[Colorspace, int]:
    """The matrix for encoding a video with this many lines, and its tag."""
    if height >= _HIGH_DEFINITION:
        return Colorspace.ITU709, BT_709
    return Colorspace.ITU601, SMPTE_170M
