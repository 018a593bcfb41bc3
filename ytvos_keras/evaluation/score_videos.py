"""Scores a model on annotated videos: mean J beside that of the first mask copied to every frame.

    python -m ytvos_keras.evaluation.score_videos VIDEOS --sequences SOURCE/SEQUENCE …

VIDEOS holds `<source>/{JPEGImages,Annotations}/<sequence>/`. Every object of the first mask is
followed to the end. J is averaged over an object's annotated frames but the first and the last (as
DAVIS does), then over objects.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.region_similarity import region_similarity
from ytvos_keras.media.frames import open_frames
from ytvos_keras.media.masks import read_mask


def score_sequence(segmenter, frames: Path, annotations: Path) -> dict:
    """Segments one sequence and compares.

    Args:
        segmenter: a fresh or `reset` `Segmenter`.
        frames: a folder of frames.
        annotations: a folder of index PNGs with the frames' names; frames without one do not count.

    Returns:
        `{"objects": {id: (mean J, mean J of the copied mask)}, "seconds": the median step's,
        "frames": n}`.

    Raises:
        InputError: The first frame has no annotation, or fewer than three frames have one.
    """
    source = open_frames(frames)
    truths = {path.stem: read_mask(path, allow_empty=True)[0] for path in annotations.glob("*.png")}
    if source.names[0] not in truths or len(truths) < 3:
        raise InputError(f"{annotations}: needs a mask of the first frame and three masks or more")
    scores, first, seconds = {}, None, []
    for name, frame in source:
        if first is None:
            first = truths[name]
            scores = {i: [] for i in segmenter.add_objects(first)}
        begin = time.perf_counter()
        labels = segmenter.step(frame)
        seconds.append(time.perf_counter() - begin)
        if name in truths:
            for i, values in scores.items():
                truth = truths[name] == i
                copied = region_similarity(first == i, truth)
                values.append((region_similarity(labels == i, truth), copied))
    means = {i: tuple(np.mean(values[1:-1], axis=0)) for i, values in scores.items()}
    return {"objects": means, "seconds": statistics.median(seconds), "frames": source.count}


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--sequences", nargs="+", required=True, metavar="SOURCE/SEQUENCE")
    parser.add_argument("--model", default="s2s-lite")
    parser.add_argument("--size", type=int, nargs=2, metavar=("H", "W"))
    arguments = parser.parse_args()

    import ytvos_keras

    segmenter = ytvos_keras.Segmenter(ytvos_keras.load(arguments.model), arguments.size)
    everything = []
    print("| sequence | frames | objects | J | J of the copied mask | s/frame |")
    print("|---|---|---|---|---|---|")
    for sequence in arguments.sequences:
        source, name = sequence.split("/")
        folder = arguments.videos / source
        segmenter.reset()
        result = score_sequence(
            segmenter, folder / "JPEGImages" / name, folder / "Annotations" / name
        )
        values = list(result["objects"].values())
        everything += values
        ours, copied = 100 * np.mean(values, axis=0)
        print(
            f"| {sequence} | {result['frames']} | {len(values)} | {ours:.1f} | {copied:.1f} "
            f"| {result['seconds']:.3f} |",
            flush=True,
        )
    ours, copied = 100 * np.mean(everything, axis=0)
    print(f"| mean over objects | | {len(everything)} | {ours:.1f} | {copied:.1f} | |")


if __name__ == "__main__":
    main()
