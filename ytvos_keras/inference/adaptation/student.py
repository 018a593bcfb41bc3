"""A trainable copy of a model: loss on a batch, and optimizer steps."""

import keras
import tensorflow as tf

from ytvos_keras.errors import InputError
from ytvos_keras.inference.adaptation.config import OnlineLearningConfig
from ytvos_keras.inference.adaptation.examples import Clip
from ytvos_keras.layers.resolution import pad_to_stride
from ytvos_keras.layers.time import fold_time
from ytvos_keras.losses import LOSSES
from ytvos_keras.models import S2S


class Student:
    """A copy of a model, some of whose weights are trained.

    Raises an `InputError` if the model lacks the parts to train, or if they cannot learn from
    cached features.

    Attributes:
        model: the copy.
        trained: positions of the trained weights in `model.weights`.
    """

    def __init__(self, model: S2S, config: OnlineLearningConfig):
        self.config = config
        self._is_cached = config.cached_clips is not None
        _check(model, config)
        self.model = S2S(model.config, dtype=config.precision or model.dtype_policy)
        self.model.set_weights(model.get_weights())
        self._variables = self._trained_variables()
        if not self._variables:
            raise InputError(
                f"none of {', '.join(config.parts)} has weights to train in this model; choose "
                "another part."
            )
        places = {id(variable): n for n, variable in enumerate(self.model.weights)}
        self.trained = [places[id(variable)] for variable in self._variables]
        self._loss = LOSSES[config.loss]()
        self._optimizer = keras.optimizers.Adam(
            config.learning_rate, global_clipnorm=config.clip_norm
        )
        # Built here, because the compiled step cannot create variables.
        self._optimizer.build(self._variables)
        # Momentum must not carry over from one video to the next.
        self._fresh = [variable.numpy() for variable in self._optimizer.variables]
        self._compiled_step = tf.function(self._step, autograph=False)
        self._compiled_prepare = tf.function(self._prepare, autograph=False)

    def begin(self) -> None:
        """Reset the optimizer."""
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

    def prepare(self, clip: Clip) -> Clip:
        """Replace the frames of a clip with their backbone features, to compute them only once."""
        return self._compiled_prepare(clip)

    def step(self, batch: Clip, rate: float) -> float:
        """Train on a batch of clips (of prepared ones if features are cached); return its loss."""
        # A variable, so that changing it does not retrace the step.
        self._optimizer.learning_rate = rate
        return float(self._compiled_step(batch))

    def _step(self, batch):
        # Cast first: on CPUs without AVX-512, oneDNN warns about uint8 operations.
        batch = batch | {"mask": tf.cast(batch["mask"], tf.float32)}
        values = [variable.value for variable in self._variables]
        # Only these: gradients of the other weights would waste memory.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(values)
            logits = self._cached_logits(batch) if self._is_cached else self._logits(batch)
            height, width = batch["mask"].shape[2:4]
            loss = self._loss(batch["mask"][:, 1:], logits[:, :, :height, :width])
        self._optimizer.apply(tape.gradient(loss, values), self._variables)
        return loss

    def _logits(self, batch):
        return self.model({"frames": batch["frames"], "mask": batch["mask"][:, 0]})

    def _prepare(self, clip):
        """The backbone's maps, and the first state if it is not computed from them."""
        frames = pad_to_stride(clip["frames"], self.model.stride)
        prepared = {"mask": clip["mask"], "maps": self.model.encoder.backbone(frames)}
        if not self.model.config.shared_encoder:
            state = self.model.initialize(clip["frames"][:1], clip["mask"][:1])
            # Without the batch axis, which `cached_batches` adds by stacking clips.
            prepared["state"] = {name: tensor[0] for name, tensor in state.items()}
        return prepared

    def _cached_logits(self, batch):
        features = fold_time(self.model.encoder.from_maps, batch["maps"])
        state = batch.get("state")
        if state is None:
            first = {name: tensor[:, 0] for name, tensor in features.items()}
            # With a shared Encoder and given features, no frame is needed.
            state = self.model.initialize(None, batch["mask"][:, 0], first)
        return self.model.unroll({name: x[:, 1:] for name, x in features.items()}, state)

    def _trained_variables(self):
        # The backbone's maps are cached, so it cannot learn.
        left_out = self.model.encoder.backbone.weights if self._is_cached else []
        seen = {id(variable) for variable in left_out}
        variables = []
        for part in self.config.parts:
            for variable in getattr(self.model, part).trainable_variables:
                if id(variable) not in seen:  # parts may share a backbone
                    seen.add(id(variable))
                    variables.append(variable)
        return variables


def _check(model, config: OnlineLearningConfig) -> None:
    config.check_precision(model.dtype_policy.name)
    if "memory" in config.parts and model.memory is None:
        raise InputError('this model has no memory to train; remove "memory" from parts.')
    if config.cached_clips is None:
        return
    if model.sees_masks:
        raise InputError(
            "this model's Encoder sees the mask of the previous frame, so its features cannot be "
            "cached; remove cached_clips."
        )
    if "initializer" in config.parts and not model.config.shared_encoder:
        raise InputError(
            "this model's Initializer has a separate backbone, whose output is cached; remove "
            '"initializer" from parts, or cached_clips.'
        )
