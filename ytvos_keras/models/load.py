"""Load a trained model."""

from pathlib import Path

from ytvos_keras.models.s2s import S2S


def load(name_or_path: str | Path, dtype: str | None = None) -> S2S:
    """Load a model with its weights.

    Args:
        name_or_path: A preset with bundled weights (`"s2s-lite"`, `"s2s-lite-rough"`), or the path
            of a `.keras` file saved with `model.save`.
        dtype: Keras dtype policy, such as `"mixed_bfloat16"`; default: the global policy for a
            preset, and that of the file for a `.keras` file.

    Returns:
        The `S2S`, not compiled.

    Raises:
        InputError: There is no such preset or file, or the preset has no bundled weights.

    Example:
        >>> model = ytvos_keras.load("s2s-lite")
    """
    return S2S.from_preset(name_or_path, dtype=dtype)
