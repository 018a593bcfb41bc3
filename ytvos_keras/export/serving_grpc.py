"""TensorFlow Serving's gRPC services over a `ServedModel`."""

import contextlib
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from ytvos_keras.errors import first_line
from ytvos_keras.export.served_model import (
    LARGEST_MESSAGE,
    RequestError,
    ServedModel,
    check_input,
    check_names,
)

CHANNEL_OPTIONS = [  # gRPC's default limit for received messages is 4 MiB, less than some states
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
]

_NO_SHARING = ("grpc.so_reuseport", 0)  # otherwise two servers could split the requests to a port
_MOST_REQUESTS = 64  # requests in the queue; each may have LARGEST_MESSAGE bytes


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`Predict` and `GetModelMetadata`."""

    def __init__(self, model: ServedModel):
        self.model = model

    def Predict(self, request, context):
        """Run a signature."""
        with _abort_on_error(context):
            number = _version(self.model, request.model_spec)
            version = self.model.versions[number]
            definition = version.signature(request.model_spec.signature_name)
            wanted = list(request.output_filter) or list(definition.outputs)
            if not set(wanted) <= set(definition.outputs):
                raise RequestError(
                    "INVALID_ARGUMENT", f"the outputs are {', '.join(sorted(definition.outputs))}."
                )
            inputs = _read_tensors(definition, request.inputs)
            outputs = version.run(request.model_spec.signature_name, inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = self.model.name
        response.model_spec.version.value = number
        response.model_spec.signature_name = request.model_spec.signature_name or "serving_default"
        for name in wanted:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response

    def GetModelMetadata(self, request, context):
        """Name, dtypes and shapes of all signatures."""
        with _abort_on_error(context):
            number = _version(self.model, request.model_spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.model.name
        response.model_spec.version.value = number
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self.model.versions[number].signatures.items():
            signatures.signature_def[name].CopyFrom(definition)
        response.metadata["signature_def"].Pack(signatures)
        return response


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """`GetModelStatus`."""

    def __init__(self, model: ServedModel):
        self.model = model

    def GetModelStatus(self, request, context):
        """Loaded versions are available."""
        with _abort_on_error(context):
            numbers = self.model.chosen_versions(*_choice(self.model, request.model_spec))
        response = get_model_status_pb2.GetModelStatusResponse()
        for number in numbers:
            available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            response.model_version_status.add(version=number, state=available)
        return response


def start_grpc_server(model: ServedModel, address: str) -> tuple[grpc.Server, int]:
    """Start a server; `server.stop(None)` ends it.

    Args:
        model: The model to serve.
        address: `HOST:PORT`; port 0 for a free one.

    Returns:
        The server and its port.
    """
    server = grpc.server(
        ThreadPoolExecutor(max_workers=4),
        options=[*CHANNEL_OPTIONS, _NO_SHARING],
        interceptors=[_CheckedRequests()],
        maximum_concurrent_rpcs=_MOST_REQUESTS,
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        PredictionService(model), server
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(model), server)
    port = server.add_insecure_port(address)
    server.start()
    return server, port


class _CheckedRequests(grpc.ServerInterceptor):
    """Report malformed requests as INVALID_ARGUMENT; gRPC itself would say INTERNAL."""

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None:
            return None

        def answer(data, context):
            try:
                # The handler below has no deserializer, so it gets the bytes.
                request = handler.request_deserializer(data)
            except DecodeError as error:
                context.abort(
                    grpc.StatusCode.INVALID_ARGUMENT, f"not a request: {first_line(error)}"
                )
            return handler.unary_unary(request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, response_serializer=handler.response_serializer
        )


@contextlib.contextmanager
def _abort_on_error(context: grpc.ServicerContext) -> Iterator[None]:
    try:
        yield
    except RequestError as error:
        # Raises, so the method ends here.
        context.abort(grpc.StatusCode[error.code], str(error))


def _version(model: ServedModel, spec) -> int:
    return model.choose(*_choice(model, spec))


def _choice(model: ServedModel, spec) -> tuple[int | None, str | None]:
    """The version and the label of a request, None if not given."""
    if spec.name != model.name:
        raise RequestError("NOT_FOUND", f"no model {spec.name!r}; this one is {model.name!r}.")
    choice = spec.WhichOneof("version_choice")
    return (
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )


def _read_tensors(definition, protos) -> dict[str, np.ndarray]:
    """Decode `TensorProto`s; shapes and sizes are checked before memory is allocated."""
    check_names(definition, protos)
    inputs, room = {}, LARGEST_MESSAGE
    for name, proto in protos.items():
        shape = tuple(dim.size for dim in proto.tensor_shape.dim)
        try:
            dtype = tf.as_dtype(proto.dtype)
            room -= check_input(name, definition.inputs[name], dtype, shape, room)
            _check_count(proto, dtype, math.prod(shape))
            inputs[name] = tf.make_ndarray(proto)
        except (ValueError, TypeError, OverflowError) as error:
            raise RequestError(
                "INVALID_ARGUMENT", f"{name} is not a valid tensor. ({error})"
            ) from error
    return inputs


def _check_count(proto, dtype: tf.DType, count: int) -> None:
    """Make sure that a shape fits the number of values."""
    # Raw bytes, or one of the fields float_val, int_val, …; make_ndarray would repeat a single
    # value to any shape, however large.
    if proto.tensor_content:
        found = len(proto.tensor_content) / dtype.size if dtype.size else -1
    else:
        found = sum(len(v) for field, v in proto.ListFields() if field.name.endswith("_val"))
    if found != count:
        raise ValueError(f"its shape has {count} values, but it has {found:g}")
