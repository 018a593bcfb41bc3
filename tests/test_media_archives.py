import contextlib
import struct
import zipfile

import numpy as np
import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media.archives import FREE_BYTES, ArchiveError, open_archive, read_member
from ytvos_keras.media.array_file import load_arrays, save_arrays


def make(path, content=b"content" * 100, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a", content)
    return path


def read(path):
    with open_archive(path) as archive:
        return read_member(archive, archive.infolist()[0])


def test_members_are_read(tmp_path):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert read(make(tmp_path / "a.zip", b"content", method)) == b"content"


def test_zip_bomb_is_not_unpacked(tmp_path):
    path = make(tmp_path / "bomb.zip", bytes(FREE_BYTES + 10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(ArchiveError, match="unpacks to 77108864 bytes"):
        read(path)


def test_member_larger_than_its_header_says(tmp_path):
    path = make(tmp_path / "lie.zip", bytes(1_000_000))
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 10)))
    with pytest.raises(ArchiveError, match="cannot be read; is it damaged"):
        read(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compression_methods(tmp_path, method):
    with pytest.raises(ArchiveError, match="is neither stored nor deflated"):
        read(make(tmp_path / "a.zip", method=method))


def test_damage(tmp_path):
    data = make(tmp_path / "a.zip").read_bytes()
    for place in range(0, len(data), 7):
        spoilt = bytearray(data)
        spoilt[place] ^= 0xFF
        (tmp_path / "b.zip").write_bytes(spoilt)
        with contextlib.suppress(ArchiveError):
            read(tmp_path / "b.zip")
    with pytest.raises(ArchiveError, match="cannot be read as a zip file"):
        (tmp_path / "c.zip").write_bytes(b"no zip")
        read(tmp_path / "c.zip")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.eye(3)),
        np.array("text"),
        np.array(7),
        np.zeros((0, 4), np.float32),
        np.array([], np.str_),
        np.array([True, False]),
    ],
)
def test_arrays_round_trip(tmp_path, array):
    save_arrays(tmp_path / "a.npz", {"a": array, "tensor:b/c": array})
    loaded = load_arrays(tmp_path / "a.npz")
    assert list(loaded) == ["a", "tensor:b/c"]
    for copy in loaded.values():
        assert copy.dtype == array.dtype
        np.testing.assert_array_equal(copy, array)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<U0', 'fortran_order': False, 'shape': (2,)}",
        "{'descr': '<f8'",
        "(" * 5000,
    ],
)
def test_invalid_arrays(tmp_path, header):
    text = header.encode() + b"\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(8)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", data)
    with pytest.raises(InputError, match=r"a\.npz: is damaged, or not an \.npz file"):
        load_arrays(tmp_path / "a.npz")
