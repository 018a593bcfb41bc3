"""Every command in the documents is accepted, and every Python snippet runs, on tiny data."""

import importlib
import inspect
import re
import shlex
import shutil
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from records import make_video, moving_squares, write_records
from tiny_s2s import TinyS2S

import ytvos_keras
from ytvos_keras.cli import common
from ytvos_keras.cli.bench import BENCHMARKS
from ytvos_keras.inference.adaptation import learner
from ytvos_keras.models import S2S
from ytvos_keras.models.backbones import VGG16

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "MODEL_CARD.md", "CONTRIBUTING.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *(ROOT / "data_prep" / "README.md", ROOT / "export" / "README.md"),
]
RECORDS = ("records", "youtube-vos-records", "picture-records", "other_pictures", "pictures")


def blocks(language: str) -> list[tuple[Path, str]]:
    """Code blocks of a language in all documents."""
    pattern = rf"^```{language}\n(.*?)^```"
    return [
        (path, text)
        for path in DOCUMENTS
        for text in re.findall(pattern, path.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]


def commands() -> list[tuple[Path, str]]:
    """Lines that call a command of the package, with continuation lines joined."""
    found = []
    for path, text in blocks("bash"):
        for line in text.replace("\\\n", " ").splitlines():
            command = re.search(r"(?:^|\s|/)(ytvos-\w+ .*)", line)
            if command:
                found.append((path, command[1]))
    return found


def snippets() -> list[tuple[Path, str]]:
    """Self-contained Python blocks."""
    return [(path, text) for path, text in blocks("python") if "import " in text]


def named(items: list[tuple[Path, str]]):
    ids = [f"{path.relative_to(ROOT)}-{n}" for n, (path, _) in enumerate(items)]
    return pytest.mark.parametrize(("path", "text"), items, ids=ids)


class AcceptedError(Exception):
    """Raised once the arguments have been accepted, to stop before the command runs."""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_are_accepted(path, monkeypatch):
    def accept(quiet):
        raise AcceptedError

    monkeypatch.setattr(common, "_messages", accept)  # the first step of every command's run
    for where, text in commands():
        if where != path:
            continue
        name, *arguments = shlex.split(text, comments=True)
        # "…" stands for further options, [--option] for an optional one.
        arguments = [a.strip("[]") for a in arguments if "…" not in a]
        if "…" in text:
            continue  # not a complete command
        main = importlib.import_module(f"ytvos_keras.cli.{name.removeprefix('ytvos-')}").main
        try:
            with pytest.raises(AcceptedError):
                main(arguments)
        except SystemExit as error:
            pytest.fail(f"{text}: exit code {error.code}")


def test_there_are_commands_and_snippets():
    assert len(commands()) > 30
    assert len(snippets()) > 3


def test_the_website_shows_the_help_of_every_benchmark():
    page = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    shown = set(re.findall(r"^<!-- help: ytvos-bench (\S+) -->$", page, re.MULTILINE))
    assert shown == {benchmark.NAME for benchmark in BENCHMARKS}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with records under the names used in the documents."""
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 10:40] = 1
    pictures = [make_video(f"picture{n}", [picture], [mask]) for n in range(3)]
    for name in RECORDS:
        videos = pictures if "picture" in name else moving_squares(2)
        write_records(videos, tmp_path / name)
    demo = ROOT / "ytvos_keras" / "assets" / "demo"
    shutil.copy(demo / "bunny.mp4", tmp_path / "clip.mp4")
    shutil.copy(demo / "bunny_first_mask.png", tmp_path / "first.png")
    monkeypatch.chdir(tmp_path)
    # Take one clip at most: enough to show that a snippet runs.
    take = tf.data.Dataset.take
    monkeypatch.setattr(tf.data.Dataset, "take", lambda data, count: take(data, min(count, 1)))


class NoLearner:
    """An `OnlineLearner` that does not learn."""

    def __init__(self, model, config):
        self.model = model

    def learn(self, learned, *arguments, **options):
        return learned

    def apply(self, learned):
        pass


def only_checked(function, result):
    """A stub that only checks that the arguments fit the function's signature."""
    signature = inspect.signature(function)

    def stub(*arguments, **options):
        signature.bind(*arguments, **options)
        return result

    return stub


def datasets_made_once():
    """`make_dataset`, which takes seconds, shared by folders of records with the same content."""
    make, made = ytvos_keras.make_dataset, {}

    def stub(data, **options):
        key = repr(("picture" in str(data), options))
        if key not in made:
            made[key] = make(data, **options)
        return made[key]

    return stub


@pytest.fixture
def stubs(monkeypatch):
    """Replace everything that downloads or takes long."""
    model = TinyS2S()
    monkeypatch.setattr(ytvos_keras, "load", lambda name, **options: model)
    scores = types.SimpleNamespace(overall=types.SimpleNamespace(J_and_F=0.5))
    for name, result in (
        *(("train", None), ("export_onnx", None), ("export_saved_model", None)),
        ("evaluate", scores),
    ):
        stub = only_checked(getattr(ytvos_keras, name), result)
        monkeypatch.setattr(ytvos_keras, name, stub)
    monkeypatch.setattr(ytvos_keras, "make_dataset", datasets_made_once())
    monkeypatch.setattr(learner, "OnlineLearner", NoLearner)
    monkeypatch.setattr(S2S, "fit", lambda model, clips, **options: next(iter(clips)))
    monkeypatch.setattr(VGG16, "read_weights", lambda backbone, source: source)
    monkeypatch.setattr(VGG16, "assign_weights", lambda backbone, source: None)


@pytest.mark.slow
@named(snippets())
def test_snippets_run(path, text, workplace, stubs):
    frames = np.zeros((2, 32, 48, 3), np.uint8)
    first_mask = np.zeros((32, 48), np.uint8)
    first_mask[8:24, 8:24] = 1
    values = {"frames": frames, "first_mask": first_mask, "mask": first_mask[None, ..., None]}
    if "model({" in text:  # a batch of clips
        values["frames"] = frames[None]
    exec(compile(text, str(path), "exec"), values)
