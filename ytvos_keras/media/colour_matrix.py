"""Which matrix turns the colours of a video into RGB and back."""

import av
from av.video.reformatter import Colorspace

_HIGH_DEFINITION = 720  # lines from which players take untagged video for BT.709
_UNSPECIFIED, BT_709, SMPTE_170M = 2, 1, 6  # of AVColorSpace, AVColorPrimaries and so on


def source_matrix(frame: av.VideoFrame) -> Colorspace | None:
    """The matrix with which to decode a frame; None for that of its tag.

    Untagged video of high definition is BT.709, as players show it; FFmpeg takes BT.601.
    """
    if frame.colorspace == _UNSPECIFIED and frame.height >= _HIGH_DEFINITION:
        return Colorspace.ITU709
    return None


def target_matrix(height: int) -> tuple[Colorspace, int]:
    """The matrix for encoding a video of this many lines, and the tag that says so."""
    if height >= _HIGH_DEFINITION:
        return Colorspace.ITU709, BT_709
    return Colorspace.ITU601, SMPTE_170M
