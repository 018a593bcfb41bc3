"""A SavedModel run from Python."""

from pathlib import Path

import tensorflow as tf

from ytvos_keras.export.parity import Arrays, SignatureStream


class SavedModelStream(SignatureStream):
    """A loaded SavedModel; `path` is a version's folder."""

    def __init__(self, path: str | Path):
        self.loaded = tf.saved_model.load(str(path))  # keeps the variables alive
        self.signatures = self.loaded.signatures

    def run(self, signature: str, inputs: Arrays) -> Arrays:
        outputs = self.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: x.numpy() for name, x in outputs.items()}
