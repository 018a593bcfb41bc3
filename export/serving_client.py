"""Segment a video through a model server: TensorFlow Serving, or `ytvos-export serve`.

    python export/serving_client.py --server HOST:8500 clip.mp4 --mask first.png --output masks
    … --server HOST:8501 --rest …

The server is stateless: each response returns the state of the objects, which the client sends with
the next frame. All requests for a clip use the model version found at its start, because states are
not compatible between versions.
Needs `pip install 'ytvos-keras[serving]'`.
"""

import argparse
import base64
import contextlib
import http.client
import io
import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
from PIL import Image

from ytvos_keras.argument_types import frame_size
from ytvos_keras.cli.common import prepare_tensorflow, run
from ytvos_keras.cli.progress import frame_progress
from ytvos_keras.errors import InputError, importing
from ytvos_keras.export.output_folder import check_empty
from ytvos_keras.inference.first_masks import open_first_masks
from ytvos_keras.inference.sizes import resize_frame, resize_mask, working_size
from ytvos_keras.media import open_frames, write_mask
from ytvos_keras.progress import silent
from ytvos_keras.quiet_import import import_tensorflow

INPUT_SIZE = (288, 512)  # working area of s2s-lite; the aspect ratio is the video's
STRIDE = 32
NO_LIMIT = -1  # gRPC clients receive at most 4 MiB by default; states are larger


class GrpcModel:
    """A model served over gRPC, with frames and states as tensors at the working size.

    Args:
        server: `HOST:PORT`.
        name: Name of the model.
        version: Version number or label; the newest version by default.
        size: Working (height, width), unless the model has a fixed one.
    """

    def __init__(self, server, name, version=None, size=None):
        with importing(extra="serving", what="gRPC"):
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc

        options = [("grpc.max_receive_message_length", NO_LIMIT)]
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub(
            grpc.insecure_channel(server, options)
        )
        self.server, self.name = server, name
        self.version, fixed_size = self._look_up(version)
        self.size = fixed_size or size

    def initialize(self, frame, masks):
        """Initialize objects from masks uint8 (K, H, W) at frame size; return their states."""
        size = self._size_for(frame)
        small = np.stack([resize_mask(mask, size) for mask in masks])[..., None]
        return self._predict("initialize", image=resize_frame(frame, size)[None], mask=small)

    def step(self, frame, state):
        """Return probabilities float32 (K, h, w, 1) and next states; objects share the frame."""
        image = resize_frame(frame, self._size_for(frame))[None]
        state = self._predict("step", image=image, **state)
        return state.pop("probs"), state

    def _size_for(self, frame):
        return self.size or working_size(frame.shape[:2], INPUT_SIZE, STRIDE)

    def _look_up(self, version):
        """Return the version number, and the frame size if it is fixed."""
        from tensorflow_serving.apis import get_model_metadata_pb2 as messages

        request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.name
        if isinstance(version, int):
            request.model_spec.version.value = version
        elif version:
            request.model_spec.version_label = version
        response = self._call(self.stub.GetModelMetadata, request)
        signatures = messages.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        shape = signatures.signature_def["step"].inputs["image"].tensor_shape
        size = tuple(dim.size for dim in shape.dim[1:3])
        return response.model_spec.version.value, size if min(size) > 0 else None

    def _predict(self, signature, **inputs):
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.name
        request.model_spec.version.value = self.version
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self.stub.Predict, request)
        return {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}

    def _call(self, method, request):
        import grpc

        try:
            return method(request, timeout=600)
        except grpc.RpcError as error:
            raise InputError(f"{self.server}: {error.code().name}: {error.details()}") from error


class RestModel:
    """A model served over REST, with JPEGs and PNGs at video size and states as opaque strings.

    Args:
        server: `HOST:PORT`.
        name: Name of the model.
        version: Version number or label; the newest version by default.
    """

    def __init__(self, server, name, version=None):
        self.server, self.url = server, f"http://{server}/v1/models/{name}"
        place = f"/versions/{version}" if isinstance(version, int) else f"/labels/{version}"
        metadata = self._call(self.url + (place if version else "") + "/metadata")
        self.url += f"/versions/{metadata['model_spec']['version']}"

    def initialize(self, frame, masks):
        """Same as `GrpcModel.initialize`."""
        files = [_encoded(255 * (mask > 0).astype(np.uint8), "PNG") for mask in masks]
        return self._predict("initialize_bytes", image_bytes=[_jpeg(frame)], mask_bytes=files)

    def step(self, frame, state):
        """Same as `GrpcModel.step`, but with probabilities at frame size."""
        state = self._predict("step_bytes", image_bytes=[_jpeg(frame)], **state)
        files = [base64.b64decode(file["b64"]) for file in state.pop("probs_bytes")]
        pictures = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
        return np.stack(pictures).astype(np.float32)[..., None] / 255, state

    def _predict(self, signature, **inputs):
        inputs = {name: list(value) for name, value in inputs.items()}
        body = {"signature_name": signature, "inputs": inputs}
        outputs = self._call(self.url + ":predict", json.dumps(body).encode())["outputs"]
        return {name: np.array(value, object) for name, value in outputs.items()}

    def _call(self, url, body=None):
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=600) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            with contextlib.suppress(ValueError, KeyError):
                reason = json.loads(reason)["error"]
            raise InputError(f"{self.server}: {error.code}: {reason}") from error
        except urllib.error.URLError as error:  # no connection, or the body was not read
            raise InputError(f"{self.server}: {error.reason}") from error
        # Before `HTTPException`, a base class of some of these.
        except (ConnectionError, http.client.IncompleteRead) as error:
            raise InputError(f"{self.server}: the server closed the connection.") from error
        except (http.client.HTTPException, ValueError) as error:  # no HTTP/1, or no JSON
            reason = type(error).__name__  # not its text, which may hold bytes of the answer
            raise InputError(
                f"{self.server}: not a REST port of a model server ({reason})"
            ) from error


def segment(model, source, first_masks, output: Path, on_progress=silent) -> int:
    """Write one palette PNG per frame; objects may first appear in any frame.

    Args:
        model: A `GrpcModel` or a `RestModel`.
        source: Frames from `open_frames`.
        first_masks: Masks from `open_first_masks`.
        output: Output folder; created if missing.
        on_progress: Called with the stage, the frames done, and the total if known.

    Returns:
        The number of frames.
    """
    from ytvos_keras.inference.merge import merge_probabilities

    output.mkdir(parents=True, exist_ok=True)
    state, ids, count = {}, [], 0
    for name, frame in source:
        labels = np.zeros(frame.shape[:2], np.uint8)
        if ids:
            probs, state = model.step(frame, state)
            rows = merge_probabilities(probs, frame.shape[:2]).numpy()
            labels = np.array([0, *ids], np.uint8)[rows]
        given = first_masks.read(count)
        new = [] if given is None else [i for i in np.unique(given[given > 0]) if i not in ids]
        if new:
            labels = np.where(np.isin(given, new), given, labels)
            # Objects see each other: the rows of those that are tracked are only there to be seen.
            masks = np.stack([(labels == i).astype(np.uint8) for i in (*new, *ids)])
            fresh = {k: x[: len(new)] for k, x in model.initialize(frame, masks).items()}
            state = {k: np.concatenate([state[k], fresh[k]]) for k in fresh} if ids else fresh
            ids += new
        write_mask(output / f"{name}.png", labels, first_masks.palette)
        count += 1
        on_progress("masks", count, source.count)
    return count


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 0, 1 for an error, or 130 for an interrupt."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("video", metavar="VIDEO", help="video file, or folder of frames")
    add("--mask", required=True, help="PNG for the first frame, or a folder of PNGs")
    add("--output", required=True, type=Path, metavar="DIR", help="new folder for masks")
    add("--server", required=True, metavar="HOST:PORT")
    add("--rest", action="store_true", help="speak REST, with images as files, instead of gRPC")
    add("--model", default="s2s", metavar="NAME", help="default: %(default)s")
    add("--version", metavar="N|LABEL", help="default: the newest")
    add(
        "--size",
        type=frame_size,
        metavar="HxW",
        help="working size, for gRPC, of a model that was exported without one "
        "(default: that of s2s-lite, about 288x512)",
    )
    add("--quiet", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.rest and arguments.size:
        parser.error("--size is for gRPC; with REST the server chooses it")
    prepare_tensorflow()
    return run(lambda: _segment(arguments), quiet=arguments.quiet)


def _segment(arguments: argparse.Namespace) -> None:
    check_empty(arguments.output)  # a mask named like a frame would replace it
    source = open_frames(arguments.video)
    first_masks = open_first_masks(arguments.mask, source)
    import_tensorflow()
    version = arguments.version
    version = int(version) if version and version.isdecimal() else version
    if arguments.rest:
        model = RestModel(arguments.server, arguments.model, version)
    else:
        model = GrpcModel(arguments.server, arguments.model, version, arguments.size)
    start = time.perf_counter()
    with frame_progress(arguments.quiet) as report:
        count = segment(model, source, first_masks, arguments.output, report)
    if not arguments.quiet:
        speed = count / (time.perf_counter() - start)
        print(f"masks    {arguments.output} ({count} PNG files, {speed:.1f} frames/s)")


def _jpeg(frame):
    return _encoded(frame, "JPEG", quality=95)


def _encoded(picture, file_format, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, file_format, **options)
    return {"b64": base64.b64encode(file.getvalue()).decode()}


if __name__ == "__main__":
    raise SystemExit(main())
