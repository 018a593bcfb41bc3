"""Read the JSON files of `ytvos-eval --json`; errors name the file and the place in it."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras import __version__
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.protocols import PROTOCOLS
from ytvos_keras.evaluation.statistics import Statistics
from ytvos_keras.media.json_file import read_json
from ytvos_keras.media.json_value import JsonValue

_SECONDS = "seconds_per_frame"
_SEEN = "seen_categories"
# Speed is a result. What the others mean is compared object by object: two splits may have the same
# sequences, and two lists of categories the same groups of objects.
_NOT_COMPARED = (_SECONDS, _SEEN, "split")
_REMEDY = "give a file that `ytvos-eval --json` wrote"


@dataclass(frozen=True)
class Group:
    """J and F of a group of objects: fractions, NaN where the file says null."""

    J: Statistics
    F: Statistics


@dataclass(frozen=True)
class ScoredObject:
    """One object of a file: its number of scored frames, and whether its category was seen.

    Both are None where the file does not state it.
    """

    frames: int | None
    seen: bool | None


@dataclass(frozen=True)
class ResultFile:
    """The scores of one method, read from a file to which an `Evaluation` was written.

    Args:
        name: what to call the method.
        path: the file.
        protocol: `davis2016`, `davis2017` or `youtube-vos`.
        overall: all objects.
        seen: objects of seen categories; None where unknown.
        unseen: objects of unseen categories; None where unknown.
        G: fraction; None where unknown.
        objects: all that were scored, by (sequence, object id).
        settings: other settings of the protocol, which must be the same in a comparison.
        seconds_per_frame: None if not stated.
    """

    name: str
    path: Path
    protocol: str
    overall: Group
    seen: Group | None
    unseen: Group | None
    G: float | None
    objects: dict[tuple[str, int], ScoredObject]
    settings: dict
    seconds_per_frame: float | None


def read_result(path: str | Path, name: str | None = None) -> ResultFile:
    """Read and check one file that `ytvos-eval --json` wrote.

    The method is called `name`, or by the name of the file without `.json`. A file from a newer
    release is an error.
    """
    path, remedy = Path(path), _REMEDY
    content = JsonValue(read_json(path, remedy, allow_nan=True))
    try:
        if _is_newer(version := content.member("version")):
            remedy = "update ytvos-keras"
            raise version.wrong(f"is newer than the installed {__version__}")
        protocol, settings = content.member("protocol"), content.member("settings")
        if protocol.text() not in PROTOCOLS:
            raise protocol.wrong(f"must be one of {', '.join(PROTOCOLS)}")
        if settings.table().get("frames") is not None:
            settings.member("frames").text()
        G = _fraction(content.member("G"))
        return ResultFile(
            name=path.stem if name is None else name,
            path=path,
            protocol=protocol.text(),
            overall=_group(content),
            seen=_group_or_none(content.member("seen")),
            unseen=_group_or_none(content.member("unseen")),
            G=None if math.isnan(G) else G,
            objects=dict(_scored_objects(content.member("objects"), _seen_categories(settings))),
            settings={k: v for k, v in settings.table().items() if k not in _NOT_COMPARED},
            seconds_per_frame=_seconds(settings),
        )
    except InputError as error:
        raise InputError(f"{path}: {str(error).rstrip('.')}; {remedy}.") from None


def _is_newer(version: JsonValue) -> bool:
    """Whether a newer release, major or minor, wrote the file."""
    release = re.match(r"(\d{1,9})\.(\d{1,9})", version.text())
    if release is None:
        raise version.wrong("must be a release such as 0.1.0")
    return tuple(map(int, release.groups())) > tuple(map(int, __version__.split(".")[:2]))


def _group(content: JsonValue) -> Group:
    measures = {}
    for key in ("J", "F"):
        values = content.member(key)
        measures[key] = Statistics(
            mean=_fraction(values.member("mean")),
            recall=_fraction(values.member("recall")),
            decay=_fraction(values.member("decay"), low=-1),
        )
    return Group(**measures)


def _group_or_none(content: JsonValue) -> Group | None:
    return None if content.value is None else _group(content)


def _fraction(value: JsonValue, low: int = 0) -> float:
    """A number from `low` to 1; NaN for null."""
    number = value.value
    if number is None:
        return math.nan
    if type(number) not in (int, float) or number < low or number > 1:
        raise value.wrong(f"must be a fraction in {low}…1 or null")
    return float(number)  # NaN passes, as Python's JSON may contain it


def _seen_categories(settings: JsonValue) -> tuple[str, ...] | None:
    return settings.member(_SEEN).texts() if settings.table().get(_SEEN) is not None else None


def _scored_objects(
    objects: JsonValue, seen_categories: tuple[str, ...] | None
) -> Iterator[tuple[tuple[str, int], ScoredObject]]:
    """Yield the objects with scored frames; the others do not count in means."""
    for entry in objects.items():
        sequence, number = entry.member("sequence"), entry.member("object").whole()
        # Arrays may have been scored under an empty name.
        name = "" if sequence.value == "" else sequence.text()
        category, frames = (entry.table().get(key) for key in ("category", "frames"))
        if frames is not None:
            frames = entry.member("frames").whole()
        seen = None
        if category is not None and seen_categories is not None:
            seen = category in seen_categories
        if frames != 0:
            yield (name, number), ScoredObject(frames, seen)


def _seconds(settings: JsonValue) -> float | None:
    number = settings.table().get(_SECONDS)
    if number is None:
        return None
    if type(number) not in (int, float) or not 0 < number < 1e9:
        raise settings.member(_SECONDS).wrong("must be a number above 0 or null")
    return float(number)
