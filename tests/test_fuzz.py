"""Mutated files through every reader: one line or a right result, never a traceback or a hang.

`make fuzz` runs them for an hour. A fault that is found becomes a test beside its reader.
"""

import contextlib
import faulthandler
import hashlib
import io
import json
import os
import random
import resource
import shutil
import time
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import mutate_bytes, mutate_json, reseal_png
from PIL import Image
from records import moving_squares, write_records

from ytvos_keras.data.record_store import UnreadableFrameError, read_encoded, read_labels
from ytvos_keras.datasets.check.mask_bytes import examine_mask
from ytvos_keras.datasets.picture_bytes import examine_picture
from ytvos_keras.datasets.readers.coco import read_coco
from ytvos_keras.datasets.readers.cvat import read_cvat
from ytvos_keras.datasets.readers.labelme import read_labelme
from ytvos_keras.datasets.readers.run_lengths import from_coco, to_area
from ytvos_keras.datasets.selection import read_names
from ytvos_keras.datasets.youtube_vos_meta import read_meta
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.comparison.read_results import read_result
from ytvos_keras.inference.array_file import load_arrays, save_arrays
from ytvos_keras.media import open_frames, read_mask, write_mask
from ytvos_keras.media.json_file import JsonError, parse_json
from ytvos_keras.media.pictures import read_rgb
from ytvos_keras.records.index import read_index

SECONDS = float(os.environ.get("YTVOS_FUZZ_SECONDS", "0"))  # for each reader, beside COUNT
COUNT = 150
LONGEST = 60  # seconds for one input
LARGEST = 2**30  # bytes above what the process has taken before

SIZE = (12, 16)
SQUARE = [1, 1, 9, 1, 9, 9, 1, 9]


def picture(form, mode="RGB", **options):
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def mask(folder):
    labels = np.zeros(SIZE, np.uint8)
    labels[2:6, 2:6], labels[7:10, 8:14] = 1, 2
    write_mask(folder / "seed.png", labels)
    return (folder / "seed.png").read_bytes()


def gray_mask():
    labels = np.zeros(SIZE, np.uint8)
    labels[2:6, 2:6] = 1
    file = io.BytesIO()
    Image.fromarray(labels).convert("RGBA").save(file, "PNG")
    return file.getvalue()


def video(folder):
    with av.open(str(folder / "seed.avi"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for level in range(3):
            frame = np.full((32, 32, 3), 60 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return (folder / "seed.avi").read_bytes()


def coco(folder):
    from pycocotools import mask as coding

    area = np.zeros(SIZE, np.uint8, order="F")
    area[3:9, 4:11] = 1
    counts = coding.encode(area)["counts"].decode()
    return {
        "categories": [{"id": 1, "name": "dog"}],
        "images": [{"id": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "segmentation": [SQUARE]},
            {
                "id": 2,
                "image_id": 1,
                "category_id": 1,
                "segmentation": {"size": [*SIZE], "counts": counts},
            },
            {
                "id": 3,
                "image_id": 1,
                "category_id": 1,
                "segmentation": {"size": [*SIZE], "counts": [30, 100, 62]},
            },
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


def arrays(folder):
    save_arrays(folder / "seed.npz", {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text")})
    return (folder / "seed.npz").read_bytes()


def drawn(videos):
    for found in videos:
        for frame in found.frames:
            frame.mask.read_bytes()


def all_frames(path):
    return [frame for _, frame in open_frames(path)]


def png(data, rng):
    data = mutate_bytes(data, rng)
    return reseal_png(data) if rng.random() < 0.5 else data


# Name: file, seed, mutation, reader.
READERS = {
    "mask": ("m.png", mask, png, lambda f: read_mask(f, allow_empty=True)),
    "mask-rgba": ("m.png", lambda _: gray_mask(), png, read_mask),
    "frame-png": ("m.png", lambda _: picture("PNG"), png, read_rgb),
    "frame-jpeg": ("m.jpg", lambda _: picture("JPEG"), mutate_bytes, read_rgb),
    "frame-webp": ("m.webp", lambda _: picture("WEBP"), mutate_bytes, read_rgb),
    "frame-tiff": ("m.tif", lambda _: picture("TIFF"), mutate_bytes, read_rgb),
    "frame-gif": ("m.gif", lambda _: picture("GIF"), mutate_bytes, read_rgb),
    "frame-bmp": ("m.bmp", lambda _: picture("BMP"), mutate_bytes, read_rgb),
    "check-mask": ("m.png", mask, png, lambda f: examine_mask(f.read_bytes())),
    "check-jpeg": (
        *("m.jpg", lambda _: picture("JPEG"), mutate_bytes),
        lambda f: examine_picture(f.read_bytes()),
    ),
    "video": ("m.avi", video, mutate_bytes, all_frames),
    "meta": ("meta.json", meta, mutate_json, read_meta),
    "coco": ("c.json", coco, mutate_json, lambda f: drawn(read_coco(f, f.parent))),
    "labelme": ("a.json", labelme, mutate_json, lambda f: drawn(read_labelme(f.parent))),
    "cvat": ("c.xml", cvat, mutate_bytes, lambda f: drawn(read_cvat(f, f.parent))),
    "results": ("r.json", results, mutate_json, read_result),
    "arrays": ("s.npz", arrays, mutate_bytes, load_arrays),
    "names": ("n.txt", lambda _: "a\nb # c\né\n".encode(), mutate_bytes, read_names),
}


@pytest.mark.filterwarnings("ignore")  # what is left out is told in warnings
@pytest.mark.parametrize("name", READERS)
def test_mutated_files(name, tmp_path, record_property):
    file, seed, mutate, read = READERS[name]
    if name in ("coco", "labelme", "cvat"):
        pytest.importorskip("pycocotools")
    data = seed(tmp_path)
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    folder = tmp_path / "input"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture("JPEG"))
    path = folder / file
    path.write_bytes(data)
    read(path)  # the seed itself is good
    rng = random.Random(f"{name} {SECONDS}")
    before, begin, count = peak_memory(), time.monotonic(), 0
    while count < COUNT or time.monotonic() < begin + SECONDS:
        content = mutate(data, rng)
        path.write_bytes(content)
        expect_one_line(read, path, content)
        count += 1
    record_property("inputs", count)
    assert peak_memory() < before + LARGEST
    print(f"{name}: {count} inputs")


@pytest.mark.parametrize("what", ["dataset.json", "index", "index, resealed", "shard"])
def test_mutated_records(what, tmp_path):
    """Names, checksums and places that lead elsewhere; never a picture that was not written."""
    good = tmp_path / "good"
    write_records(moving_squares(2), good)
    original = {v.name: read_pictures(v) for v in read_index(good)}
    name = "dataset.json" if what == "dataset.json" else "train-00000-of-00002.index.json"
    name = "train-00000-of-00002.tfrecord" if what == "shard" else name
    data, rng = (good / name).read_bytes(), random.Random(what)
    mutate = mutate_bytes if what == "shard" else mutate_json
    folder = tmp_path / "records"
    begin, count = time.monotonic(), 0
    while count < COUNT // 2 or time.monotonic() < begin + SECONDS:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        content = mutate(data, rng)
        (folder / name).write_bytes(content)
        if what == "index, resealed":
            path = folder / "dataset.json"
            digests = [hashlib.sha256(x).hexdigest() for x in (data, content)]
            path.write_text(path.read_text().replace(*digests))

        def read(folder):
            for video in read_index(folder):
                if "resealed" not in what:
                    assert read_pictures(video) in ({}, *original.values())
                else:
                    read_pictures(video)

        expect_one_line(read, folder, content)
        count += 1
    print(f"records, {what}: {count} inputs")


def read_pictures(video):
    """All of a video; nothing if a picture cannot be read."""
    try:
        frames = [read_encoded(video, i) for i in range(len(video.images))]
        return {
            "frames": frames,
            "masks": [read_labels(video, i).tobytes() for i in video.annotated],
        }
    except UnreadableFrameError:
        return {}


def expect_one_line(read, path, content):
    faulthandler.dump_traceback_later(LONGEST, exit=True)
    try:
        read(path)
    except InputError as error:
        assert "\n" not in str(error).strip()
    except AssertionError:
        raise
    except Exception as error:
        kept = Path(os.environ.get("YTVOS_FUZZ_KEEP", path.parent.parent)) / f"fault-{path.name}"
        kept.write_bytes(content)
        raise AssertionError(f"{type(error).__name__} for {kept}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()


def peak_memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_flipped_bit_never_gives_another_mask(tmp_path):
    data = mask(tmp_path)
    expected, _ = read_mask(tmp_path / "seed.png")
    rng = random.Random(0)
    for _ in range(200):
        flipped = bytearray(data)
        flipped[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        (tmp_path / "m.png").write_bytes(flipped)
        try:
            found, _ = read_mask(tmp_path / "m.png")
        except InputError:
            continue
        np.testing.assert_array_equal(found, expected)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(JSON)
def test_json_comes_back(value):
    assert parse_json(json.dumps(value, allow_nan=True), allow_nan=True) == value


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary())
def test_bytes_that_are_no_json_are_one_error(data):
    with contextlib.suppress(JsonError):
        parse_json(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=48, max_codepoint=111)), st.integers(1, 9))
def test_compressed_run_lengths_cover_the_picture_or_are_refused(text, width):
    pytest.importorskip("pycocotools")
    size = (7, width)
    try:
        counts = from_coco({"size": [*size], "counts": text}, size)
    except InputError:
        return
    if counts is not None:
        assert to_area(counts, size).shape == size


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.booleans(), min_size=35, max_size=35))
def test_run_lengths_of_every_mask_come_back(pixels):
    coco = pytest.importorskip("pycocotools.mask")
    area = np.array(pixels).reshape(7, 5)
    text = coco.encode(np.asfortranarray(area, np.uint8))["counts"].decode()
    counts = from_coco({"size": [7, 5], "counts": text}, (7, 5))
    if area.any():
        np.testing.assert_array_equal(to_area(counts, (7, 5)), area)
    else:
        assert counts is None
