"""Presets: named networks, and the loading of their weights and of model files."""

import dataclasses
from pathlib import Path

import keras

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.weight_files import check_weight_file

PRESETS = {
    # The paper's network, with all sizes from section 4.3.
    "s2s-vgg16": S2SConfig(),
    # The small network, for laptops; S2SConfig says where it departs from the paper.
    "s2s-lite": S2SConfig(
        backbone="efficientnet-lite0",
        freeze_backbone=True,
        encoder_filters=96,
        state_filters=96,
        decoder_filters=(96, 64, 32),
        input_size=(288, 512),
        state_stride=8,
        shared_encoder=True,
        memory_frames=4,
        sees_others=True,
        skip_connections=True,
        predict_confidence=True,
    ),
}
"""`S2SConfig` of each named network."""

# The same network, trained to find the mask of a frame from a rough one.
PRESETS["s2s-lite-rough"] = dataclasses.replace(PRESETS["s2s-lite"], input_size=(256, 448))

_ASSETS = Path(__file__).parent.parent / "assets"


def load_preset_weights(model: keras.Model, name: str) -> None:
    """Load the bundled weights of a preset into its network."""
    weights = _ASSETS / f"{name}.weights.h5"
    if not weights.is_file():
        raise InputError(
            f"{name}: no weights are bundled with this preset; train it, or use s2s-lite. "
            f"S2S(PRESETS[{name!r}]) creates the network with random weights"
        )
    check_weight_file(weights)
    # After the check: a damaged file can hang the HDF5 library.
    model.load_weights(weights)


def load_model_file(path: Path) -> keras.Model:
    """Load a `.keras` file in Keras' safe mode, which runs no code from the file."""
    if path.name.endswith(".weights.h5"):
        raise InputError(
            f"{path}: contains weights without the network; pass the .keras file (ytvos-train "
            "writes best.keras), or load them into an S2S in Python and save that as .keras"
        )
    if not path.is_file():
        raise InputError(
            f"{path}: neither a preset ({', '.join(PRESETS)}) nor a .keras file; check the name"
        )
    check_weight_file(path)
    try:
        # Without the optimizer, whose variables are twice the size of the weights.
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises all kinds of errors for an invalid configuration
        raise InputError(
            f"{path}: not a .keras file that this version can read ({first_line(error)})"
        ) from error
