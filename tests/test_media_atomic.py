import errno
import os

import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media import atomic
from ytvos_keras.media.atomic import atomic_folder, atomic_path, temporary_file


def test_folder_is_written_atomically(tmp_path):
    killed = tmp_path / ".0123456789abcdef.part"
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


def test_full_disk_error_names_the_target(tmp_path):
    for whole in (atomic_path, atomic_folder):
        with pytest.raises(OSError, match=r"left on device: '.*/clip'$"), whole(tmp_path / "clip"):
            raise OSError(errno.ENOSPC, "No space left on device")
        assert list(tmp_path.iterdir()) == []


def test_only_files_are_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    names = ["folder"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")  # stands in for /dev/null, which root could replace
        names.append("pipe")
    for name in names:
        message = f"{name}: give the name of a file; this is a folder or a device"
        with pytest.raises(InputError, match=message), atomic_path(tmp_path / name):
            pass
    assert sorted(file.name for file in tmp_path.iterdir()) == names


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_link_is_kept_and_its_target_replaced(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "file")
    for text in ("new", "newer"):
        with atomic_path(tmp_path / "link") as part:
            part.write_text(text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "disk" / "file").read_text() == text
    assert len(list(tmp_path.rglob("*"))) == 3


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege")
def test_loop_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    message = "a: a link that leads back to itself; remove it"
    with pytest.raises(InputError, match=message), atomic_path(tmp_path / "a"):
        pass
    assert len(list(tmp_path.iterdir())) == 2


def test_names_are_unpredictable_and_links_are_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".a.part").symlink_to(tmp_path / "victim")
    (tmp_path / ".0123456789abcdef.part").symlink_to(tmp_path / "victim")
    names = set()
    for _ in range(3):
        with atomic_path(tmp_path / "a") as part:
            assert not part.is_symlink()
            names.add(part.name)
            part.write_text("new")
    assert len(names) == 3
    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "a").read_text() == "new"
    assert not (tmp_path / "a").is_symlink()


def test_file_mode_follows_the_umask(tmp_path):
    (tmp_path / "other").touch()
    with atomic_path(tmp_path / "a") as part:
        part.touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_missing_folder_error_names_the_file(tmp_path):
    path = tmp_path / "none" / "a"
    with (
        pytest.raises(OSError, match=r"No such file or directory: '.*/none/a'$"),
        atomic_path(path),
    ):
        pass


@pytest.mark.skipif(os.name == "nt", reason="no locks on folders")
def test_leftovers_are_removed_but_files_in_use_are_kept(tmp_path):
    (tmp_path / ".fedcba9876543210.part.weights.h5").write_text("left by a killed process")
    (tmp_path / ".hidden.part").write_text("of the user")
    with temporary_file(tmp_path) as mine:
        atomic._swept.clear()  # simulate another process
        with temporary_file(tmp_path) as other:
            assert mine.exists() and other.exists()
    assert [file.name for file in tmp_path.iterdir()] == [".hidden.part"]


@pytest.mark.skipif(os.name == "nt", reason="no locks on folders")
def test_a_file_system_without_locks_keeps_files_that_may_be_in_use(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(atomic.fcntl, "flock", no_locks)
    with temporary_file(tmp_path) as mine:
        atomic._swept.clear()  # as in another process
        with temporary_file(tmp_path):
            assert mine.exists()


@pytest.mark.skipif(os.name == "nt", reason="no locks on folders")
@pytest.mark.parametrize("whole", [atomic_path, atomic_folder])
@pytest.mark.parametrize("held", [False, True])
def test_swept_before_it_was_locked(tmp_path, monkeypatch, whole, held):
    lock = atomic._lock

    def late(file):
        monkeypatch.setattr(atomic, "_lock", lock)
        for entry in tmp_path.iterdir():  # another process took it for a leftover
            entry.rmdir() if entry.is_dir() else entry.unlink()
        if held:
            raise BlockingIOError
        lock(file)

    monkeypatch.setattr(atomic, "_lock", late)
    with whole(tmp_path / "target") as part:
        (part / "new.jpg" if part.is_dir() else part).touch()
    assert [file.name for file in tmp_path.iterdir()] == ["target"]
