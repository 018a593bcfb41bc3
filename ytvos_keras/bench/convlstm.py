"""`ytvos-bench convlstm`: the fused ConvLSTM layer against Keras's own."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from ytvos_keras.argument_types import dimensions, positive
from ytvos_keras.bench.arguments import add_rounds, chosen, time_in_turns
from ytvos_keras.bench.machine import describe_machine
from ytvos_keras.bench.report import Comparison, Report, Row
from ytvos_keras.processes import peak_memory
from ytvos_keras.progress import Progress, silent

NAME = "convlstm"
SUMMARY = "the fused ConvLSTM layer against keras.layers.ConvLSTM2D, inference"

REFERENCE = "keras.layers.ConvLSTM2D"
OURS = "ytvos_keras.layers.ConvLSTM"
TOLERANCE = 1e-4
"""Largest allowed difference between the two outputs, as a fraction of the largest output."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of this benchmark."""
    parser.add_argument(
        "--shape",
        type=dimensions("BATCHxFRAMESxHEIGHTxWIDTHxCHANNELS", "1x10x8x14x512"),
        default=(1, 10, 8, 14, 512),
        metavar="BxTxHxWxC",
        help="shape of the sequence (default: 1x10x8x14x512, the paper's at 10 frames)",
    )
    parser.add_argument(
        "--filters", type=positive, default=512, metavar="N", help="filters (default: 512)"
    )
    add_rounds(parser, repeats=20)


def run(arguments: Namespace, progress: Progress = silent) -> Report:
    """Time both layers with the same weights on the same sequence, in turns.

    Both are compiled with `tf.function` in the same way and return the whole sequence of hidden
    states. Kernels are 3×3, the activation is ReLU, padding is "same", the dtype is float32. If
    their outputs differ, an error is raised before any timing.
    """
    machine = describe_machine()  # before this benchmark adds to the load
    progress("building", 0, 1)
    cases = _layers(arguments.shape, arguments.filters)
    difference = _difference(cases)
    timings = time_in_turns(cases, arguments, progress)
    return Report(
        benchmark=NAME,
        settings={
            **chosen(arguments, "shape", "filters", "warmup", "repeats"),
            "kernel_size": 3,
            "dtype": "float32",
            "largest_difference": difference,
        },
        machine=machine,
        rows=[Row({"layer": name}, timing.figures()) for name, timing in timings.items()],
        comparisons=[Comparison(f"{OURS} against {REFERENCE}", timings[REFERENCE], timings[OURS])],
        peak_memory_mb=peak_memory(),
    )


def _layers(shape: tuple[int, ...], filters: int) -> dict[str, Callable]:
    """Return both layers as functions without arguments that return the hidden states."""
    import keras
    import numpy as np
    import tensorflow as tf

    from ytvos_keras.layers import ConvLSTM

    keras.utils.set_random_seed(0)
    reference = keras.layers.ConvLSTM2D(
        filters, 3, padding="same", activation="relu", return_sequences=True, dtype="float32"
    )
    ours = ConvLSTM(filters, 3, dtype="float32")
    random = np.random.default_rng(0)
    sequence = tf.constant(random.random(shape, dtype=np.float32))
    state_shape = (shape[0], *shape[2:4], filters)
    # Not zeros, with which a layer that ignored its states would pass the comparison.
    states = [tf.constant(random.random(state_shape, dtype=np.float32)) for _ in range(2)]

    reference.build(shape)
    ours.build(shape)
    # Both layers order their weights and gates in the same way.
    ours.set_weights(reference.get_weights())

    @tf.function
    def run_reference(sequence, states):
        return reference(sequence, initial_state=states, training=False)

    @tf.function
    def run_ours(sequence, states):
        return ours(sequence, initial_state=states)[0]

    return {
        REFERENCE: lambda: run_reference(sequence, states).numpy(),
        OURS: lambda: run_ours(sequence, states).numpy(),
    }


def _difference(cases: dict[str, Callable]) -> float:
    """Return the largest difference between the two outputs, relative to the largest output."""
    expected, received = cases[REFERENCE](), cases[OURS]()
    difference = float(abs(expected - received).max() / abs(expected).max())
    # Not `>`: NaN must fail as well.
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"{OURS} and {REFERENCE} must agree to {TOLERANCE} before their speed is compared. "
            f"Received: a difference of {difference:.2g} of the largest output"
        )
    return difference
