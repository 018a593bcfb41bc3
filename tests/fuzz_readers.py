"""Every file reader, with a small valid file and a way to mutate it."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from mutate import mutate_bytes, mutate_json, mutate_zip, reseal_png
from PIL import Image

from ytvos_keras.datasets.check.mask_bytes import examine_mask
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.datasets.raw_videos.clip import Clip, RawVideo
from ytvos_keras.datasets.raw_videos.clips_folder import ClipsFolder
from ytvos_keras.datasets.raw_videos.lists import read_sources
from ytvos_keras.datasets.readers.coco import read_coco
from ytvos_keras.datasets.readers.cvat import read_cvat
from ytvos_keras.datasets.readers.labelme import read_labelme
from ytvos_keras.datasets.selection import read_names
from ytvos_keras.datasets.youtube_vos_meta import read_meta
from ytvos_keras.evaluation.comparison.read_results import read_result
from ytvos_keras.inference.batch_summary import VideoOutcome, add_to_summary, read_summary
from ytvos_keras.media import open_frames, read_mask, write_mask
from ytvos_keras.media.array_file import load_arrays, save_arrays
from ytvos_keras.media.pictures import read_rgb

SIZE = (12, 16)
SQUARE = [1, 1, 9, 1, 9, 9, 1, 9]


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader of one file type.

    Attributes:
        file: file name, in a folder that also holds an image `a.jpg`.
        seed: creates the content of a valid file; may write to the folder that it is given.
        mutate: takes content and a `random.Random`.
        read: takes the file's path.
        cost: cost of one read relative to the cheapest readers.
    """

    file: str
    seed: Callable[[Path], bytes | dict]
    mutate: Callable
    read: Callable[[Path], object]
    cost: int = 1


def picture(form, mode="RGB", **options):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def frame(form, mode="RGB", **options):
    return lambda folder: picture(form, mode, **options)


def labels():
    values = np.zeros(SIZE, np.uint8)
    values[2:6, 2:6], values[7:10, 8:14] = 1, 2
    return values


def mask(folder):
    write_mask(folder / "seed.png", labels())
    return (folder / "seed.png").read_bytes()


def rgba_mask(folder):
    file = io.BytesIO()
    Image.fromarray(labels() & 1).convert("RGBA").save(file, "PNG")
    return file.getvalue()


def deep_mask(folder):
    file = io.BytesIO()
    Image.fromarray(labels().astype(np.uint16)).save(file, "PNG")
    return file.getvalue()


def video(suffix, codec):
    def seed(folder):
        with av.open(str(folder / f"seed{suffix}"), "w") as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
            for level in range(3):
                values = np.full((32, 32, 3), 60 * level, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(values, format="rgb24")))
            container.mux(stream.encode(None))
        return (folder / f"seed{suffix}").read_bytes()

    return seed


def coco(folder):
    from pycocotools import mask as coding

    area = np.zeros(SIZE, np.uint8, order="F")
    area[3:9, 4:11] = 1
    counts = coding.encode(area)["counts"].decode()
    shapes = [
        [SQUARE],
        {"size": [*SIZE], "counts": counts},
        {"size": [*SIZE], "counts": [30, 100, 62]},
    ]
    return {
        "categories": [{"id": 1, "name": "dog"}],
        "images": [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [
            {"id": i, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": shape}
            for i, shape in enumerate(shapes, 1)
        ],
    }


def labelme(folder):
    points = [[1, 1], [9, 1], [9, 9]]
    return {
        "imagePath": "a.jpg",
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
        "shapes": [
            {"label": "a", "points": points, "shape_type": "polygon", "group_id": None},
            {"label": "b", "points": points[:2], "shape_type": "rectangle", "group_id": 1},
            {"label": "c", "points": points[:2], "shape_type": "circle"},
        ],
    }


def meta(folder):
    objects = {"1": {"category": "cat", "frames": ["00000", "00005"]}, "2": {"frames": []}}
    return {"videos": {"v": {"objects": objects}, "w": {"objects": {}}}}


def results(folder):
    group = {"mean": 0.5, "recall": 0.4, "decay": 0.1}
    return {
        "version": "0.1.0",
        "protocol": "davis2017",
        "settings": {"frames": "all"},
        "J": group,
        "F": group,
        "G": 0.5,
        "seen": None,
        "unseen": {"J": group, "F": group, "objects": 1},
        "objects": [{"sequence": "a", "object": 1, "frames": 3}],
    }


def cvat(folder):
    return (
        b'<?xml version="1.0" encoding="utf-8"?><annotations><image id="0" name="a.jpg" width="16" '
        b'height="12"><polygon label="x" points="1,1;9,1;9,9" z_order="0"/><mask label="y" '
        b'rle="2, 2, 2" left="4" top="4" width="3" height="2" z_order="1"/></image></annotations>'
    )


def raw_video(folder):
    clips = (Clip("v_00", "v.mp4", start=0, frame_count=90),)
    return RawVideo("v.mp4", 1000, 29.97, (48, 64), 3.0, 1, clips).to_dict()


def summary(folder):
    add_to_summary(folder, VideoOutcome("a", 3, 1, 0.5, fingerprint="0f"))
    add_to_summary(folder, VideoOutcome("b", error="no such file"))
    return (folder / "summary.json").read_bytes()


def arrays(folder):
    save_arrays(folder / "seed.npz", {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text")})
    return (folder / "seed.npz").read_bytes()


def drawn(videos):
    for found in videos:
        for each in found.frames:
            each.mask.read_bytes()


def all_frames(path):
    return [image for _, image in open_frames(path)]


def png(data, rng):
    data = mutate_bytes(data, rng)
    return reseal_png(data) if rng.random() < 0.5 else data


READERS = {
    "mask": Reader("m.png", mask, png, lambda f: read_mask(f, allow_empty=True)),
    "mask-rgba": Reader("m.png", rgba_mask, png, read_mask),
    "mask-16-bit": Reader("m.png", deep_mask, png, read_mask),
    "check-mask": Reader("m.png", mask, png, lambda f: examine_mask(f.read_bytes())),
    "frame-png": Reader("m.png", frame("PNG"), png, read_rgb),
    "frame-png-palette": Reader("m.png", frame("PNG", "P"), png, read_rgb),
    "frame-jpeg": Reader("m.jpg", frame("JPEG"), mutate_bytes, read_rgb),
    "frame-jpeg-progressive": Reader(
        *("m.jpg", frame("JPEG", progressive=True), mutate_bytes, read_rgb)
    ),
    "frame-webp": Reader("m.webp", frame("WEBP"), mutate_bytes, read_rgb),
    "frame-webp-lossless": Reader("m.webp", frame("WEBP", lossless=True), mutate_bytes, read_rgb),
    "frame-tiff": Reader("m.tif", frame("TIFF"), mutate_bytes, read_rgb),
    "frame-tiff-deflate": Reader(
        *("m.tif", frame("TIFF", compression="tiff_deflate"), mutate_bytes, read_rgb)
    ),
    "frame-gif": Reader("m.gif", frame("GIF"), mutate_bytes, read_rgb),
    "frame-bmp": Reader("m.bmp", frame("BMP"), mutate_bytes, read_rgb),
    "check-jpeg": Reader(
        "m.jpg", frame("JPEG"), mutate_bytes, lambda f: examine_picture(f.read_bytes())
    ),
    "video-avi": Reader("m.avi", video(".avi", "mpeg4"), mutate_bytes, all_frames, 4),
    "video-mp4": Reader("m.mp4", video(".mp4", "mpeg4"), mutate_bytes, all_frames, 4),
    "video-mkv": Reader("m.mkv", video(".mkv", "ffv1"), mutate_bytes, all_frames, 4),
    "meta": Reader("meta.json", meta, mutate_json, read_meta),
    "coco": Reader("c.json", coco, mutate_json, lambda f: drawn(read_coco(f, f.parent)), 2),
    "labelme": Reader("a.json", labelme, mutate_json, lambda f: drawn(read_labelme(f.parent)), 2),
    "cvat": Reader("c.xml", cvat, mutate_bytes, lambda f: drawn(read_cvat(f, f.parent)), 2),
    "results": Reader("r.json", results, mutate_json, read_result),
    "clips": Reader("c.json", lambda _: {"clips": [raw_clip()]}, mutate_json, read_sources),
    "raw-video": Reader(
        *(".clips/videos/v.json", raw_video, mutate_json),
        lambda f: ClipsFolder(f.parents[2]).records(),
    ),
    "summary": Reader("s.json", summary, mutate_json, read_summary),
    "arrays": Reader("s.npz", arrays, mutate_zip, load_arrays),
    "names": Reader("n.txt", lambda _: "a\nb # c\né\n".encode(), mutate_bytes, read_names),
}


def raw_clip():
    return {"name": "v_00", "video": "v.mp4", "start": 0.0, "reasons": []}


def as_bytes(content):
    return content if isinstance(content, bytes) else json.dumps(content).encode()
