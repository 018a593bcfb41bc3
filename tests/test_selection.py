import os
import threading
import unicodedata
from pathlib import Path

import pytest

from ytvos_keras.datasets.selection import check_can_be_listed, read_names, select_names
from ytvos_keras.errors import InputError

NAMES = ["a/1", "a/2", "b/1", "c"]
DATA = Path("data")


def test_names_and_sources():
    assert select_names(NAMES, DATA) == NAMES
    assert select_names(NAMES, DATA, videos=["b/1", "a"]) == ["a/1", "a/2", "b/1"]
    assert select_names(NAMES, DATA, exclude={"a/2", "c"}) == ["a/1", "b/1"]
    assert select_names(NAMES, DATA, videos=["a"], exclude=["a/1"]) == ["a/2"]


def test_errors():
    with pytest.raises(InputError, match=r"^data: no video 'x' \(and 1 more\); its names look"):
        select_names(NAMES, DATA, videos=["a", "x", "y"])
    with pytest.raises(InputError, match=r"^data: no video 'x'; there are no videos at all\.$"):
        select_names([], DATA, videos=["x"])
    with pytest.raises(InputError, match=r"^data: all 4 videos are excluded\.$"):
        select_names(NAMES, DATA, exclude=["a", "b", "c"])


def test_exclude_may_name_videos_of_other_data_sets():
    with pytest.warns(UserWarning, match=r"^data: no video 'x' to exclude\.$"):
        assert select_names(NAMES, DATA, exclude=["x", "c"]) == NAMES[:3]


def test_read_names(tmp_path):
    file = tmp_path / "held_out.txt"
    file.write_text("# held out\nsegtrack2/girl\n\n  ice  # people\n#\n")
    assert read_names(file) == ("segtrack2/girl", "ice")
    file.write_text("take #2\n#1\na#b  #\n", encoding="utf-8-sig", newline="\r\n")
    assert read_names(file) == ("take #2", "#1", "a#b")
    file.write_text("# nothing\n")
    with pytest.raises(
        InputError, match=r"held_out.txt: contains no names; give one name per line\.$"
    ):
        read_names(file)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not text"):
        read_names(file)
    for name in ("none.txt", "."):
        with pytest.raises(InputError, match="no such file; give a text file"):
            read_names(tmp_path / name)


def test_names_from_a_pipe(tmp_path):
    """`--videos <(ls …)` is not a regular file."""
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=["dog\ncat\n"])
    writer.start()
    assert read_names(tmp_path / "pipe") == ("dog", "cat")
    writer.join()


def test_names_that_a_list_cannot_hold():
    check_can_be_listed(["segtrack2/girl", "take #2", "#1", "a  b", "日本\u2028語", "a\x85b"])
    for name in ("a # b", "# a", "#", " a", "a\u00a0", "a\nb", "a\rb", "caf\udce9"):
        with pytest.raises(
            InputError, match=r"^a list of names cannot contain '.*'; rename this vid"
        ):
            check_can_be_listed([name])


def test_name_of_a_video_does_not_stand_for_a_folder():
    names = ["dog", "dog/1", "cat/1"]
    assert select_names(names, DATA, videos=["dog"]) == ["dog"]
    assert select_names(names, DATA, exclude=["dog", "cat"]) == ["dog/1"]


def test_decomposed_names_can_be_listed(tmp_path):
    name = unicodedata.normalize("NFD", "café")
    check_can_be_listed([name])
    (tmp_path / "list.txt").write_text(f"{name}\n", encoding="utf-8")
    assert select_names([name], DATA, videos=read_names(tmp_path / "list.txt")) == [name]
