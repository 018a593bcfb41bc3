"""Fuzzed readers for models and runs: weights, checkpoints, states, projects."""

import functools
import shutil
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np
from annotate_project import box, load_segmenter, make_frames
from fuzz_readers import Reader
from mutate import mutate_bytes, mutate_json, mutate_zip

from ytvos_keras.annotate.project import PREDICTED_NAME, PROJECT_NAME, Prediction, Project
from ytvos_keras.errors import InputError
from ytvos_keras.export.serving_config import read_model_config
from ytvos_keras.inference.resume import RESUME_NAME, ResumeFile
from ytvos_keras.media.random_frames import RandomFrames
from ytvos_keras.media.text_file import read_text
from ytvos_keras.models import load
from ytvos_keras.models.weight_files import check_weight_file, checksum_path, write_checksum
from ytvos_keras.training.checkpoint import parse_progress, read_progress
from ytvos_keras.training.run_files import RunFiles
from ytvos_keras.training.start import load_weights

PROCESS = 40  # relative cost of a file that a subprocess reads first
PROGRESS = (
    '{"stage": 1, "stage_step": 2, "stage_steps": 6, "step": 8, "history": [{"step": 2, "J": 0.5}],'
    ' "best": 0.5, "stable": {"loss": 0.25}}'
)
CONFIG = (
    'model_config_list { config { name: "tiny" base_path: "/models/tiny" model_version_policy '
    '{ specific { versions: 1 } } version_labels { key: "stable" value: 1 } } }'
)


@functools.cache
def network():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def keras_file(folder):
    network().save(folder / "seed.keras")
    return (folder / "seed.keras").read_bytes()


def weights(folder):
    network().save_weights(folder / "seed.weights.h5")
    return (folder / "seed.weights.h5").read_bytes()


def checkpoint(folder):
    data = weights(folder)
    with h5py.File(folder / "seed.weights.h5", "r+") as file:
        file.attrs["ytvos_keras_progress"] = PROGRESS
    assert data != (folder / "seed.weights.h5").read_bytes()
    return (folder / "seed.weights.h5").read_bytes()


def read_keras(path):
    """Load a `Sequential`, which is rejected as not an S2S once the whole file has been read."""
    try:
        load(path)
    except InputError as error:
        if "not an S2S" not in str(error):
            raise


def read_with_checksum(path):
    """Check against the checksum of the unmutated file."""
    if not checksum_path(path).exists():
        write_checksum(path)
    good = path.with_name("good")
    if not good.exists():
        shutil.copy(path, good)
    check_weight_file(path)
    assert path.read_bytes() == good.read_bytes()


@functools.cache
def segmenter():
    return load_segmenter()


def state(folder):
    segmenter().reset()
    segmenter().add_object(box(8) > 0)
    segmenter().step(np.full((32, 48, 3), 100, np.uint8))
    segmenter().add_object(box(20) > 0)
    segmenter().save_state(folder / "seed.npz")
    return (folder / "seed.npz").read_bytes()


def read_state(path):
    segmenter().restore(path)
    assert segmenter().step(np.full((32, 48, 3), 100, np.uint8)).shape == (32, 48)


def resume_file(folder):
    file = ResumeFile(folder, "print")
    file.confidence.add("00000", {1: 0.5})
    file.save({"a": np.zeros(3)})
    return file.path.read_bytes()


@functools.cache
def clip():
    return RandomFrames(make_frames(Path(tempfile.mkdtemp()) / "clip", 3))


def project(name):
    def seed(folder):
        made = Project(folder / "project", clip())
        made.add_object()
        made.save_drawn(0, box(4), [1])
        made.predicted[1] = {1: Prediction("00000:0f", 0.5)}
        made.save_predictions()
        return (folder / "project" / name).read_bytes()

    return seed


def read_project(path):
    made = Project(path.parent, clip())
    for index in range(3):
        made.mask(index)


def run(folder):
    RunFiles(folder / "run").claim({"recipe": {"seed": 0}, "data": [{"share": 1.0}]})
    return (folder / "run" / "run.json").read_bytes()


def read_run(path):
    RunFiles(path.parent).claim({"recipe": {"seed": 0}, "data": [{"share": 1.0}]})


READERS = {
    "keras-file": Reader("m.keras", keras_file, mutate_zip, read_keras, PROCESS),
    "weights": Reader(
        *("m.weights.h5", weights, mutate_bytes, lambda f: load_weights(network(), f), PROCESS)
    ),
    "checkpoint": Reader("m.weights.h5", checkpoint, mutate_bytes, read_progress, PROCESS),
    "weights-with-checksum": Reader("m.weights.h5", weights, mutate_bytes, read_with_checksum),
    "progress": Reader(
        *("p.json", lambda _: PROGRESS.encode(), mutate_json),
        lambda f: parse_progress(f.read_bytes()),
    ),
    "state": Reader("s.npz", state, mutate_zip, read_state, 2),
    "resume": Reader(
        RESUME_NAME, resume_file, mutate_zip, lambda f: ResumeFile(f.parent, "print").load()
    ),
    "run": Reader("run.json", run, mutate_json, read_run),
    "project": Reader(PROJECT_NAME, project(PROJECT_NAME), mutate_json, read_project, 2),
    "predicted": Reader(PREDICTED_NAME, project(PREDICTED_NAME), mutate_json, read_project, 2),
    "models.config": Reader(
        *("models.config", lambda _: CONFIG.encode(), mutate_bytes),
        lambda f: read_model_config(read_text(f)),
    ),
}
