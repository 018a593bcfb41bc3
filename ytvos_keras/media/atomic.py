"""Files that are whole or absent."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a hidden temporary path in the same folder; move it to `path` if the block succeeds.

    After an error or an interruption in the block the temporary file is removed and what was at
    `path` is still there. Its name is fixed (`.NAME.part`), so what a killed process left behind is
    overwritten by the next attempt.

    Args:
        path: where the finished file belongs. Its folder must exist.

    Yields:
        The path to write to.

    Example:
        >>> with atomic_path("masks/00000.png") as part:
        ...     image.save(part, format="PNG")
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
