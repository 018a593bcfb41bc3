"""Description of a run, for `run.json`."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ytvos_keras import __version__
from ytvos_keras.data.clip_feed import Data, sources
from ytvos_keras.media.checksum import file_sha256
from ytvos_keras.records.index import DATASET_FILE, read_dataset
from ytvos_keras.training.recipe import Recipe

_FREE = ("versions", "started")
_PACKAGES = ("tensorflow", "keras", "numpy")


def describe_run(
    recipe: Recipe,
    data: Data,
    validation: Data | None,
) -> dict:
    """Describe a run in plain types: recipe, checksums of data and weights, versions, date."""
    fields = dataclasses.asdict(recipe)
    # Identified by checksums, not paths.
    weights, backbone_weights = fields.pop("weights"), fields.pop("backbone_weights")
    return {
        "recipe": fields,
        "data": _describe_data(data),
        "validation": [] if validation is None else _describe_data(validation),
        "weights": _describe_file(weights),
        "backbone_weights": _describe_file(backbone_weights),
        "versions": {"ytvos-keras": __version__} | {name: version(name) for name in _PACKAGES},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def what_matters(description: dict) -> dict:
    """The part of a description that must be the same in a resumed run and in all workers."""
    return {name: value for name, value in description.items() if name not in _FREE}


def _describe_data(data: Data) -> list[dict]:
    folders, _ = sources(data)
    if isinstance(data, Mapping):
        given: list[float | None] = list(data.values())
    else:
        # None: all videos of several folders are equally likely.
        given = [1.0] if len(folders) == 1 else [None] * len(folders)
    return [_describe_records(folder, share) for folder, share in zip(folders, given, strict=True)]


def _describe_records(folder: str | Path, share: float | None) -> dict:
    """Identify a folder of records by its `dataset.json`, which has the checksums of its shards."""
    read_dataset(folder)
    folder = Path(folder)
    return {
        # Not the whole path: a run may be resumed on another machine.
        "name": folder.resolve().name,
        "share": share,
        "sha256": file_sha256(folder / DATASET_FILE),
    }


def _describe_file(path: str | Path | None) -> dict | str | None:
    if path is None or not Path(path).is_file():
        return None if path is None else str(path)  # "imagenet", or a bundled model
    return {"name": Path(path).name, "sha256": file_sha256(Path(path))}
