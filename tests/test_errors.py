import pytest

from ytvos_keras.errors import InputError, check_choices, counted, listed


def test_counted():
    assert [counted(n, "frame") for n in (0, 1, 2, 1200)] == [
        "0 frames",
        "1 frame",
        "2 frames",
        "1,200 frames",
    ]


def test_listed():
    assert listed([]) == ""
    assert listed([1, 2, 3]) == "1, 2, 3"
    assert listed(["a", "b", "c", "d"]) == "a, b, c, …"
    assert listed(["a", "b", "c", "d"], 4) == "a, b, c, d"


def test_choices():
    choices = {"kind": ("a", "b"), "part": ("c", None)}
    check_choices({"kind": "a", "part": None, "other": 1}, choices)
    with pytest.raises(InputError, match=r"part must be one of c, None\. Received: 'd'"):
        check_choices({"kind": "b", "part": "d"}, choices)
