import json
import os
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from help_time import quick_output
from mask_folders import blocks, half, write_meta, write_sequences

from ytvos_keras.cli import eval as eval_command
from ytvos_keras.cli import eval_arguments, prepare
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import frame_work, truth_sequences
from ytvos_keras.evaluation.protocols import PROTOCOLS


@pytest.fixture
def folders(tmp_path):
    """Object 1 is found in every frame of "dog" and in every second frame of "bear"."""
    write_sequences(tmp_path / "truth", {"dog": [blocks(1)] * 4, "bear": [blocks(1)] * 4})
    write_sequences(tmp_path / "ours", {"dog": [blocks(1)] * 4, "bear": [blocks(1), blocks()] * 2})
    write_sequences(tmp_path / "other", {"dog": [half(1)] * 4, "bear": [half(1)] * 4})
    return tmp_path


@pytest.fixture
def command(folders, monkeypatch):
    """Run the command inside `folders`."""
    monkeypatch.chdir(folders)

    def run(*arguments, protocol="davis2017"):
        common = ["--ground-truth", "truth", "--protocol", protocol, "--jobs", "1"]
        return eval_command.main(["--predictions", "ours", *common, *arguments])

    return run


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from ytvos_keras.cli.eval import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'PIL', 'av', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    text = quick_output(sys.executable, "-c", code)
    assert "ytvos-eval compare" in text
    assert "ytvos-eval submission" in text


def test_protocol_choices_match_the_library():
    parser = eval_arguments._parser()
    (protocol,) = (action for action in parser._actions if action.dest == "protocol")
    assert protocol.choices == PROTOCOLS


@pytest.mark.parametrize("name", ["compare", "submission"])
def test_subcommands_are_dispatched(name, monkeypatch):
    module = __import__(f"ytvos_keras.cli.eval_{name}", fromlist=["main"])
    monkeypatch.setattr(module, "main", lambda argv: (name, argv))
    assert eval_command.main([name, "a", "--b"]) == (name, ["a", "--b"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frames", "all"], "invalid choice: 'all'"),
        (["--jobs", "0"], "must be a whole number of at least 1. Received: '0'"),
        (["--seconds-per-frame", "nan"], "must be a number above 0. Received: 'nan'"),
        (["--seconds-per-frame", "fast"], "must be a number above 0. Received: 'fast'"),
        (
            ["--predictions", "x/ours"],
            "two --predictions are called 'ours'; give them names: NAME=DIR",
        ),
        (["--predictions", ""], "--predictions and --ground-truth need a folder. Received: ''"),
        (["--ground-truth", ""], "--predictions and --ground-truth need a folder. Received: ''"),
        (
            ["--predictions", "a/b=other", "--json", "s.json"],
            "it must not contain \" * / : < > ? \\ |. Received: 'a/b'",
        ),
        (["--predictions", "a:b=other", "--csv", "s.csv"], "Received: 'a:b'"),
        (["--json", "s", "--csv", "s"], "--json, --csv and --html need different files"),
        (
            ["--predictions", "other", "--seconds-per-frame", "1"],
            "--seconds-per-frame is for one method",
        ),
        (["--seen-from", "meta.json"], "--seen-from is only for --protocol youtube-vos"),
        (["--unseen", "dog"], "--unseen is only for --protocol youtube-vos"),
        (["--exclude-last"], "--exclude-last is only for --protocol youtube-vos"),
        (["--frames", "every"], "--frames is only for --protocol youtube-vos"),
        (["--unseen", "dog", "--seen-from", "meta.json"], "not allowed with argument"),
        (["--split", ""], "--split must not be empty; leave it out instead"),
        (["--seen-from", ""], "--seen-from must not be empty; leave it out instead"),
        (["--unseen", " ,"], "--unseen must not be empty; leave it out instead"),
    ],
)
def test_usage_errors_exit_2(command, arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        command(*arguments)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_table_and_files(command, folders, capsys):
    files = ["--json", "scores.json", "--csv", "scores.csv", "--seconds-per-frame", "0.16"]
    assert command(*files, "--per-object") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "davis2017: 2 objects in 2 sequences; first and last frame left out"
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in lines[1:] if line.strip()}
    # "bear" has J = [0, 1]; decay is first quarter minus last quarter, so -1.
    assert rows["overall", "2"] == ["75.0", "75.0", "-50.0", "75.0", "75.0", "-50.0", "75.0"]
    assert rows["bear", "1"] == ["50.0", "50.0", "-100.0", "50.0", "50.0", "-100.0", "50.0"]
    assert "4/4 frames" in err
    content = json.loads((folders / "scores.json").read_text())
    assert content["J"] == {"mean": 0.75, "recall": 0.75, "decay": -0.5}
    assert content["J&F"] == 0.75
    assert content["seen"] is content["unseen"] is content["G"] is None
    assert content["settings"] == {
        "split": None, "exclude_last": True, "frames": None, "seconds_per_frame": 0.16
    }  # fmt: skip
    assert (folders / "scores.csv").read_text().splitlines()[1].startswith("bear,1,,2,0.5,0.5,-1")


def test_closed_pipe_still_writes_files(folders):
    arguments = ["--predictions", "ours", "--ground-truth", "truth", "--protocol", "davis2017"]
    process = subprocess.Popen(
        [sys.executable, "-m", "ytvos_keras.cli.eval", *arguments, "--json", "s.json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=folders,
    )
    process.stdout.close()
    assert process.wait(60) == 1
    assert (folders / "s.json").exists()


def test_full_disk_still_prints_scores(command, monkeypatch, capsys):
    def full(path, evaluation):
        raise OSError("No space left on device")

    monkeypatch.setattr("ytvos_keras.evaluation.write_results.write_json", full)
    assert command("--json", "s.json", "--quiet") == 1
    out, err = capsys.readouterr()
    assert "overall" in out
    assert err == "error: No space left on device\n"


@pytest.mark.parametrize(
    ("fault", "code"), [(InputError("damaged"), 1), (KeyboardInterrupt(), 130)]
)
def test_finished_methods_are_kept(command, folders, fault, code, monkeypatch, capsys):
    """An error or Ctrl-C in the second of two methods."""
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    read_prediction = frame_work.read_prediction

    def read(source, merged):
        if source.parts[0] == "other":
            raise fault
        return read_prediction(source, merged=merged)

    monkeypatch.setattr(frame_work, "read_prediction", read)
    (folders / "report.html").write_text("of both")
    files = ["--json", "s.json", "--csv", "s.csv", "--html", "report.html"]
    assert command("--predictions", "other", *files, "--quiet") == code
    out, err = capsys.readouterr()
    assert out.count("overall") == 1
    assert err == ("error: damaged\n" if code == 1 else "interrupted\n")
    assert sorted(path.name for path in folders.glob("s.*")) == ["s.ours.csv", "s.ours.json"]
    assert (folders / "report.html").read_text() == "of both"


def test_own_data_is_read_once_for_all_methods(command, monkeypatch, capsys):
    read = []
    read_truth = truth_sequences.read_truth

    def counted(source, merged):
        read.append(source)
        return read_truth(source, merged=merged)

    monkeypatch.setattr(truth_sequences, "read_truth", counted)
    assert command("--seen-from", "none.json", protocol="youtube-vos") == 1
    assert capsys.readouterr().err.startswith("error: none.json: no such file;")
    assert not read
    assert command("--predictions", "other", protocol="youtube-vos") == 0
    assert len(read) == 8  # two sequences of four masks
    assert capsys.readouterr().err.count("no meta.json") == 1


def test_quiet_prints_the_table_alone(command, capsys):
    assert command("--quiet") == 0
    out, err = capsys.readouterr()
    assert "overall" in out
    assert err == ""


def test_two_methods(command, folders, capsys):
    files = ["--json", "scores.json", "--csv", "sub/scores.csv"]
    (folders / "sub").mkdir()
    assert command("--predictions", "theirs=other", *files) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    names = [row[0] for row in rows if row[0] in ("ours", "theirs", "overall")]
    assert names == ["ours", "overall", "theirs", "overall"]
    assert [row[2] for row in rows if row[0] == "overall"] == ["75.0", "50.0"]
    means = {
        name: json.loads((folders / f"scores.{name}.json").read_text())["J"]["mean"]
        for name in ("ours", "theirs")
    }
    assert means == {"ours": 0.75, "theirs": 0.5}
    assert (folders / "sub" / "scores.theirs.csv").exists()
    assert not (folders / "scores.json").exists()


def test_method_name_may_hold_anything_without_output_files(command, capsys):
    assert command("--predictions", "[/] ours: a/b=other") == 0
    out, err = capsys.readouterr()
    assert "[/] ours: a/b" in out
    assert "[/] ours: a/b" in err  # in the progress bar


def test_folder_name_with_an_equals_sign(command, folders, capsys):
    (folders / "other").rename(folders / "lr=1")
    assert command("--predictions", "lr=1") == 0
    assert "lr=1" in capsys.readouterr().out


def test_youtube_vos_seen_and_unseen(command, folders, capsys):
    frames = [f"{t:05d}" for t in range(4)]
    truth = folders / "split" / "valid"
    write_meta(
        truth / "meta.json", {"dog": {"1": ("dog", frames)}, "bear": {"1": ("bear", frames)}}
    )
    (folders / "truth").rename(truth / "Annotations")
    write_meta(folders / "train.json", {"x": {"1": ("dog", ["00000"])}})
    common = ["--ground-truth", "split", "--split", "valid"]

    def G(*arguments):
        assert command(*common, *arguments, "--json", "s.json", protocol="youtube-vos") == 0
        return json.loads((folders / "s.json").read_text())["G"]

    seen = 1  # "dog"
    unseen = 1 / 3  # "bear": J = F = [0, 1, 0]
    assert G("--seen-from", "train.json") == pytest.approx((seen + unseen) / 2)
    assert "no G" not in capsys.readouterr().out
    assert G("--unseen", "bear, ") == pytest.approx((seen + unseen) / 2)
    assert G() is None
    assert "no G: state which categories were seen, with --seen-from META or" in (
        capsys.readouterr().out
    )
    assert command(*common, "--unseen", "cat", protocol="youtube-vos") == 1
    assert "has the category 'cat'; available: bear, dog." in capsys.readouterr().err
    write_meta(folders / "train.json", {"x": {"1": (None, ["00000"])}})
    assert command(*common, "--seen-from", "train.json", protocol="youtube-vos") == 1
    assert "train.json: contains no categories; give" in capsys.readouterr().err


def test_scores_of_a_split_of_the_train_set(folders, monkeypatch, capsys):
    """The workflow of the guide: `ytvos-prepare split`, then --sequences and --unseen."""
    monkeypatch.chdir(folders)
    frames = ["00000", "00001"]
    videos = {"d1": "dog", "d2": "dog", "d3": "dog", "p": "penguin"}
    truth = folders / "train"
    write_meta(truth / "meta.json", {name: {"1": (c, frames)} for name, c in videos.items()})
    for folder in (truth / "Annotations", truth / "JPEGImages"):
        write_sequences(folder, {name: [blocks(1)] * 2 for name in videos})
    numbers = ["--validation", "1", "--test-seen", "1"]
    with warnings.catch_warnings(action="ignore"):  # the data lack the paper's other categories
        assert prepare.main(["split", "train", "lists", *numbers]) == 0
    assert "unseen categories: penguin" in capsys.readouterr().out
    names = [(folders / "lists" / f"test_{part}.txt").read_text() for part in ("seen", "unseen")]
    arguments = ["--predictions", "train/Annotations", "--ground-truth", "train", "--quiet"]
    arguments += ["--protocol", "youtube-vos", "--sequences", *"".join(names).split()]
    assert eval_command.main([*arguments, "--unseen", "penguin", "--json", "s.json"]) == 0
    scores = json.loads((folders / "s.json").read_text())
    assert (scores["seen"]["objects"], scores["unseen"]["objects"], scores["G"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "no/s.json"], "--json no/s.json: there is no folder no; create it first."),
        (["--csv", "ours"], "--csv needs the name of a file. Received a folder: ours"),
        (["--html", "no/r.html"], "--html no/r.html: there is no folder no; create it first."),
        (["--sequences", "cat"], "no sequence 'cat' in truth; available: bear, dog."),
        (["--split", "val"], "truth/ImageSets/2017/val.txt: no such file, so no split 'val'; "),
        (["--ground-truth", "none"], "none: no such folder."),
        (
            ["--predictions", "x=ours/dog"],
            "ours/dog: contains masks itself; give its parent folder",
        ),
        (["--predictions", "x="], "x=: no such folder."),
    ],
)
def test_failures_are_one_line_before_any_work(command, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(frame_work, "score_frame", None)  # must not be reached
    assert command(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.replace("\\", "/").splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such files on Windows")
def test_writing_to_a_device_is_refused(command, folders, capsys):
    os.mkfifo(folders / "pipe")  # stands for /dev/null
    assert command("--json", "pipe") == 1
    assert capsys.readouterr() == (
        "", "error: --json needs the name of a file. Received a device: pipe\n"
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_loop_of_links_is_refused_before_any_work(command, folders, capsys, monkeypatch):
    monkeypatch.setattr(frame_work, "score_frame", None)  # must not be reached
    (folders / "loop").symlink_to("loop")
    assert command("--json", "loop") == 1
    error = "error: loop: a link that leads back to itself; remove it.\n"
    assert capsys.readouterr() == ("", error)


def test_faulty_mask_is_one_line(command, folders, capsys):
    write_sequences(folders / "ours", {"dog": {"00001": blocks(2)}})
    assert command("--json", "s.json", "--quiet") == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert "00001.png: contains id 2, but the objects of this sequence are 1;" in err
    assert not (folders / "s.json").exists()


def test_short_clips_are_one_warning(command, folders, capsys):
    for method in ("ours", "other", "truth"):
        write_sequences(folders / method, {"one": [blocks(1)], "two": [blocks(1)] * 2})
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert command("--predictions", "other", "--quiet") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: nothing to score in one, two: the protocol scores")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_report(command, folders, protocol, capsys):
    pytest.importorskip("matplotlib")
    pytest.importorskip("jinja2")
    if protocol == "youtube-vos":
        frames = [f"{t:05d}" for t in range(4)]
        write_meta(
            folders / "truth" / "meta.json",
            {"dog": {"1": ("dog", frames)}, "bear": {"1": (None, frames[1:])}},
        )
        for name in ("dog", "bear"):
            (folders / "truth" / "Annotations").mkdir(exist_ok=True)
            (folders / "truth" / name).rename(folders / "truth" / "Annotations" / name)
    more = ["--predictions", "theirs=other", "--html", "report.html"]
    assert command(*more, protocol=protocol) == 0
    page = (folders / "report.html").read_text(encoding="utf-8")
    assert "theirs" in page
    assert "data:image" in page
    assert "2/2 sequences" in capsys.readouterr().err


COUNTED = """\
import contextlib, sys
from ytvos_keras.cli import eval

@contextlib.contextmanager
def printed(quiet, unit="frames"):
    yield lambda *progress: print(*progress, flush=True)

eval.frame_progress = printed
sys.exit(eval.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="no signals to groups of processes")
def test_ctrl_c_ends_all_processes_with_one_line(tmp_path):
    labels = np.zeros((240, 320), np.uint8)
    labels[60:180, 80:240] = 1
    write_sequences(tmp_path, {"long": [labels]})
    first = tmp_path / "long" / "00000.png"
    for t in range(1, 20_000):  # minutes of work, but a single file on disk
        os.link(first, first.with_name(f"{t:05d}.png"))
    arguments = ["--predictions", tmp_path, "--ground-truth", tmp_path, "--jobs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTED, *arguments, "--protocol", "davis2017"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # own process group: SIGINT arrives as from a terminal
    )
    assert process.stdout.readline().split()[1:] == ["1", "19998"]  # the workers are running
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)  # returns once no process holds stderr open
    assert process.returncode == 130
    assert err == "interrupted\n"
