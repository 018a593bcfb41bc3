"""`ytvos-export serve`: the development server."""

import argparse
import threading

from ytvos_keras.cli.common import command_parser, prepare_tensorflow, run
from ytvos_keras.quiet_import import import_tensorflow

DESCRIPTION = """\
Serve a SavedModel that ytvos-export has written, with the gRPC and REST
interfaces of TensorFlow Serving, until Ctrl-C. For development and tests:
written in Python, no batching, no polling for new versions. It prints "ready"
when it is.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = command_parser("ytvos-export serve", DESCRIPTION)
    add = parser.add_argument
    add("folder", metavar="DIR", help="the model's folder, with models.config and versions in it")
    add("--host", default="127.0.0.1", help="default: %(default)s, this machine only")
    add("--port", type=int, default=8500, help="of gRPC; 0 for a free one (default: %(default)s)")
    add("--rest-port", type=int, default=8501, help="port of REST (default: %(default)s)")
    arguments = parser.parse_args(argv)
    prepare_tensorflow()
    return run(lambda: _serve(arguments))


def _serve(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # hide a notice about TensorFlow 1 sessions
    from ytvos_keras.export.development_server import development_server

    with development_server(
        arguments.folder, arguments.host, arguments.port, arguments.rest_port
    ) as address:
        print(f"gRPC   {address.host}:{address.grpc_port}")
        print(f"REST   http://{address.host}:{address.rest_port}/v1/models/{address.model}")
        # Flushed: whoever started the server through a pipe waits for this line.
        print("ready", flush=True)
        threading.Event().wait()  # for Ctrl-C; the server has its own threads


if __name__ == "__main__":
    raise SystemExit(main())
