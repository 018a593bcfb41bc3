"""Check a zip against the requirements of the servers of YouTube-VOS and DAVIS."""

import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ytvos_keras.errors import InputError, listed
from ytvos_keras.evaluation.submission.faults import Fault, missing_frames
from ytvos_keras.evaluation.submission.mask import mask_problems
from ytvos_keras.evaluation.submission.submission_plan import (
    PlannedSequence,
    SubmissionPlan,
    plan_submission,
)
from ytvos_keras.media.archives import ArchiveError, open_archive
from ytvos_keras.progress import Progress, silent


def check_submission(
    path: str | Path,
    ground_truth: str | Path,
    protocol: str,
    *,
    split: str | None = None,
    on_progress: Progress = silent,
) -> list[Fault]:
    """Find everything that is wrong with the zip `path`; an empty list means that it is valid.

    Nothing is unpacked to disk.

    Rules:
        * All masks are where `plan_submission` says, and there is nothing else; folders do not
          count. Masks below another top folder are one fault, and are still checked.
        * Names use `/`, do not lead out of the zip, and occur once.
        * A mask is an 8-bit PNG, palette or greyscale, of the size of the frames, whose values are
          0 or ids of that sequence.

    `ground_truth`, `protocol` and `split` are those of `plan_submission`. `on_progress` is called
    after every mask with "check", masks done, total masks.

    Example:
        >>> check_submission("results.zip", "valid", "youtube-vos")
        []
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; give the zip file.")
    if not path.is_file():
        raise InputError(f"{path}: no such file.")
    plan = plan_submission(ground_truth, protocol, split)
    return check_against(plan, path, path.name, on_progress)


def check_against(plan: SubmissionPlan, path: Path, name: str, report: Progress) -> list[Fault]:
    """Check a zip against a plan; `name` is the name of the zip in errors."""
    try:
        with open_archive(path) as archive:
            return _faults(plan, archive, name, report)
    except ArchiveError as error:
        return [Fault(name, str(error))]


def _faults(
    plan: SubmissionPlan, archive: zipfile.ZipFile, name: str, report: Progress
) -> list[Fault]:
    infos = [info for info in archive.infolist() if not _name(info).endswith("/")]
    found, misplaced = _sort(infos, plan)
    faults = [*_name_faults(infos), *misplaced, *_missing(plan, set(found), name)]
    for done, ((sequence, _), info) in enumerate(found.items(), 1):
        problems = mask_problems(archive, info, plan.sequences[sequence], plan.source)
        faults += [Fault(_name(info), problem) for problem in problems]
        report("check", done, len(found))
    return faults


def _name_faults(infos: Iterable[zipfile.ZipInfo]) -> Iterator[Fault]:
    times = Counter(_name(info) for info in infos)
    for name, count in times.items():
        if count > 1:
            yield Fault(name, f"occurs {count} times; servers may read any of them")
        if "\\" in name:
            yield Fault(name, "has backslashes in its name; folders are separated by /")
        parts = _parts(name)
        if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            yield Fault(name, "leads out of the zip; names must be relative, without ..")


def _name(info: zipfile.ZipInfo) -> str:
    return info.orig_filename  # `filename` has / for \ where that is the system's separator


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")] or [name]


def _sort(
    infos: Iterable[zipfile.ZipInfo], plan: SubmissionPlan
) -> tuple[dict[tuple[str, str], zipfile.ZipInfo], list[Fault]]:
    """Masks by (sequence, frame) in the order of the plan, and faults for misplaced files."""
    found: dict[tuple[str, str], zipfile.ZipInfo] = {}
    extra: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    levels: Counter[tuple[str, ...]] = Counter()
    for info in infos:
        *above, last = _parts(_name(info))
        sequence = plan.sequences.get(above[-1]) if above else None
        frame = last.removesuffix(".png")
        if sequence is None or last == frame or frame not in sequence.frames:
            extra[tuple(above), _why_extra(sequence, last)].append(_name(info))
            continue
        top = tuple(above[:-1])
        if top != plan.top:
            levels[top] += 1
        # Masks at a wrong level are still checked, so that all faults are listed at once.
        found.setdefault((above[-1], frame), info)
    wrong = [_wrong_level(top, count, plan) for top, count in levels.items()]
    order = {(name, frame): i for i, (name, frame, _) in enumerate(plan.entries())}
    masks = {place: found[place] for place in sorted(found, key=order.__getitem__)}
    return masks, [*wrong, *_unexpected(extra)]


def _why_extra(sequence: PlannedSequence | None, last: str) -> str:
    if sequence is None:
        return "not in the folder of a required sequence"
    if not last.endswith(".png"):
        return "masks are named FRAME.png"
    return "not a required frame of this sequence"


def _unexpected(extra: Mapping[tuple[tuple[str, ...], str], Sequence[str]]) -> Iterator[Fault]:
    """One fault for each folder and reason; `extra` has the names of the files."""
    for (folder, why), names in extra.items():
        if len(names) == 1:
            yield Fault(names[0], f"is unexpected: {why}")
        else:
            files = listed([_parts(name)[-1] for name in names])
            problem = f"{len(names)} files are unexpected ({files}): {why}"
            yield Fault("/".join((*folder, "")) or "/", problem)


def _wrong_level(top: tuple[str, ...], count: int, plan: SubmissionPlan) -> Fault:
    where = "the top folder Annotations/" if plan.top else "the root of the zip"
    masks = "1 mask is" if count == 1 else f"{count} masks are"
    return Fault("/".join((*top, "")) or "/", f"{masks} here; sequences must be in {where}")


def _missing(plan: SubmissionPlan, found: set[tuple[str, str]], name: str) -> Iterator[Fault]:
    there = {sequence for sequence, _ in found}
    absent = [sequence for sequence in plan.sequences if sequence not in there]
    if absent:
        count = f"{len(absent)} of {len(plan.sequences)} sequences missing"
        yield Fault(name, f"{count}: {listed(absent)}")
    for sequence, planned in plan.sequences.items():
        missing = [frame for frame in planned.frames if (sequence, frame) not in found]
        # A completely missing sequence is one fault, not one per frame.
        if missing and sequence in there:
            folder = "/".join((*plan.top, sequence, ""))
            yield Fault(folder, missing_frames(planned.frames, missing))
