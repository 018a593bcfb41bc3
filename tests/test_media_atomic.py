import errno
import os

import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media.atomic import atomic_folder, atomic_path


def test_a_folder_is_whole_or_absent(tmp_path):
    killed = tmp_path / ".clip.part"
    killed.mkdir()
    (killed / "old.jpg").touch()
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "clip") as part:
        (part / "new.jpg").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(tmp_path / "clip") as part:
        (part / "new.jpg").touch()
        assert not (tmp_path / "clip").exists()
    assert [file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*")] == [
        *("clip", "clip/new.jpg")
    ]


def test_a_full_disk_is_told_with_the_place(tmp_path):
    for atomic in (atomic_path, atomic_folder):
        with pytest.raises(OSError, match=r"left on device: '.*/clip'$"), atomic(tmp_path / "clip"):
            raise OSError(errno.ENOSPC, "No space left on device")
        assert list(tmp_path.iterdir()) == []


def test_only_a_file_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    names = ["folder"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # stands for /dev/null, which root could replace
        names.append("pipe")
    for name in names:
        message = f"{name}: give the name of a file; this is a folder or a device"
        with pytest.raises(InputError, match=message), atomic_path(tmp_path / name):
            pass
    assert sorted(file.name for file in tmp_path.iterdir()) == names


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "file")
    for text in ("new", "newer"):
        with atomic_path(tmp_path / "link") as part:
            part.write_text(text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "disk" / "file").read_text() == text
    assert len(list(tmp_path.rglob("*"))) == 3
