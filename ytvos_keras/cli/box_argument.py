"""The argument `--box` of `ytvos-segment`."""

import argparse
import re
from typing import Any

_Box = tuple[int, int, int, int]

_FORM = re.compile(r"(?:(\d{1,9})=)?(-?\d{1,9}),(-?\d{1,9}),(\d{1,9}),(\d{1,9})")


def add_box(group: argparse._ArgumentGroup) -> None:
    """Add the argument: object id to box, or None."""
    group.add_argument(
        "--box",
        action=_AddBox,
        type=_box,
        metavar="[ID=]LEFT,TOP,WIDTH,HEIGHT",
        help="in place of --mask: the box around an object in the first frame (or --mask-frame), "
        "in pixels of the video (if LEFT is negative: --box=-5,0,40,40). Repeat it for more "
        "objects; without ID, they are numbered 1, 2, …. The masks found in the boxes are written "
        "to DIR/boxes/first_masks.png; where they overlap, the smaller one is on top. If one is "
        "wrong, correct it there and give the file as --mask, with the same --mask-frame or "
        "--start",
    )


class _AddBox(argparse.Action):
    """Collect boxes by object id; without one, by their place on the command line, from 1."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        boxes = getattr(namespace, self.dest) or {}
        given, box = values
        object_id = len(boxes) + 1 if given is None else given
        if object_id in boxes:
            raise argparse.ArgumentError(
                self, f"two boxes for object {object_id}; give each object one, as ID=…"
            )
        setattr(namespace, self.dest, {**boxes, object_id: box})


def _box(text: str) -> tuple[int | None, _Box]:
    match = _FORM.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(
            "give LEFT,TOP,WIDTH,HEIGHT in pixels, such as 110,0,235,310 or 2=110,0,235,310. "
            f"Received: {text!r}"
        )
    left, top, width, height = map(int, match.group(2, 3, 4, 5))
    return None if match[1] is None else int(match[1]), (left, top, width, height)
