"""Signatures for encoded images, for REST and thin clients: JPEG in, PNG out, state as strings.

| signature | inputs | outputs |
|---|---|---|
| `initialize_bytes` | `image_bytes`, `mask_bytes` | state |
| `step_bytes` | `image_bytes`, state | `probs_bytes`, state |
| `segment_clip_bytes` | `images_bytes`, `mask_bytes` | `probs_bytes` |

All are strings: `image_bytes` `(B,)`, JPEGs; `images_bytes` `(B, T)`; `mask_bytes` `(B,)`, PNGs of
the images' size, 0 for background; `probs_bytes` `(B,)` or `(B, T)`, grey PNGs of the images' size
in which 255 is probability 1; the state, `(B,)` each, under the model's names with the suffix
`_bytes`, to be passed back unchanged. Images are resized to the working size in the graph, as in a
`Segmenter`.
"""

import functools

import tensorflow as tf

from ytvos_keras.export.graph_pictures import (
    decode_floats,
    decode_frame,
    decode_mask,
    encode_floats,
    encode_probabilities,
    jpeg_size,
    require,
)
from ytvos_keras.export.request_checks import MOST_CLIP_PIXELS, few_rows
from ytvos_keras.export.signatures import (
    GraphSignature,
    Signature,
    Specs,
    Tensors,
    as_graph,
    cell_sides,
    state_specs,
)

_LONGEST = 16  # largest aspect ratio


def byte_signatures(
    model, signatures: dict[str, GraphSignature], size: tuple[int, int] | None = None
) -> dict[str, GraphSignature]:
    """The signatures by name.

    Args:
        model: A float32 `S2S`.
        signatures: Its `checked_signatures` for this size, which these call.
        size: working (height, width) in pixels; default: the area of the model's `input_size` at
            the images' aspect ratio, and all images of a request must then have the same size.
    """
    work = _Work(model, signatures, size)
    image = {"image_bytes": _strings("image_bytes")}
    images = {"images_bytes": tf.TensorSpec((None, None), tf.string, "images_bytes")}
    mask = {"mask_bytes": _strings("mask_bytes")}
    state = {f"{name}_bytes": _strings(f"{name}_bytes") for name in work.state}
    found = {
        "initialize_bytes": Signature(work.initialize, image | mask),
        "step_bytes": Signature(work.step, image | state),
        "segment_clip_bytes": Signature(work.segment_clip, images | mask),
    }
    return {name: as_graph(signature) for name, signature in found.items()}


class _Work:
    def __init__(self, model, signatures, size):
        self.model, self.signatures, self.size = model, signatures, size
        self.state: Specs = state_specs(model)
        self.sides = cell_sides(model)

    def initialize(self, inputs: Tensors) -> Tensors:
        frames, sizes = self._decode_frames(inputs["image_bytes"])
        masks = self._decode_masks(inputs["mask_bytes"], sizes, tf.shape(frames)[1:3])
        state = self.signatures["initialize"].function({"image": frames, "mask": masks})
        return _encode_state(state)

    def step(self, inputs: Tensors) -> Tensors:
        frames, sizes = self._decode_frames(inputs["image_bytes"])
        state = self._decode_state(inputs, tf.shape(frames)[1:3])
        outputs = self.signatures["step"].function({"image": frames, **state})
        probs = outputs.pop("probs")
        return {"probs_bytes": _encode_probs(probs, sizes), **_encode_state(outputs)}

    def segment_clip(self, inputs: Tensors) -> Tensors:
        # Time is folded into the batch: frames are decoded one by one in any case.
        batch, length = tf.unstack(tf.shape(inputs["images_bytes"]))
        frames, sizes = self._decode_frames(tf.reshape(inputs["images_bytes"], (-1,)))
        height, width = tf.unstack(tf.shape(frames)[1:3])
        sizes = tf.reshape(sizes, (batch, length, 2))
        masks = self._decode_masks(inputs["mask_bytes"], sizes[:, 0], (height, width))
        clip = {"images": tf.reshape(frames, (batch, length, height, width, 3)), "mask": masks}
        probs = self.signatures["segment_clip"].function(clip)["probs"]
        rows = tf.shape(probs)[0]
        # Several objects may share one clip.
        sizes = tf.broadcast_to(sizes, (rows, length, 2))
        files = _encode_probs(tf.reshape(probs, (-1, height, width, 1)), tf.reshape(sizes, (-1, 2)))
        return {"probs_bytes": tf.reshape(files, (rows, length))}

    def _decode_frames(self, files):
        """Frames at the working size, and the sizes of the files, `(B, 2)`."""
        count = tf.size(files)
        with tf.control_dependencies([require(count > 0, "there must be an image.", count)]):
            # The operations below read this copy, so they wait for the check.
            files = tf.identity(files)
        sizes = tf.map_fn(jpeg_size, files, fn_output_signature=tf.TensorSpec((2,), tf.int32))
        working = self._working_size(sizes)
        # Here too: all frames are decoded before the signature for arrays checks them.
        pixels = tf.reduce_prod(tf.cast([count, *tf.unstack(working)], tf.int64))
        rule = f"all frames together must have at most {MOST_CLIP_PIXELS} pixels."
        with tf.control_dependencies([require(pixels <= MOST_CLIP_PIXELS, rule, count)]):
            files = tf.identity(files)
        decode = functools.partial(decode_frame, size=working)
        spec = tf.TensorSpec((*(self.size or (None, None)), 3), tf.uint8)
        return tf.map_fn(decode, files, fn_output_signature=spec), sizes

    def _working_size(self, sizes):
        """Like `inference.sizes.working_size`, for sizes known only in the graph."""
        if self.size is not None:
            return tf.constant(self.size)
        same = tf.reduce_all(sizes == sizes[:1])
        # The shorter side is at least one stride, so a very long image would exhaust the memory.
        narrow = tf.reduce_max(sizes) > _LONGEST * tf.reduce_min(sizes)
        checks = [
            require(same, "images of one request must have the same size.", sizes),
            require(~narrow, f"images may be at most {_LONGEST} times as long as wide.", sizes[0]),
        ]
        # The cast depends on the checks, and decoding on its result: nothing large comes first.
        with tf.control_dependencies(checks):
            # float64 like Python's floats in `working_size`: float32 might round differently.
            sides = tf.cast(sizes[0], tf.float64)
        height, width = self.model.config.input_size
        scale = tf.sqrt(height * width / tf.reduce_prod(sides))
        cells = tf.maximum(tf.round(sides * scale / self.model.stride), 1)
        return tf.cast(cells, tf.int32) * self.model.stride

    def _limited(self, files, size):
        """Check the number of files before any is decoded.

        The signature for arrays only sees decoded ones, and a client can send thousands: a file of
        one colour takes a few bytes.
        """
        pixels = tf.reduce_prod(tf.cast(size, tf.int64))
        rows = tf.size(files, tf.int64)
        with tf.control_dependencies([few_rows(rows, pixels, fixed=self.size is not None)]):
            return tf.identity(files)

    def _decode_masks(self, files, frame_sizes, size):
        files = self._limited(files, size)
        frame_sizes = _for_each(frame_sizes, files)
        spec = tf.TensorSpec((*(self.size or (None, None)), 1), tf.uint8)
        return tf.map_fn(
            lambda row: decode_mask(row[0], row[1], size),
            (files, frame_sizes),
            fn_output_signature=spec,
        )

    def _decode_state(self, inputs, size):
        def decode(name, spec):
            channels = spec.shape[-1]
            shape = (1, 1, channels)  # of a per-frame value
            if name in self.sides:
                # The expected size follows from the image, not from what the client sends.
                cells = -(-size // self.model.stride) * (self.model.stride // self.sides[name])
                shape = (cells[0], cells[1], channels)

            def one(data):
                floats = decode_floats(data, shape, f"{name}_bytes")
                return floats if name in self.sides else floats[0, 0]

            files = self._limited(inputs[f"{name}_bytes"], size)
            row = tf.TensorSpec(spec.shape[1:], spec.dtype)
            return tf.map_fn(one, files, fn_output_signature=row)

        return {name: decode(name, spec) for name, spec in self.state.items()}


def _encode_state(state: Tensors) -> Tensors:
    # Per-frame values are encoded as maps of one cell.
    maps = {name: x if len(x.shape) == 4 else x[:, None, None] for name, x in state.items()}
    return {f"{name}_bytes": encode_floats(x) for name, x in maps.items()}


def _encode_probs(probs, sizes):
    return tf.map_fn(
        lambda row: encode_probabilities(*row),
        (probs, _for_each(sizes, probs)),
        fn_output_signature=tf.TensorSpec((), tf.string),
    )


def _for_each(sizes, rows):
    """The image size for each row; all rows may share one image."""
    images, count = tf.shape(sizes)[0], tf.shape(rows)[0]
    rule = "there must be one image, or as many as there are objects."
    with tf.control_dependencies([require((images == 1) | (images == count), rule, images, count)]):
        return tf.broadcast_to(sizes, (count, 2))


def _strings(name: str) -> tf.TensorSpec:
    return tf.TensorSpec((None,), tf.string, name)
