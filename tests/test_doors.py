"""External files are opened only in a few modules, each of which validates its input."""

import re
from pathlib import Path

import pytest

import ytvos_keras

PACKAGE = Path(ytvos_keras.__file__).parent

# A call, and the only modules that may make it; all others go through them.
DOORS = {
    r"json\.loads?\(": ("media/json_file.py", "bench/step_process.py"),  # own child process
    r"Image\.open\(": ("media/pictures.py", "bench/plain_evaluation.py"),  # the plain reference
    r"\bimread\(|tf\.io\.read_file\(": (),
    r"zipfile\.ZipFile\([^,]*\)": ("media/archives.py", "models/hdf5_probe.py"),
    r"\bnp\.(load|fromfile|genfromtxt|loadtxt)\(": (),
    r"h5py\.File\(": (
        "models/backbones/vgg16_weights.py",
        "models/hdf5_probe.py",
        "training/checkpoint.py",
    ),
    r"saving\.load_model\(|\bmodel\.load_weights\([^)]*\)\n": (
        "models/backbones/vgg16_weights.py",
        "models/presets.py",
        "training/checkpoint.py",
        "training/start.py",
    ),
    r"\bav\.open\(": ("media/containers.py",),
    r"ElementTree\.(parse|fromstring|iterparse)\(": ("datasets/readers/cvat.py",),
    r"\bpickle\.loads?\(": ("records/run_folder.py",),  # own workers
    r"\beval\(|\bexec\(|yaml\.|marshal\.": (),
}


@pytest.mark.parametrize("call", DOORS)
def test_files_are_opened_only_in_these_modules(call):
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(call, path.read_text(encoding="utf-8"))
    }
    assert found == set(DOORS[call])


@pytest.mark.parametrize(
    "name", ["models/backbones/vgg16_weights.py", "models/presets.py", "training/start.py"]
)
def test_weights_are_checked_before_they_are_loaded(name):
    """Loading without the check could hang: HDF5 does on some damaged files."""
    text = (PACKAGE / name).read_text(encoding="utf-8")
    assert "check_weight_file(" in text
