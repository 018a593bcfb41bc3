"""The configuration of the model."""

import dataclasses
import math

from ytvos_keras.errors import check_choices

_CHOICES = {
    "backbone": ("vgg16", "efficientnet-lite0"),
    "fc6": ("1x1", "7x7", "none"),
    "initializer": ("network", "mask"),
    "encoder_input": ("frame", "frame_and_mask"),
}


@dataclasses.dataclass(frozen=True)
class S2SConfig:
    """Architecture of an `S2S`.

    The defaults are the paper's network (section 4.3). "Variants" are the options of its ablation
    study (section 5.4). "Departures" are options that are not in the paper; `s2s-lite` uses them.

    Attributes:
        backbone: `"vgg16"` or `"efficientnet-lite0"`, for both Initializer and Encoder.
        fc6: How VGG-16's first fully connected layer becomes a convolution: `"1x1"`, `"7x7"` or
            `"none"` (see `VGG16`).
        encoder_filters: Channels of the Encoder's features.
        state_filters: Channels of the ConvLSTM's two states.
        decoder_filters: Channels after each of the Decoder's upsampling layers.
        input_size: Nominal height and width in pixels. The network accepts any size.
        state_stride: Side in pixels of one cell of the states: 32 in the paper. With 8, the Encoder
            merges the backbone's deeper maps into the one at stride 8.

    Variants:
        initializer: `"network"`, or `"mask"` to use the reshaped mask as c0 and h0 instead.
        encoder_input: `"frame"`, or `"frame_and_mask"`: the Encoder also sees the previous mask,
            and Initializer and Encoder share one backbone. Train it with teacher forcing first,
            then with the model's own predictions.

    Departures:
        freeze_backbone: Whether the backbone keeps its pretrained weights.
        shared_encoder: Whether the Initializer takes the Encoder's features of the frame, plus the
            mask, instead of having a separate backbone.
        memory_frames: Number of frames kept in memory and matched to a new frame: the object's
            first frame, corrections, and the latest of every `remember_every`-th frame. 0 disables
            matching; otherwise the previous frame and its predicted mask are matched too. At least
            2; with 2 there is no room for corrections. Of all frames but the first, a quarter of
            the positions is kept.
        remember_every: Number of frames between predictions kept in memory; the attribute
            `memory.every` of an `S2S` changes it, for example for training on short clips.
        matching_filters: Channels of the keys and of the values.
        sees_others: Whether the memory of an object also encodes where the other objects of the
            frame are.
        skip_connections: Whether the Decoder sees the backbone's maps at stride 4 and 2.
        predict_confidence: Whether the state contains the expected J of each mask. While it is
            below one half, no frames are added to the memory.
    """

    backbone: str = "vgg16"
    fc6: str = "1x1"
    encoder_filters: int = 512
    state_filters: int = 512
    decoder_filters: tuple[int, ...] = (512, 256, 128, 64, 64)
    input_size: tuple[int, int] = (256, 448)
    state_stride: int = 32
    initializer: str = "network"
    encoder_input: str = "frame"
    freeze_backbone: bool = False
    shared_encoder: bool = False
    memory_frames: int = 0
    remember_every: int = 5
    matching_filters: int = 64
    sees_others: bool = False
    skip_connections: bool = False
    predict_confidence: bool = False

    def __post_init__(self):
        for name in ("decoder_filters", "input_size"):  # they are lists after a JSON round trip
            # dataclasses themselves bypass `frozen` this way. Equality needs tuples, not lists.
            object.__setattr__(self, name, tuple(getattr(self, name)))
        check_choices(vars(self), _CHOICES)
        if self.state_stride not in (8, 32):
            raise ValueError(f"state_stride must be 8 or 32. Received: {self.state_stride}")
        if self.memory_frames < 0 or self.memory_frames == 1 or self.remember_every < 1:
            raise ValueError(
                "memory_frames must be 0, or 2 or more, and remember_every 1 or more. "
                f"Received: {self.memory_frames}, {self.remember_every}"
            )
        if self.state_stride != 8 and (self.skip_connections or self.memory_frames):
            raise ValueError(
                "skip_connections and memory_frames need state_stride=8. "
                f"Received: {self.state_stride}"
            )
        if self.sees_others and not self.memory_frames:
            raise ValueError("sees_others needs memory_frames: only a memory sees other objects")
        if self.state_stride == 8 and not self.shared_encoder:
            raise ValueError(
                "state_stride=8 needs shared_encoder=True: an Initializer with its own backbone "
                "has states at stride 32. Received: shared_encoder=False"
            )
        if (self.initializer, self.encoder_input) != ("network", "frame"):
            self._check_variant()
        # With skips: stride 8, 4 and 2. The last factor of 2 comes from the logits' four filters.
        upsamplings = 3 if self.skip_connections else int(math.log2(self.state_stride))
        if len(self.decoder_filters) != upsamplings:
            raise ValueError(
                f"decoder_filters must have {upsamplings} entries to get from stride "
                f"{self.state_stride} to full resolution. Received: {self.decoder_filters}"
            )

    def _check_variant(self):
        """Check the combinations of the variants of section 5.4."""
        if self.initializer == "mask" and self.encoder_input == "frame_and_mask":
            raise ValueError(
                'initializer="mask" and encoder_input="frame_and_mask" cannot be combined; use one'
            )
        if self.state_stride != 32 or self.shared_encoder:
            raise ValueError(
                "initializer and encoder_input are variants of the paper's network: they need "
                "state_stride=32 and shared_encoder=False. "
                f"Received: {self.state_stride}, {self.shared_encoder}"
            )
        pixels = self.state_stride**2
        if self.initializer == "mask" and pixels % (2 * self.state_filters):
            raise ValueError(
                f'initializer="mask" needs state_filters that divide {pixels // 2}: the {pixels} '
                f"pixels of a cell fill both states. Received: {self.state_filters}"
            )
