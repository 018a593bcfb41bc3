"""Check the graph of a SavedModel before TensorFlow loads it."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from ytvos_keras.errors import InputError, first_line


def check_functions(version: Path) -> None:
    """Make sure that every function that the graph calls is in its library.

    If one is missing, TensorFlow's error contains the text of the whole library, megabytes, which a
    session then searches for node names in quadratic time.
    """
    try:
        saved = SavedModel.FromString((version / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise damaged(version, first_line(error)) from error
    for meta in saved.meta_graphs:
        known = {function.signature.name for function in meta.graph_def.library.function}
        if missing := set(_called(meta.graph_def)) - known:
            raise damaged(version, f"its graph calls {min(missing)[:100]}, which is missing")


def damaged(version: str | Path, reason: str) -> InputError:
    """Create an error that names the folder of a SavedModel."""
    return InputError(f"{version}: is damaged; copy or export the model again. ({reason})")


def _called(graph: GraphDef) -> Iterator[str]:
    """The names of the functions that the nodes of a graph and of its functions refer to."""
    bodies = (function.node_def for function in graph.library.function)
    for node in itertools.chain(graph.node, *bodies):
        for attribute in node.attr.values():
            yield from _functions(attribute)


def _functions(attribute: AttrValue) -> Iterator[str]:
    kind = attribute.WhichOneof("value")
    if kind == "func":
        yield attribute.func.name
    elif kind == "list":
        yield from (function.name for function in attribute.list.func)
