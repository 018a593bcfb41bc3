"""`ytvos-export serve`: the development server."""

import argparse
import threading

from ytvos_keras.argument_types import port
from ytvos_keras.cli.common import command_parser, prepare_tensorflow, run
from ytvos_keras.quiet_import import import_tensorflow

DESCRIPTION = """\
Serve a SavedModel that ytvos-export has written, with the gRPC and REST
interfaces of TensorFlow Serving, until Ctrl-C. For development and tests:
written in Python, without batching or polling for new versions. It prints
"ready" once it accepts requests.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = command_parser("ytvos-export serve", DESCRIPTION)
    add = parser.add_argument
    add("folder", metavar="DIR", help="the model's folder, with models.config and its versions")
    add("--host", default="127.0.0.1", help="default: %(default)s, this machine only")
    add("--port", type=port, default=8500, help="gRPC port; 0: any free one (default: %(default)s)")
    add("--rest-port", type=port, default=8501, help="REST port (default: %(default)s)")
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
        print(f"model  {address.model}, served versions: {', '.join(map(str, address.versions))}")
        print(f"gRPC   {address.host}:{address.grpc_port}")
        print(f"REST   http://{address.host}:{address.rest_port}/v1/models/{address.model}")
        # Flushed: a program that started the server through a pipe may wait for this line.
        print("ready", flush=True)
        # Wait for Ctrl-C; the server has its own threads. On Windows, Ctrl-C does not end a wait
        # without a timeout.
        stop = threading.Event()
        while not stop.wait(0.5):
            pass


if __name__ == "__main__":
    raise SystemExit(main())
