"""The facts of videos in records that statistics are computed from."""

from collections.abc import Iterable

from ytvos_keras.datasets.statistics.video_facts import VideoFacts
from ytvos_keras.records.indexed_video import IndexedVideo


def facts_of_records(videos: Iterable[IndexedVideo]) -> list[VideoFacts]:
    """Collect the facts of videos in records from their index alone."""
    return [
        VideoFacts(
            video.frame_names, len(video.annotated), video.height * video.width, video.objects
        )
        for video in videos
    ]
