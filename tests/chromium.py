"""Headless Chromium, if available."""

import importlib.util
import shutil
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
SITE = Path(__file__).parents[1] / "export" / "web" / "site"

needs_site = pytest.mark.skipif(
    not (CHROMIUM and importlib.util.find_spec("playwright") and (SITE / "lib").exists()),
    reason="needs playwright, Chromium, and `npm install && npm run build` in export/web",
)


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
