"""Warm-up requests that TensorFlow Serving runs before a version becomes ready."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from ytvos_keras.errors import need
from ytvos_keras.export.signatures import CORRECT, correction_inputs
from ytvos_keras.media.pictures import encode_picture

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
_CLIP_LENGTH = 3  # frames

Requests = dict[str, dict[str, np.ndarray]]


def check_serving_api() -> None:
    """Raise `InputError` unless the messages of TensorFlow Serving can be imported."""
    need("tensorflow_serving", extra="serving", what="the format of TensorFlow Serving")


def warmup_inputs(stream, frames: Sequence[np.ndarray], masks: np.ndarray) -> Requests:
    """Create one request per signature, with inputs from the results of the previous ones.

    Args:
        stream: A `SavedModelStream`.
        frames: uint8 (H, W, 3), at least three.
        masks: uint8 (K, H, W, 1), 0 or 1; the first one is used.

    Returns:
        Inputs by signature.
    """
    mask, clip = masks[:1], np.stack(frames[:_CLIP_LENGTH])[None]
    # As objects: an array of bytes would strip trailing zeros.
    files = np.array([_encode(frame, "JPEG") for frame in frames[:_CLIP_LENGTH]], object)
    first = {"image": clip[:, 0], "mask": mask}
    first_bytes = {
        "image_bytes": files[:1],
        "mask_bytes": np.array([_encode(255 * mask[0, ..., 0], "PNG")], object),
    }
    state = stream.run("initialize", first)
    state_bytes = stream.run("initialize_bytes", first_bytes)
    requests = {
        "step": {"image": clip[:, 1], **state},
        "initialize": first,
        "encode": {"image": clip[:, 1]},
        "step_features": {**stream.run("encode", {"image": clip[:, 1]}), **state},
        "segment_clip": {"images": clip, "mask": mask},
        "initialize_bytes": first_bytes,
        "step_bytes": {"image_bytes": files[1:2], **state_bytes},
        "segment_clip_bytes": {
            "images_bytes": files[None],
            "mask_bytes": first_bytes["mask_bytes"],
        },
    }
    if CORRECT in stream.signatures:
        requests[CORRECT] = correction_inputs(state, state)
    return requests


def write_warmup(path: str | Path, model_name: str, requests: Requests) -> None:
    """Write requests as TFRecords of `PredictionLog`."""
    from tensorflow_serving.apis import prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests.items():
            log = prediction_log_pb2.PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())


def read_warmup(path: str | Path) -> list:
    """The `PredictRequest`s of a warm-up file, record by record."""
    from tensorflow_serving.apis import prediction_log_pb2

    logs = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    return [log.predict_log.request for log in logs]


def _encode(picture: np.ndarray, file_format: str) -> bytes:
    return encode_picture(Image.fromarray(picture), file_format)
