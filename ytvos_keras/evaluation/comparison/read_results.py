"""Read the JSON files of `ytvos-eval --json`; errors name the file and the key."""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.protocols import PROTOCOLS
from ytvos_keras.evaluation.statistics import Statistics
from ytvos_keras.media.json_file import read_json, shown

_SECONDS = "seconds_per_frame"
_REMEDY = "give a file that `ytvos-eval --json` wrote"


@dataclass(frozen=True)
class Group:
    """J and F of a group of objects: fractions, NaN where the file says null.

    `objects` is how many were scored; None where the file does not say.
    """

    J: Statistics
    F: Statistics
    objects: int | None


@dataclass(frozen=True)
class ResultFile:
    """The scores of one method, read from a file that `Evaluation` was written to.

    Args:
        name: what to call the method.
        path: the file.
        protocol: `davis2016`, `davis2017` or `youtube-vos`.
        overall: all objects.
        seen: objects of seen categories; None where unknown.
        unseen: objects of unseen categories; None where unknown.
        G: fraction; None where unknown.
        objects: (sequence, object id) of all that were scored.
        settings: what else belongs to the protocol.
        seconds_per_frame: None where not stated.
    """

    name: str
    path: Path
    protocol: str
    overall: Group
    seen: Group | None
    unseen: Group | None
    G: float | None
    objects: frozenset[tuple[str, int]]
    settings: dict
    seconds_per_frame: float | None


def read_result(path: str | Path, name: str | None = None) -> ResultFile:
    """Read and check one file.

    Args:
        path: a JSON file that `ytvos-eval --json` wrote.
        name: what to call the method; the file's name without `.json` if None.

    Returns:
        Its content.

    Raises:
        InputError: no such file, no JSON, no result, or written by a newer release; the message
            names the file and the key.
    """
    path = Path(path)
    content = _load(path)
    try:
        _check_version(_typed(content, "version", str))
        protocol = _typed(content, "protocol", str)
        if protocol not in PROTOCOLS:
            raise _Wrong("protocol", f"must be one of {', '.join(PROTOCOLS)}", protocol)
        settings = _typed(content, "settings", dict)
        if not isinstance(settings.get("frames"), str | None):
            raise _Wrong("settings.frames", "must be a string or null", settings["frames"])
        return ResultFile(
            name=path.stem if name is None else name,
            path=path,
            protocol=protocol,
            overall=_group(content, ""),
            seen=_group_or_none(content, "seen"),
            unseen=_group_or_none(content, "unseen"),
            G=_none_if_nan(_number(content, "G", "", 0, 1)),
            objects=frozenset(filter(None, map(_scored_object, _typed(content, "objects", list)))),
            settings={key: value for key, value in settings.items() if key != _SECONDS},
            seconds_per_frame=_seconds(settings),
        )
    except _Wrong as error:
        raise InputError(f"{path}: {error}") from None


class _Wrong(ValueError):
    """A missing key, or a value of the wrong type."""

    def __init__(self, key: str, rule: str, value: object, remedy: str = _REMEDY):
        super().__init__(f'key "{key}" {rule}; {remedy}. Received: {shown(value, 60)}')


def _load(path: Path) -> dict:
    content = read_json(path, _REMEDY, allow_nan=True)
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: must be a JSON object with keys; {_REMEDY}. "
            f"Received: {type(content).__name__}"
        )
    return content


def _typed(content: dict, key: str, kind: type, place: str = ""):
    """The value of a key that must be there and be a string, a list or an object."""
    value = content.get(key)
    if not isinstance(value, kind):
        words: dict[type, str] = {
            str: "a string",
            list: "a list",
            dict: "an object with keys",
        }
        missing = "" if key in content else ", but it is missing"
        raise _Wrong(place + key, f"must be {words[kind]}{missing}", value)
    return value


def _check_version(version: str) -> None:
    """Reject files of newer schema versions."""
    from ytvos_keras import __version__

    release = re.match(r"(\d{1,9})\.(\d{1,9})", version)
    if release is None:
        raise _Wrong("version", "must be a release such as 0.1.0", version)
    if tuple(map(int, release.groups())) > tuple(map(int, __version__.split(".")[:2])):
        rule = f"is of a newer release than this {__version__}"
        raise _Wrong("version", rule, version, remedy="update ytvos-keras")


def _group(content: dict, place: str) -> Group:
    measures = {}
    for key in ("J", "F"):
        values = _typed(content, key, dict, place)
        inside = f"{place}{key}."
        measures[key] = Statistics(
            mean=_number(values, "mean", inside, 0, 1),
            recall=_number(values, "recall", inside, 0, 1),
            decay=_number(values, "decay", inside, -1, 1),
        )
    count = content.get("objects")
    return Group(**measures, objects=count if isinstance(count, int) else None)


def _group_or_none(content: dict, key: str) -> Group | None:
    if key in content and content[key] is None:
        return None
    return _group(_typed(content, key, dict), f"{key}.")


def _number(content: dict, key: str, place: str, low: float, high: float) -> float:
    """A fraction; NaN for null."""
    if key not in content:
        raise _Wrong(place + key, "must be a fraction or null, but it is missing", None)
    value = content[key]
    if value is None:
        return math.nan
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value < low or value > high:  # NaN passes: Python's JSON may hold it
        raise _Wrong(place + key, f"must be a fraction in {low}…{high} or null", value)
    return float(value)


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else value


def _scored_object(entry: object) -> tuple[str, int] | None:
    """None if none of its frames was scored, so that it does not count in means."""
    if not isinstance(entry, dict):
        raise _Wrong("objects", "must list objects with keys", entry)
    sequence, number = entry.get("sequence"), entry.get("object")
    if not isinstance(sequence, str) or not isinstance(number, int):
        raise _Wrong("objects", 'must name the "sequence" and "object" of each', entry)
    return None if entry.get("frames") == 0 else (sequence, number)


def _seconds(settings: dict) -> float | None:
    value = settings.get(_SECONDS)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise _Wrong(f"settings.{_SECONDS}", "must be a number above 0 or null", value)
    return float(value)
