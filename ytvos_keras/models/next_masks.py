"""Teacher forcing: the true masks that a model remembers rather than its predictions."""

from keras import ops

from ytvos_keras.layers.resolution import pad_to_stride
from ytvos_keras.layers.time import fold_time
from ytvos_keras.layers.types import Tensor


def next_masks(inputs: dict[str, Tensor], stride: int) -> dict[str, Tensor]:
    """What may be remembered after each step of a clip, in place of what was predicted in it.

    Args:
        inputs: Those of `S2S`. They hold the mask before each step; it is remembered one step
            earlier.
        stride: To a multiple of which masks are padded, in pixels.

    Returns:
        `"mask"` `(B, T − 1, H, W, 1)` and `"forced"` `(B, T − 1, 1, 1, 1)`, 1 where the mask is to
        be remembered; nothing where the inputs are without teacher forcing.
    """
    if "teacher_forcing" not in inputs:
        return {}

    def shifted(x):
        # Zeros after the last step: nothing is remembered that a later step could read.
        return ops.concatenate([x[:, 1:], ops.zeros_like(x[:, :1])], axis=1)

    masks = shifted(ops.cast(inputs["previous_masks"], "float32"))
    forced = shifted(inputs["teacher_forcing"])[:, :, None, None, None]
    return {"mask": fold_time(lambda x: pad_to_stride(x, stride), masks), "forced": forced}
