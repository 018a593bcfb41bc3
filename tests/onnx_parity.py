"""Compare ONNX graphs with their Keras model on clips that are long or of several sizes."""

from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.parity import (
    CorrectedStream,
    KerasStream,
    check_parity,
    demo_clip,
    measure_parity,
)
from ytvos_keras.export.signature_check import FeatureStream


def check_small_clips(reference: KerasStream, stream: OnnxStream) -> None:
    """Compare all graphs with Keras, on clips of two sizes."""
    for size, objects in (((64, 96), 2), ((70, 101), 1)):
        frames, masks = demo_clip(size, frames=6, objects=objects)
        for other in (stream, FeatureStream(stream)):
            check_parity(measure_parity(reference, other, frames, masks))
        if reference.model.memory is not None:
            streams = (CorrectedStream(each, masks) for each in (reference, stream))
            check_parity(measure_parity(*streams, frames, masks))


def check_twenty_frames(reference: KerasStream, stream: OnnxStream, size: tuple[int, int]) -> None:
    frames, masks = demo_clip(size, frames=21, objects=1)
    check_parity(measure_parity(reference, stream, frames, masks))
