"""Check for the packages of the extra `plots`."""

import importlib.util

from ytvos_keras.errors import InputError


def check_plots_installed() -> None:
    """Raise before the work starts if the extra `plots` is missing.

    Raises:
        InputError: Matplotlib or Jinja is not installed.
    """
    missing = [name for name in ("jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"An HTML report needs {' and '.join(missing)}; run: pip install 'ytvos-keras[plots]'"
        )
