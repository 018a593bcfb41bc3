"""Segments a video with the files of `ytvos-export --format onnx`, without TensorFlow.

    pip install onnxruntime numpy pillow av
    python export/onnx_segment.py s2s-onnx clip.mp4 --mask first.png --output masks

This file stands alone: copy it and the folder of ONNX files wherever they are needed. The heart of
it is `segment`: a state goes into every step and the next one comes out.
"""

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

NEXT = "_next"  # an output cannot have an input's name: a step takes `h` and gives `h_next`
PICTURES = (".jpg", ".jpeg", ".png")
BACKGROUND = 0.5


class Model:
    """The graphs `initialize` and `step`, and what their metadata say of sizes.

    Args:
        folder: Where `ytvos-export` has written them.
        threads: As many as there are cores if 0.
    """

    def __init__(self, folder: Path, threads: int = 0):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._initialize, self._step = (
            onnxruntime.InferenceSession(
                folder / f"{name}.onnx", options, providers=["CPUExecutionProvider"]
            )
            for name in ("initialize", "step")
        )
        facts = self._step.get_modelmeta().custom_metadata_map
        self.stride = int(facts["stride"])
        self.working_size = tuple(map(int, facts["working_size"].split("x")))
        self.fixed = facts["size"] != "any"

    def initialize(self, image: np.ndarray, masks: np.ndarray) -> dict[str, np.ndarray]:
        """The state of K objects: image uint8 (1, h, w, 3), masks uint8 0/1 (K, h, w, 1)."""
        names = [output.name for output in self._initialize.get_outputs()]
        outputs = self._initialize.run(None, {"image": image, "mask": masks})
        return dict(zip(names, outputs, strict=True))

    def step(self, image: np.ndarray, state: dict[str, np.ndarray]):
        """Probabilities float32 (K, h, w, 1) of the next image, and the next state."""
        names = [output.name.removesuffix(NEXT) for output in self._step.get_outputs()]
        outputs = self._step.run(None, {"image": image, **state})
        state = dict(zip(names, outputs, strict=True))
        return state.pop("probs"), state

    def size_for(self, frame: np.ndarray) -> tuple[int, int]:
        """(height, width) to work at: the model's area, the frame's aspect ratio."""
        if self.fixed:
            return self.working_size
        height, width = frame.shape[:2]
        scale = np.sqrt(np.prod(self.working_size) / (height * width))
        sides = (max(1, round(side * scale / self.stride)) for side in (height, width))
        return tuple(side * self.stride for side in sides)


def segment(model: Model, frames: Iterable[np.ndarray], first: np.ndarray) -> Iterator[np.ndarray]:
    """Yields the label map of every frame, uint8 (H, W).

    Args:
        model: The graphs.
        frames: uint8 (H, W, 3), RGB.
        first: Label map of the first frame, uint8 (H, W); every value but 0 is an object.
    """
    ids = np.unique(first[first > 0])
    state = None
    for frame in frames:
        height, width = model.size_for(frame)
        image = np.asarray(_resize(frame, (height, width), Image.Resampling.BILINEAR))[None]
        if state is None:
            masks = [
                _resize((first == i).astype(np.uint8), (height, width), Image.Resampling.NEAREST)
                for i in ids
            ]
            state = model.initialize(image, np.stack(masks)[..., None])
            yield first
            continue
        probs, state = model.step(image, state)
        yield _labels(probs, ids, frame.shape[:2])


def _labels(probs: np.ndarray, ids: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Every pixel to its most probable object: argmax over [0.5, p₁ … p_K] at native size."""
    best, labels = np.full(size, BACKGROUND, np.float32), np.zeros(size, np.uint8)
    for object_id, prob in zip(ids, probs[..., 0], strict=True):
        large = np.asarray(_resize(prob, size, Image.Resampling.BILINEAR))
        better = large > best
        best[better], labels[better] = large[better], object_id
    return labels


def _resize(array: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    return Image.fromarray(array).resize(size[::-1], how)


def read_frames(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yields (name, frame) of a folder of pictures or of a video file."""
    if path.is_dir():
        for file in sorted(file for file in path.iterdir() if file.suffix.lower() in PICTURES):
            yield file.stem, np.asarray(Image.open(file).convert("RGB"))
        return
    import av

    with av.open(path) as video:
        for number, frame in enumerate(video.decode(video=0)):
            yield f"{number:05d}", frame.to_ndarray(format="rgb24")


def palette() -> list[int]:
    """The colours of DAVIS: the bits of an id are dealt to red, green and blue in turn."""
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            bits = (np.arange(256) >> (3 * bit + channel)) & 1
            colours[:, channel] |= (bits << (7 - bit)).astype(np.uint8)
    return colours.ravel().tolist()


def main() -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="folder that ytvos-export has written")
    parser.add_argument("video", type=Path, help="video file, or folder of JPEG or PNG frames")
    parser.add_argument("--mask", type=Path, required=True, help="index PNG of the first frame")
    parser.add_argument("--output", type=Path, required=True, help="folder for the masks")
    parser.add_argument("--threads", type=int, default=0, help="default: one for each core")
    arguments = parser.parse_args()
    for path in (arguments.model / "step.onnx", arguments.video, arguments.mask):
        if not path.exists():
            print(f"error: {path}: no such file or folder", file=sys.stderr)
            return 1
    first = np.asarray(Image.open(arguments.mask))
    if first.ndim != 2 or not first.any():
        print(f"error: {arguments.mask}: an index PNG with an object is needed", file=sys.stderr)
        return 1
    begin = time.perf_counter()
    model = Model(arguments.model, arguments.threads)
    loaded = time.perf_counter()
    names: list[str] = []

    def frames() -> Iterator[np.ndarray]:
        for name, frame in read_frames(arguments.video):
            if frame.shape[:2] != first.shape:
                sys.exit(f"error: {arguments.mask} must have the size of the frames")
            names.append(name)
            yield frame

    arguments.output.mkdir(parents=True, exist_ok=True)
    colours = palette()
    for labels in segment(model, frames(), first.astype(np.uint8)):
        picture = Image.fromarray(labels)
        picture.putpalette(colours)
        picture.save(arguments.output / f"{names[-1]}.png")
    seconds = (time.perf_counter() - loaded) / max(1, len(names))
    print(
        f"{len(names)} masks in {arguments.output}: loaded in {loaded - begin:.2f} s, "
        f"{seconds:.3f} s a frame with reading and writing"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
