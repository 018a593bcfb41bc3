"""The model: backbones, Initializer, Encoder, Decoder, `S2S`, presets and their weights."""

from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.presets import PRESETS
from ytvos_keras.models.s2s import S2S

__all__ = ["PRESETS", "S2S", "S2SConfig"]
