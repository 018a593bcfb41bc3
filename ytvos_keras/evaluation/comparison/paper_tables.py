"""Tables 2, 3 and 4 of the paper, for citation.

References:
    - Xu et al., YouTube-VOS: Sequence-to-Sequence Video Object Segmentation, ECCV 2018, section 5.
"""

from dataclasses import dataclass
from typing import NamedTuple


class SeenUnseen(NamedTuple):
    """A cell of Tables 2 and 4, in percent: seen and unseen categories."""

    seen: float
    unseen: float


@dataclass(frozen=True)
class YouTubeVOSRow:
    """A row of Table 2 or 4, numbers in percent as printed.

    Args:
        source: where the row is cited from.
        method: as printed; in Table 4 the share of the training data.
        reference: number in the paper's bibliography, None for the paper's own models.
        J_mean: region similarity.
        J_recall: share of frames with J above 0.5.
        J_decay: loss of J over time, less is better.
        F_mean: contour accuracy.
        F_recall: share of frames with F above 0.5.
        F_decay: loss of F over time, less is better.
    """

    source: str
    method: str
    reference: int | None
    J_mean: SeenUnseen
    J_recall: SeenUnseen
    J_decay: SeenUnseen
    F_mean: SeenUnseen
    F_recall: SeenUnseen
    F_decay: SeenUnseen


@dataclass(frozen=True)
class DAVIS2016Row:
    """A row of Table 3. True and False stand for its marks ✓ and ✗, None for its dash.

    Args:
        source: where the row is cited from.
        method: as printed.
        reference: number in the paper's bibliography as printed, None for the paper's own models.
            The table prints [43] for BVS and [27] for OFL; the bibliography has them the other way.
        OL: online learning.
        PP: post-processing by a CRF or boundary snapping.
        OF: optical flow.
        RNN: a recurrent network.
        mean_IoU: mean J, in percent.
        seconds_per_frame: on the machines of their authors.
    """

    source: str
    method: str
    reference: int | None
    OL: bool | None
    PP: bool | None
    OF: bool | None
    RNN: bool | None
    mean_IoU: float
    seconds_per_frame: float


_YOUTUBE_VOS = "its own split of 3,252 videos"
_MARKS = {"✓": True, "✗": False, "-": None}


def _youtube_vos(table: int, method: str, reference: int | None, cells: str) -> YouTubeVOSRow:
    pairs = (SeenUnseen(*map(float, cell.split("/"))) for cell in cells.split())
    return YouTubeVOSRow(f"paper, Table {table}; {_YOUTUBE_VOS}", method, reference, *pairs)


def _davis_2016(method: str, reference: int | None, cells: str) -> DAVIS2016Row:
    *marks, mean_iou, seconds = cells.split()
    OL, PP, OF, RNN = (_MARKS[mark] for mark in marks)
    source = "paper, Table 3; DAVIS 2016"
    return DAVIS2016Row(source, method, reference, OL, PP, OF, RNN, float(mean_iou), float(seconds))


# J mean, J recall, J decay, F mean, F recall, F decay; seen/unseen. OL: online learning.
TABLE_2 = (
    _youtube_vos(2, "SegFlow", 8, "40.4/38.5 45.4/41.7 7.2/8.4 35.0/32.7 35.3/32.1 6.9/9.1"),
    _youtube_vos(2, "OSVOS", 6, "59.1/58.8 66.2/64.5 17.9/19.5 63.7/63.9 69.0/67.9 20.6/23.0"),
    _youtube_vos(2, "MaskTrack", 32, "56.9/60.7 64.4/69.6 13.4/16.4 59.3/63.7 66.4/73.4 16.8/19.8"),
    _youtube_vos(2, "OSMN", 50, "54.9/52.9 59.7/57.6 10.2/14.6 57.3/55.2 60.8/58.0 10.4/13.8"),
    _youtube_vos(2, "OnAVOS", 44, "55.7/56.8 61.6/61.5 10.3/9.4 61.3/62.3 66.0/67.3 13.1/12.8"),
    _youtube_vos(
        2, "Ours (w/o OL)", None, "60.9/60.1 70.3/71.2 7.9/12.9 64.2/62.3 73.0/71.4 9.3/14.5"
    ),
    _youtube_vos(
        2, "Ours (with OL)", None, "66.9/66.8 78.7/76.5 10.2/9.5 74.1/72.3 82.8/80.5 12.6/13.4"
    ),
)

# OL, PP, OF, RNN, mean IoU in percent, seconds a frame.
TABLE_3 = (
    _davis_2016("BVS", 43, "- ✗ ✗ - 60.0 0.37"),
    _davis_2016("OFL", 27, "- ✓ ✓ - 68.0 42.2"),
    _davis_2016("SegFlow", 8, "✓ ✓ ✓ ✗ 76.1 7.9"),
    _davis_2016("MaskTrack", 32, "✓ ✓ ✗ ✗ 79.7 12"),
    _davis_2016("OSVOS", 6, "✓ ✓ ✗ ✗ 79.8 10"),
    _davis_2016("OnAVOS", 44, "✓ ✓ ✗ ✗ 85.7 13"),
    _davis_2016("OSMN", 50, "✗ ✗ ✗ ✗ 74.0 0.14"),
    _davis_2016("VPN", 22, "✗ ✗ ✗ ✗ 70.2 0.63"),
    _davis_2016("ConvGRU", 41, "✗ ✓ ✓ ✓ 75.9 20"),
    _davis_2016("Ours", None, "✗ ✗ ✗ ✓ 76.5 0.16"),
    _davis_2016("Ours", None, "✓ ✗ ✗ ✓ 79.1 9"),
)
