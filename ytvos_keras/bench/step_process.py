"""A separate process that runs training steps on request."""

import json
import sys
from collections.abc import Sequence
from typing import NamedTuple

from ytvos_keras.bench.child_process import ChildProcess
from ytvos_keras.errors import InputError
from ytvos_keras.processes import peak_memory

OURS = "ytvos_keras"
PLAIN = "stock Keras layers"

_CHILD = "import sys; from ytvos_keras.bench.step_process import serve; serve(sys.argv[1])"


class TrainedNetwork(NamedTuple):
    """The network to train, on a clip of random pixels, batch 1.

    `network` is `OURS` or `PLAIN`; `model` the name of a preset; `policy` the dtype policy; `size`
    the height and the width of the frames in pixels.
    """

    network: str
    model: str
    policy: str
    frames: int
    size: Sequence[int]


class StepProcess:
    """A network trained in a separate process, to measure its peak memory.

    Raises an `InputError` if the process ends early, for example because it runs out of memory.
    """

    def __init__(self, trained: TrainedNetwork):
        self.peak_memory = 0.0
        """Largest resident memory up to the last step, in MB (10⁶ bytes)."""
        self._trained = trained
        self._child = ChildProcess(_CHILD, json.dumps(trained))
        try:
            self._wait()
        except BaseException:
            self.close()
            raise

    def step(self) -> None:
        """Run one step and wait for it to finish."""
        self._child.send_line()
        self._wait()

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def _wait(self) -> None:
        answer = self._child.output.readline()
        # readline returns nothing at the end of the pipe: the process has ended.
        if not answer:
            raise InputError(
                f"the process that trains {self._trained.network} in {self._trained.policy} ended "
                f"early; a smaller --size or a single --precision takes less memory. "
                f"Received: {self._child.ending()}"
            )
        self.peak_memory = float(answer)


def serve(trained: str) -> None:
    """Run a step of a `TrainedNetwork` (JSON) for every line on stdin; print the peak memory."""
    model, clip = _build(TrainedNetwork(*json.loads(trained)))
    print(peak_memory() or "nan", flush=True)
    for _ in sys.stdin:
        model.train_on_batch(*clip)  # fetches the loss
        print(peak_memory() or "nan", flush=True)


def _build(trained):
    """A compiled model, and a clip with its masks."""
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    height, width = trained.size
    frames = random.integers(0, 256, (1, trained.frames, height, width, 3), dtype=np.uint8)
    masks = (random.random((1, trained.frames, height, width, 1)) < 0.3).astype(np.float32)
    inputs = {"frames": frames, "mask": masks[:, 0]}
    if trained.network == OURS:
        return _ours(trained), (inputs, masks[:, 1:])
    from ytvos_keras.bench.plain_network import plain_clip

    inputs["frames"] = frames.astype(np.float32)
    model = plain_clip(trained.frames, height, width, trained.policy)
    model.compile(
        keras.optimizers.Adam(1e-5),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=False,  # like ours; XLA, which Keras would choose, is far slower on a CPU
    )
    return model, (inputs, masks[:, 1:])


def _ours(trained):
    """Build the model as `ytvos-train --recipe paper` or `--recipe lite` compiles it."""
    import dataclasses

    from ytvos_keras.training.build import build_model, compile_model
    from ytvos_keras.training.recipes import lite, paper

    recipe = {"s2s-vgg16": paper.RECIPE, "s2s-lite": lite.RECIPE}[trained.model]
    recipe = dataclasses.replace(recipe, precision=trained.policy)
    model = build_model(recipe, pretrained=False)
    compile_model(model, recipe, steps=1000)
    return model
