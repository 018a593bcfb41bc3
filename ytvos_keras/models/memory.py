"""Memory of several frames of an object, matched to each new frame."""

from typing import Any

import keras
from keras import ops

from ytvos_keras.layers.composite import Composite
from ytvos_keras.layers.joint_conv import JointConv
from ytvos_keras.layers.matching import Matching
from ytvos_keras.layers.resolution import space_to_depth
from ytvos_keras.layers.types import Tensor
from ytvos_keras.models.confidence import LOST

Tensors = dict[str, Tensor]

_ROUNDING = 1e-4  # an unfitted head predicts LOST itself, which a runtime may round down
_THINNING = 4  # positions of a frame for each that a slot after the first keeps
_CORNERS = (0, 3, 1, 2)  # of every 2×2 positions, in the order in which slots use them
_OLDER_THAN_ANY = 2.0**24  # frames; float32 represents all integers up to here


class Memory(Composite):
    """Match a new frame to a bank of frames and to the previous frame, as input for the ConvLSTM.

    Not in the paper; a departure of `s2s-lite`. The bank has a fixed number of slots. The first
    always holds the object's first frame. Every `every`-th frame, with its predicted mask, is
    stored in the other slots in turn, unless the object is probably lost in it. A correction takes
    an empty slot or replaces the oldest prediction; predictions never replace a correction. If only
    one slot is left for predictions, a new correction replaces the oldest correction. Empty slots
    are masked, so shapes never change.

    Only the first slot keeps all positions of its frame. The others keep one of every 2×2, a
    different one in consecutive slots. So a prediction has a quarter of the weight of the first
    frame, and the bank is matched in less than half of the time; corrections keep their weight.

    The bank is matched globally, the previous frame in a neighbourhood.

    Args:
        slots: Frames in the bank, at least 2.
        every: Number of frames between predictions that are stored.
        value_filters: Channels of the values, besides the soft mask.
        filters: Channels of the output.
        stride: Side in pixels of one cell of the features.
        sees_others: Whether values also depend on where the other objects of the frame are.

    Call arguments:
        features: The Encoder's dict with `"features"` and `"key"`, batch B or 1.
        state: A dict with this layer's entries, see `begin`.
        age: Number of updates since `begin`, if there were no corrections. If it is a Python
            number, slots that cannot have been filled are not matched, which saves time and changes
            the result only by rounding.

    Output shape:
        `(B, h, w, filters)`.

    References:
        - Oh et al., Space-Time Memory Networks, 2019.
    """

    def __init__(
        self,
        slots: int,
        every: int,
        value_filters: int,
        filters: int,
        stride: int,
        sees_others: bool = False,
        **kwargs: Any,
    ) -> None:
        # Ages and the bank stay in float32: bfloat16 cannot count past 256.
        super().__init__(autocast=False, **kwargs)
        policy = self.dtype_policy
        self.slots, self.every = slots, every
        self.stride = stride
        self.sees_others = sees_others
        # Starts as if there were no other objects: clips of one object do not train that input.
        self.mix_value = JointConv(value_filters, 3, silent=2, dtype=policy, name="mix_value")
        self.to_value = keras.layers.Conv2D(value_filters, 3, padding="same", dtype=policy)
        self.match_bank = Matching(dtype=policy, name="match_bank")
        self.match_previous = Matching(local=True, dtype=policy, name="match_previous")
        self.mix = JointConv(filters, 3, dtype=policy, name="mix")

    def begin(self, features: Tensors, masks: Tensor, others: Tensor | None = None) -> Tensors:
        """Create the state entries of objects that first appear in a frame.

        Args:
            features: The Encoder's dict for that frame, batch B or 1.
            masks: `(B, H, W, 1)`, in 0–1, at full resolution.
            others: `(B, H, W, 1)`, the sum of the masks of the other objects of each frame; used
                only with `sees_others`; default: 0.

        Returns:
            Float32 tensors: `"previous_key"` `(B, h, w, K)` and `"previous_value"`
            `(B, h, w, V + 1)` of the latest frame; `"bank_first_key"` and `"bank_first_value"`, the
            same of the first slot; `"bank_key"` `(B, h / 2, w / 2, (slots - 1) · K)` and
            `"bank_value"`, the channels of the other slots side by side; `"bank_age"` `(B, slots)`,
            frames since a slot was filled, or -1 if it is empty; `"bank_trusted"` `(B, slots)`, 1
            if the mask was given, not predicted.
        """
        previous = self._entry(features, masks, others)
        key, value = previous["previous_key"], previous["previous_value"]
        first = ops.broadcast_to(ops.arange(self.slots) == 0, (ops.shape(key)[0], self.slots))
        return previous | {
            "bank_first_key": key,
            "bank_first_value": value,
            "bank_key": ops.zeros_like(self._thinned(key)),
            "bank_value": ops.zeros_like(self._thinned(value)),
            "bank_age": ops.where(first, 0.0, -1.0),
            "bank_trusted": ops.where(first, 1.0, 0.0),
        }

    def update(
        self,
        features: Tensors,
        masks: Tensor,
        state: Tensors,
        others: Tensor | None = None,
        confidence: Tensor | None = None,
    ) -> Tensors:
        """Update the state entries after a frame with its predicted masks; see `begin`.

        `confidence` is the expected J of the masks, `(B, 1)`; default: store whatever is due.
        """
        previous = self._entry(features, masks, others)
        age, trusted = state["bank_age"], state["bank_trusted"]
        age = ops.where(age >= 0, age + 1, age)  # empty slots stay at -1
        # The age of the first slot counts frames; objects may be due in different frames.
        due = ops.mod(age[:, :1], self.every) == 0
        if confidence is not None:
            # A wrong mask in the bank would be matched for as long as the object stays lost.
            due = ops.logical_and(due, confidence >= LOST - _ROUNDING)
        chosen = ops.logical_and(due, self._next(age, trusted))
        return previous | self._write(previous, state | {"bank_age": age}, chosen, trust=0.0)

    def trust(self, given: Tensors, state: Tensors) -> Tensors:
        """Add a corrected frame, whose masks were given, to the bank.

        Args:
            given: `"previous_key"` and `"previous_value"` of `begin` with the given masks.
            state: The state after the frame, from `update`.

        Returns:
            The entries of the bank.
        """
        age, trusted = state["bank_age"], state["bank_trusted"]
        # If `update` has stored the wrong prediction of this frame, its slot is emptied.
        age = ops.where(ops.logical_and(age == 0, trusted == 0), -1.0, age)
        # (B, 1): only one slot is left for predictions.
        full = ops.sum(trusted, axis=-1, keepdims=True) >= self.slots - 1
        later = ops.arange(self.slots)[None] > 0
        # If full, one of the trusted slots; else one of the others.
        replaceable = ops.logical_and(later, ops.equal(trusted > 0, full))
        return self._write(given, state | {"bank_age": age}, _oldest(age, replaceable), trust=1.0)

    def call(self, features: Tensors, state: Tensors, age: int | Tensor | None = None) -> Tensor:
        later = self.slots - 1
        if isinstance(age, int):
            later = min(later, age // self.every)
        parts = [self._first(state)]
        if later:
            parts.append(self._later(state, later))
        key, value, weight = (ops.concatenate(x, axis=1) for x in zip(*parts, strict=True))
        bank = self.match_bank(features["key"], key, value, weight)
        previous = self.match_previous(
            features["key"], state["previous_key"], state["previous_value"]
        )
        # Features of batch 1 are convolved once for all objects.
        return self.mix([features["features"], bank, previous])

    def _entry(self, features: Tensors, masks: Tensor, others: Tensor | None) -> Tensors:
        """Key and value of a frame."""
        masks = space_to_depth(ops.cast(masks, "float32"), self.stride)  # (B, h, w, stride²)
        maps = [features["features"], masks]
        if self.sees_others:
            absent = others is None
            maps.append(ops.zeros_like(masks) if absent else space_to_depth(others, self.stride))
        value = self.to_value(self.mix_value(maps))
        # The fraction of the cell covered by the object; last, where `Matching` expects it.
        soft_mask = ops.mean(masks, axis=-1, keepdims=True)
        value = ops.concatenate([ops.cast(value, "float32"), soft_mask], axis=-1)
        key = ops.cast(features["key"], "float32")
        # Keys of batch 1 are repeated: the first dimension of state entries is the objects.
        key = ops.broadcast_to(key, (*ops.shape(value)[:3], key.shape[-1]))
        return {"previous_key": key, "previous_value": value}

    def _write(self, entry: Tensors, state: Tensors, chosen: Tensor, trust: float) -> Tensors:
        """Write a frame to the chosen slots, boolean `(B, slots)`; returns the bank."""
        bank = {
            "bank_age": ops.where(chosen, 0.0, state["bank_age"]),
            "bank_trusted": ops.where(chosen, trust, state["bank_trusted"]),
        }
        for name in ("key", "value"):
            new, old = entry[f"previous_{name}"], state[f"bank_{name}"]
            # Never to the first slot. Through float32: tf2onnx cannot repeat booleans.
            into = ops.repeat(ops.cast(chosen[:, 1:], "float32"), new.shape[-1], axis=1) > 0
            into = into[:, None, None]  # (B, 1, 1, (slots - 1) · C)
            bank[f"bank_{name}"] = ops.where(into, self._thinned(new), old)
            bank[f"bank_first_{name}"] = state[f"bank_first_{name}"]
        return bank

    def _next(self, age: Tensor, trusted: Tensor) -> Tensor:
        """Mark the slot for a frame that is due, boolean `(B, slots)`."""
        free = trusted == 0
        free_slots = ops.cast(free, "float32")
        number = ops.cumsum(free_slots, axis=-1)  # from 1
        count = ops.maximum(ops.sum(free_slots, axis=-1, keepdims=True), 1.0)
        stored = ops.floor(age[:, :1] / self.every + 0.5)  # frames that were due, with this one
        turn = ops.logical_and(free, number == 1 + ops.mod(stored - 1, count))
        # By turns, all objects write a frame to the same slot even if some have left out an earlier
        # one, so that `Matching` can share the keys. The keys of an object that was corrected
        # differ in any case, and its corrections may have taken the slot whose turn is next.
        corrected = ops.sum(trusted, axis=-1, keepdims=True) > 1
        # Not ops.where, which onnxruntime lacks for booleans.
        oldest = ops.logical_and(corrected, _oldest(age, free))
        return ops.logical_or(oldest, ops.logical_and(ops.logical_not(corrected), turn))

    def _first(self, state: Tensors) -> tuple[Tensor, Tensor, Tensor]:
        """Keys, values and weights of the positions of the first slot, `(B, P, …)`."""
        key, value = (_positions(state[f"bank_first_{name}"], 1) for name in ("key", "value"))
        return key, value, ops.ones_like(value[..., 0])

    def _later(self, state: Tensors, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The same of the first `count` of the other slots."""

        def positions(x):
            if count < self.slots - 1:
                # Not x[..., :n]: the gradient of TensorFlow's strided slice runs on a single core.
                channels = x.shape[-1] // (self.slots - 1) * count
                x = ops.slice(x, (0, 0, 0, 0), (*ops.shape(x)[:3], channels))
            return _positions(x, count)

        key, value = positions(state["bank_key"]), positions(state["bank_value"])
        age, trusted = (state[f"bank_{x}"][:, 1 : 1 + count] for x in ("age", "trusted"))
        # Empty slots hold zeros, whose cosine of 0 would still get some weight.
        weight = ops.where(age >= 0, 1 + (_THINNING - 1) * trusted, 0.0)
        return key, value, ops.tile(weight, (1, ops.shape(key)[1] // count))  # slots vary fastest

    def _thinned(self, x: Tensor) -> Tensor:
        """The positions of a frame that the slots after the first keep, the slots side by side."""
        corners = ops.split(space_to_depth(x, 2), _THINNING, axis=-1)  # (B, h / 2, w / 2, C) each
        return ops.concatenate(
            [corners[_CORNERS[n % _THINNING]] for n in range(self.slots - 1)], axis=-1
        )


def _positions(x: Tensor, slots: int) -> Tensor:
    """Reshape (B, h, w, slots · C) to (B, h · w · slots, C)."""
    # Channels are slot by slot, so this needs no transpose.
    return ops.reshape(x, (ops.shape(x)[0], -1, x.shape[-1] // slots))


def _oldest(age: Tensor, allowed: Tensor) -> Tensor:
    """Mark the oldest of the allowed slots; empty slots count as the oldest."""
    # Not ops.argmax, which tf2onnx cannot convert. Ages of slots of one kind are distinct. Empty
    # slots get distinct ages here, so that only the first of them is marked.
    empty = _OLDER_THAN_ANY - ops.cast(ops.arange(age.shape[1]), "float32")
    rank = ops.where(allowed, ops.where(age < 0, empty, age), -1.0)
    # `allowed` again: if no slot is allowed, every rank equals the maximum, -1.
    return ops.logical_and(rank == ops.max(rank, axis=-1, keepdims=True), allowed)
