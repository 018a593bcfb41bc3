"""Import the packages of the extra `onnx`; the error says how to install them."""

from ytvos_keras.errors import InputError

try:
    import onnx
    import onnxruntime
    import tf2onnx  # noqa: F401  Keras converts with it
except ImportError as error:
    raise InputError(
        f"ONNX needs packages that are not installed ({error.name}): "
        "pip install 'ytvos-keras[onnx]'"
    ) from error

__all__ = ["onnx", "onnxruntime"]
