"""A SavedModel run from Python."""

from pathlib import Path

import tensorflow as tf

from ytvos_keras.export.signatures import CORRECT, correction_inputs


class SavedModelStream:
    """A loaded SavedModel as a `parity.Stream`, and its other signatures.

    Args:
        path: A version's folder.
    """

    def __init__(self, path: str | Path):
        self.loaded = tf.saved_model.load(str(path))  # keeps the variables alive
        self.signatures = self.loaded.signatures

    def run(self, signature: str, **inputs) -> dict:
        """Outputs of a signature as arrays."""
        outputs = self.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: x.numpy() for name, x in outputs.items()}

    def initialize(self, image, mask):
        """The state, from the signature `initialize`."""
        return self.run("initialize", image=image, mask=mask)

    def step(self, image, state):
        """Probabilities and the next state, from the signature `step`."""
        state = self.run("step", image=image, **state)
        return state.pop("probs"), state

    def correct(self, image, mask, state):
        """The state after a correction, from the signatures `initialize` and `correct`."""
        given = self.initialize(image, mask)
        return given | self.run(CORRECT, **correction_inputs(given, state))
