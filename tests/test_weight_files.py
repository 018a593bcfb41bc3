import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

import ytvos_keras
from ytvos_keras.errors import InputError
from ytvos_keras.models.weight_files import (
    _PROBE,
    check_weight_file,
    checksum_path,
    write_checksum,
)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_group("layers").create_dataset("kernel", data=np.arange(1000.0))
        file.attrs["name"] = "a"
    return path


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_valid_file_with_and_without_a_checksum(weights):
    check_weight_file(weights)
    write_checksum(weights)
    check_weight_file(weights)
    digest, name = checksum_path(weights).read_text().split()
    assert (len(digest), name) == (64, weights.name)


def test_checksum_detects_a_flipped_bit(weights):
    write_checksum(weights)
    flip(weights, -1)
    with pytest.raises(InputError, match=r"a\.weights\.h5: is damaged, its SHA-256 is not that in"):
        check_weight_file(weights)


def test_without_a_checksum_a_subprocess_reads_it_first(weights):
    weights.write_bytes(weights.read_bytes()[:600])
    with pytest.raises(InputError, match=r"a\.weights\.h5: not a weights file, or damaged \("):
        check_weight_file(weights)


def test_the_other_process_imports_from_where_this_one_does(weights, tmp_path, monkeypatch):
    (tmp_path / "h5py.py").write_text("raise SystemExit('this h5py')")  # as of pip install --user
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(InputError, match="this h5py"):
        check_weight_file(weights)


def test_imports_do_not_count_as_time_to_read(weights):
    code = (
        "import runpy, time\n"
        "while time.process_time() < 2.5: pass\n"
        f"runpy.run_path({str(_PROBE)!r}, run_name='__main__')"
    )
    subprocess.run([sys.executable, "-c", code, str(weights), "1"], check=True)


def test_arrays_that_claim_to_be_large(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("huge", (10**12,), chunks=(1000,))
    with pytest.raises(InputError, match="its arrays are many times larger than the file"):
        check_weight_file(path)


@pytest.mark.parametrize(
    "config",
    [
        "[" * 100_000,
        '{"a":' * 900 + "1" + "}" * 900,
        '{"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"module": {}}}',
        '{"module": "os", "class_name": "system", "config": {"command": "touch /tmp/pwned"}}',
        "null",
    ],
)
def test_any_keras_exception_becomes_one_error(weights, config):
    path = weights.with_name("model.keras")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", "{}")
        archive.write(weights, "model.weights.h5")
    with pytest.raises(InputError, match=r"model\.keras: not a \.keras file that this version can"):
        ytvos_keras.load(path)


def test_zip_bomb_is_not_unpacked(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", bytes(2**27))
    with pytest.raises(InputError, match=r"model\.keras: .*unpacks to 134217728 bytes"):
        ytvos_keras.load(path)


def test_bundled_weights_have_a_checksum():
    bundled = sorted(ytvos_keras.models.presets._ASSETS.glob("*.h5"))
    assert [path.name for path in bundled] == [
        "s2s-lite-rough.weights.h5",
        "s2s-lite.weights.h5",
    ]
    for weights in bundled:
        assert checksum_path(weights).is_file()
        check_weight_file(weights)
