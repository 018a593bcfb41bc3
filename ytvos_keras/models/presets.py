"""Named models."""

from pathlib import Path

import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.s2s import S2S
from ytvos_keras.models.weight_files import check_weight_file

PRESETS = {
    # The paper's network: every size from section 4.3.
    "s2s-vgg16": S2SConfig(),
    # The small one: works on a laptop, departs from the paper where S2SConfig says so.
    "s2s-lite": S2SConfig(
        backbone="efficientnet-lite0",
        freeze_backbone=True,
        encoder_filters=96,
        state_filters=96,
        decoder_filters=(96, 64, 32),
        state_stride=8,
        shared_encoder=True,
        memory_frames=4,
        skip_connections=True,
        predict_confidence=True,
    ),
}

_ASSETS = Path(__file__).parent.parent / "assets"


def load(name_or_path: str | Path, dtype: str | None = None) -> S2S:
    """A model with its weights.

    Args:
        name_or_path: A preset whose weights are bundled (`"s2s-lite"`), or the path of a `.keras`
            file saved with `model.save`.
        dtype: Keras dtype policy of a preset, such as `"mixed_bfloat16"`; the global one when left
            out. A `.keras` file brings its own.

    Raises:
        InputError: If there is no such preset or file, or the preset has no bundled weights.

    Example:
        >>> model = ytvos_keras.load("s2s-lite")
    """
    if name_or_path in PRESETS:
        return _load_preset(str(name_or_path), dtype)
    path = Path(name_or_path)
    if path.name.endswith(".weights.h5"):
        raise InputError(
            f"{path}: holds weights without their network; give the .keras file (ytvos-train "
            "writes best.keras), or load them into an S2S in Python and save that as .keras"
        )
    if not path.is_file():
        raise InputError(
            f"{path}: neither a preset ({', '.join(PRESETS)}) nor a .keras file; check the name"
        )
    check_weight_file(path)
    try:
        model = keras.saving.load_model(path, compile=False)  # in safe mode: no code of the file
    except Exception as error:  # Keras raises of every kind for a configuration it cannot use
        raise InputError(
            f"{path}: not a .keras file that this version reads ({first_line(error)})"
        ) from error
    if not isinstance(model, S2S):
        raise InputError(f"{path}: holds a {type(model).__name__}, not an S2S; give an S2S model")
    return model


def _load_preset(name, dtype):
    weights = _ASSETS / f"{name}.weights.h5"
    if not weights.is_file():
        raise InputError(
            f"{name}: no weights are bundled with this preset; train it, or take s2s-lite. "
            f"S2S(PRESETS[{name!r}]) gives the network with a random start"
        )
    model = S2S(PRESETS[name], dtype=dtype, name=name.replace("-", "_"))
    check_weight_file(weights)
    model.load_weights(weights)
    return model
