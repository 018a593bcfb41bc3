"""Kinds of faults of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.errors import InputError, and_more


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Args:
        meaning: what all faults of the kind have in common.
        fix: what to do about it.
        is_note: whether it is for information only: the data can be used as they are.
    """

    meaning: str
    fix: str
    is_note: bool = False


_EXCLUDE = "or leave the video out (--exclude)"

KINDS = {
    # frames
    "damaged-frame": Kind("frame that cannot be decoded completely", f"Replace it, {_EXCLUDE}."),
    "frame-format": Kind("frame that is neither JPEG nor PNG", "Save it as one of them."),
    "broken-link": Kind(
        "link whose target does not exist",
        f"Fetch or mount the target, remove the link, {_EXCLUDE}.",
    ),
    "turned-frame": Kind(
        "frame that is stored rotated (EXIF orientation)",
        "Save its pixels upright: they are used as they are stored.",
    ),
    "frame-size": Kind("frame that differs in size from others of its video", "Resize or crop it."),
    "duplicate-frame": Kind(
        "frame that is identical to an earlier one of its video",
        "Remove it if it was copied by mistake; a slow video that was written at 30 frames per "
        "second repeats frames.",
        is_note=True,
    ),
    "same-name": Kind("two frames with the same name", "Rename one, or move it away."),
    "no-frames": Kind("video without a frame", "Add its frames, or remove the folder."),
    # masks
    "damaged-mask": Kind("mask that cannot be decoded completely", f"Replace it, {_EXCLUDE}."),
    "jpeg-mask": Kind(
        "mask saved as JPEG, which changes its values", "Save it again from its source, as PNG."
    ),
    "colour-mask": Kind(
        "mask that is not an 8-bit index or greyscale PNG",
        "Save one object id per pixel, as an index (palette) PNG.",
    ),
    "smooth-mask": Kind(
        "mask with smooth edges (antialiased, or resized with interpolation)",
        "Draw or resize it without smoothing (nearest neighbour).",
    ),
    "palette-mask": Kind(
        "index mask whose background is not index 0",
        "Save it as a label map: 0 for the background, one id per object.",
    ),
    "mask-size": Kind(
        "mask whose size differs from its frame's", "Export it again at the frame's size."
    ),
    "unknown-ids": Kind(
        "mask with object ids that meta.json does not list for its video",
        "Correct the mask, or add the object to meta.json.",
    ),
    "empty-first-mask": Kind(
        "first mask of its video, but without an object",
        "Annotate it, or remove the mask: the video then starts where its objects do.",
    ),
    "no-object": Kind("video without an object in any mask", f"Annotate it, {_EXCLUDE}."),
    "missing-mask": Kind("frame whose mask is missing", f"Add the mask, {_EXCLUDE}."),
    "annotation-without-frame": Kind(
        "mask without a frame", "Add the frame, or move the mask away."
    ),
    # meta.json
    "object-never-seen": Kind(
        "object in meta.json that is in no mask", "Annotate it, or remove it from meta.json."
    ),
    "object-absent": Kind(
        "object that is not in the mask of its first frame",
        "Annotate it there, or correct its frames in meta.json.",
    ),
    "missing-frame": Kind("frame in meta.json that does not exist", f"Add it, {_EXCLUDE}."),
    "missing-video": Kind(
        "listed video that does not exist", "Add its frames, or remove it from the list."
    ),
    "unlisted-video": Kind(
        "video that meta.json does not list", f"Add it to meta.json, {_EXCLUDE}."
    ),
    # records
    "damaged-shard": Kind(
        "shard that differs from what was written",
        "Copy it again, or write the records again with --overwrite.",
    ),
    "wrong-index": Kind(
        "index that does not match the shard",
        "Copy it again, or write the records again with --overwrite.",
    ),
    # notes
    "not-annotated": Kind(
        "video without a mask, which readers leave out", "Annotate it, or ignore it.", is_note=True
    ),
    "shared-frames": Kind(
        "video that shares frames with another one",
        "Keep the two in the same split, or leave one out.",
        is_note=True,
    ),
}


@dataclass(frozen=True)
class Fault:
    """A fault in one file or video.

    Args:
        kind: a key of `KINDS`.
        file: the file, as it was given or found; for records, the shard, video and frame.
        what: details, without a full stop; may be empty.
        repair: how `repair` fixes it: `reencode` the mask, move it `aside`; None if it cannot.
    """

    kind: str
    file: str
    what: str = ""
    repair: str | None = None

    @property
    def fix(self) -> str:
        """How the user can fix it."""
        return KINDS[self.kind].fix

    @property
    def is_note(self) -> bool:
        """Whether the data can be used as they are."""
        return KINDS[self.kind].is_note


def raise_first(faults: Sequence[Fault], root: Path, check_options: Sequence[str] | None) -> None:
    """Raise an `InputError` for the first fault that is not a note.

    With `check_options`, `ytvos-prepare check` lists the same faults of `root`; None if it cannot.
    """
    serious = [fault for fault in faults if not fault.is_note]
    if not serious:
        return
    first, rest = serious[0], serious[1:]
    what = f", {first.what}" if first.what else ""
    listing = ""
    if rest and check_options is not None:
        listing = (
            f" `{' '.join(['ytvos-prepare check', str(root), *check_options])}` lists them all."
        )
    raise InputError(
        f"{first.file}: {KINDS[first.kind].meaning}{what}{and_more(rest)}. {first.fix}{listing}"
    )
