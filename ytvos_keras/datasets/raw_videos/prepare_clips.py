"""Cut raw videos into clips ready for annotation, as section 3 of the paper describes."""

import dataclasses
import functools
import itertools
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.clips_folder import ClipsFolder
from ytvos_keras.datasets.raw_videos.contact_sheet import write_contact_sheets
from ytvos_keras.datasets.raw_videos.cut_video import cut_video
from ytvos_keras.datasets.raw_videos.find_videos import RawVideoFile, find_videos
from ytvos_keras.datasets.raw_videos.lists import write_clip_lists, write_meta
from ytvos_keras.datasets.raw_videos.quality import QualityLimits
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.datasets.raw_videos.shots import import_scenedetect
from ytvos_keras.errors import InputError
from ytvos_keras.processes import map_in_processes
from ytvos_keras.progress import Progress, silent


@dataclass(frozen=True)
class ClipReport:
    """The clips in the output folder, and the videos that could not be read.

    Args:
        videos: all raw videos of the folder, with their clips and verdicts.
        failures: error messages of this run, by video.
        sheets: pages of the contact sheet.
    """

    videos: tuple[RawVideo, ...]
    failures: dict[str, str]
    sheets: tuple[Path, ...]

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All clips, in order of video and time."""
        return tuple(clip for video in self.videos for clip in video.clips)

    @property
    def without_clips(self) -> tuple[str, ...]:
        """Videos in which no shot is long enough."""
        return tuple(video.video for video in self.videos if not video.clips)


def prepare_clips(
    source: str | Path,
    output: str | Path,
    *,
    settings: ClipSettings | None = None,
    limits: QualityLimits | None = None,
    leave_out_rejected: bool = False,
    jobs: int = 1,
    on_progress: Progress = silent,
) -> ClipReport:
    """Cut raw videos into clips of 30 frames per second, every fifth marked for annotation.

    Every video is decoded once to find its shots (see `find_shots`); clips are chosen in them (see
    `choose_clips`), and their frames are decoded again, resampled to 30 per second (see
    `resample`), written and measured (see `ClipQuality`). One frame is in memory at a time.

    The output folder is a split in YouTube-VOS layout without masks: all frames in
    `JPEGImages_all_frames/<clip>/00000.jpg`, …; those to annotate in `JPEGImages/<clip>/00000.jpg`,
    `00005.jpg`, …; an empty `Annotations/<clip>/`; `meta.json` without objects. It also contains
    `clips.json` and `clips.csv` (source, times, measures, proposals) and `contact_sheet_01.jpg`, …
    A clip is named `<video>_<number>`, numbered in order of time.

    Rejections are proposals: the clips are written, and nothing is ever deleted. Running the same
    command again resumes after an interruption, adds new videos, and applies changed limits. A clip
    whose folders were removed by hand is not cut again. The clips drawn depend on the seed, the
    video and its name, not on other videos.

    Args:
        source: a video file, or a folder that is searched with its subfolders.
        output: a new folder, or that of an earlier run with the same settings.
        settings: settings of frame selection; None for the paper's.
        limits: limits beyond which a clip is proposed for rejection; None for the defaults.
        leave_out_rejected: do not write the frames of clips proposed for rejection.
        jobs: videos processed in parallel, each in a separate process.
        on_progress: called with ("videos", videos done, total videos), and with a single job also
            with ("frames", frames decoded so far, None).

    Returns:
        The clips, and the videos that failed; a failure does not stop the others.

    Raises:
        InputError: there are no videos, or two with the same name; the output folder has other
            contents or settings; or PySceneDetect is not installed.

    Example:
        >>> report = prepare_clips("raw", "clips")
        >>> [clip.name for clip in report.clips if not clip.reasons]
        ['dog-run_01', 'dog-run_03']
    """
    settings, limits = settings or ClipSettings(), limits or QualityLimits()
    import_scenedetect()
    videos = find_videos(source)
    folder = ClipsFolder(output)
    folder.open(settings)
    frames = itertools.count(1)
    work = functools.partial(
        _try_video,
        folder=folder,
        settings=settings,
        limits=limits,
        leave_out_rejected=leave_out_rejected,
        # A lambda cannot be sent to other processes.
        on_frame=(lambda: on_progress("frames", next(frames), None)) if jobs == 1 else None,
    )
    failures = {}
    results = map_in_processes(work, videos, jobs, what="cuts clips")
    with closing(results):
        for done, (label, failure) in enumerate(results, start=1):
            if failure is not None:
                failures[label] = failure
            on_progress("videos", done, len(videos))
    return _report(folder, failures, settings, limits)


def _try_video(video: RawVideoFile, **how) -> tuple[str, str | None]:
    """Cut a video's clips; returns its label and, if that fails, the reason."""
    try:
        cut_video(video, **how)
    except InputError as error:
        return video.label, str(error)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        return video.label, f"{type(error).__name__}: {error}"  # a bug, but limited to this video
    return video.label, None


def _report(
    folder: ClipsFolder, failures: dict[str, str], settings: ClipSettings, limits: QualityLimits
) -> ClipReport:
    """Judge all clips of the folder and write the lists and the contact sheet."""
    videos = tuple(_judged(video, folder, limits) for video in folder.records())
    report = ClipReport(videos, failures, ())
    write_clip_lists(folder.root, videos, failures, settings, limits)
    write_meta(folder.root, (clip for clip in report.clips if clip.written))
    strips = [folder.strip(clip) for clip in report.clips]
    return dataclasses.replace(
        report, sheets=write_contact_sheets(folder.root, report.clips, strips)
    )


def _judged(video: RawVideo, folder: ClipsFolder, limits: QualityLimits) -> RawVideo:
    clips = tuple(
        # Judged again each time, so that new limits apply to clips that were measured earlier.
        dataclasses.replace(clip, reasons=limits.reasons(clip.quality), written=folder.holds(clip))
        for clip in video.clips
        if clip.quality is not None
    )
    return dataclasses.replace(video, clips=clips)
