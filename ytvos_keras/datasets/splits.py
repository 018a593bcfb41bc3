"""Training, validation and test videos by category (section 5.1 of the paper)."""

import collections
import hashlib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ytvos_keras.datasets.video import Video
from ytvos_keras.errors import InputError

PAPER_UNSEEN = (
    *("ant", "bull riding", "butterfly", "chameleon", "flag"),
    *("jellyfish", "kangaroo", "penguin", "slopestyle", "snail"),
)
"""The categories that the paper keeps for the test-unseen set (section 5.1)."""


_RULE = (
    "Videos with an object of an unseen category are test_unseen. Each other video counts for the "
    "one of its categories that the fewest videos have. Of each category, in the order of the "
    "SHA-256 of 'split/<seed>/<name>', {validation} are validation, the next {test_seen} "
    "test_seen, the rest (at least one) train; for clips cut from raw videos, <name> is the raw "
    "video's."
)


@dataclass(frozen=True)
class Splits:
    """Names of videos, sorted; every video is in one of the four.

    Args:
        train: all others.
        validation: of seen categories.
        test_seen: of seen categories.
        test_unseen: all videos with an object of an unseen category.
        unseen: the unseen categories, as the data set writes them.
        seed: seed of the draw.
        rule: how the videos were drawn, in words.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test_seen: tuple[str, ...]
    test_unseen: tuple[str, ...]
    unseen: tuple[str, ...]
    seed: int
    rule: str


def make_splits(
    categories_of_videos: Mapping[str, Iterable[str]],
    *,
    unseen: Iterable[str] | None = None,
    validation: int = 2,
    test_seen: int = 4,
    seed: int = 0,
    sources: Mapping[str, str] | None = None,
) -> Splits:
    """Split videos as the paper does.

    Rule:
        1. A video with any object of an unseen category is test-unseen.
        2. Every other video counts for one category: of its objects' categories, the one that the
           fewest videos have (in a tie, the alphabetically first), since a skateboard says more
           about a video than a person. Videos without categories form one more category.
        3. The videos of a category are ordered by the SHA-256 of seed and name. The first
           `validation` are for validation, the next `test_seen` for test-seen, the rest for
           training.
        4. A category keeps at least one video for training: if there are too few, first the number
           of test-seen and then of validation videos is reduced, and a warning names the category.

    The splits therefore depend on the names, the categories and the seed, not on the order of the
    input or the machine, and adding a video moves few others.

    Args:
        categories_of_videos: the categories of each video's objects.
        unseen: categories of the test-unseen set; `_` equals a space, and case is ignored. None for
            those of the paper's ten that are in the data, with a warning for the others.
        validation: videos per category.
        test_seen: videos per category.
        seed: any whole number.
        sources: the raw video of each clip, see `raw_videos.lists.read_sources`. Clips of one raw
            video then stay together: a model must not be tested on what surrounds its training
            clips. `validation` and `test_seen` count raw videos.

    Raises:
        InputError: there are no videos, a number is negative, one of `unseen` is in no video, or
            `sources` are those of other videos.

    Example:
        >>> splits = make_splits({"a": ["dog"], "b": ["dog"], "c": ["snail", "dog"]}, validation=1)
        >>> splits.test_unseen
        ('c',)
    """
    if not categories_of_videos:
        raise InputError("there are no videos to split.")
    if validation < 0 or test_seen < 0:
        raise InputError(
            "videos per category for validation and test must be 0 or more. "
            f"Received: {validation} and {test_seen}"
        )
    if sources is not None and sources.keys().isdisjoint(categories_of_videos):
        raise InputError(
            "sources must be those of the videos to split, but contain none of them. Received: "
            f"{next(iter(sources), 'nothing')!r} beside {next(iter(categories_of_videos))!r}"
        )
    members, categories = _group(categories_of_videos, sources or {})
    unseen = _find_unseen(unseen, set().union(*categories.values()))
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test_seen": []}
    parts["test_unseen"] = [name for name, own in categories.items() if own & unseen]
    seen = {name: own for name, own in categories.items() if not own & unseen}
    few = {}
    for category, names in _by_category(seen).items():
        # By hash, not at random: adding or removing a video does not change the order of others.
        names.sort(key=lambda name: shuffle_key(seed, name))
        room = len(names) - 1
        for_validation = min(validation, room)
        for_test = min(test_seen, room - for_validation)
        if for_validation + for_test < validation + test_seen:
            few[category or "without a category"] = len(names)
        parts["validation"] += names[:for_validation]
        parts["test_seen"] += names[for_validation : for_validation + for_test]
        parts["train"] += names[for_validation + for_test :]
    if few:
        warnings.warn(
            f"too few videos to take {validation} for validation and {test_seen} for test-seen and "
            f"keep one for training: {', '.join(f'{name} {few[name]}' for name in sorted(few))}.",
            stacklevel=2,
        )
    videos = {part: [v for name in names for v in members[name]] for part, names in parts.items()}
    return Splits(
        **{part: tuple(sorted(names)) for part, names in videos.items()},
        unseen=tuple(sorted(unseen)),
        seed=seed,
        rule=_RULE.format(validation=validation, test_seen=test_seen),
    )


def shuffle_key(seed: int, name: str, purpose: str = "split") -> bytes:
    """Return a sort key that shuffles names, identically on every machine, for a purpose."""
    text = f"{purpose}/{seed}/{name}"
    # File names need not be valid Unicode; their bytes are hashed.
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()


def video_categories(videos: Iterable[Video]) -> dict[str, set[str]]:
    """The categories of each video's objects, from what a reader yields."""
    return {video.name: set(video.categories.values()) for video in videos}


def _group(
    categories_of_videos: Mapping[str, Iterable[str]], sources: Mapping[str, str]
) -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """The videos of each raw video, and all their categories."""
    members: dict[str, list[str]] = collections.defaultdict(list)
    categories: dict[str, set[str]] = collections.defaultdict(set)
    for video, own in categories_of_videos.items():
        source = sources.get(video, video)
        members[source].append(video)
        categories[source] |= set(own)
    return members, categories


def _find_unseen(unseen: Iterable[str] | None, known: set[str]) -> set[str]:
    """The unseen categories as the data set writes them."""
    asked = PAPER_UNSEEN if unseen is None else tuple(unseen)
    written = collections.defaultdict(set)
    for category in known:
        written[_plain(category)].add(category)
    # The user's own names must all exist; of the paper's ten, a data set may lack some.
    absent = [name for name in asked if _plain(name) not in written]
    if absent and unseen is not None:
        raise InputError(
            f"unseen: no video has the category {', '.join(absent)}; available: "
            f"{', '.join(sorted(known)) or 'none'}."
        )
    if absent:
        warnings.warn(
            f"this data set lacks some of the paper's unseen categories: {', '.join(absent)}; name "
            "others if you want them.",
            stacklevel=3,
        )
    return set().union(*(written[_plain(name)] for name in asked))


def _plain(category: str) -> str:
    # Data sets differ in spelling: `bull_riding`, `bull riding`.
    return category.replace("_", " ").strip().casefold()


def _by_category(categories: Mapping[str, set[str]]) -> dict[str | None, list[str]]:
    """The videos that count for each category; None for those without."""
    frequency = collections.Counter(c for own in categories.values() for c in own)
    by_category = collections.defaultdict(list)
    for name, own in categories.items():
        rarest = min(own, key=lambda category: (frequency[category], category), default=None)
        by_category[rarest].append(name)
    return by_category
