"""Mixing several folders, reading damaged shards, and exiting while clips are read ahead."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from records import make_video, write_records

from ytvos_keras.data import sampling
from ytvos_keras.data.clip_feed import ClipFeed, source_of_clip
from ytvos_keras.data.python_step import _Calls
from ytvos_keras.errors import InputError


def tiny_video(name, length=4, every=1):
    rng = np.random.default_rng(len(name))
    mask = np.zeros((24, 32), np.uint8)
    mask[5:15, 8:20] = 1
    masks = [None if t % every else mask for t in range(length)]
    return make_video(name, rng.integers(0, 256, (length, 24, 32, 3), np.uint8), masks)


@pytest.fixture
def folder(tmp_path):
    return write_records([tiny_video("one"), tiny_video("other")], tmp_path, shards=1)


def make_feed(data, frames="annotated"):
    return ClipFeed(
        data,
        split="train",
        exclude=(),
        percent=100,
        frames=frames,
        size=(24, 32),
        seed=0,
        augmentation=None,
        min_object=0.002,
        max_step=5,
        objects=1,
        on_corrupt="skip",
    )


def test_missing_unannotated_frames_are_reported_once_for_all_folders(tmp_path, caplog):
    a, b, sparse = (
        write_records([tiny_video(name, every=every)], tmp_path / name, shards=1)
        for name, every in (("a", 1), ("b", 1), ("sparse", 2))
    )
    for data, frames, count in (
        ({a: 1, sparse: 1}, "any", 0),
        ({a: 1, b: 1}, "annotated", 0),
        ({a: 1, b: 1}, "any", 1),
    ):
        sampling._warn_once.cache_clear()
        caplog.clear()
        make_feed(data, frames)
        assert len(caplog.messages) == count


def test_sources_are_interleaved_by_their_shares():
    shares = [0.55, 0.25, 0.2]
    had = [0, 0, 0]
    for n in range(1000):
        source, before = source_of_clip(n, shares)
        assert before == had[source]  # each source numbers its own clips without gaps
        had[source] += 1
        assert np.abs(np.array(had) - (n + 1) * np.array(shares)).max() < 2


def test_objects_that_vanish_at_the_working_size(tmp_path):
    masks = np.zeros((4, 240, 320), np.uint8)
    masks[:, 100:102] = 1  # between the rows that remain at 24×32
    frames = np.zeros((4, 240, 320, 3), np.uint8)
    feed = make_feed(write_records([make_video("thin", frames, masks)], tmp_path, shards=1))
    with pytest.raises(InputError, match=r"too thin to be seen at 24×32; choose a larger size"):
        feed.clip(0, 2)


def test_flipped_bits_are_reported_and_never_change_an_image(folder):
    (shard,) = Path(folder).glob("*.tfrecord")
    whole, rng = shard.read_bytes(), np.random.default_rng(3)
    feed = make_feed(folder)
    good = {(k, bytes(image)) for n in range(40) for k, image in enumerate(feed.clip(n, 4).images)}
    reported = 0
    for _ in range(25):
        data = bytearray(whole)
        for position in rng.integers(0, len(data), 3):
            data[position] ^= 1 << int(rng.integers(8))
        shard.write_bytes(data)
        feed = make_feed(folder)
        for n in range(6):
            for k, image in enumerate(feed.clip(n, 2).images):
                assert any(image == other for _, other in good), (n, k)
        reported += bool(feed.unreadable.met)
        assert all(str(shard) in message for message in feed.unreadable.met)
    assert reported > 10


def test_end_waits_for_running_calls_and_refuses_new_ones():
    calls, entered, done = _Calls(), threading.Event(), []

    def work():
        with calls:
            entered.set()
            time.sleep(0.2)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(60)
    calls.end()
    assert done == [True]
    with pytest.raises(RuntimeError, match="the process is exiting"), calls:
        pass
    thread.join()


@pytest.mark.slow
def test_process_exits_while_datasets_prefetch(folder):
    code = (
        "from ytvos_keras.data.make_dataset import make_dataset\n"
        f"made = [make_dataset({str(folder)!r}, size=(240, 320), seed=k) for k in range(4)]\n"
        "streams = [iter(dataset) for dataset in made]\n"
        "for stream in streams: next(stream)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, capture_output=True)
