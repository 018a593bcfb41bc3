"""Seen and unseen categories of YouTube-VOS."""

from collections.abc import Sequence
from pathlib import Path

from ytvos_keras.datasets.youtube_vos_layout import open_youtube_vos
from ytvos_keras.datasets.youtube_vos_meta import read_meta
from ytvos_keras.errors import InputError


def categories_in(meta: str | Path) -> frozenset[str]:
    """All categories in a `meta.json`, such as that of the training set, which must name some."""
    objects = (item for video in read_meta(meta).values() for item in video.values())
    categories = frozenset(item.category for item in objects if item.category is not None)
    if not categories:
        raise InputError(
            f"{meta}: contains no categories; give the meta.json of the training videos."
        )
    return categories


def categories_without(
    unseen: Sequence[str], ground_truth: str | Path, split: str | None = None
) -> frozenset[str]:
    """The categories of a data set except `unseen`, all of which it must have."""
    meta = open_youtube_vos(ground_truth, split).meta
    categories = categories_in(meta)
    unknown = [name for name in unseen if name not in categories]
    if unknown:
        raise InputError(
            f"no object in {meta} has the category {unknown[0]!r}; available: "
            f"{', '.join(sorted(categories))}."
        )
    return categories.difference(unseen)
