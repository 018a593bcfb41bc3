"""`ytvos-prepare split`: lists of videos for training, validation and test."""

import argparse
import logging
from pathlib import Path

from ytvos_keras.argument_types import name_list, natural
from ytvos_keras.cli.prepare_data import add_data_arguments, choice_of_videos
from ytvos_keras.cli.prepare_records import add_quiet

logger = logging.getLogger(__name__)

NAME = "split"
SUMMARY = "lists of videos for training, validation and test (section 5.1)"
DESCRIPTION = """\
Split the videos of a data set (or of records) as the paper does: all videos
with an object of an unseen category go to test_unseen; of each other category,
some are drawn for validation and test_seen, and the rest are for training.
Writes lists of names, also of fractions of the training set (Table 4), for
--videos of the other commands:

  ytvos-prepare split YouTube-VOS/train lists
  ytvos-prepare youtube-vos YouTube-VOS/train records --videos lists/train.txt
  ytvos-prepare youtube-vos YouTube-VOS/train records \\
      --videos lists/validation.txt --split validation
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_data_arguments(parser)
    add = parser.add_argument
    add("output", type=Path, metavar="OUT", help="folder for the lists")
    add(
        "--unseen",
        type=name_list,
        metavar="NAME,…",
        help="categories for test_unseen (default: those of the paper's ten that occur in DATA)",
    )
    add(
        "--validation",
        type=natural,
        default=2,
        metavar="N",
        help="videos per category (default: 2)",
    )
    add(
        "--test-seen",
        type=natural,
        default=4,
        metavar="N",
        help="videos per category (default: 4)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of the draw (default: 0)")
    add(
        "--clips",
        type=Path,
        metavar="FILE",
        help="clips.json of `ytvos-prepare videos`: clips of one raw video stay together "
        "(default: DATA/clips.json, if it exists)",
    )
    add_quiet(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from ytvos_keras.datasets.raw_videos.lists import read_sources
    from ytvos_keras.datasets.split_files import PARTS, write_splits
    from ytvos_keras.datasets.splits import make_splits

    categories = _categories(arguments)
    clips, beside = arguments.clips, arguments.data / "clips.json"
    if clips is None and beside.is_file():
        clips = beside
    sources = None if clips is None else read_sources(clips)
    if arguments.clips is None and sources is not None and sources.keys().isdisjoint(categories):
        logger.warning("%s: not used, because it lists none of the videos to split", clips)
        clips = sources = None
    splits = make_splits(
        categories,
        unseen=arguments.unseen,
        validation=arguments.validation,
        test_seen=arguments.test_seen,
        seed=arguments.seed,
        sources=sources,
    )
    write_splits(splits, arguments.output)
    if not arguments.quiet:
        print(", ".join(f"{part} {len(getattr(splits, part)):,}" for part in PARTS))
        print(f"unseen categories: {', '.join(splits.unseen) or 'none'}")
        if clips is not None:
            print(f"clips of one raw video stay together, according to {clips}")
        print(f"lists: {arguments.output}")
    return 0


def _categories(arguments: argparse.Namespace) -> dict[str, set[str]]:
    from ytvos_keras.datasets.selection import select_names
    from ytvos_keras.datasets.splits import video_categories
    from ytvos_keras.records.data_form import open_listing
    from ytvos_keras.records.index import read_index

    data, chosen = arguments.data, choice_of_videos(arguments)
    listing = open_listing(data, arguments.layout, all_frames=arguments.all_frames, **chosen)
    if listing is not None:
        return video_categories(listing.annotated())
    videos = {
        video.name: {info.category for info in video.objects.values() if info.category}
        for video in read_index(data)
    }
    return {name: videos[name] for name in select_names(list(videos), data, **chosen)}
