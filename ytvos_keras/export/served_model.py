"""Load a model's versions like TensorFlow Serving, independently of the protocol."""

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from ytvos_keras.errors import InputError, first_line
from ytvos_keras.export.saved_graph import check_functions, damaged
from ytvos_keras.export.serving_config import CONFIG_FILE, read_model_config
from ytvos_keras.media.text_file import read_text

LARGEST_MESSAGE = 2**28  # bytes
MOST_STRINGS = 4096
"""Most strings in one input: frames of a clip, or state strings of all objects."""

_LONGEST_ERROR = 1000  # characters; gRPC sends errors in headers, whose size is limited
_PREDICT = "tensorflow/serving/predict"
_CODES = {  # other TensorFlow errors are INTERNAL
    tf.errors.InvalidArgumentError: "INVALID_ARGUMENT",
    tf.errors.ResourceExhaustedError: "RESOURCE_EXHAUSTED",
}
# Prefixes of lines that TensorFlow adds to a message.
_PLACES = (
    *("Graph execution error", "Detected at", "File ", "<stack traces", "[[", "Node:"),
    *("Original stack trace", "0 successful operations", "0 derived errors"),
)


class RequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        code: The name of a gRPC status code.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message[:_LONGEST_ERROR])
        self.code = code


class ServedVersion:
    """One SavedModel in a session, without this package's Python code, as in the C++ server."""

    def __init__(self, path: str | Path):
        # Before loading, which would seem to hang if the graph calls a missing function.
        check_functions(Path(path))
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        try:
            with graph.as_default():
                meta = tf.compat.v1.saved_model.load(self._session, ["serve"], str(path))
        except Exception as error:  # TensorFlow raises all kinds of errors for damaged files
            self._session.close()
            reason = _reason(error) if isinstance(error, tf.errors.OpError) else first_line(error)
            raise damaged(path, reason) from error
        self.signatures = {
            name: definition
            for name, definition in meta.signature_def.items()
            # Not the initialization of variables, which TensorFlow stores as a signature too.
            if definition.method_name == _PREDICT
        }

    def signature(self, name: str):
        """The `SignatureDef` with a name; the default one for an empty name."""
        name = name or "serving_default"
        if name not in self.signatures:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"no signature {name!r}; give one of {', '.join(sorted(self.signatures))}.",
            )
        return self.signatures[name]

    def run(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run a signature; a `RequestError` if the inputs do not fit it."""
        definition = self.signature(signature)
        check_names(definition, inputs)
        room = LARGEST_MESSAGE
        for name, value in inputs.items():
            dtype = tf.as_dtype(value.dtype)
            # Checked again, for REST; gRPC has checked before decoding.
            room -= check_input(name, definition.inputs[name], dtype, value.shape, room)
        feeds = {definition.inputs[name].name: value for name, value in inputs.items()}
        fetches = {name: info.name for name, info in definition.outputs.items()}
        try:
            return self._session.run(fetches, feeds)
        except (TypeError, ValueError) as error:  # a value that cannot be fed
            raise RequestError("INVALID_ARGUMENT", first_line(error)) from error
        except tf.errors.OpError as error:
            raise RequestError(_CODES.get(type(error), "INTERNAL"), _reason(error)) from error


class ServedModel:
    """All versions listed by the `models.config` of a folder that `export_saved_model` wrote."""

    def __init__(self, folder: str | Path):
        config = Path(folder) / CONFIG_FILE
        if not config.is_file():
            raise InputError(f"{folder}: no {CONFIG_FILE} in it; give a folder from ytvos-export.")
        text = read_text(config)
        try:
            self.name, versions, self.labels = read_model_config(text)
        except InputError as error:
            raise InputError(f"{folder}: {error}") from error
        paths = {version: Path(folder) / str(version) for version in versions}
        for path in paths.values():
            if not (path / "saved_model.pb").is_file():
                raise InputError(f"{path}: no SavedModel, but {config} names this version.")
        self.versions = {version: ServedVersion(path) for version, path in paths.items()}

    def chosen_versions(self, version: int | None = None, label: str | None = None) -> list[int]:
        """The versions of a status request: the chosen one; default: all, the newest first."""
        if version is None and label is None:
            return sorted(self.versions, reverse=True)
        return [self.choose(version, label)]

    def choose(self, version: int | None = None, label: str | None = None) -> int:
        """Look up a version by number or label; default: the newest."""
        if label is not None:
            if label not in self.labels:
                known = ", ".join(sorted(self.labels)) or "none"
                raise RequestError("NOT_FOUND", f"no version label {label!r}; known: {known}.")
            return self.labels[label]
        if version is None:
            return max(self.versions)
        if version not in self.versions:
            known = ", ".join(map(str, sorted(self.versions)))
            raise RequestError("NOT_FOUND", f"no version {version}; loaded: {known}.")
        return version


def check_input(
    name: str, info, dtype: tf.DType, shape: Sequence[int], room: int = LARGEST_MESSAGE
) -> int:
    """Raise `RequestError` unless the dtype, shape and size of an input are allowed.

    Returns its size in bytes; 0 for strings, which are limited to `MOST_STRINGS`. `room` is what is
    left of `LARGEST_MESSAGE`, the limit for all inputs together.
    """
    expected, expected_shape = tf.as_dtype(info.dtype), tf.TensorShape(info.tensor_shape)
    # The sizes come from a client, and may be negative.
    fits = min(shape, default=0) >= 0 and expected_shape.is_compatible_with(shape)
    if dtype != expected or not fits:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"{name} must be {expected.name} {_text(expected_shape)}. "
            f"Received: {dtype.name} {_text(shape)}.",
        )
    if dtype == tf.string:
        if math.prod(shape) > MOST_STRINGS:
            raise RequestError(
                "INVALID_ARGUMENT",
                f"{name} must have at most {MOST_STRINGS} strings. Received: {_text(shape)}.",
            )
        return 0
    size = math.prod(shape) * dtype.size
    if size > room:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"all inputs together must have at most {LARGEST_MESSAGE} bytes; {name} has {size}.",
        )
    return size


def check_names(definition, inputs) -> None:
    """Raise `RequestError` unless exactly the inputs of a signature are given."""
    missing, unknown = set(definition.inputs) - set(inputs), set(inputs) - set(definition.inputs)
    if missing or unknown:
        raise RequestError(
            "INVALID_ARGUMENT",
            f"the inputs must be {', '.join(sorted(definition.inputs))}. "
            f"Missing: {', '.join(sorted(missing)) or 'none'}; "
            f"unknown: {', '.join(sorted(unknown)) or 'none'}.",
        )


def _text(shape) -> str:
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"


def _reason(error: tf.errors.OpError) -> str:
    """TensorFlow's message, without positions in the graph."""
    failed = re.search(r"assertion failed: (.*)", error.message)
    if failed:
        # From `graph_pictures.require`: TensorFlow puts each of its parts in brackets.
        return " ".join(re.findall(r"\[([^\[\]]*)\]", failed[1]))
    lines = [line.strip() for line in error.message.splitlines()]
    said = [line for line in lines if line and not line.startswith(_PLACES)]
    return re.sub(r"^\(\d\) [A-Z_]+: ", "", said[0]) if said else type(error).__name__
