"""Teacher forcing: the true masks that a model remembers instead of its predictions."""

from keras import ops

from ytvos_keras.layers.resolution import pad_to_stride
from ytvos_keras.layers.time import fold_time
from ytvos_keras.layers.types import Tensor


def next_masks(inputs: dict[str, Tensor], stride: int) -> dict[str, Tensor]:
    """The masks to remember after each step of a clip instead of the predicted ones.

    Args:
        inputs: The inputs of `S2S`. They hold the mask that each step sees; that mask has to be
            remembered after the step before.
        stride: Masks are padded to a multiple of this many pixels.

    Returns:
        `"mask"` `(B, T − 1, H, W, 1)` and `"forced"` `(B, T − 1, 1, 1, 1)`, 1 where the mask is to
        be remembered; an empty dict if the inputs are without teacher forcing.
    """
    if "teacher_forcing" not in inputs:
        return {}

    def shifted(x):
        # Zeros for the last step: no later step reads what it remembers.
        return ops.concatenate([x[:, 1:], ops.zeros_like(x[:, :1])], axis=1)

    masks = shifted(ops.cast(inputs["previous_masks"], "float32"))
    forced = shifted(inputs["teacher_forcing"])[:, :, None, None, None]
    return {"mask": fold_time(lambda x: pad_to_stride(x, stride), masks), "forced": forced}
