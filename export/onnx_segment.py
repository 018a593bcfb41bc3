"""Segment a video with the files of `ytvos-export --format onnx`, without TensorFlow.

    pip install onnxruntime av lazy_loader natsort numpy orjson pillow rich
    pip install --no-deps .
    python export/onnx_segment.py s2s-onnx clip.mp4 --mask first.png --output masks

Frames and masks are read and validated as by `ytvos-segment`, with `ytvos_keras.media`. The core is
`segment`, where each step takes a state and returns the next one.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from ytvos_keras.cli.common import run
from ytvos_keras.errors import InputError
from ytvos_keras.export.output_folder import check_empty
from ytvos_keras.inference.first_masks import FirstMasks, open_first_masks
from ytvos_keras.inference.input_checks import check_size
from ytvos_keras.inference.sizes import resize_frame, resize_mask, working_size
from ytvos_keras.media import FrameSource, open_frames, write_mask
from ytvos_keras.media.masks import ids_in

NEXT = "_next"  # outputs cannot reuse input names: a step takes `h` and gives `h_next`
BACKGROUND = 0.5


class Model:
    """The ONNX graphs `initialize` and `step`, with the sizes given by their metadata.

    Args:
        folder: output folder of `ytvos-export`.
        threads: number of threads; 0 uses one per core.

    Raises:
        InputError: if a graph is missing, cannot be loaded, or was not written by `ytvos-export`.
    """

    def __init__(self, folder: Path, threads: int = 0):
        self._initialize, self._step = (
            _session(folder / f"{name}.onnx", threads) for name in ("initialize", "step")
        )
        facts = self._step.get_modelmeta().custom_metadata_map
        try:
            self.stride = int(facts["stride"])
            self.working_size = tuple(map(int, facts["working_size"].split("x")))
            self.fixed = facts["size"] != "any"
        except (KeyError, ValueError) as error:
            raise InputError(f"{folder}: was not written by ytvos-export. ({error})") from error

    def initialize(self, image: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
        """Initialize K objects: image uint8 (1, h, w, 3), masks uint8 0/1 (K, h, w, 1)."""
        names = [output.name for output in self._initialize.get_outputs()]
        outputs = self._initialize.run(None, {"image": image, "mask": masks})
        return dict(zip(names, outputs, strict=True))

    def step(self, image: np.ndarray, state: dict[str, np.ndarray]):
        """Return the probabilities float32 (K, h, w, 1) of the next image, and the next state."""
        names = [output.name.removesuffix(NEXT) for output in self._step.get_outputs()]
        outputs = self._step.run(None, {"image": image, **state})
        state = dict(zip(names, outputs, strict=True))
        return state.pop("probs"), state

    def size_for(self, frame: np.ndarray) -> tuple[int, int]:
        """Working (height, width): the model's area at the frame's aspect ratio."""
        if self.fixed:
            return self.working_size
        return working_size(frame.shape[:2], self.working_size, self.stride)


def segment(
    model: Model, source: FrameSource, masks: FirstMasks
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name and label map, uint8 (H, W), of every frame.

    Args:
        model: the ONNX graphs.
        source: frames from `open_frames`.
        masks: masks from `open_first_masks`, for the frames in which objects first appear.
    """
    ids: list[int] = []
    state: dict[str, np.ndarray] = {}
    for index, (name, frame) in enumerate(read_frames(source)):
        check_size(frame.shape[:2], source.size, f"{source.path}, {name}: the frame")
        size = model.size_for(frame)
        image = resize_frame(frame, size)[None]
        labels = np.zeros(source.size, np.uint8)
        if ids:
            probs, state = model.step(image, state)
            labels = merge(probs, ids, source.size)
        given = masks.read(index)
        new = [] if given is None else [i for i in ids_in(given) if i not in ids]
        if new:
            # Objects see each other: the rows of those that are tracked are only there to be seen.
            small = [resize_mask((given == i).astype(np.uint8), size) for i in new]
            small += other_masks(probs, size, np.any(small, axis=0)) if ids else []
            fresh = model.initialize(image, np.stack(small)[..., None])
            fresh = {k: x[: len(new)] for k, x in fresh.items()}
            state = {k: np.concatenate([state[k], fresh[k]]) for k in fresh} if ids else fresh
            ids += new
            labels = np.where(np.isin(given, new), given, labels)
        yield name, labels


def read_frames(source: FrameSource | Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, frame) from a folder of images or a video file, upright and in order."""
    return iter(source if isinstance(source, FrameSource) else open_frames(source))


def merge(probs: np.ndarray, ids: Sequence[int], size: tuple[int, int]) -> np.ndarray:
    """Assign each pixel to its most probable object: argmax over [0.5, p₁ … p_K] at native size."""
    best, labels = np.full(size, BACKGROUND, np.float32), np.zeros(size, np.uint8)
    for object_id, prob in zip(ids, probs[..., 0], strict=True):
        large = np.asarray(Image.fromarray(prob).resize(size[::-1], Image.Resampling.BILINEAR))
        better = large > best
        best[better], labels[better] = large[better], object_id
    return labels


def other_masks(probs: np.ndarray, size: tuple[int, int], given: np.ndarray) -> list[np.ndarray]:
    """The predicted masks, uint8 (h, w), without the pixels of given ones."""
    labels = merge(probs, range(1, len(probs) + 1), size)
    return [((labels == k) & ~given).astype(np.uint8) for k in range(1, len(probs) + 1)]


def main(argv: list[str] | None = None) -> int:
    """Run the command; return 0, 1 for an error, or 130 for an interrupt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("model", type=Path, help="folder that ytvos-export wrote")
    add("video", type=Path, help="video file, or folder of frames")
    add("--mask", type=Path, required=True, help="PNG for the first frame, or a folder of PNGs")
    add("--output", type=Path, required=True, help="new or empty folder for the masks")
    add("--threads", type=int, default=0, help="default: one for each core")
    arguments = parser.parse_args(argv)
    return run(lambda: _segment(arguments))


def _segment(arguments: argparse.Namespace) -> None:
    check_empty(arguments.output)  # a mask named like a frame would replace it
    source = open_frames(arguments.video)
    masks = open_first_masks(arguments.mask, source)
    begin = time.perf_counter()
    model = Model(arguments.model, arguments.threads)
    loaded = time.perf_counter()
    arguments.output.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, labels in segment(model, source, masks):
        write_mask(arguments.output / f"{name}.png", labels, masks.palette)
        count += 1
    seconds = (time.perf_counter() - loaded) / max(1, count)
    print(
        f"{count} masks in {arguments.output}: loaded in {loaded - begin:.2f} s, "
        f"{seconds:.3f} s a frame with reading and writing"
    )


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise InputError(f"{path}: no such file; give the folder that ytvos-export wrote.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a different class for each reason
        raise InputError(f"{path}: cannot be loaded. ({str(error).splitlines()[0]})") from error


if __name__ == "__main__":
    raise SystemExit(main())
