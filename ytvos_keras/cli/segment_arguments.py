"""Arguments of `ytvos-segment`."""

import argparse
import dataclasses
from typing import Any

from ytvos_keras.argument_types import choice_of, name_list, positive
from ytvos_keras.cli.box_argument import add_box
from ytvos_keras.cli.common import add_model, add_working_size, command_parser
from ytvos_keras.cli.live_arguments import add_live, check_live
from ytvos_keras.precisions import PRECISIONS

DESCRIPTION = """\
Track objects through a video. Writes one palette PNG per frame into the
output folder, at the size of the video: 0 is background, other values are the
ids of the objects.
Run the same command again (without --overwrite) to resume an interrupted run
where it stopped.
"""

EXAMPLES = """\
examples:
  ytvos-segment --demo
  ytvos-segment clip.mp4 --mask first.png --output masks --overlay
  ytvos-segment clip.mp4 --box 110,0,235,310 --output masks
  ytvos-segment JPEGImages/dog --mask Annotations/dog --output masks/dog \\
      --size 320x576
  ytvos-segment clip.mp4 --mask middle.png --mask-frame 120 --output masks
  ytvos-segment clip.mp4 --mask first.png --corrections fixed --output masks2
  ytvos-segment --live 0 --mask first.png --output masks --overlay
  ytvos-segment JPEGImages --batch --mask Annotations --output masks
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command."""
    parser = command_parser("ytvos-segment", DESCRIPTION, EXAMPLES)
    parser.add_argument("input", nargs="?", metavar="INPUT", help="video file, or folder of frames")
    inputs = parser.add_argument_group("masks and frames")
    _add_masks(inputs)
    _add_frames(inputs)
    _add_model(parser.add_argument_group("model"))
    _add_outputs(parser.add_argument_group("output"))
    return parser


def check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Report usage errors that argparse cannot detect, and exit with 2."""
    if arguments.online_steps and not arguments.online_learning:
        parser.error("--online-steps needs --online-learning")
    if not arguments.batch and (arguments.jobs > 1 or arguments.shard):
        parser.error("--jobs and --shard need --batch")
    if arguments.demo:
        if arguments.input or arguments.mask or arguments.box or arguments.live is not None:
            parser.error("--demo cannot be combined with INPUT, --mask, --box or --live")
        if arguments.batch or arguments.corrections:
            parser.error("--demo cannot be combined with --batch or --corrections")
        return
    if arguments.live is not None:
        check_live(parser, arguments)
    if arguments.box and (arguments.mask or arguments.batch):
        parser.error("--box cannot be combined with --mask or --batch")
    masks = "--mask" if arguments.batch or arguments.live is not None else "--mask or --box"
    given = {
        "INPUT": arguments.live or arguments.input,
        masks: arguments.mask or arguments.box,
        "--output": arguments.output,
    }
    missing = [name for name, value in given.items() if not value]
    if missing:
        parser.error(f"missing: {', '.join(missing)} (or try --demo)")


def segment_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Convert the command line to the fields of `SegmentOptions`."""
    from ytvos_keras.inference.options import SegmentOptions

    fields = {field.name for field in dataclasses.fields(SegmentOptions)}
    # Options are named after the fields, so that a new field needs no change here.
    options = {name: value for name, value in vars(arguments).items() if name in fields}
    return options | {"online_learning": _online_learning(arguments)}


def _formats(text: str) -> tuple[str, ...]:
    from ytvos_keras.inference.options import FORMATS

    return tuple(map(choice_of(FORMATS), name_list(text)))


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdecimal() and count.isdecimal() and 1 <= int(index) <= int(count)):
        raise argparse.ArgumentTypeError(f"give I/N with I from 1 to N. Received: {text!r}")
    return int(index), int(count)


def _names(text: str) -> dict[int, str]:
    names = {}
    for item in text.split(","):
        number, _, name = item.partition("=")
        if not (number.strip().isdecimal() and name.strip()):
            raise argparse.ArgumentTypeError(f"give ID=NAME, such as 1=dog. Received: {item!r}")
        names[int(number)] = name.strip()
    return names


def _online_learning(arguments: argparse.Namespace) -> Any:
    """The chosen settings; None for no online learning."""
    if arguments.online_learning is None:
        return None
    from ytvos_keras.inference.adaptation.config import ONLINE_LEARNING

    config = ONLINE_LEARNING[arguments.online_learning]
    return dataclasses.replace(config, steps=arguments.online_steps or config.steps)


def _add_masks(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--mask",
        help="PNG for the first frame (or --mask-frame): an index PNG, black and white, or one "
        "colour per object. Or a folder with one of these: PNGs named after the frames (for a "
        "video file, after frame numbers) in which objects first appear; a subfolder of such PNGs "
        "for each object; one PNG per object, all for the same frame",
    )
    add_box(group)
    add(
        "--mask-frame",
        metavar="FRAME",
        help="name or number of the frame that a single mask, a folder with one mask for each "
        "object, or --box belongs to (default: the first)",
    )
    add(
        "--all-masks",
        action="store_true",
        help="use every mask in the folder, including later ones of an object (default: only the "
        "first mask of each object)",
    )
    add(
        "--direction",
        choices=("forward", "backward", "both"),
        help="track objects from their masks to the end, to the beginning, or both (default: "
        "both if there is no mask for the first frame, else forward); with both, between two "
        "masks of an object, the more confident direction wins (without confidence: the nearer "
        "mask)",
    )
    add(
        "--corrections",
        metavar="DIR",
        help="folder of PNGs named after frames in which objects went wrong: each object in a PNG "
        "is corrected in that frame; other objects are unaffected. An object has the id or the "
        "colour that it has in the first masks",
    )


def _add_frames(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--start",
        metavar="FRAME|TIME",
        help="begin with this frame: its name or number, or a time such as 12.5s or 1:02",
    )
    add("--stop", metavar="FRAME|TIME", help="end before this frame")
    add("--track", type=int, default=0, metavar="N", help="video track of a file (default: 0)")
    add(
        "--on-damage",
        choices=("stop", "skip"),
        default="stop",
        help="at a frame that cannot be decoded: stop, or use the previous one in its place and "
        "list it at the end",
    )
    add(
        "--every",
        type=positive,
        default=1,
        metavar="N",
        help="segment every N-th frame from the first, and those with a given mask; other frames "
        "get no mask (default: all frames)",
    )
    add(
        "--batch",
        action="store_true",
        help="INPUT is a folder of videos (video files or folders of frames). The masks of each "
        "video are NAME.png or NAME/ in the folder --mask, its corrections, if any, NAME/ in the "
        "folder --corrections; results go to DIR/NAME. A video that fails does not stop the others",
    )
    add(
        "--jobs", type=positive, default=1, metavar="N", help="with --batch: processes (default: 1)"
    )
    add(
        "--shard",
        type=_shard,
        metavar="I/N",
        help="with --batch: only every N-th video, beginning with the I-th; for several machines "
        "that share an output folder",
    )
    add_live(group)
    add("--demo", action="store_true", help="segment the bundled clip, with an overlay; offline")


def _add_model(group: argparse._ArgumentGroup) -> None:
    add_model(group)
    add_working_size(
        group,
        ", but takes more time and memory (s2s-lite's memory grows with the square of the area, "
        "and with the number of objects if they appeared or were corrected in different frames)",
    )
    add = group.add_argument
    add(
        "--precision",
        choices=PRECISIONS,
        help="Keras dtype policy (default: float32, or that of the .keras file); mixed_bfloat16 is "
        "faster on CPUs with AMX instructions, above all with several objects",
    )
    add(
        "--online-learning",
        nargs="?",
        const="cheap",
        choices=("cheap", "full", "paper"),
        help="first fine-tune a copy of the model to the objects: cheap (quickest; used if no "
        "value is given), full (more steps), or paper (the paper's settings); not recommended with "
        "s2s-lite",
    )
    add("--online-steps", type=positive, metavar="N", help="at most N steps per object")


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--output", metavar="DIR", help="folder for the masks (with --demo: ytvos-demo)")
    add(
        "--format",
        dest="formats",
        type=_formats,
        default=("palette",),
        metavar="NAME,…",
        help="what to write besides the palette PNGs: binary (DIR/binary: black and white), "
        "per-object (DIR/objects: a folder for each), probabilities (DIR/probabilities: a folder "
        "of 16-bit PNGs for each, probability x 65535), cutout (DIR/cutout: RGBA PNGs), "
        "cutout-video (WebM with alpha), green-screen (MP4)",
    )
    add("--overlay", action="store_true", help="also write DIR/overlay.mp4, masks over the video")
    add(
        "--contact-sheet",
        action="store_true",
        help="also write DIR/sheet/contact_sheet.jpg, an overview of the run in one image",
    )
    add(
        "--coco",
        metavar="FILE",
        help="also write masks as run lengths in COCO format (with --batch: in each DIR/NAME)",
    )
    add(
        "--names",
        type=_names,
        default={},
        metavar="ID=NAME,…",
        help="names of objects, for the overlay, contact sheet, COCO and folders",
    )
    add("--overwrite", action="store_true", help="start over in a folder that is not empty")
    add("--quiet", action="store_true", help="print only warnings and errors")
