"""Mutated files through every reader: one error line or a valid result, no traceback or hang.

`make fuzz` runs these tests for an hour. Every fault they find becomes a test of its reader.
"""

import contextlib
import faulthandler
import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from fuzz_budget import LARGEST, LONGEST, SEED, inputs, peak_memory
from fuzz_models import READERS as MODEL_READERS
from fuzz_readers import READERS as FILE_READERS
from fuzz_readers import as_bytes, mask, picture
from hypothesis import given, settings
from hypothesis import strategies as st
from mutate import mutate_bytes, mutate_json
from records import moving_squares, write_records

from ytvos_keras.data.record_store import UnreadableFrameError, read_encoded, read_labels
from ytvos_keras.datasets.readers.run_lengths import from_coco, to_area
from ytvos_keras.errors import InputError
from ytvos_keras.media import read_mask
from ytvos_keras.media.json_file import JsonError, parse_json
from ytvos_keras.records.index import read_index

READERS = FILE_READERS | MODEL_READERS


@pytest.mark.filterwarnings("ignore")  # omitted items are reported as warnings
@pytest.mark.parametrize("name", READERS)
def test_mutated_files(name, tmp_path, counts):
    reader = READERS[name]
    if name in ("coco", "labelme", "cvat"):
        pytest.importorskip("pycocotools")
    data = as_bytes(reader.seed(tmp_path))
    path = tmp_path / "input" / reader.file
    path.parent.mkdir(parents=True)
    (tmp_path / "input" / "a.jpg").write_bytes(picture("JPEG"))
    path.write_bytes(data)
    reader.read(path)  # the seed itself is valid
    rng, before = random.Random(f"{name} {SEED}"), peak_memory()
    for count in inputs(reader.cost):
        content = reader.mutate(data, rng)
        path.write_bytes(content)
        expect_one_line(reader.read, path, content)
        counts[name] = count
    assert peak_memory() < before + LARGEST


@pytest.mark.parametrize("what", ["dataset.json", "index", "index, resealed", "shard"])
def test_mutated_records(what, tmp_path, counts):
    """Mutate names, checksums and offsets; no image may appear that was not written."""
    good = tmp_path / "good"
    write_records(moving_squares(2), good)
    original = {v.name: read_pictures(v) for v in read_index(good)}
    name = "dataset.json" if what == "dataset.json" else "train-00000-of-00002.index.json"
    name = "train-00000-of-00002.tfrecord" if what == "shard" else name
    data, rng = (good / name).read_bytes(), random.Random(f"{what} {SEED}")
    mutate = mutate_bytes if what == "shard" else mutate_json
    folder = tmp_path / "records"
    for count in inputs(cost=4):
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
        counts[f"records, {what}"] = count


def read_pictures(video):
    """All images of a video, or an empty dict if one cannot be read."""
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
    except (InputError, JsonError) as error:
        assert "\n" not in str(error).strip()
    except AssertionError:
        raise
    except Exception as error:
        kept = Path(os.environ.get("YTVOS_FUZZ_KEEP", path.parent.parent)) / f"fault-{path.name}"
        kept.write_bytes(content)
        raise AssertionError(f"{type(error).__name__} for {kept}") from error
    finally:
        faulthandler.cancel_dump_traceback_later()


def test_flipped_bit_never_changes_a_mask(tmp_path):
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
def test_json_round_trip(value):
    assert parse_json(json.dumps(value, allow_nan=True), allow_nan=True) == value


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary())
def test_random_bytes_raise_only_json_errors(data):
    with contextlib.suppress(JsonError):
        parse_json(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.characters(min_codepoint=48, max_codepoint=111)), st.integers(1, 9))
def test_compressed_run_lengths_cover_the_image_or_are_refused(text, width):
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
def test_run_lengths_round_trip(pixels):
    coco = pytest.importorskip("pycocotools.mask")
    area = np.array(pixels).reshape(7, 5)
    text = coco.encode(np.asfortranarray(area, np.uint8))["counts"].decode()
    counts = from_coco({"size": [7, 5], "counts": text}, (7, 5))
    if area.any():
        np.testing.assert_array_equal(to_area(counts, (7, 5)), area)
    else:
        assert counts is None
