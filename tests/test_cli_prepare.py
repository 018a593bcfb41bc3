import dataclasses
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from help_time import quick_output
from PIL import Image
from small_videos import make_source

from ytvos_keras.cli import prepare, prepare_stats
from ytvos_keras.datasets.check import repair
from ytvos_keras.datasets.raw_videos.quality import QualityLimits
from ytvos_keras.datasets.raw_videos.settings import ClipSettings
from ytvos_keras.datasets.statistics.video_facts import VideoFacts
from ytvos_keras.media import write_mask
from ytvos_keras.records.index import read_dataset, read_index

HEAVY = "{'tensorflow', 'keras', 'apache_beam', 'matplotlib', 'numpy', 'PIL', 'av', 'rich'}"
COMMANDS = ["youtube-vos", "davis", "images", "videos", "check", "stats", "split"]


@pytest.fixture
def source(tmp_path):
    """Two videos in the YouTube-VOS layout, with a meta.json."""
    folder = make_source(tmp_path / "source", videos=2)
    first, rest = ["00000", "00002"], ["00002"]
    objects = {
        f"v{v}": {
            "objects": {
                "1": {"category": "dog", "frames": first},
                str(2 + v): {"category": "cat", "frames": rest},
            }
        }
        for v in range(2)
    }
    (folder / "meta.json").write_text(json.dumps({"videos": objects}))
    return folder


def names(data, split=None) -> list[str]:
    return sorted(video.name for video in read_index(data, split))


@pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS)])
def test_help_imports_nothing_heavy_and_fits_a_terminal(arguments):
    code = (
        "import sys\n"
        "from ytvos_keras.cli.prepare import main\n"
        "try:\n    main([*sys.argv[1:], '--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        f"heavy = {HEAVY} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 100
    if not arguments:
        assert all(command in done.stdout for command in COMMANDS)


def test_help_is_quick():
    assert quick_output(sys.executable, "-m", "ytvos_keras.cli.prepare", "--help")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["davis", "a"], "the following arguments are required: OUT"),
        (["davis", "a", "b", "--year", "2018"], "argument --year: invalid choice"),
        (
            ["images", "a", "b", "--shards", "0"],
            "must be a whole number of at least 1. Received: '0'",
        ),
        (["stats", "a", "--fps", "0"], "must be a number above 0. Received: '0'"),
        (["split", "a", "b", "--validation", "-1"], "number of at least 0. Received: '-1'"),
        (["check", "a", "--layout", "coco"], "invalid choice: 'coco'"),
    ],
)
def test_usage_errors_exit_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        prepare.main(arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (["davis", "a", "b"], ": run the same command again to resume where it stopped"),
        (["videos", "a", "b"], ": run the same command again to resume where it stopped"),
        (["check", "a"], ""),
    ],
)
def test_interrupted_commands_that_can_be_resumed(line, hint, monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.parser().parse_args(line).command, "run", interrupt)
    assert prepare.main(line) == 130
    assert capsys.readouterr().err == f"interrupted{hint}\n"


def test_youtube_vos(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert prepare.main(["youtube-vos", str(source), str(out), "--jobs", "2"]) == 0
    text, progress = capsys.readouterr()
    assert text.splitlines() == [
        "train: 2 videos, 8 frames, 4 annotated frames, 4 objects, 6 annotations",
        f"records: {out} (2 shards, {_kilobytes(out)} kB)",
    ]
    assert "2/2 videos" in progress
    assert read_dataset(out)["splits"]["train"]["source"] == "youtube-vos"
    assert read_dataset(out)["splits"]["train"]["categories"] == {"cat": 2, "dog": 2}


def _kilobytes(folder) -> float:
    return round(sum(path.stat().st_size for path in folder.glob("*.tfrecord")) / 1e3, 1)


def test_youtube_vos_accepts_the_split_folder(tmp_path):
    make_source(tmp_path / "root" / "train", videos=2)
    make_source(tmp_path / "root" / "valid", videos=1)
    root, out = str(tmp_path / "root"), str(tmp_path / "out")
    assert prepare.main(["youtube-vos", root, out, "--quiet"]) == 0
    assert prepare.main(["youtube-vos", root, out, "--quiet", "--split", "valid"]) == 0
    assert names(out, "train") == ["v0", "v1"]
    assert names(out, "valid") == ["v0"]


def test_selected_videos(source, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("v1\n")
    listed = ["--videos", str(tmp_path / "list.txt")]
    common = ["youtube-vos", str(source), str(tmp_path / "out"), "--quiet"]
    assert prepare.main([*common, *listed, "--split", "val"]) == 0
    assert prepare.main([*common, "--exclude", "v1"]) == 0
    assert names(tmp_path / "out", "val") == ["v1"]
    assert names(tmp_path / "out", "train") == ["v0"]
    assert capsys.readouterr() == ("", "")


def test_davis_uses_the_list_of_the_split(tmp_path):
    made = make_source(tmp_path / "made", videos=3)
    root = tmp_path / "DAVIS"
    for folder in ("JPEGImages", "Annotations"):
        (root / folder).mkdir(parents=True)
        (made / folder).rename(root / folder / "480p")
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "train.txt").write_text("v0\nv2\n")
    (root / "ImageSets" / "2017" / "val.txt").write_text("v1\n")
    common = ["davis", str(root), str(tmp_path / "out"), "--quiet"]
    assert prepare.main(common) == 0
    assert prepare.main([*common, "--split", "mine", "--image-set", "val"]) == 0
    assert names(tmp_path / "out", "train") == ["v0", "v2"]
    assert names(tmp_path / "out", "mine") == ["v1"]
    assert (
        prepare.main([*common, "--split", "all2016", "--year", "2016", "--image-set", "val"]) == 1
    )


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    for name in ("img", "mask"):
        (folder / "toys" / name).mkdir(parents=True)
    Image.new("RGB", (8, 6)).save(folder / "toys" / "img" / "a.jpg")
    labels = np.zeros((6, 8), np.uint8)
    labels[1:4, 2:5] = 1
    write_mask(folder / "toys" / "mask" / "a.png", labels)
    return folder


def test_images(pictures, tmp_path):
    assert prepare.main(["images", str(pictures), str(tmp_path / "out"), "--quiet"]) == 0
    (video,) = read_index(tmp_path / "out")
    assert (video.name, video.source) == ("toys/a", "images/folders")
    assert video.objects[1].areas == (9,)


def test_images_of_coco(pictures, tmp_path):
    pytest.importorskip("pycocotools")
    annotation = {"id": 1, "image_id": 5, "category_id": 2, "iscrowd": 0, "bbox": [2, 1, 3, 3]}
    annotation |= {"segmentation": [[2, 1, 5, 1, 5, 4, 2, 4]], "area": 9}
    content = {
        "images": [{"id": 5, "file_name": "a.jpg", "height": 6, "width": 8}],
        "annotations": [annotation],
        "categories": [{"id": 2, "name": "ball"}],
    }
    file = tmp_path / "instances.json"
    file.write_text(json.dumps(content))
    images = ["--images", str(pictures / "toys" / "img")]
    command = ["images", str(file), str(tmp_path / "out"), "--format", "coco", *images, "--quiet"]
    assert prepare.main(command) == 0
    (video,) = read_index(tmp_path / "out")
    assert video.source == "images/coco"
    assert video.objects[1].category == "ball"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--images", "x"], "--images is for --format coco or cvat. Received: folders"),
        (["--crowds"], "--crowds is for --format coco. Received: folders"),
        (["--crowds", "--format", "cvat"], "--crowds is for --format coco. Received: cvat"),
    ],
)
def test_options_of_another_format(pictures, tmp_path, capsys, options, message):
    command = ["images", str(pictures), str(tmp_path / "out"), "--quiet", *options]
    assert prepare.main(command) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize(("suffix", "form"), [(".json", "coco"), (".XML", "cvat")])
def test_annotation_file_without_format(tmp_path, capsys, suffix, form):
    file = tmp_path / f"instances{suffix}"
    file.touch()
    assert prepare.main(["images", str(file), str(tmp_path / "out"), "--quiet"]) == 1
    assert capsys.readouterr().err == (
        f"error: {file}: is a file, but --format folders reads a folder; to read annotations from "
        f"a {suffix} file, add --format {form}.\n"
    )


@pytest.mark.parametrize("command", [["check"], ["stats"], ["split", "lists"]])
def test_records_have_no_other_frames(tmp_path, capsys, command):
    (tmp_path / "dataset.json").write_text("{}")
    name, *output = command
    assert prepare.main([name, str(tmp_path), *output, "--all-frames", "--quiet"]) == 1
    message = "all_frames is only for the layout youtube-vos. Received: 'records'"
    assert capsys.readouterr().err == f"error: {message}\n"


def test_fault_is_one_line_and_exits_1(source, tmp_path, capsys):
    image = source / "JPEGImages" / "v1" / "00001.jpg"
    image.write_bytes(image.read_bytes()[:-100])
    command = ["youtube-vos", str(source), str(tmp_path / "out"), "--quiet"]
    assert prepare.main(command) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith(f"error: {image}: frame that cannot be decoded completely")
    assert prepare.main([*command[:-1], "--skip-faulty"]) == 0
    assert f"left out: v1 ({image}: frame that" in capsys.readouterr().out


def test_fault_of_the_folders_is_not_skipped(source, tmp_path, capsys):
    (source / "Annotations" / "v1" / "00000.png").rename(source / "Annotations/v1/00009.png")
    command = ["youtube-vos", str(source), str(tmp_path / "out"), "--quiet", "--skip-faulty"]
    assert prepare.main(command) == 1
    assert "v1/00009.png" in capsys.readouterr().err
    assert prepare.main([*command, "--exclude", "v1"]) == 0
    assert names(tmp_path / "out") == ["v0"]


def test_options_after_beam_are_passed_to_beam(source, tmp_path, capsys):
    command = ["youtube-vos", str(source), str(tmp_path / "out"), "--quiet"]
    assert prepare.main([*command, "--beam", "--runner=NoRunner", "--jobs", "3"]) == 1
    assert "Unexpected pipeline runner: NoRunner" in capsys.readouterr().err


def test_check_of_clean_data(source, capsys):
    assert prepare.main(["check", str(source), "--quiet", "--jobs", "1"]) == 0
    assert capsys.readouterr().out == f"{source}: no fault in 2 videos, 8 frames\n"


def test_check_reports_a_fault_and_exits_1(source, tmp_path, capsys):
    (source / "JPEGImages" / "v0" / "00001.jpg").write_bytes(b"")
    file = tmp_path / "faults.json"
    command = ["check", str(source), "--quiet", "--jobs", "1", "--json", str(file)]
    assert prepare.main(command) == 1
    assert "JPEGImages/v0/00001.jpg" in capsys.readouterr().out
    (fault,) = json.loads(file.read_text())["faults"]
    assert fault["kind"] == "damaged-frame"


def test_json_is_written_even_if_nobody_reads_the_text(source, tmp_path, monkeypatch):
    def closed(*_, file=None):
        if file is None:
            raise BrokenPipeError

    monkeypatch.setattr("builtins.print", closed)
    file = tmp_path / "faults.json"
    prepare.main(["check", str(source), "--quiet", "--jobs", "1", "--json", str(file)])
    assert json.loads(file.read_text())["faults"] == []


def test_check_repairs_what_it_can(source, capsys):
    mask = source / "Annotations" / "v0" / "00000.png"
    Image.open(mask).convert("RGB").save(mask)
    command = ["check", str(source), "--quiet", "--jobs", "1"]
    assert prepare.main(command) == 1
    capsys.readouterr()
    assert prepare.main([*command, "--fix"]) == 0
    repaired, summary = capsys.readouterr().out.splitlines()
    assert repaired == "repaired: Annotations/v0/00000.png"
    assert summary.startswith(f"{source}: no fault")


def test_check_prints_repairs_before_an_error(source, monkeypatch, capsys):
    for v in range(2):
        mask = source / "Annotations" / f"v{v}" / "00000.png"
        Image.open(mask).convert("RGB").save(mask)
    write = repair.write_mask

    def fail_later(path, labels):
        if "v1" in path.parts:
            raise OSError("disk full")
        write(path, labels)

    monkeypatch.setattr(repair, "write_mask", fail_later)
    assert prepare.main(["check", str(source), "--quiet", "--jobs", "1", "--fix"]) == 1
    assert capsys.readouterr() == ("repaired: Annotations/v0/00000.png\n", "error: disk full\n")


def test_check_of_records(source, tmp_path, capsys):
    out = tmp_path / "out"
    assert prepare.main(["youtube-vos", str(source), str(out), "--quiet"]) == 0
    assert prepare.main(["check", str(out), "--quiet", "--jobs", "1"]) == 0
    assert "no fault in 2 videos" in capsys.readouterr().out
    shard = out / "train-00001-of-00002.tfrecord"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    assert prepare.main(["check", str(out), "--quiet", "--jobs", "1"]) == 1
    assert shard.name in capsys.readouterr().out


def test_stats_of_records_and_of_folders(source, tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "stats.json"
    for split in ("train", "val"):
        common = ["youtube-vos", str(source), str(out), "--quiet"]
        assert prepare.main([*common, "--split", split]) == 0
    plots = tmp_path / "plots.svg"
    command = ["stats", str(out), "--json", str(file), "--plots", str(plots), "--fps", "10"]
    assert prepare.main(command) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert text.split()[:5] == ["videos", "categories", "objects", "annotations", "minutes"]
    assert plots.read_text().startswith("<?xml")
    content = json.loads(file.read_text())
    assert content["fps"] == 10
    videos = {name: figures["videos"] for name, figures in content["statistics"].items()}
    assert videos == {"train": 2, "val": 2, "all": 4}
    command = ["stats", str(source), "--json", str(file), "--fps", "10", "--jobs", "1", "--quiet"]
    assert prepare.main(command) == 0
    assert json.loads(file.read_text())["statistics"]["source"] == content["statistics"]["train"]


def test_stats_of_a_split_called_all(tmp_path, monkeypatch):
    video = VideoFacts(("00000",), 1, 50, {})
    splits = {"all": [video], "val": [video] * 2}
    monkeypatch.setattr(prepare_stats, "_facts", lambda arguments: splits)
    file = tmp_path / "stats.json"
    assert prepare.main(["stats", str(tmp_path), "--json", str(file)]) == 0
    statistics = json.loads(file.read_text())["statistics"]
    videos = {name: figures["videos"] for name, figures in statistics.items()}
    assert videos == {"all": 1, "val": 2, "all splits": 3}


def test_stats_of_selected_videos(source, tmp_path, capsys):
    command = ["stats", str(source), "--exclude", "v1", "--jobs", "1", "--quiet"]
    assert prepare.main(command) == 0
    assert "2 of 4 frames annotated" in capsys.readouterr().out
    assert prepare.main(["stats", str(tmp_path / "absent")]) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'absent'}: no such folder.\n"


@pytest.mark.parametrize("option", ["--json", "--plots"])
def test_missing_output_folder(source, tmp_path, capsys, option):
    command = ["stats", str(source), option, str(tmp_path / "absent" / "file.png")]
    assert prepare.main(command) == 1
    assert "create it first" in capsys.readouterr().err


def test_split(source, tmp_path, capsys):
    command = ["split", str(source), str(tmp_path / "lists"), "--unseen", "cat"]
    assert prepare.main(command) == 0
    assert capsys.readouterr().out.splitlines() == [
        "train 0, validation 0, test_seen 0, test_unseen 2",
        "unseen categories: cat",
        f"lists: {tmp_path / 'lists'}",
    ]
    assert (tmp_path / "lists" / "test_unseen.txt").read_text() == "v0\nv1\n"


def test_split_keeps_clips_together(tmp_path, capsys, recwarn):
    source = make_source(tmp_path / "source", videos=4)
    clips = [{"name": f"v{v}", "video": f"{v % 2}.mp4"} for v in range(4)]
    (source / "clips.json").write_text(json.dumps({"clips": clips}))
    lists = tmp_path / "lists"
    options = ["--validation", "1", "--test-seen", "0"]
    assert prepare.main(["split", str(source), str(lists), *options]) == 0
    assert f"together, according to {source / 'clips.json'}\n" in capsys.readouterr().out
    parts = {(lists / f"{part}.txt").read_text() for part in ("train", "validation")}
    assert parts == {"v0\nv2\n", "v1\nv3\n"}


def test_split_ignores_clips_of_other_videos(source, tmp_path, capsys):
    (source / "clips.json").write_text('{"clips": []}')
    command = ["split", str(source), str(tmp_path / "lists"), "--unseen", "cat"]
    assert prepare.main(command) == 0
    said = capsys.readouterr()
    assert "clips.json: not used, because it lists none of the videos to split" in said.err
    assert "stay together" not in said.out
    (source / "clips.json").write_text("{")
    assert prepare.main(command) == 1
    assert "clips.json: is not valid JSON" in capsys.readouterr().err


def test_split_of_records_equals_split_of_folders(source, tmp_path, recwarn):
    out = tmp_path / "out"
    assert prepare.main(["youtube-vos", str(source), str(out), "--quiet"]) == 0
    options = ["--unseen", "cat", "--quiet"]
    for data, lists in ((source, "a"), (out, "b")):
        assert prepare.main(["split", str(data), str(tmp_path / lists), *options]) == 0
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_videos_help_shows_the_library_defaults(capsys):
    with pytest.raises(SystemExit):
        prepare.main(["videos", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    defaults = dataclasses.asdict(ClipSettings()) | dataclasses.asdict(QualityLimits())
    assert defaults.pop("height") is None
    for name, value in defaults.items():
        described = text.rpartition(f"--{name.replace('_', '-')} ")[2]
        assert described.partition("(default: ")[2].startswith(f"{value:g})"), name


def test_videos_passes_its_options_on(tmp_path, monkeypatch, capsys):
    from ytvos_keras.datasets.raw_videos import prepare_clips as raw_videos

    given = {}

    def prepare_clips(source, output, **options):
        given.update(options, source=source, output=output)
        return raw_videos.ClipReport((), {"a.mp4": "a.mp4: cannot be read"}, ())

    monkeypatch.setattr(raw_videos, "prepare_clips", prepare_clips)
    command = ["videos", "raw", "out", "--max-seconds", "4", "--max-blur", "2", "--jobs", "1"]
    assert prepare.main([*command, "--quiet"]) == 1
    assert capsys.readouterr().err == "error: a.mp4: cannot be read\n"
    assert given["settings"] == ClipSettings(max_seconds=4.0)
    assert given["limits"] == QualityLimits(max_blur=2.0)
    assert given["leave_out_rejected"] is False
    assert given["jobs"] == 1


def test_commands_in_the_recipes_parse():
    text = (Path(__file__).parents[1] / "data_prep" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.S | re.M)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    commands = [words[1:] for words in lines if words and words[0] == "ytvos-prepare"]
    assert {words[0] for words in commands} == set(COMMANDS)
    for words in commands:
        prepare.parser().parse_args(words)
    extras = {word for words in lines for word in words if word.startswith("ytvos-keras[")}
    assert len(extras) == 3


def test_code_in_the_recipes_runs(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare.main(["youtube-vos", "source", "records", "--quiet"]) == 0
    text = (Path(__file__).parents[1] / "data_prep" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    names = {}
    exec(code, names)
    assert names["frame"].shape == (24, 32, 3)
    assert np.unique(names["ids"]).tolist() == [0, 1]
