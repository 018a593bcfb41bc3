"""Import the packages of the extra `onnx`; the error says how to install them."""

from ytvos_keras.errors import importing

with importing(extra="onnx", what="ONNX"):
    import onnx
    import onnxruntime
    import tf2onnx  # noqa: F401  Keras converts with it

__all__ = ["onnx", "onnxruntime"]
