"""Headless Chromium, if available."""

import shutil
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)


def chromium_command(folder: Path, *options: str) -> list[str]:
    """The command that starts Chromium with a profile in `folder`."""
    return [
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # Chromium refuses to start as root without this
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder / 'profile'}",
        *options,
    ]
