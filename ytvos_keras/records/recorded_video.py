"""Convert videos of records to the types of `datasets`, for checks and statistics."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.statistics.video_facts import VideoFacts
from ytvos_keras.datasets.video import Frame, Video
from ytvos_keras.records.indexed_video import Blob, IndexedVideo, read_blob


@dataclass(frozen=True)
class RecordedFile:
    """One encoded image of a shard.

    Args:
        shard: the TFRecord file.
        blob: place of the image in it.
        name: for example `003234408d/00005 mask`.
    """

    shard: Path
    blob: Blob
    name: str

    def read_bytes(self) -> bytes:
        """The bytes of the image as in the source; an `InputError` if they have changed."""
        return read_blob(self.shard, self.blob)

    def __str__(self) -> str:
        return f"{self.shard.name}: {self.name}"


def recorded_video(video: IndexedVideo) -> Video:
    """Convert a video of the records to the type that readers of folders yield."""
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
    """Collect the facts about videos in records from their index alone."""
    return [
        VideoFacts(
            video.frame_names, len(video.annotated), video.height * video.width, video.objects
        )
        for video in videos
    ]
