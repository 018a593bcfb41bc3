"""Functions of named tensors that a deployed model offers, the same in every format.

| signature | inputs | outputs |
|---|---|---|
| `step` | `image`, state | `probs`, state |
| `initialize` | `image`, `mask` | state |
| `encode` | `image` | features |
| `step_features` | features, state | `probs` at the padded size, state |
| `segment_clip` | `images`, `mask` | `probs` |
| `correct` | `previous_key`, `previous_value`, the bank | the bank |

`image` is uint8 `(B, H, W, 3)`, RGB; `images` `(B, T, H, W, 3)`; `mask` uint8 `(B, H, W, 1)`, 0
for background; `probs` float32 `(B, H, W, 1)` or `(B, T, H, W, 1)`, in 0–1. Images of any size are
padded in the graph to a multiple of 32. The state is one float32 tensor for each entry of the
model's state (`h` and `c` in the paper's model), and so are the features; names are the same in
output and input. Most are maps `(B, height, width, channels)`; per-frame values are `(B,
channels)`. An image, or its features, may have a batch of 1 that all rows share: these are then
objects of one frame, which are mutually exclusive in the memory of `s2s-lite`. Rows of several
images are independent.

`correct` exists for models with a memory. After the step of a frame whose mask was corrected by a
person, `given = initialize(image, mask)` and the bank of the step's state, which is all entries
whose names begin with `bank_`, give the state to continue with: `{**given, **correct(...)}`.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from ytvos_keras.models import S2S

Tensors = dict[str, tf.Tensor]
Specs = dict[str, tf.TensorSpec]


CORRECT = "correct"
"""The signature that only models with a memory have."""


class Signature(NamedTuple):
    """A function from a dict of tensors to a dict of tensors, and the specs of its inputs."""

    function: Callable[[Tensors], Tensors]
    inputs: Specs


class GraphSignature(NamedTuple):
    """A `Signature` whose function is a `tf.function`, traced once for all graphs that call it."""

    function: tf.types.experimental.PolymorphicFunction
    inputs: Specs


def in_float32(model: S2S) -> S2S:
    """Copy a model with float32 features: not every client can feed back other types."""
    if model.compute_dtype == "float32":
        return model
    copy = S2S(model.config, dtype="float32", name=model.name)
    copy.set_weights(model.get_weights())  # float32 under mixed policies too
    return copy


def signatures(
    model, size: tuple[int, int] | None = None, *, share: bool = False
) -> dict[str, Signature]:
    """The signatures of a model by name; the first is the default one.

    Args:
        model: A float32 `S2S`.
        size: (height, width) of all images, in pixels; default: free. Batch size and clip length
            are always free.
        share: Whether the graphs call shared graphs of the model's parts instead of containing
            copies of them.

    Example:
        >>> step = signatures(model)["step"]
        >>> outputs = step.function({"image": image, "h": h, "c": c})
    """
    sides = (None, None) if size is None else tuple(size)
    image = {"image": tf.TensorSpec((None, *sides, 3), tf.uint8, "image")}
    images = {"images": tf.TensorSpec((None, None, *sides, 3), tf.uint8, "images")}
    mask = {"mask": tf.TensorSpec((None, *sides, 1), tf.uint8, "mask")}
    features, state = feature_specs(model, size), state_specs(model, size)
    bind = functools.partial
    parts = _TracedParts(model, image["image"], features, state) if share else model
    found = {
        # First, so that it becomes the default signature.
        "step": Signature(bind(_step, parts), image | state),
        "initialize": Signature(bind(_initialize, parts), image | mask),
        "encode": Signature(bind(_encode, parts), image),
        "step_features": Signature(bind(_step_features, parts, features), features | state),
        "segment_clip": Signature(bind(_segment_clip, parts, state), images | mask),
    }
    if model.memory is not None:
        found[CORRECT] = Signature(bind(_correct, model), correction_inputs(state, state))
    return found


def as_graph(signature: Signature) -> GraphSignature:
    """The same signature as one graph."""
    return GraphSignature(_traced(signature.function, signature.inputs), signature.inputs)


def correction_inputs(given: dict, state: dict) -> dict:
    """The inputs of `correct`, from the state `given` by `initialize` and that after the step."""
    latest = {name: x for name, x in given.items() if name.startswith("previous_")}
    return latest | {name: x for name, x in state.items() if name.startswith("bank_")}


def state_specs(model, size: tuple[int, int] | None = None) -> Specs:
    """Names, shapes and dtypes of the model's state for images of a size; see `signatures`."""
    return _specs(model, _small_state(model), size)


def feature_specs(model, size: tuple[int, int] | None = None) -> Specs:
    """Names, shapes and dtypes of the model's features for images of a size; see `signatures`."""
    return _specs(model, model.encode(_small_frame(model)), size)


def cell_sides(model) -> dict[str, int]:
    """Side in pixels of one cell of each map of the features and of the state."""
    size = (model.stride, model.stride)
    specs = feature_specs(model, size) | state_specs(model, size)
    return {
        name: model.stride // spec.shape[1] for name, spec in specs.items() if spec.shape.rank == 4
    }


class _TracedParts:
    """The methods of an `S2S` that signatures call, as graphs without common parts."""

    def __init__(self, model, image: tf.TensorSpec, features: Specs, state: Specs):
        mask = tf.TensorSpec((*image.shape[:3], 1), tf.float32)
        self.encode = _traced(model.encode, image)
        self.step_features = _traced(model.step_features, features, state)
        if model.config.shared_encoder:
            # With the features of `encode`'s graph, so that the Encoder is in the SavedModel once.
            begin = _traced(model.initialize, image, mask, features)
            self.initialize = lambda frame, mask: begin(frame, mask, self.encode(frame))
        else:
            self.initialize = _traced(model.initialize, image, mask)

    step = S2S.step  # of these parts


def _traced(function: Callable, *specs: tf.TensorSpec | Specs):
    return tf.function(function, input_signature=specs, autograph=False)


def _step(model, inputs: Tensors) -> Tensors:
    inputs = dict(inputs)
    probs, state = model.step(inputs.pop("image"), inputs)
    return {"probs": probs, **state}


def _initialize(model, inputs: Tensors) -> Tensors:
    return model.initialize(inputs["image"], _zeros_and_ones(inputs["mask"]))


def _encode(model, inputs: Tensors) -> Tensors:
    return model.encode(inputs["image"])


def _step_features(model, features: Specs, inputs: Tensors) -> Tensors:
    state = {name: x for name, x in inputs.items() if name not in features}
    probs, state = model.step_features({name: inputs[name] for name in features}, state)
    return {"probs": probs, **state}


def _segment_clip(model, state_specs: Specs, inputs: Tensors) -> Tensors:
    """A loop, so that only the result grows with the length of the clip.

    The first frame of `probs` is the given mask.
    """
    images, mask = inputs["images"], _zeros_and_ones(inputs["mask"])
    length = tf.shape(images)[1]
    # Not `model.unroll`, which keeps the features of all frames.
    state = model.initialize(images[:, 0], mask)
    probs = tf.TensorArray(tf.float32, length, element_shape=mask.shape).write(0, mask)

    def body(t, state, probs):
        p, state = model.step(tf.gather(images, t, axis=1), state)
        return t + 1, state, probs.write(t, p)

    _, _, probs = tf.while_loop(
        lambda t, *_: t < length,
        body,
        (tf.constant(1), state, probs),
        # Static shapes of the first state and of later ones may differ; these fit both.
        shape_invariants=(
            tf.TensorShape(()),
            {name: spec.shape for name, spec in state_specs.items()},
            tf.TensorShape(None),
        ),
        # Steps depend on each other, so parallel iterations would only take memory.
        parallel_iterations=1,
    )
    return {"probs": tf.transpose(probs.stack(), (1, 0, 2, 3, 4))}


def _correct(model, inputs: Tensors) -> Tensors:
    # `previous_*` are those of the given mask, `bank_*` those of the state: no name is in both.
    return model.memory.trust(inputs, inputs)


def _zeros_and_ones(mask: tf.Tensor) -> tf.Tensor:
    # Clients send masks in 0–1 or 0–255.
    return tf.cast(mask > 0, tf.float32)


def _specs(model, tensors: Tensors, size) -> Specs:
    """Specs of tensors from those of one frame of `stride` by `stride` pixels."""

    def spec(name, x):
        if len(x.shape) == 2:
            return tf.TensorSpec((None, x.shape[-1]), x.dtype, name)
        # One frame of `stride` pixels: a map's sides are its cells per `stride`.
        stride = model.stride // x.shape[1]
        height, width = (None if n is None else _padded(n, model) // stride for n in sides)
        return tf.TensorSpec((None, height, width, x.shape[-1]), x.dtype, name)

    sides = (None, None) if size is None else tuple(size)
    return {name: spec(name, x) for name, x in tensors.items()}


def _padded(side: int, model) -> int:
    return side + -side % model.stride


def _small_frame(model) -> tf.Tensor:
    return tf.zeros((1, model.stride, model.stride, 3), tf.uint8)


def _small_state(model) -> Tensors:
    frame = _small_frame(model)
    return model.initialize(frame, tf.zeros_like(frame[..., :1], tf.float32))
