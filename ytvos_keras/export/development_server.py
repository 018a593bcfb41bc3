"""A server that speaks TensorFlow Serving's gRPC and REST, for development and tests.

Like the C++ server, it runs the SavedModel in a TensorFlow session, but without batching. It is
written in Python and not meant for production.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ytvos_keras.errors import InputError

_LARGEST_PORT = 65535


class Address(NamedTuple):
    """Addresses of a development server, its model, and the versions that it serves."""

    model: str
    host: str
    grpc_port: int
    rest_port: int
    versions: list[int]


@contextlib.contextmanager
def development_server(
    folder: str | Path, host: str = "127.0.0.1", grpc_port: int = 0, rest_port: int = 0
) -> Iterator[Address]:
    """Serve a model while the block runs.

    Args:
        folder: The model's folder, written by `export_saved_model`.
        host: Host to listen on.
        grpc_port: Port for gRPC; 0 for a free one.
        rest_port: Port for REST; 0 for a free one.

    Yields:
        The address.

    Raises:
        InputError: There is nothing to serve in the folder, it is damaged, or a port is taken.

    Example:
        >>> with development_server("deploy/s2s") as address:
        ...     channel = grpc.insecure_channel(f"{address.host}:{address.grpc_port}")
    """
    # Before the imports below, whose error would not name the extra.
    from ytvos_keras.export.serving_warmup import check_serving_api

    check_serving_api()
    from ytvos_keras.export.served_model import ServedModel
    from ytvos_keras.export.serving_grpc import start_grpc_server
    from ytvos_keras.export.serving_rest import start_rest_server

    for port in (grpc_port, rest_port):
        if not 0 <= port <= _LARGEST_PORT:  # gRPC would silently use another one
            raise InputError(f"a port must be a number from 0 to {_LARGEST_PORT}. Received: {port}")
    model = ServedModel(folder)
    try:
        grpc_server, grpc_port = start_grpc_server(model, f"{host}:{grpc_port}")
    except RuntimeError as error:
        raise _cannot_listen(host, grpc_port) from error
    try:
        rest_server = start_rest_server(model, host, rest_port)
    except OSError as error:
        grpc_server.stop(None)
        raise _cannot_listen(host, rest_port) from error
    try:
        versions = sorted(model.versions)
        yield Address(model.name, host, grpc_port, rest_server.server_port, versions)
    finally:
        rest_server.shutdown()
        # `shutdown` ends the loop only; this frees the port.
        rest_server.server_close()
        grpc_server.stop(None).wait()


def _cannot_listen(host: str, port: int) -> InputError:
    return InputError(f"cannot listen on {host}:{port}; check the host, or give another port.")
