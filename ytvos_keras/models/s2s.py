"""The sequence-to-sequence network: Initializer, Encoder, ConvLSTM, Decoder."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
from keras import ops

from ytvos_keras.errors import InputError
from ytvos_keras.layers import ConvLSTM
from ytvos_keras.layers.objects import (
    exclusive,
    objects_from_batch,
    objects_per_frame,
    objects_to_batch,
    repeat_for_objects,
    sum_of_others,
)
from ytvos_keras.layers.resolution import pad_to_stride
from ytvos_keras.layers.time import fold_time, recur, recur_recomputing
from ytvos_keras.layers.types import Config, Shape, Tensor
from ytvos_keras.models.config import S2SConfig
from ytvos_keras.models.next_masks import next_masks
from ytvos_keras.models.parts import (
    new_confidence,
    new_decoder,
    new_encoder,
    new_initializer,
    new_memory,
)
from ytvos_keras.models.presets import PRESETS, load_model_file, load_preset_weights

Tensors = dict[str, Tensor]
State = Tensors  # the first dimension of every tensor is the objects


@keras.saving.register_keras_serializable("ytvos_keras")
class S2S(keras.Model):
    """Sequence-to-sequence video object segmentation (section 4 of the paper).

    Frames are RGB in 0–255, uint8 or float, of any height and width (padded with black at the
    bottom and right to a multiple of 32, and cropped back); preprocessing is part of the model. The
    state of the recurrence is a flat dict of float32 tensors of constant size, with the objects as
    first dimension; treat it as opaque.

    Args:
        config: An `S2SConfig`; default: the paper's network.
        backbone_weights: `None` for random weights, `"imagenet"` or a file for pretrained weights
            (see `read_weights` of the backbone).

    Call arguments:
        inputs: A dict with `"frames"` `(B, T, H, W, 3)` and `"mask"` `(B, H, W, N)`, the N objects
            of each clip in frame 0, in {0, 1}; N is 1 except to train a memory that sees other
            objects. For training with teacher forcing, which supports one object only, also
            `"previous_masks"` `(B, T − 1, H, W, 1)`, the masks of frames 0…T−2, and
            `"teacher_forcing"` `(B, T − 1)`, 1 where the model sees these instead of its last
            prediction.

    Output shape:
        `(B, T − 1, H, W, N)`: float32 logits of frames 1…T−1. `step` returns their sigmoid.

    Example:
        >>> model = S2S(S2SConfig())
        >>> logits = model({"frames": frames, "mask": mask})  # a clip at once
        >>> state = model.initialize(frames[:, 0], mask)  # or frame by frame
        >>> probabilities, state = model.step(frames[:, 1], state)

    References:
        - Xu et al., YouTube-VOS: Sequence-to-Sequence Video Object Segmentation, ECCV 2018.
    """

    stride = 32
    """Frame sides are padded to a multiple of this many pixels."""

    recompute = False
    """Whether training recomputes the activations of each frame for the gradients instead of
    keeping them: memory hardly grows with the length of the clip, but a step takes longer."""

    def __init__(
        self,
        config: S2SConfig | None = None,
        *,
        backbone_weights: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        # Autocast would round the state, and frames before preprocessing, to the compute dtype.
        super().__init__(autocast=False, **kwargs)
        config = config or S2SConfig()
        self.config = config
        policy = self.dtype_policy
        self.sees_masks = config.encoder_input == "frame_and_mask"
        self.encoder = new_encoder(config, policy)
        self.initializer = new_initializer(config, self.encoder, policy)
        self.memory = new_memory(config, policy)
        self.confidence = new_confidence(config, policy)
        self.conv_lstm = ConvLSTM(config.state_filters, dtype=policy)
        self.decoder = new_decoder(config, policy)
        # Weights exist from here on, so they can be loaded, counted or frozen before a first call.
        self.build()
        if self.confidence is not None:
            self.confidence.trainable = False  # not trained by the mask loss
        if backbone_weights is not None:
            self._load_backbones(backbone_weights)

    def build(self, input_shape: Shape | None = None) -> None:
        """Create all weights by running a step on a small frame."""
        # Built explicitly, because a step calls the cell and never the layer around it.
        self.conv_lstm.build((None, None, None, None, self.config.encoder_filters))
        frame = ops.zeros((1, self.stride, self.stride, 3))  # weights do not depend on the size
        features = self.encode(frame)
        self.step_features(features, self.initialize(frame, frame[..., :1], features))
        self.built = True

    def make_train_function(self, force: bool = False) -> None:
        """Prepare `fit`, as in any Keras model."""
        # Otherwise Keras creates the optimizer's variables while TensorFlow traces the first step,
        # and that step is traced twice.
        if self.optimizer is not None and not self.optimizer.built:
            with self.distribute_strategy.scope():  # so that they are mirrored like the weights
                self.optimizer.build(self.trainable_variables)
        super().make_train_function(force)

    def call(self, inputs: Tensors, training: bool | None = None) -> Tensor:
        frames, masks = inputs["frames"], inputs["mask"]
        objects = masks.shape[-1]  # static: the batch is reshaped by it
        teacher = next_masks(inputs, self.stride)
        # Equation 1; the recurrence runs over frames 1…T−1.
        state = self._begin(frames[:, 0], objects_to_batch(masks), objects=objects)
        if training and self.recompute:
            logits = self._recur_recomputing(frames[:, 1:], state, teacher, objects)
        else:
            # Equation 2, once per frame: it does not depend on the object.
            features = repeat_for_objects(fold_time(self.encode, frames[:, 1:]), objects)
            logits = self.unroll(features, state, teacher, objects)
        height, width = ops.shape(frames)[2:4]
        # Padding is at the bottom and right only, so cropping is a slice.
        return objects_from_batch(logits[:, :, :height, :width], objects)

    def initialize(self, frame: Tensor, mask: Tensor, features: Tensors | None = None) -> State:
        """Compute the first state from a frame and the object's mask (equation 1).

        Args:
            frame: `(B or 1, H, W, 3)`, RGB in 0–255.
            mask: `(B, H, W, 1)`, in {0, 1}.
            features: `encode(frame)`, if already computed.

        Returns:
            The state: a dict of float32 tensors.
        """
        return self._begin(frame, mask, features)

    def encode(self, frames: Tensor, **context: Any) -> Tensors:
        """Compute the features of frames (equation 2), which do not depend on the objects.

        Args:
            frames: `(B, H, W, 3)`, RGB in 0–255.
            **context: `training`, as for any layer.

        Returns:
            A dict of maps, all with first dimension B. If the Encoder also sees masks, objects can
            share nothing but the frame, which is then the only entry.
        """
        frames = pad_to_stride(frames, self.stride)
        return {"frame": frames} if self.sees_masks else self.encoder(frames, **context)

    def step(self, frame: Tensor, state: State) -> tuple[Tensor, State]:
        """Segment one more frame (equations 2 to 4).

        Args:
            frame: `(B or 1, H, W, 3)`, RGB in 0–255.
            state: From `initialize` or from the previous step; B objects.

        Returns:
            `(probabilities, state)`; probabilities are `(B, H, W, 1)`, float32.
        """
        height, width = ops.shape(frame)[1:3]  # Python numbers if the size is static
        probabilities, state = self.step_features(self.encode(frame), state)
        return probabilities[:, :height, :width], state

    def step_features(self, features: Tensors, state: State) -> tuple[Tensor, State]:
        """Like `step`, from `features = encode(frame)`.

        Features with a batch of 1 serve all objects. The probabilities are at the padded size.
        """
        logits, after = self._advance(features, state)
        objects = objects_per_frame(features, logits)
        # The masks in memory are mutually exclusive. The returned probabilities are not: the caller
        # merges objects at native size.
        after |= self._remember(features, self._probabilities(logits, objects), after, objects)
        return ops.sigmoid(logits), after

    def correct(
        self, frame: Tensor, mask: Tensor, state: State, features: Tensors | None = None
    ) -> State:
        """Update the state after a frame whose predicted masks were corrected.

        A model with a memory adds the frame to it as trusted and re-initializes the recurrence from
        the mask. Without a memory, the whole state is re-initialized.

        Args:
            frame: As for `initialize`.
            mask: As for `initialize`.
            state: From the `step` that predicted the frame; B objects.
            features: `encode(frame)`, if already computed.

        Returns:
            The state for the next step.
        """
        # h, c and the previous frame come from the mask; the bank keeps its other frames.
        given = self.initialize(frame, mask, features)
        return given if self.memory is None else given | self.memory.trust(given, state)

    def unroll(
        self, features: Tensors, state: State, teacher: Tensors | None = None, objects: int = 1
    ) -> Tensor:
        """Segment a clip from the features of its frames, as in `call`.

        Args:
            features: `encode` of each frame, folded over time: maps `(B, T, h, w, channels)`.
            state: From `initialize`, not from a step: slots of the memory are skipped until they
                can have been filled.
            teacher: The result of `next_masks`, for teacher forcing.
            objects: Number of consecutive batch rows that belong to one clip.

        Returns:
            `(B, T, H, W, 1)`, float32 logits at the padded size.
        """
        # No step needs an earlier mask, so the Decoder runs on all frames at once.
        if self.memory is None and not self.sees_masks:
            hidden, _, _ = self.conv_lstm(features["features"], (state["h"], state["c"]))
            return fold_time(self._decode, features | {"hidden": hidden})
        return self._recur(features, state, teacher or {}, objects)

    @classmethod
    def from_preset(
        cls, preset: str | Path, *, load_weights: bool = True, dtype: str | None = None
    ) -> "S2S":
        """Create a model from a preset, as KerasHub does.

        Args:
            preset: A preset's name, or the path of a `.keras` file; see `ytvos_keras.load`.
            load_weights: Whether to load the preset's weights; if not, weights are random.
            dtype: Keras dtype policy; see `ytvos_keras.load`.

        Raises:
            InputError: There is no such preset or file, or no weights are bundled with the preset.

        Example:
            >>> model = ytvos_keras.S2S.from_preset("s2s-lite")
        """
        if preset in PRESETS:
            name = str(preset)
            model = cls(PRESETS[name], dtype=dtype, name=name.replace("-", "_"))
            if load_weights:
                load_preset_weights(model, name)
            return model
        model = load_model_file(Path(preset))
        if not isinstance(model, cls):
            raise InputError(
                f"{preset}: contains a {type(model).__name__}, not an S2S; pass an S2S model"
            )
        if dtype is None:
            return model
        # Everything that a file keeps: the configuration, the name, whether it is trainable.
        converted = type(model).from_config(model.get_config() | {"dtype": dtype})
        converted.set_weights(model.get_weights())
        return converted

    def get_config(self) -> Config:
        return {**super().get_config(), "config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config: Config, custom_objects: Config | None = None) -> "S2S":
        config = dict(config)
        return cls(S2SConfig(**config.pop("config")), **config)

    def _load_backbones(self, source: str | Path) -> None:
        # Read once for both parts: the VGG-16 file with the top is 550 MB.
        weights = self.encoder.backbone.read_weights(source)
        for part in (self.initializer, self.encoder):
            # Initializers from features or masks have no backbone; a shared one is set twice.
            if hasattr(part, "backbone"):
                part.backbone.assign_weights(weights)

    def _begin(
        self, frame: Tensor, mask: Tensor, features: Tensors | None = None, objects: int = 1
    ) -> State:
        """`initialize` for frames with `objects` consecutive masks each."""
        # Zeros: no object in the padding.
        mask = pad_to_stride(ops.cast(mask, "float32"), self.stride)
        if self.config.shared_encoder:
            if features is None:
                features = self.encode(frame)
            per_frame = objects_per_frame(features, mask)  # before the repeat, which makes it 1
            features = repeat_for_objects(features, objects)
            cell, hidden = self.initializer(features["features"], mask)
        else:
            frame = repeat_for_objects(pad_to_stride(frame, self.stride), objects)
            # The Initializer's backbone sees the mask, so objects cannot share its features.
            cell, hidden = self.initializer(_one_each(frame, mask), mask)
        state = {"h": ops.cast(hidden, "float32"), "c": ops.cast(cell, "float32")}
        if self.memory is not None:
            assert features is not None  # a memory needs shared_encoder
            state |= self.memory.begin(features, mask, sum_of_others(mask, per_frame))
        if self.sees_masks:
            # At the padded size, like the predictions that will replace it.
            state["previous_mask"] = mask
        if self.confidence is not None:
            # A given mask is trusted fully.
            state["confidence"] = ops.ones((ops.shape(mask)[0], 1))
        return state

    def _advance(
        self, features: Tensors, state: State, age: int | Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Equations 3 and 4: the logits, and the state without what `_remember` adds.

        `age` is the number of steps since `initialize`, if known; see `Memory`.
        """
        if self.sees_masks:
            mask = state["previous_mask"]
            features = self.encoder(_one_each(features["frame"], mask), mask)
        x = features["features"]
        if self.memory is not None:
            x = self.memory(features, state, age=age)
        # Equation 3, input convolution included; x may have a batch of 1 for all objects.
        hidden, cell = self.conv_lstm.cell(x, (state["h"], state["c"]))
        # float32 under any policy: a state has one type in Python, SavedModel and ONNX.
        state = state | {"h": ops.cast(hidden, "float32"), "c": cell}
        logits = self._decode(features | {"hidden": hidden})
        if self.confidence is not None:
            state["confidence"] = ops.sigmoid(self.confidence(logits))
        return logits, state

    def _decode(self, maps: Tensors) -> Tensor:
        """Equation 4, with the skip connections if there are any."""
        names = ("hidden", "skip_4", "skip_2")
        return self.decoder(**{name: maps[name] for name in names if name in maps})

    def _remember(
        self, features: Tensors, masks: Tensor, state: State, objects: Tensor | int
    ) -> State:
        """The new state entries for the masks of a frame, if the model keeps any."""
        # Detached, as in scheduled sampling: a fed-back prediction is treated as an ordinary input.
        masks = ops.stop_gradient(masks)
        if self.sees_masks:
            return {"previous_mask": masks}
        if self.memory is None:
            return {}
        others, confidence = sum_of_others(masks, objects), state.get("confidence")
        return self.memory.update(features, masks, state, others, confidence)

    def _probabilities(self, logits: Tensor, objects: Tensor | int) -> Tensor:
        """The probabilities to remember: mutually exclusive for a memory, otherwise independent."""
        return ops.sigmoid(logits) if self.memory is None else exclusive(logits, objects)

    def _recur(self, features: Tensors, state: State, teacher: Tensors, objects: int) -> Tensor:
        """Step through a clip; `teacher` gives the masks to remember after each step."""

        def step(state, frame, t):
            return self._advance_and_remember(frame["features"], state, frame, objects, t)

        return recur(step, state, {"features": features} | teacher)[1]

    def _recur_recomputing(
        self, frames: Tensor, state: State, teacher: Tensors, objects: int
    ) -> Tensor:
        """Like `_recur`, from the frames, recomputing each step for the gradients."""

        def step(state, frame):
            # The recomputation runs outside `call`, where Keras does not set `training`. The rows
            # of one clip hold the same frame, which is encoded once.
            features = self.encode(frame["frame"][::objects], training=True)
            features = repeat_for_objects(features, objects)
            return self._advance_and_remember(features, state, frame, objects)

        # One row per object, like the teacher and the state.
        frames = repeat_for_objects(frames, objects)
        return recur_recomputing(step, state, {"frame": frames} | teacher, self.weights)

    def _advance_and_remember(
        self,
        features: Tensors,
        state: State,
        teacher: Tensors,
        objects: int,
        age: int | Tensor | None = None,
    ) -> tuple[State, Tensor]:
        """One training step: the state, with the teacher's mask if there is one, and the logits."""
        logits, after = self._advance(features, state, age)
        kept = logits
        if objects > 1 and self.memory is not None:
            # An object that the clip lacks takes no pixels from the others. It was given an empty
            # mask, as the soft mask in the first slot shows.
            given = state["bank_first_value"][..., -1]  # (B·N, h, w)
            kept = ops.where(ops.any(given > 0, axis=(1, 2))[:, None, None, None], logits, -30.0)
        mask = self._probabilities(kept, objects)
        if "mask" in teacher:
            # Only the mask to remember is replaced, never the logits that the loss sees.
            forced = teacher["forced"] > 0
            mask = ops.where(forced, teacher["mask"], mask)
            if "confidence" in after:  # a given mask is trusted fully
                after["confidence"] = ops.where(forced[:, :, 0, 0], 1.0, after["confidence"])
        return after | self._remember(features, mask, after, objects), logits


def _one_each(frame: Tensor, masks: Tensor) -> Tensor:
    """Repeat one frame for all objects: `(B or 1, H, W, 3)` to the batch of `masks`."""
    return ops.broadcast_to(frame, (*ops.shape(masks)[:3], 3))
