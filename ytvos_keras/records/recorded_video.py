"""Videos of records in the forms of `datasets`, for checks and for statistics."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.statistics.video_facts import VideoFacts
from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.errors import InputError
from ytvos_keras.records.indexed_video import Blob, IndexedVideo


@dataclass(frozen=True)
class RecordedFile:
    """One encoded picture of a shard.

    Args:
        shard: the TFRecord file.
        blob: where the picture lies in it.
        name: such as `003234408d/00005 mask`.
    """

    shard: Path
    blob: Blob
    name: str

    def read_bytes(self) -> bytes:
        """The picture as it was in the source; other bytes are an `InputError`."""
        with self.shard.open("rb") as file:
            file.seek(self.blob.offset)
            data = file.read(self.blob.length)
        if len(data) < self.blob.length:
            raise InputError("lies behind the end of the shard")
        # Of the picture alone: TFRecord's own checksum would need the whole record.
        if zlib.crc32(data) != self.blob.crc32:
            raise InputError("its bytes are not those that were written (CRC-32)")
        return data

    def __str__(self) -> str:
        return f"{self.shard.name}: {self.name}"


def recorded_video(video: IndexedVideo) -> Video:
    """A video of the records in the form in which readers of folders yield videos."""
    blobs = zip(video.frame_names, video.images, video.masks, strict=True)
    frames = (
        Frame(
            name,
            RecordedFile(video.shard, image, f"{video.name}/{name}"),
            mask and RecordedFile(video.shard, mask, f"{video.name}/{name} mask"),
        )
        for name, image, mask in blobs
    )
    categories = {i: info.category for i, info in video.objects.items() if info.category}
    return Video(video.name, tuple(frames), categories, binary=video.binary)


def facts_of_records(videos: Iterable[IndexedVideo]) -> list[VideoFacts]:
    """Collect the facts of videos in records from their index alone."""
    return [
        VideoFacts(
            video.frame_names, len(video.annotated), video.height * video.width, video.objects
        )
        for video in videos
    ]
