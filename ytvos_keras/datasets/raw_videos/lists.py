"""Write `clips.json`, `clips.csv` and the skeleton of `meta.json`."""

import csv
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.quality import QualityLimits
from ytvos_keras.datasets.raw_videos.settings import ANNOTATE_EVERY, FRAME_RATE, ClipSettings
from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_path
from ytvos_keras.media.json_file import read_json, write_json
from ytvos_keras.media.json_value import JsonValue


def write_clip_lists(
    root: Path,
    videos: Sequence[RawVideo],
    failures: Mapping[str, str],
    settings: ClipSettings,
    limits: QualityLimits,
) -> None:
    """Write `clips.json` and `clips.csv`; times in seconds, measures as in `ClipQuality`."""
    rows = [_row(clip, video) for video in videos for clip in video.clips]
    values = {
        "settings": dataclasses.asdict(settings),
        "limits": dataclasses.asdict(limits),
        "frames_per_second": int(FRAME_RATE),
        "annotate_every": ANNOTATE_EVERY,
        "clips": rows,
        "videos": [_video_row(video) for video in videos],
        "failures": dict(failures),
    }
    write_json(root / "clips.json", values)
    with (
        atomic_path(root / "clips.csv") as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        table = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({**row, "reasons": "; ".join(row["reasons"])} for row in rows)


def write_meta(root: Path, clips: Iterable[Clip]) -> None:
    """Add clips to `meta.json`, without objects; existing entries are kept."""
    path = root / "meta.json"
    # The user's content is read and written back, so nothing may be lost or rounded.
    meta = JsonValue(read_json(path, unique_keys=True) if path.exists() else {"videos": {}})
    try:
        videos = meta.member("videos").table()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for clip in clips:
        # Never replaced: the user lists the objects of finished clips there.
        videos.setdefault(clip.name, {"objects": {}})
    write_json(path, meta.value)


def read_sources(path: str | Path) -> dict[str, str]:
    """Read from `clips.json` which raw video each clip was cut from."""
    path = Path(path)
    remedy = "give the clips.json that `ytvos-prepare videos` writes"
    content = JsonValue(read_json(path, remedy, allow_nan=True))
    try:
        clips = content.member("clips").items()
        return {clip.member("name").text(): clip.member("video").text() for clip in clips}
    except InputError as error:
        raise InputError(f"{path}: {error}; {remedy}.") from error


def _row(clip: Clip, video: RawVideo) -> dict:
    height, width = video.frame_size
    return {
        "name": clip.name,
        "video": clip.video,
        "start": round(float(clip.start), 3),
        "end": round(float(clip.end), 3),
        "frames": clip.frame_count,
        "annotated": clip.annotated_count,
        "height": height,
        "width": width,
        **(dataclasses.asdict(clip.quality) if clip.quality else {}),
        "proposal": "reject" if clip.reasons else "keep",
        "reasons": list(clip.reasons),
        "written": clip.written,
    }


_COLUMNS = (
    *("name", "video", "start", "end", "frames", "annotated", "height", "width"),
    *("brightness", "blur", "shake", "proposal", "reasons", "written"),
)


def _video_row(video: RawVideo) -> dict:
    return {
        "video": video.video,
        "seconds": round(video.seconds, 3),
        "frames_per_second": round(video.frame_rate, 3),
        "shots": video.shot_count,
        "clips": len(video.clips),
    }
