"""The argument `--live` of `ytvos-segment`."""

import argparse

_OTHERS = (
    *("input", "batch", "box", "corrections", "mask_frame", "all_masks", "direction", "start"),
    *("stop", "track", "on_damage", "formats", "contact_sheet", "coco"),
)


def add_live(group: argparse._ArgumentGroup) -> None:
    """Add the argument."""
    group.add_argument(
        "--live",
        metavar="N|URL",
        help="in place of INPUT: camera N (/dev/videoN), a URL (rtsp://…, http://…), a named pipe, "
        "or - for standard input. --mask is one mask for its first frame; masks are written as "
        "frames arrive; press Ctrl-C to stop",
    )


def check_live(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Exit with 2 if an argument is given that `--live` does not support."""
    for name in _OTHERS:
        # argparse does not record which options were given: compare with their defaults.
        if getattr(arguments, name) != parser.get_default(name):
            flag = "--" + name.replace("_", "-")
            flag = {"input": "INPUT", "formats": "--format"}.get(name, flag)
            parser.error(f"--live cannot be combined with {flag}")
