"""ONNX graphs run by onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ytvos_keras.export.onnx_convert import NEXT
from ytvos_keras.export.onnx_packages import onnx, onnxruntime
from ytvos_keras.export.signatures import CORRECT, correction_inputs

Arrays = dict[str, np.ndarray]


class OnnxStream:
    """The graphs of a model as a `parity.Stream`.

    Args:
        graphs: Graphs, or their files, by the signature's name; `initialize` and `step` at least.
        threads: For one graph; as many as there are cores if 0.
    """

    def __init__(self, graphs: Mapping[str, onnx.ModelProto | str | Path], threads: int = 0):
        self.graphs = graphs
        self.threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, graph: str, inputs: Arrays) -> Arrays:
        """Run a graph; returns outputs by name, the next state under the names of the state."""
        session = self._session(graph)
        # So that outputs can be fed back as they are.
        names = [output.name.removesuffix(NEXT) for output in session.get_outputs()]
        return dict(zip(names, session.run(None, inputs), strict=True))

    def initialize(self, image, mask):
        """The state, from the graph `initialize`."""
        return self.run("initialize", {"image": image, "mask": mask})

    def step(self, image, state):
        """Probabilities and the next state, from the graph `step`."""
        state = self.run("step", {"image": image, **state})
        return state.pop("probs"), state

    def correct(self, image, mask, state):
        """The state after a correction, from the graphs `initialize` and `correct`."""
        given = self.initialize(image, mask)
        return given | self.run(CORRECT, correction_inputs(given, state))

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        if name not in self._sessions:
            graph = self.graphs[name]
            source = graph.SerializeToString() if isinstance(graph, onnx.ModelProto) else str(graph)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3  # errors only; it warns of every weight that it folds
            # Spinning threads would take cores from the other graphs.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self._sessions[name] = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[name]


class FeatureStream(OnnxStream):
    """Like `step`, by `encode` once for all objects, then `step_features`."""

    def step(self, image, state):
        state = self.run("step_features", {**self.run("encode", {"image": image}), **state})
        height, width = image.shape[1:3]
        return state.pop("probs")[:, :height, :width], state
