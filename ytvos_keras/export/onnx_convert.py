"""Convert signatures to ONNX graphs, through Keras and tf2onnx."""

import contextlib
import functools
import gc
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import keras

from ytvos_keras.errors import InputError
from ytvos_keras.export.onnx_compose import NEXT, step_graph
from ytvos_keras.export.onnx_packages import onnx
from ytvos_keras.export.signatures import Signature, Specs, Tensors, signatures
from ytvos_keras.progress import Progress, silent

OPSET = 18  # the newest that tf2onnx supports
CLIP = "segment_clip"
"""Not converted: in ONNX it is composed of `initialize` and `step`."""

Graphs = dict[str, onnx.ModelProto]


@contextlib.contextmanager
def _garbage_is_freed_early() -> Iterator[None]:
    """Let Python collect reference cycles often, and only among new objects.

    tf2onnx copies the graph with all its weights before each optimizer pass and leaves the copies
    in reference cycles. By default Python collects these only when there are many new objects
    relative to the old ones, of which TensorFlow alone creates a million: by then, the copies take
    about 10 GB.
    """
    thresholds = gc.get_threshold()
    gc.collect()  # once: garbage that is frozen would last until the end
    gc.freeze()
    gc.collect()  # of nothing: updates the count of old objects
    gc.set_threshold(*thresholds[:2], 1)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()  # the copies; before the old objects return, which alone take seconds
        gc.unfreeze()


@_garbage_is_freed_early()
def convert(
    model,
    size: tuple[int, int] | None = None,
    graphs: Iterable[str] | None = None,
    on_progress: Progress = silent,
) -> Graphs:
    """Convert signatures of a model to ONNX.

    Inputs and outputs are those of `export.signatures`, except that the next state is called
    `<name>_next`. Free dimensions have names, such as `objects`, `height` and `width`.

    Args:
        model: A float32 `S2S`: states in half precision could not be fed back.
        size: (height, width) of all images, in pixels; default: free.
        graphs: Names of the signatures; default: all but `segment_clip`.
        on_progress: Called with a stage, graphs done and total graphs.

    Returns:
        The graphs by signature name.
    """
    if model.dtype_policy.compute_dtype != "float32":
        raise InputError(
            'ONNX export needs a float32 model; load it with dtype="float32". '
            f"Received: {model.dtype_policy.name}"
        )
    every = signatures(model, size)
    known = {name: spec for signature in every.values() for name, spec in signature.inputs.items()}
    state = set(every["step"].inputs) - {"image"}
    order = ["probs", "image", "mask", *every["step_features"].inputs]
    graphs = [name for name in every if name != CLIP] if graphs is None else list(graphs)
    converted: Graphs = {}

    # `encode` and `step_features` are converted once, for themselves and for `step`.
    @functools.cache
    def part(name: str) -> onnx.ModelProto:
        return _convert(every[name])

    for number, name in enumerate(graphs, start=1):
        if name == "step":
            converted[name] = step_graph(part("encode"), part("step_features"))
        else:
            converted[name] = part(name)
        graph = converted[name].graph
        graph.name = name
        for values in (graph.input, graph.output):  # tf2onnx sorts them by name
            values.sort(key=lambda value: order.index(value.name.removesuffix(NEXT)))
        _name_dimensions(graph, name, known, state)
        on_progress("converting", number, len(graphs))
    return converted


def save(graph: onnx.ModelProto, path: Path, facts: dict[str, str]) -> Path:
    """Check a graph and write it, with facts as metadata."""
    onnx.helper.set_model_props(graph, {**facts, "graph": path.stem})
    onnx.checker.check_model(graph, full_check=True)  # with shape inference
    onnx.save(graph, path)
    return path


def input_and_output_names(graph: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Names of a graph's inputs and of its outputs."""
    return [x.name for x in graph.graph.input], [x.name for x in graph.graph.output]


class _OneSignature(keras.Model):
    """A model for Keras to export.

    The `S2S` is hidden in the signature's function: Keras cannot track dicts with integer keys,
    which a backbone has.
    """

    def __init__(self, function: Callable[[Tensors], Tensors]):
        super().__init__(name="signature")
        self._function = function
        # Keras exports built models only; the variables are those of the S2S.
        self.built = True

    def call(self, inputs: Tensors) -> Tensors:
        outputs = self._function(inputs)
        return {name + NEXT if name in inputs else name: x for name, x in outputs.items()}


def _convert(signature: Signature) -> onnx.ModelProto:
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns about every optimizer pass that finds nothing
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            # tf2onnx predates NumPy 2.
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            path = Path(folder, "graph.onnx")  # Keras exports to a file only
            _OneSignature(signature.function).export(
                path,
                format="onnx",
                input_signature=[signature.inputs],
                opset_version=OPSET,
                verbose=False,
            )
            return onnx.load(path)
    finally:
        logger.setLevel(level)


def _name_dimensions(
    graph: onnx.GraphProto, signature: str, known: Specs, of_objects: set[str]
) -> None:
    """Restore dimensions and their names where tf2onnx has lost them.

    Equal names mean equal numbers: image and mask share their sides, but not their first dimension,
    since all objects may share one image.
    """
    for value in [*graph.input, *graph.output]:
        name = value.name.removesuffix(NEXT)
        spec = known["mask"] if name == "probs" else known[name]
        padded = name == "probs" and signature == "step_features"
        # `step_features` returns probabilities at the padded size, so dimensions have other names.
        sides = [None, None] if padded else spec.shape[-3:-1]
        shape = [None] * (spec.shape.rank - 3) + [*sides, spec.shape[-1]]
        image = name in ("image", "images", "mask", "probs") and not padded
        prefix = "" if image else f"{name}_"
        rows = "objects" if name in of_objects | {"mask", "probs"} else "images"
        leading = [rows, "frames"][: spec.shape.rank - 3]
        names = [*leading, f"{prefix}height", f"{prefix}width", ""]
        if spec.shape.rank < 3:  # a state without sides: a number or a row for each object
            shape, names = list(spec.shape), [rows, *[""] * (spec.shape.rank - 1)]
        del value.type.tensor_type.shape.dim[:]
        for number, symbol in zip(shape, names, strict=True):
            dim = value.type.tensor_type.shape.dim.add()
            if number is None:
                dim.dim_param = symbol
            else:
                dim.dim_value = number
