from .development_server import development_server
from .onnx_files import OnnxFiles, export_onnx
from .onnx_segmenter import OnnxSegmenter
from .parity import ParityError
from .saved_model import SavedModel, export_saved_model

__all__ = [
    "OnnxFiles",
    "OnnxSegmenter",
    "ParityError",
    "SavedModel",
    "development_server",
    "export_onnx",
    "export_saved_model",
]
