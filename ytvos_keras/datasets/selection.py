"""Select videos of a data set by name; all readers use the same rule."""

import re
import warnings
from collections.abc import Collection, Sequence
from pathlib import Path

from ytvos_keras.errors import InputError, and_more
from ytvos_keras.media.listing import plain_name
from ytvos_keras.media.text_file import read_text


def select_names(
    names: Sequence[str],
    where: Path,
    *,
    videos: Collection[str] | None = None,
    exclude: Collection[str] = (),
) -> list[str]:
    """Keep the names that are in `videos` and not in `exclude`, in their order.

    Args:
        names: of all videos, such as `003234408d` or `segtrack2/girl`.
        where: the data set, for errors.
        videos: names to keep; None for all. `segtrack2` stands for all `segtrack2/…`, unless it is
            a video itself. Unknown names are an error.
        exclude: names to leave out, in the same form. Unknown names only cause a warning, since one
            list may serve several data sets.

    Example:
        >>> select_names(["a/1", "a/2", "b/1"], Path("data"), exclude=["a/1", "b"])
        ['a/2']
    """
    forms = _forms(names)
    known = set().union(*forms.values())
    videos = None if videos is None else set(map(plain_name, videos))
    exclude = set(map(plain_name, exclude))
    unknown = sorted(set(videos or ()) - known)
    if unknown:
        raise InputError(
            f"{where}: no video {unknown[0]!r}{and_more(unknown[1:])}; its names look like "
            f"{names[0]!r}."
            if names
            else f"{where}: no video {unknown[0]!r}; there are no videos at all."
        )
    strangers = sorted(exclude - known)
    if strangers:
        warnings.warn(
            f"{where}: no video {strangers[0]!r}{and_more(strangers[1:])} to exclude.",
            stacklevel=2,
        )
    chosen = [
        name
        for name in names
        if (videos is None or not forms[name].isdisjoint(videos))
        and forms[name].isdisjoint(exclude)
    ]
    if names and not chosen:
        raise InputError(f"{where}: all {len(names)} videos are excluded.")
    return chosen


# A `#` starts a comment if it stands alone, between spaces or ends of the line: not in `take #2`.
_COMMENT = re.compile(r"(^|\s)#(\s.*)?$")


def read_names(path: str | Path) -> tuple[str, ...]:
    """Read a list of names, one per line; empty lines and comments (`# …`) are ignored."""
    path = Path(path)
    if not path.exists() or path.is_dir():  # a pipe is not a regular file
        raise InputError(f"{path}: no such file; give a text file with one name per line.")
    names = tuple(name for line in read_text(path).split("\n") if (name := _name(line)))
    if not names:
        raise InputError(f"{path}: contains no names; give one name per line.")
    return names


def check_can_be_listed(names: Collection[str]) -> None:
    """Raise an `InputError` unless `read_names` reads each name back from a file, in NFC.

    A name must be valid Unicode on one line, without spaces at its ends or a comment.
    """
    for name in names:
        if not _is_unicode(name) or "\n" in name or "\r" in name or _name(name) != plain_name(name):
            raise InputError(f"a list of names cannot contain {name!r}; rename this video.")


def _is_unicode(name: str) -> bool:
    """Whether a name is valid Unicode; on Linux, file names can be in another encoding."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(line: str) -> str:
    return plain_name(_COMMENT.sub("", line).strip())


def _forms(names: Collection[str]) -> dict[str, set[str]]:
    """Each name with what selects its video: itself and its source, unless that is a video."""
    plain = {name: plain_name(name) for name in names}
    videos = set(plain.values())
    return {name: {form, *({form.split("/")[0]} - videos)} for name, form in plain.items()}
