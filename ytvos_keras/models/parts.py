"""Create the parts of an `S2S` from its configuration."""

from typing import Any, TypeAlias

import keras

from ytvos_keras.models.backbones import BACKBONES
from ytvos_keras.models.confidence import Confidence
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.decoder import Decoder, SkipDecoder
from ytvos_keras.models.encoder import Encoder, PyramidEncoder
from ytvos_keras.models.initializer import FeatureInitializer, Initializer, MaskInitializer
from ytvos_keras.models.memory import Memory

Policy: TypeAlias = keras.dtype_policies.DTypePolicy


def new_encoder(config: S2SConfig, policy: Policy) -> keras.layers.Layer:
    """Create the Encoder with its backbone."""
    backbone = _new_backbone(config, policy, with_mask=config.encoder_input == "frame_and_mask")
    # The config check allows 8 and 32 only.
    if config.state_stride == 32:
        return Encoder(backbone, config.encoder_filters, dtype=policy)
    return PyramidEncoder(
        backbone,
        config.encoder_filters,
        config.matching_filters if config.memory_frames else 0,
        config.skip_connections,
        dtype=policy,
    )


def new_initializer(
    config: S2SConfig, encoder: keras.layers.Layer, policy: Policy
) -> keras.layers.Layer:
    """Create the Initializer, which shares the Encoder's backbone if the Encoder sees masks."""
    if config.shared_encoder:
        return FeatureInitializer(config.state_filters, config.state_stride, dtype=policy)
    if config.initializer == "mask":
        return MaskInitializer(config.state_filters, config.state_stride)
    if config.encoder_input == "frame_and_mask":
        # Both take a frame and a mask (section 5.4), so one network serves both.
        backbone = encoder.backbone
    else:
        backbone = _new_backbone(config, policy, with_mask=True)
    return Initializer(backbone, config.state_filters, dtype=policy)


def new_memory(config: S2SConfig, policy: Policy) -> Memory | None:
    """Create the memory, if configured."""
    if not config.memory_frames:
        return None
    return Memory(
        config.memory_frames,
        config.remember_every,
        config.matching_filters,
        config.encoder_filters,
        config.state_stride,
        config.sees_others,
        dtype=policy,
    )


def new_confidence(config: S2SConfig, policy: Policy) -> Confidence | None:
    """Create the confidence head, if configured."""
    return Confidence(config.state_stride, dtype=policy) if config.predict_confidence else None


def new_decoder(config: S2SConfig, policy: Policy) -> keras.layers.Layer:
    """Create the Decoder, with or without skip connections."""
    kind = SkipDecoder if config.skip_connections else Decoder
    return kind(config.decoder_filters, dtype=policy)


def _new_backbone(config: S2SConfig, policy: Policy, with_mask: bool) -> keras.layers.Layer:
    options: dict[str, Any] = {"with_mask": with_mask, "dtype": policy}
    if config.backbone == "vgg16":
        options["fc6"] = config.fc6
    backbone = BACKBONES[config.backbone](**options)
    backbone.trainable = not config.freeze_backbone
    return backbone
