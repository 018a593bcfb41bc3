"""Chromium without a window, if there is one."""

import shutil
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)


def chromium_command(folder: Path, *options: str) -> list[str]:
    """The command that starts it with a profile in a folder."""
    return [
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # which Chromium does not start in when it is run by root
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}",
        *options,
    ]
