"""Options for segmenting files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ytvos_keras.errors import InputError, check_choices
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.precisions import PRECISIONS

FORMATS = (
    "palette",
    "binary",
    "per-object",
    "probabilities",
    "cutout",
    "cutout-video",
    "green-screen",
)
ON_DAMAGE = ("stop", "skip")
DIRECTIONS = ("forward", "backward", "both")


@dataclass(frozen=True)
class SegmentOptions:
    """Options of `segment_files` and `segment_batch`.

    Attributes:
        size: working (height, width); see `Segmenter`.
        precision: Keras dtype policy of a model that is given by name or path: `float32`,
            `mixed_bfloat16` or `mixed_float16`; None: float32, or that of the file.
        every: only segment every N-th frame from the first, and those with a given mask.
        track: the video track of a file, from 0.
        on_damage: for frames that cannot be decoded: `stop`, or `skip` to use the nearest intact
            frame before it instead and list it in the result.
        start: the first frame, by name, number or time (`12.5s`, `1:02`); None: that of the video.
        stop: the frame after the last one, in the same form; None: to the end.
        direction: `forward`, `backward` or `both` from the given masks; see `directions`. None:
            both if no mask is given for the first frame, otherwise forward.
        mask_frame: name or number of the frame that a single mask file, a folder with one file for
            each object, or boxes belong to; None: the first.
        all_masks: use every mask of a folder, including later ones of an object; otherwise a mask
            only counts in the first frame of its object, as in the benchmarks.
        online_learning: settings of online learning; see `Segmenter`.
        formats: outputs besides the palette PNGs, among `FORMATS`.
        overlay: also write the overlay video, with the objects' names if there are any.
        contact_sheet: also write one image of frames with their masks.
        coco: a JSON file to write in COCO format; None for none.
        names: object id to its name, for the overlay, contact sheet, COCO and folders.
        overwrite: start over, even in a non-empty folder. Files of the same names are replaced,
            others are kept.

    Raises:
        InputError: a value is out of range.
    """

    size: tuple[int, int] | None = None
    precision: str | None = None
    every: int = 1
    track: int = 0
    on_damage: str = "stop"
    start: str | None = None
    stop: str | None = None
    direction: str | None = None
    mask_frame: str | None = None
    all_masks: bool = False
    online_learning: OnlineLearningConfig | None = None
    formats: tuple[str, ...] = ("palette",)
    overlay: bool = False
    contact_sheet: bool = False
    coco: str | Path | None = None
    names: Mapping[int, str] = field(default_factory=dict)
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.every < 1:
            raise InputError(f"every must be at least 1 (1: all frames). Received: {self.every}.")
        choices = {
            "on_damage": ON_DAMAGE,
            "direction": (*DIRECTIONS, None),
            "precision": (*PRECISIONS, None),
        }
        check_choices(vars(self), choices)
        if self.online_learning and self.precision:
            self.online_learning.check_precision(self.precision)
        if unknown := [name for name in self.formats if name not in FORMATS]:
            raise InputError(
                f"a format must be one of {', '.join(FORMATS)}. Received: {unknown[0]!r}"
            )
