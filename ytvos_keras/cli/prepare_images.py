"""`ytvos-prepare images`: records from images with instance masks."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ytvos_keras.cli.prepare_data import choice_of_videos
from ytvos_keras.cli.prepare_records import RULES, add_record_arguments, write
from ytvos_keras.errors import InputError

if TYPE_CHECKING:
    from ytvos_keras.datasets.video import Video

NAME = "images"
SUMMARY = "images with masks (folders, COCO, labelme, CVAT) → records"
DESCRIPTION = f"""\
Write records of images with instance masks; each image is a video of one
frame.

  --format folders   SRC/img/*.jpg and SRC/mask/*.png of the same names,
                     or several such folders below SRC
  --format coco      SRC is the JSON file, --images the folder of the images
  --format labelme   SRC is a folder of JSON files beside their images
  --format cvat      SRC is annotations.xml of "CVAT for images 1.1"

{RULES}"""

_FORMATS_OF_FILES = {".json": "coco", ".xml": "cvat"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("source", type=Path, metavar="SRC", help="folder or file as above")
    add_record_arguments(parser)
    parser.add_argument(
        "--format",
        choices=("folders", "coco", "labelme", "cvat"),
        default="folders",
        help="default: folders",
    )
    parser.add_argument(
        "--images",
        type=Path,
        metavar="DIR",
        help="images of --format coco (default: the folder of SRC) or cvat (default: images "
        "beside SRC)",
    )
    parser.add_argument(
        "--crowds",
        action="store_true",
        help="--format coco: treat crowds (iscrowd) as objects; CVAT exports brush masks as crowds",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    return write(arguments, lambda: _read(arguments), f"{NAME}/{arguments.format}")


def _read(arguments: argparse.Namespace) -> "list[Video]":
    source, images, chosen = arguments.source, arguments.images, choice_of_videos(arguments)
    if images is not None and arguments.format not in ("coco", "cvat"):
        raise InputError(f"--images is for --format coco or cvat. Received: {arguments.format}")
    if arguments.crowds and arguments.format != "coco":
        raise InputError(f"--crowds is for --format coco. Received: {arguments.format}")
    if arguments.format == "coco":
        from ytvos_keras.datasets.readers.coco import read_coco

        return read_coco(source, images or source.parent, crowds=arguments.crowds, **chosen)
    if arguments.format == "cvat":
        from ytvos_keras.datasets.readers.cvat import read_cvat

        return read_cvat(source, images, **chosen)
    if arguments.format == "labelme":
        from ytvos_keras.datasets.readers.labelme import read_labelme

        return read_labelme(source, **chosen)
    if source.is_file() and (of_file := _FORMATS_OF_FILES.get(source.suffix.lower())):
        raise InputError(
            f"{source}: is a file, but --format folders reads a folder; to read annotations from "
            f"a {source.suffix} file, add --format {of_file}."
        )
    from ytvos_keras.datasets.readers.pictures import read_pictures

    return read_pictures(source, **chosen)
