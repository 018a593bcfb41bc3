"""ONNX graphs run by onnxruntime."""

from collections.abc import Mapping
from pathlib import Path

from ytvos_keras.export.onnx_compose import NEXT
from ytvos_keras.export.onnx_packages import onnx, onnxruntime
from ytvos_keras.export.parity import Arrays, SignatureStream


class OnnxStream(SignatureStream):
    """The graphs of a model.

    Args:
        graphs: Graphs, or their files, by signature name; at least `initialize` and `step`.
        threads: Number of threads per graph; 0 for as many as there are cores.
    """

    def __init__(self, graphs: Mapping[str, onnx.ModelProto | str | Path], threads: int = 0):
        self.graphs = graphs
        self.threads = threads
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    def run(self, signature: str, inputs: Arrays) -> Arrays:
        session = self._session(signature)
        # Without the suffix, so that outputs can be fed back as they are.
        names = [output.name.removesuffix(NEXT) for output in session.get_outputs()]
        return dict(zip(names, session.run(None, inputs), strict=True))

    def _session(self, name: str) -> onnxruntime.InferenceSession:
        if name not in self._sessions:
            graph = self.graphs[name]
            source = graph.SerializeToString() if isinstance(graph, onnx.ModelProto) else str(graph)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = self.threads
            options.log_severity_level = 3  # errors only; it warns about every folded weight
            # Spinning threads would take cores from the other graphs.
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            self._sessions[name] = onnxruntime.InferenceSession(
                source, options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[name]
