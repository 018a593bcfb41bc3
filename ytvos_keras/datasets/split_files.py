"""Write splits to files: one name per line, and how they were made."""

from collections.abc import Iterable
from pathlib import Path

from ytvos_keras.datasets.selection import check_can_be_listed
from ytvos_keras.datasets.splits import Splits, shuffle_key
from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.json_file import write_json

PARTS = ("train", "validation", "test_seen", "test_unseen")
TABLE_4 = (25, 50, 75)
"""Percent of the training set on which the paper trains for its Table 4."""


def training_fraction(train: Iterable[str], percent: float) -> tuple[str, ...]:
    """Choose a share of the training videos by name; a larger share contains every smaller one.

    `ytvos-prepare split` and `ytvos-train --percent` both use this, so that they agree on the
    videos of Table 4. The names may be in any order and are returned sorted; their number is
    rounded, but at least 1.
    """
    if not 0 < percent <= 100:
        raise InputError(f"percent must be above 0 and at most 100. Received: {percent}")
    # Not by the key of the split, which selected the training set: shares would be biased.
    shuffled = sorted(train, key=lambda name: shuffle_key(0, name, "fraction"))
    return tuple(sorted(shuffled[: max(1, round(len(shuffled) * percent / 100))]))


def write_splits(splits: Splits, folder: str | Path) -> list[Path]:
    """Write `train.txt`, `validation.txt`, `test_seen.txt`, `test_unseen.txt`, `train_25.txt`, ….

    The files contain one name per line, sorted; `splits.json` contains the seed, unseen categories,
    rule and numbers. Existing files are replaced. Returns the files.
    """
    folder = Path(folder)
    for part in PARTS:
        check_can_be_listed(getattr(splits, part))
    folder.mkdir(parents=True, exist_ok=True)
    lists = {part: getattr(splits, part) for part in PARTS}
    for percent in TABLE_4:
        lists[f"train_{percent}"] = training_fraction(splits.train, percent)
    facts = {
        "seed": splits.seed,
        "unseen": splits.unseen,
        "rule": splits.rule,
        "videos": {name: len(videos) for name, videos in lists.items()},
    }
    files = {folder / f"{name}.txt": videos for name, videos in lists.items()}
    for file, videos in files.items():
        with atomic_path(file) as unfinished:
            unfinished.write_text("".join(f"{video}\n" for video in videos), encoding="utf-8")
    write_json(folder / "splits.json", facts)
    return [*files, folder / "splits.json"]
