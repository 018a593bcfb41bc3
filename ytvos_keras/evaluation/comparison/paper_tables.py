"""The paper's results on two data sets, as printed in its Tables 2 and 3.

References:
    - Xu et al., YouTube-VOS: Sequence-to-Sequence Video Object Segmentation, ECCV 2018, section 5.
"""

from collections.abc import Iterator

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.method_table import Cell, MethodTable, Part

# In percent, seen/unseen categories. OL: online learning.
_TABLE_2 = """
SegFlow [8]:    40.4/38.5 45.4/41.7  7.2/8.4  35.0/32.7 35.3/32.1  6.9/9.1
OSVOS [6]:      59.1/58.8 66.2/64.5 17.9/19.5 63.7/63.9 69.0/67.9 20.6/23.0
MaskTrack [32]: 56.9/60.7 64.4/69.6 13.4/16.4 59.3/63.7 66.4/73.4 16.8/19.8
OSMN [50]:      54.9/52.9 59.7/57.6 10.2/14.6 57.3/55.2 60.8/58.0 10.4/13.8
OnAVOS [44]:    55.7/56.8 61.6/61.5 10.3/9.4  61.3/62.3 66.0/67.3 13.1/12.8
Ours (w/o OL):  60.9/60.1 70.3/71.2  7.9/12.9 64.2/62.3 73.0/71.4  9.3/14.5
Ours (with OL): 66.9/66.8 78.7/76.5 10.2/9.5  74.1/72.3 82.8/80.5 12.6/13.4
"""

# OL: online learning, PP: post-processing by a CRF or boundary snapping, OF: optical flow, RNN: a
# recurrent network; then mean J in percent, and seconds per frame on the authors' own machines.
# The table prints [43] for BVS and [27] for OFL; in the bibliography, they are the other way round.
_TABLE_3 = """
BVS [43]:       – ✗ ✗ – 60.0 0.37
OFL [27]:       – ✓ ✓ – 68.0 42.2
SegFlow [8]:    ✓ ✓ ✓ ✗ 76.1 7.9
MaskTrack [32]: ✓ ✓ ✗ ✗ 79.7 12
OSVOS [6]:      ✓ ✓ ✗ ✗ 79.8 10
OnAVOS [44]:    ✓ ✓ ✗ ✗ 85.7 13
OSMN [50]:      ✗ ✗ ✗ ✗ 74.0 0.14
VPN [22]:       ✗ ✗ ✗ ✗ 70.2 0.63
ConvGRU [41]:   ✗ ✓ ✓ ✓ 75.9 20
Ours:           ✗ ✗ ✗ ✓ 76.5 0.16
Ours:           ✓ ✗ ✗ ✓ 79.1 9
"""


def cited_table(protocol: str) -> MethodTable:
    """The paper's results on the data set of a protocol, marked as cited and without best values.

    `youtube-vos` gives Table 2, `davis2016` Table 3; other protocols raise an `InputError`.
    """
    if protocol == "youtube-vos":
        source, text = "Table 2; its own split of 3,252 videos", _TABLE_2
        columns = "J mean ↑", "J recall ↑", "J decay ↓", "F mean ↑", "F recall ↑", "F decay ↓"
    elif protocol == "davis2016":
        source, text = "Table 3; DAVIS 2016", _TABLE_3
        columns = "OL", "PP", "OF", "RNN", "mean IoU ↑", "s/frame ↓"
    else:
        raise InputError(
            "the paper has rows only for youtube-vos (Table 2) and davis2016 (Table 3); leave out "
            f"--cite-paper. Received: {protocol}"
        )
    return MethodTable(
        heading=f"cited (paper, {source})",
        columns=columns,
        rows=tuple(_rows(text)),
        notes=("Ours: the paper's own model",),
    )


def _rows(text: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
    for line in text.strip().splitlines():
        method, _, cells = line.partition(":")
        yield method, tuple(tuple(map(Part, cell.split("/"))) for cell in cells.split())
