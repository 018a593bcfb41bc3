"""How long-running work reports its progress."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, steps done, and total steps (None if unknown)."""

LearningProgress = Callable[..., None]
"""A `Progress` that is also given the loss after each step of online learning."""


def silent(*_: object) -> None:
    """Show nothing."""
