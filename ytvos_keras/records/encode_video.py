"""Encode one video for a record; every file is read and decoded once."""

from collections.abc import Sequence

import numpy as np

from ytvos_keras.datasets.check.faults import KINDS
from ytvos_keras.datasets.check.mask_bytes import examine_mask
from ytvos_keras.datasets.check.video_check import Size, size_text
from ytvos_keras.datasets.label_values import is_binary, label_areas
from ytvos_keras.datasets.object_info import objects_of
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.datasets.video import EncodedFile, Frame, Video
from ytvos_keras.errors import InputError
from ytvos_keras.records.schema import EncodedVideo

_FORMATS = ("JPEG", "PNG")  # what TensorFlow decodes


def encode_video(video: Video, source: str) -> EncodedVideo:
    """Read the files of a video and find its objects. The bytes of the files are kept unchanged.

    Raises an `InputError` that names the file if a file cannot be used, or if frames and masks
    differ in size.
    """
    images = tuple(_read(frame.image) for frame in video.frames)
    masks = tuple(None if frame.mask is None else _read(frame.mask) for frame in video.frames)
    # Decoded although the bytes are kept, so that training never finds a damaged file.
    height, width = _common_size(images, video.frames)
    areas = {
        index: _areas(mask, frame, (height, width))
        for index, (frame, mask) in enumerate(zip(video.frames, masks, strict=True))
        if mask is not None
    }
    binary = video.binary or is_binary(areas.values())
    return EncodedVideo(
        name=video.name,
        source=source,
        height=height,
        width=width,
        binary=binary,
        frame_names=tuple(frame.name for frame in video.frames),
        images=images,
        masks=masks,
        objects=objects_of(areas, binary, video.categories),
    )


def _read(file: EncodedFile) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read. ({error.strerror or error})") from error


def _common_size(images: Sequence[bytes], frames: Sequence[Frame]) -> Size:
    """Decode all frames to verify them, and return their (height, width)."""
    size = None
    for image, frame in zip(images, frames, strict=True):
        frame_size = _image_size(image, str(frame.image))
        size = size or frame_size
        if frame_size != size:
            what = f"{size_text(frame_size)} after {size_text(size)}"
            raise _fault("frame-size", frame.image, what)
    if size is None:
        raise InputError("a video must have frames; one of those given has none.")
    return size


def _image_size(data: bytes, name: str) -> Size:
    facts = examine_picture(data)
    if facts.damage:
        raise _fault("damaged-frame", name, facts.damage)
    if facts.format not in _FORMATS:
        raise _fault("frame-format", name, facts.format)
    if facts.orientation != 1:
        raise _fault("turned-frame", name, f"orientation {facts.orientation}")
    return facts.height, facts.width


def _areas(mask: bytes, frame: Frame, size: Size) -> np.ndarray:
    """The number of pixels with each value, int64 (256,)."""
    facts = examine_mask(mask)
    if facts.kind is not None:
        raise _fault(facts.kind, frame.mask, facts.what)
    assert facts.size is not None and facts.labels is not None  # of a mask without a fault
    if facts.size != size:
        what = f"{size_text(facts.size)}, its frame {size_text(size)}"
        raise _fault("mask-size", frame.mask, what)
    return label_areas(facts.labels)


def _fault(kind: str, file: object, what: str) -> InputError:
    """One of the faults that `ytvos-prepare check` lists, as an error."""
    meaning = KINDS[kind].meaning + (f": {what}" if what else "")
    return InputError(f"{file}: {meaning}. {KINDS[kind].fix}")
