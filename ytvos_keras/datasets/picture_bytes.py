"""Check that an image file is undamaged, more strictly than image decoders."""

import re
from dataclasses import dataclass, replace

import av

from ytvos_keras.media.pictures import DamagedPictureError, open_picture

_ORIENTATION = 0x0112  # of EXIF
# In compressed data, 0xff is followed by 0 or by a restart marker.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_BEGIN, _END = 0xD8, 0xD9
_JPEG_FORMATS = ("JPEG", "MPO")  # MPO: a JPEG followed by more images, as phones write it


@dataclass(frozen=True)
class PictureFacts:
    """Result of checking an image file.

    Args:
        format: `JPEG`, `PNG`, …; `""` if it is not an image. An MPO counts as JPEG.
        height: of the stored pixels.
        width: of the stored pixels.
        orientation: EXIF orientation; 1 where pixels are stored as displayed.
        damage: why it cannot be used; None if no damage was detected.
    """

    format: str = ""
    height: int = 0
    width: int = 0
    orientation: int = 1
    damage: str | None = None


def examine_picture(data: bytes) -> PictureFacts:
    """Decode an image completely and look for damage.

    JPEG: the end marker must be present, and FFmpeg must find data for every block: Pillow and
    TensorFlow accept a file whose middle is missing and fill the rest with grey. PNG: the
    checksum of every chunk must be correct, see `media.pictures.open_picture`. A flipped bit in a
    JPEG, or damage to its last hundred bytes, may go unnoticed: the format has no checksum.
    """
    if not data:
        return PictureFacts(damage="empty file")
    facts = PictureFacts()
    try:
        with open_picture(data) as image:
            kind = "JPEG" if image.format in _JPEG_FORMATS else str(image.format)
            # Before `draft`, which changes the size.
            facts = PictureFacts(kind, image.height, image.width)
            if kind == "JPEG" and (damage := _jpeg_damage(data)):
                return replace(facts, damage=damage)
            orientation = image.getexif().get(_ORIENTATION, 1)
            image.draft(image.mode, (1, 1))  # JPEG at 1/8 size: reads all bytes in half the time
            image.load()
    except DamagedPictureError as error:
        return PictureFacts(damage=str(error))
    return replace(facts, orientation=orientation or 1)  # some cameras write 0


def _has_end_marker(data: bytes) -> bool:
    """Whether the image ends with its marker; a video or other images may follow it."""
    place = 0
    while marker := _MARKER.search(data, place):
        place = marker.end()
        kind = marker[0][-1]
        if kind == _END:
            return True
        if kind != _BEGIN:  # a segment, which may hold another image: its length is two bytes
            place += int.from_bytes(data[place : place + 2])
    return False


def _jpeg_damage(data: bytes) -> str | None:
    if not _has_end_marker(data):
        return "cut off, its end marker is missing"
    decoder = av.CodecContext.create("mjpeg", "r")
    # explode: errors are raised, not concealed. lowres: 2³ times smaller, and so faster.
    decoder.options = {"err_detect": "explode", "lowres": "3"}
    decoder.thread_count = 1
    try:
        decoder.decode(av.Packet(data))
    except av.error.InvalidDataError:
        return "its data ends early or is corrupt"
    except av.FFmpegError:  # a kind of JPEG that FFmpeg does not support, not damage
        return None
    return None
