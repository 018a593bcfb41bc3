"""J and F of a method on a data set."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.evaluation_plan import EvaluationPlan, Labels, plan_evaluations
from ytvos_keras.evaluation.frame_work import score_work
from ytvos_keras.evaluation.protocols import SequenceWork
from ytvos_keras.evaluation.results import Evaluation, ObjectScores
from ytvos_keras.processes import map_in_processes

FramesDone = Callable[[int, int], None]
"""Called with frames done and total frames."""

_CHUNK = 4  # frames per task: small enough for an even load and a quick response to Ctrl-C
WORTHWHILE = 32
"""Frames to score per process: they take about as long as starting one."""


def evaluate(
    predictions: Labels,
    ground_truth: Labels,
    protocol: str,
    *,
    split: str | None = None,
    sequences: Sequence[str] | None = None,
    seen_categories: Collection[str] | None = None,
    exclude_last: bool = False,
    frames: str | None = None,
    jobs: int = 1,
    on_progress: FramesDone | None = None,
) -> Evaluation:
    """Score predicted masks by the rules of a benchmark.

    Statistics are averaged over the objects of all sequences, so every object, not every video, has
    the same weight. Masks must have the size of the ground truth. Every scored frame needs a
    prediction; masks of other frames are ignored. An object missing from a prediction counts as
    empty; an id that is not an object of the sequence is an error. A sequence without scored frames
    (one or two frames in total) scores NaN, causes a warning and is left out of the means.

    * `davis2016`: everything above 0 is one object, but grey levels from 32 up beside 255 are an
      error (smooth edges); the first and the last frame are not scored.
    * `davis2017`: the objects of the first true mask; the first and the last frame are not scored;
      255 in the ground truth is background.
    * `youtube-vos`: each object in the frames that `meta.json` lists for it, except the first; for
      arrays, and without a `meta.json`, in all frames after its first. Which frames the server
      leaves out was never published.

    Args:
        predictions: a folder that contains one folder of PNGs per sequence; or label maps
            {sequence: (T, H, W)}, or (T, H, W) of a single sequence.
        ground_truth: for DAVIS, its root (`Annotations/480p/…`), or a folder that contains one
            folder of PNGs per sequence; for YouTube-VOS, a folder with `meta.json` and
            `Annotations`; label maps if `predictions` are.
        protocol: `davis2016`, `davis2017` or `youtube-vos`.
        split: DAVIS: the name of a list in `ImageSets`; YouTube-VOS: a folder in `ground_truth`.
        sequences: score only these.
        seen_categories: for `youtube-vos`, the categories that the model was trained on; without
            them, there are no scores of seen and unseen categories, and no G.
        exclude_last: for `youtube-vos`, whether to also leave out an object's last listed frame.
        frames: for `youtube-vos`, which frames the method was given: `every` (30 per second) or
            `listed` (in `meta.json`, or those with a true mask). Recorded in the result without
            changing the scores; with `listed`, masks of other frames are an error.
        jobs: number of processes. Above 1, a script needs `if __name__ == "__main__":` around its
            work (see `multiprocessing`, "spawn").
        on_progress: called after every frame with the number of frames done and the total.

    Returns:
        Scores by object, and their summaries; fractions.

    Raises:
        InputError: an input cannot be used; the message names the file.

    Example:
        >>> clip = np.ones((3, 8, 8), np.uint8)
        >>> evaluate(clip, clip, "davis2017").overall.J_and_F
        1.0

    References:
        - Perazzi et al., A Benchmark Dataset and Evaluation Methodology for VOS, CVPR 2016.
        - Pont-Tuset et al., The 2017 DAVIS Challenge on VOS, arXiv:1704.00675.
        - Xu et al., YouTube-VOS: Sequence-to-Sequence VOS, ECCV 2018, section 5.
    """
    if seen_categories is not None and protocol != "youtube-vos":
        raise InputError("seen_categories are only for the protocol youtube-vos.")
    (plan,) = plan_evaluations(
        {"": predictions},
        ground_truth,
        protocol,
        split=split,
        sequences=sequences,
        exclude_last=exclude_last,
        frames=frames,
    ).values()
    return score_plan(plan, seen_categories=seen_categories, jobs=jobs, on_progress=on_progress)


def score_plan(
    plan: EvaluationPlan,
    *,
    seen_categories: Collection[str] | None = None,
    jobs: int = 1,
    on_progress: FramesDone | None = None,
) -> Evaluation:
    """Score the sequences of a plan; the arguments are those of `evaluate`."""
    work = [frame for sequence in plan.sequences for frame in sequence.frames]
    done = 0
    objects: list[ObjectScores] = []
    # Frame by frame over all sequences, so that even one long sequence keeps all processes busy.
    results = map_in_processes(
        score_work, work, jobs, chunk=_CHUNK, worthwhile=WORTHWHILE, what="scores frames"
    )
    # An error or Ctrl-C here must also end the processes.
    with contextlib.closing(results) as scores:
        for sequence in plan.sequences:
            values: dict[int, list[tuple[str, float, float]]] = {i: [] for i in sequence.categories}
            for frame in sequence.frames:
                for object_id, J, F in zip(frame.object_ids, *next(scores), strict=True):
                    values[object_id].append((frame.name, J, F))
                done += 1
                if on_progress is not None:
                    on_progress(done, len(work))
            objects += _object_scores(sequence, values)
    if seen_categories is None:
        return Evaluation(plan.protocol, tuple(objects), None, plan.settings)
    settings = plan.settings | {"seen_categories": sorted(seen_categories)}
    return Evaluation(plan.protocol, tuple(objects), frozenset(seen_categories), settings)


def _object_scores(
    sequence: SequenceWork, values: Mapping[int, Sequence[tuple[str, float, float]]]
) -> Iterator[ObjectScores]:
    for object_id, category in sequence.categories.items():
        rows = values[object_id]
        frames = tuple(name for name, _, _ in rows)
        # The reshape keeps two columns where no frame is scored.
        J, F = np.array([scores for _, *scores in rows], np.float64).reshape(-1, 2).T
        yield ObjectScores(sequence.name, object_id, category, frames, J, F)
