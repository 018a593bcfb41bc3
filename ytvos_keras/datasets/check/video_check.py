"""Check every image of one video."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ytvos_keras.datasets.check.faults import Fault
from ytvos_keras.datasets.check.mask_bytes import examine_mask
from ytvos_keras.datasets.check.object_check import check_objects
from ytvos_keras.datasets.label_values import is_binary, label_areas, object_areas
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.datasets.video import EncodedFile, Frame, Video
from ytvos_keras.errors import InputError, first_line
from ytvos_keras.media.listing import is_broken_link

Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class VideoFindings:
    """Results of checking every image of a video.

    Args:
        faults: of its images.
        digests: of the bytes of each frame; empty where it could not be read.
        objects: name of an annotated frame → size in pixels of each object in its mask; frames
            whose masks cannot be used are left out.
        sizes: (height, width) of the frames that can be decoded.
    """

    faults: tuple[Fault, ...]
    digests: tuple[bytes, ...]
    objects: Mapping[str, Mapping[int, int]]
    sizes: frozenset[Size]


def check_video(video: Video) -> VideoFindings:
    """Decode all frames and masks of a video."""
    faults: list[Fault] = []
    digests, sizes, areas = [], [], {}
    for frame in video.frames:
        problems, digest, size = _check_frame(frame)
        faults += problems
        digests.append(digest)
        if size is not None:
            sizes.append((frame, size))
        if frame.mask is not None:
            problems, counts = _check_mask(frame, size)
            faults += problems
            if counts is not None:
                areas[frame.name] = counts
    faults += _other_sizes(sizes)
    faults += _repeated(video, digests)
    binary = video.binary or is_binary(areas.values())
    objects = {name: object_areas(counts, binary) for name, counts in areas.items()}
    faults += check_objects(video, objects)
    sizes_found = frozenset(size for _, size in sizes)
    return VideoFindings(tuple(faults), tuple(digests), objects, sizes_found)


def size_text(size: Size) -> str:
    """Format a size as commands take it: height first."""
    return f"{size[0]}x{size[1]}"


def _check_frame(frame: Frame) -> tuple[list[Fault], bytes, Size | None]:
    """Return its faults, the digest of its bytes, and its size if it can be decoded."""
    name = str(frame.image)
    if fault := _broken_link(frame.image):
        return [fault], b"", None
    data, problem = _read(frame.image)
    if data is None:
        return [Fault("damaged-frame", name, problem)], b"", None
    # Only compared within one run: 16 bytes are enough.
    digest = hashlib.blake2b(data, digest_size=16).digest()
    facts = examine_picture(data)
    if facts.damage is not None:
        return [Fault("damaged-frame", name, facts.damage)], digest, None
    faults = []
    if facts.format not in ("JPEG", "PNG"):
        faults.append(Fault("frame-format", name, f"a {facts.format} file"))
    if facts.orientation != 1:
        faults.append(Fault("turned-frame", name, f"orientation {facts.orientation}"))
    return faults, digest, (facts.height, facts.width)


def _check_mask(frame: Frame, size: Size | None) -> tuple[list[Fault], np.ndarray | None]:
    """Return its faults, and the number of pixels of each value (256,) if it can be decoded."""
    name = str(frame.mask)
    assert frame.mask is not None
    if fault := _broken_link(frame.mask):
        return [fault], None
    data, problem = _read(frame.mask)
    if data is None:
        return [Fault("damaged-mask", name, problem)], None
    facts = examine_mask(data)
    faults = []
    if facts.kind is not None:
        repair = "reencode" if facts.labels is not None else None
        faults.append(Fault(facts.kind, name, facts.what, repair))
    if size is not None and facts.size is not None and facts.size != size:
        what = f"{size_text(facts.size)}, its frame {size_text(size)} (height x width)"
        faults.append(Fault("mask-size", name, what))
    # If its ids are certain, a mask in a wrong encoding still counts in the checks of objects.
    return faults, None if facts.labels is None else label_areas(facts.labels)


def _broken_link(file: EncodedFile) -> Fault | None:
    if isinstance(file, Path) and is_broken_link(file):
        return Fault("broken-link", str(file), f"to {file.readlink()}")
    return None


def _read(file: EncodedFile) -> tuple[bytes | None, str]:
    """Return the bytes of a file, or None and why it cannot be read."""
    try:
        return file.read_bytes(), ""
    except OSError as error:
        return None, f"cannot be read: {error.strerror or first_line(error)}"
    except InputError as error:  # a mask that cannot be drawn, a blob that was changed
        return None, first_line(error)


def _other_sizes(sizes: Sequence[tuple[Frame, Size]]) -> Iterator[Fault]:
    counts = Counter(size for _, size in sizes).most_common(1)
    for frame, size in sizes:
        most = counts[0][0]
        if size != most:
            what = f"{size_text(size)}, most are {size_text(most)} (height x width)"
            yield Fault("frame-size", str(frame.image), what)


def _repeated(video: Video, digests: list[bytes]) -> Iterator[Fault]:
    first: dict[bytes, Frame] = {}
    for frame, digest in zip(video.frames, digests, strict=True):
        if digest and digest in first:
            yield Fault("duplicate-frame", str(frame.image), f"same as frame {first[digest].name}")
        first.setdefault(digest, frame)
