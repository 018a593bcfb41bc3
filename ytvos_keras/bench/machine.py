"""Describe the machine that a measurement runs on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ytvos_keras.processes import available_cores

PACKAGES = ("tensorflow", "keras", "numpy")


def cpu_model() -> str:
    """Return the name of the processor, as the operating system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def load_average() -> float | None:
    """Return the mean number of running processes in the last minute, or None if unknown."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def package_version(name: str) -> str | None:
    """Return the installed version of a package, or None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def describe_machine() -> dict[str, object]:
    """Describe processor, system, versions and date, ready for JSON.

    Includes the current load average, so that figures from a busy machine can be recognized. Does
    not import TensorFlow.
    """
    return {
        "cpu": cpu_model(),
        "cores": available_cores(),
        "load_average_before": load_average(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: package_version(name) for name in PACKAGES},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
