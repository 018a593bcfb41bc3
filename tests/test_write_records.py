import hashlib
import importlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from file_size_limit import room_for
from PIL import Image
from small_videos import list_videos, make_videos, slowly

from ytvos_keras.errors import InputError
from ytvos_keras.records import folder as records_folder
from ytvos_keras.records import write_shard as write_shard_module
from ytvos_keras.records.index import read_dataset, read_index
from ytvos_keras.records.run_folder import RunEndedError, RunFolder
from ytvos_keras.records.shard_plan import ShardTask
from ytvos_keras.records.write_records import write_in_process, write_records

SHARD = "train-{:05d}-of-00006.tfrecord"


@pytest.fixture
def videos(tmp_path):
    return make_videos(tmp_path / "source")


def write(videos, output: Path, **options) -> dict:
    return write_records(videos, output, **{"source": "youtube-vos", **options})


def write_without_beam(videos, output: Path, **options) -> None:
    """Write the same files in less time."""
    write_in_process(videos, output, **{"source": "youtube-vos", **options})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def check_all_whole(folder: Path) -> set[str]:
    """Check every shard under a final name against its index; return their names."""
    shards = set()
    for path in folder.glob("*.tfrecord"):
        index = json.loads(path.with_suffix(".index.json").read_text())
        assert hashlib.sha256(path.read_bytes()).hexdigest() == index["sha256"]
        shards.add(path.name)
    return shards


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_at_most_one_shard_per_video(videos, tmp_path):
    entry = write(videos, tmp_path / "out")
    assert entry == read_dataset(tmp_path / "out")["splits"]["train"]
    assert [shard["name"] for shard in entry["shards"]] == [SHARD.format(i) for i in range(6)]
    assert len(check_all_whole(tmp_path / "out")) == 6
    assert hidden(tmp_path / "out") == []


def test_videos_are_distributed_round_robin(videos, tmp_path):
    write(videos, tmp_path / "out", shards=4)
    assert [video.name for video in read_index(tmp_path / "out")] == [
        *("v0", "v4"),
        *("v1", "v5"),
        "v2",
        "v3",
    ]


def test_more_workers_write_the_same_files(videos, tmp_path):
    for jobs in (1, 2, 3):
        write(videos, tmp_path / f"out{jobs}", jobs=jobs)
    one, two, three = (contents(tmp_path / f"out{jobs}") for jobs in (1, 2, 3))
    assert one == two == three
    write_without_beam(videos, tmp_path / "simple")
    assert contents(tmp_path / "simple") == one


@pytest.mark.slow
def test_processes_write_the_same_files(videos, tmp_path):
    write_without_beam(videos, tmp_path / "one")
    options = ["--direct_running_mode=multi_processing"]
    write(videos, tmp_path / "processes", jobs=2, beam_options=options)
    assert contents(tmp_path / "one") == contents(tmp_path / "processes")


def test_another_runner(videos, tmp_path):
    write_without_beam(videos, tmp_path / "one")
    write(videos, tmp_path / "other", beam_options=["--runner=BundleBasedDirectRunner"])
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_progress_counts_videos(videos, tmp_path):
    calls = []
    write(videos, tmp_path / "out", on_progress=lambda *call: calls.append(call))
    assert calls[-1] == ("videos", 6, 6)
    assert [done for _, done, _ in calls] == sorted(done for _, done, _ in calls)


# Resuming


def test_repeated_call_keeps_everything(videos, tmp_path, caplog):
    write_without_beam(videos, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tf*")}
    with caplog.at_level("INFO", "ytvos_keras"):
        write(videos, tmp_path / "out")
    assert caplog.messages == ["6 of 6 shards already exist"]
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.tf*")}
    assert before == after


def test_lost_shard_is_rewritten(videos, tmp_path):
    write_without_beam(videos, tmp_path / "out")
    whole = contents(tmp_path / "out")
    (tmp_path / "out" / SHARD.format(2)).unlink()
    calls = []
    write(videos, tmp_path / "out", on_progress=lambda *call: calls.append(call))
    assert contents(tmp_path / "out") == whole
    assert set(calls) == {("videos", 6, 6)}  # the other five were kept


def test_interrupted(videos, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(videos, tmp_path / "out", on_progress=interrupt)
    assert hidden(tmp_path / "out") == []
    assert "dataset.json" not in contents(tmp_path / "out")
    check_all_whole(tmp_path / "out")
    write(videos, tmp_path / "out")
    write_without_beam(videos, tmp_path / "at_once")
    assert contents(tmp_path / "out") == contents(tmp_path / "at_once")


KILLED = """
import sys
from pathlib import Path
from small_videos import make_videos, slowly
from ytvos_keras.records.write_records import write_records

folder = Path(sys.argv[1])
write_records(slowly(make_videos(folder / "source")), folder / "out", source="slow", jobs=2)
"""


def test_killed(tmp_path):
    out = tmp_path / "out"
    environment = os.environ | {
        "SLOW_FILE_SECONDS": "0.3",
        "PYTHONPATH": str(Path(__file__).parent),
    }
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=environment)
    deadline = time.monotonic() + 300  # starting takes long on a busy machine
    while not list(out.glob("*.tfrecord")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = check_all_whole(out)
    assert 1 <= len(whole) < 6
    assert len(hidden(out)) == 1  # the shard being written
    with pytest.raises(InputError, match="these records are not finished"):
        read_index(out)
    kept = {name: (out / name).stat().st_mtime_ns for name in whole}
    videos = slowly(list_videos(tmp_path / "source"))
    write_records(videos, out, source="slow")
    assert hidden(out) == []
    assert kept == {name: (out / name).stat().st_mtime_ns for name in whole}
    write_without_beam(videos, tmp_path / "at_once", source="slow")
    assert contents(out) == contents(tmp_path / "at_once")


def test_worker_that_outlives_its_run_leaves_no_files(videos, tmp_path):
    class Ending(RunFolder):
        def count(self):
            self.remove()  # as the next run does with leftovers
            super().count()

    task = ShardTask(tmp_path / SHARD.format(0), "s", tuple(videos), "f", False)
    with RunFolder.new(tmp_path, "train") as run:
        path = run.add_task("0", task)
        with pytest.raises(RunEndedError):
            write_shard_module.write_shard(task, Ending(run.path))
        write_shard_module.run_task(str(path))  # already gone: nothing to do, and no error
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_worker_stops_after_another_has_failed(videos, tmp_path):
    task = ShardTask(tmp_path / SHARD.format(0), "s", tuple(videos), "f", False)
    with RunFolder.new(tmp_path, "train") as run:
        run.fail("the first failure, in one line")
        with pytest.raises(RunEndedError):
            write_shard_module.write_shard(task, run)
        assert run.failure == "the first failure, in one line"
        assert run.done == 0


def test_another_run_takes_over(videos, tmp_path, monkeypatch):
    # The package attribute `write_records` is the function, not the module of the same name.
    module = importlib.import_module("ytvos_keras.records.write_records")
    monkeypatch.setattr(module, "run_each", lambda *_, **__: RunFolder.remove_others(out, "train"))
    out = tmp_path / "out"
    with pytest.raises(InputError, match="another ytvos-prepare has started to write there"):
        write(videos, out)


# Existing content in the folder


def test_changed_videos_need_overwrite(videos, tmp_path):
    write_without_beam(videos, tmp_path / "out")
    mask = videos[2].frames[0].mask
    os.utime(mask, ns=(0, 0))
    message = r"train-00002-of-00006\.tfrecord: is damaged, or was written from other videos or wit"
    with pytest.raises(InputError, match=message):
        write(videos, tmp_path / "out")
    assert write(videos, tmp_path / "out", overwrite=True)["videos"] == 6


def test_overwrite_replaces_only_what_differs(videos, tmp_path, caplog):
    out = tmp_path / "out"
    write_without_beam(videos, out)
    whole = contents(out)
    changed, damaged = out / SHARD.format(2), out / SHARD.format(4)
    os.utime(videos[2].frames[0].mask, ns=(0, 0))
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    kept = {path: path.stat().st_ino for path in out.glob("*.tf*") if path != changed}
    with caplog.at_level("INFO", "ytvos_keras"):
        write(videos, out, overwrite=True)
    assert caplog.messages == ["4 of 6 shards already exist"]
    assert [path for path, node in kept.items() if path.stat().st_ino != node] == [damaged]
    assert {name for name, data in contents(out).items() if data != whole[name]} == {
        "dataset.json",  # the fingerprint
        changed.with_suffix(".index.json").name,
    }


def test_overwrite_repairs_a_changed_index(videos, tmp_path):
    out = tmp_path / "out"
    write_without_beam(videos, out)
    whole = contents(out)
    index = (out / SHARD.format(4)).with_suffix(".index.json")
    index.write_text(index.read_text().replace('"height":', '"height": '))  # still valid JSON
    assert contents(out) != whole
    with pytest.raises(InputError, match=r"00004.*: is damaged, or was .*--overwrite"):
        write(videos, out)
    write(videos, out, overwrite=True)
    assert contents(out) == whole


def test_overwrite_replaces_a_damaged_dataset_file(videos, tmp_path, caplog):
    out = tmp_path / "out"
    for split in ("val", "train"):
        write_without_beam(videos, out, split=split)
    whole = contents(out)
    (out / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json: is damaged; .* --overwrite"):
        write(videos, out)
    write(videos, out, overwrite=True)
    (warning,) = caplog.messages
    assert "was damaged and is replaced; run ytvos-prepare again for every other split" in warning
    write(videos, out, split="val")
    assert contents(out) == whole


def test_refused_run_does_not_end_another(videos, tmp_path):
    out = tmp_path / "out"
    write_without_beam(videos, out)
    with RunFolder.new(out, "train") as run:
        with pytest.raises(InputError, match="--overwrite"):
            write(videos[:5], out)
        assert run.done == 0  # its folder is still there


@pytest.mark.parametrize("change", ["fewer", "shards", "categories", "binary", "source"])
def test_changed_settings_need_overwrite(videos, tmp_path, change):
    write_without_beam(videos, tmp_path / "out")
    changed, options = videos, {}
    if change == "fewer":
        changed = videos[:5]
    if change == "shards":
        options = {"shards": 2}
    if change == "categories":
        changed = [replace(video, categories={}) for video in videos]
    if change == "binary":
        changed = [replace(video, binary=True) for video in videos]
    if change == "source":
        options = {"source": "davis"}
    with pytest.raises(InputError, match="--overwrite"):
        write(changed, tmp_path / "out", **options)
    write(changed, tmp_path / "out", overwrite=True, **options)
    write_without_beam(changed, tmp_path / "fresh", **options)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_splits_coexist(videos, tmp_path):
    write_without_beam(videos[:4], tmp_path / "out")
    write_without_beam(videos[4:], tmp_path / "out", split="val")
    write(videos[:3], tmp_path / "out", overwrite=True)
    splits = read_dataset(tmp_path / "out")["splits"]
    assert {split: entry["videos"] for split, entry in splits.items()} == {"train": 3, "val": 2}
    assert [video.name for video in read_index(tmp_path / "out", "val")] == ["v4", "v5"]
    assert len(read_index(tmp_path / "out")) == 5


def test_unrelated_files_are_kept(videos, tmp_path):
    out = tmp_path / "out"
    (out / ".train.mine").mkdir(parents=True)
    (out / "notes.tfrecord").write_text("mine")
    write(videos, out)
    write(videos, out, overwrite=True)
    assert {".train.mine", "notes.tfrecord"} < {path.name for path in out.iterdir()}


# Faults


def test_truncated_frame(videos, tmp_path):
    image = videos[3].frames[1].image
    image.write_bytes(image.read_bytes()[:-200])
    with pytest.raises(InputError) as error:
        write(videos, tmp_path / "out", jobs=2)
    assert str(error.value).startswith(f"{image}: frame that cannot be decoded completely: ")
    assert str(error.value).endswith(
        "(--skip-faulty skips such videos and names them in dataset.json; `ytvos-prepare check` "
        "lists all faults of a data set in folders)"
    )
    assert hidden(tmp_path / "out") == []
    assert SHARD.format(3) not in check_all_whole(tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_mask_of_a_different_size(videos, tmp_path):
    video, other = videos[0], make_videos(tmp_path / "other", videos=1)[0]
    large = tmp_path / "large.png"
    Image.open(other.frames[0].mask).resize((64, 48)).save(large)
    frames = (replace(video.frames[0], mask=large), *video.frames[1:])
    message = (
        r"large\.png: mask whose size differs from its frame's: 48x64, its frame 24x32\. Export"
    )
    with pytest.raises(InputError, match=message):
        write([replace(video, frames=frames)], tmp_path / "out")


def test_missing_file(videos, tmp_path):
    image = videos[1].frames[2].image
    image.unlink()
    with pytest.raises(InputError, match=r"v1/00002\.jpg: cannot be read\. \(No such file"):
        write(videos, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_skipped_faulty_videos_are_listed(videos, tmp_path):
    image = videos[3].frames[1].image
    image.write_bytes(b"no picture")
    entry = write(videos, tmp_path / "out", skip_faulty=True)
    assert entry["videos"] == 5
    ((name, fault),) = [(video["name"], video["fault"]) for video in entry["skipped"]]
    assert name == "v3"
    assert fault.startswith(f"{image}: frame that cannot be decoded")
    assert [video.name for video in read_index(tmp_path / "out")] == ["v0", "v1", "v2", "v4", "v5"]


def test_skip_faulty_resumes_after_a_fault(videos, tmp_path, caplog):
    videos[3].frames[1].image.write_bytes(b"no picture")
    with pytest.raises(InputError):
        write(videos, tmp_path / "out")
    whole = len(check_all_whole(tmp_path / "out"))
    with caplog.at_level("INFO", "ytvos_keras"):
        assert write(videos, tmp_path / "out", skip_faulty=True)["videos"] == 5
    assert caplog.messages == ([f"{whole} of 6 shards already exist"] if whole else [])
    message = r"train-00003-of-00006\.tfrecord: is damaged, or was written"
    with pytest.raises(InputError, match=message):
        write(videos, tmp_path / "out")


def test_no_video_without_a_fault(videos, tmp_path):
    videos[0].frames[0].image.write_bytes(b"")
    with pytest.raises(InputError, match=r"every video has a fault; the first: .*00000\.jpg"):
        write(videos[:1], tmp_path / "out", skip_faulty=True)


def test_full_disk(videos, tmp_path):
    (long,) = make_videos(tmp_path / "long", videos=1, frames=100)
    with room_for(80_000), pytest.raises(InputError) as error:  # enough for the six short videos
        write([*videos, replace(long, name="long")], tmp_path / "out", jobs=2)
    shard = tmp_path / "out" / "train-00006-of-00007.tfrecord"
    assert str(error.value) == f"{shard}: cannot be written. (File too large)"
    assert hidden(tmp_path / "out") == []
    assert shard.name not in check_all_whole(tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


@pytest.mark.parametrize(
    ("owner", "function", "file"),
    [
        (write_shard_module, "_write_records", r"train-0000\d-of-00006\.tfrecord"),
        (records_folder, "write_json", r"dataset\.json"),
        (RunFolder, "add_task", "out"),
    ],
)
def test_write_error_names_the_file(videos, tmp_path, monkeypatch, owner, function, file):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(owner, function, fail)
    with pytest.raises(InputError, match=rf"{file}: cannot be written\. \(No space left on device"):
        write(videos, tmp_path / "out")
    assert hidden(tmp_path / "out") == []


# Arguments


def test_names_must_differ(videos, tmp_path):
    with pytest.raises(InputError, match=r"must be unique\. Received 2 videos named 'v1'"):
        write([*videos, videos[1]], tmp_path / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode elsewhere")
def test_non_unicode_names(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    videos = make_videos(folder)
    videos[3].frames[1].image.write_bytes(b"no picture")
    with pytest.raises(InputError, match=r"caf\\udce9.*: frame that cannot be decoded"):
        write(videos, tmp_path / "out")
    videos[4] = replace(videos[4], name=folder.name)
    entry = write(videos, tmp_path / "out", skip_faulty=True, overwrite=True)
    assert [video["name"] for video in entry["skipped"]] == ["caf\udce9", "v3"]
    assert read_dataset(tmp_path / "out")["splits"]["train"] == entry
    assert "is not valid Unicode (UTF-8); rename it." in entry["skipped"][0]["fault"]


def test_no_videos(tmp_path):
    with pytest.raises(InputError, match="there are no videos to write"):
        write([], tmp_path / "out")


def test_invalid_split_name(videos, tmp_path):
    with pytest.raises(InputError, match=r"named with letters, digits, .* Received: 'a/b'"):
        write(videos, tmp_path / "out", split="a/b")


def test_output_that_is_a_file(videos, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="out: is a file; give a folder for the records"):
        write(videos, tmp_path / "out")


def test_without_beam(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"run: pip install 'ytvos-keras\[beam\]'$"):
        write(videos, tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--runner=NoRunner", "Apache Beam rejects these options: Unexpected pipeline runner"),
        ("--direct_num_workers=x", "argument --direct_num_workers: invalid int value: 'x'"),
    ],
)
def test_invalid_beam_options(videos, tmp_path, option, message):
    with pytest.raises(InputError, match=message):
        write(videos, tmp_path / "out", beam_options=[option])
    assert hidden(tmp_path / "out") == []


def test_beam_reports_unknown_options(videos, tmp_path, caplog):
    write(videos, tmp_path / "out", beam_options=["--nonsense=3"])
    assert "Discarding unparseable args: ['--nonsense=3']" in caplog.messages
    assert len(read_index(tmp_path / "out")) == 6


def test_unexpected_error_is_not_hidden(videos, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(write_shard_module, "encode_video", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        write(videos, tmp_path / "out")
    assert hidden(tmp_path / "out") == []
