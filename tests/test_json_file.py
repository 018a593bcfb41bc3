import json
import math

import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.media.json_file import JsonError, abbreviated, parse_json, read_json, write_json
from ytvos_keras.media.json_value import JsonValue


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"is not valid JSON; is it cut off\? \(Expecting value, line 1, column 1\)"),
        (b'{"a": ', "is not valid JSON; is it cut off"),
        (b"\xff\xfe[\x00]\x00", "is not UTF-8 text"),
        ("[1]".encode("utf-16"), "is not UTF-8 text"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a":' * 100_000, "is nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "is not usable JSON .*4300 digits"),
        (b"[NaN]", "it contains NaN"),
        (b"[-Infinity]", "it contains -Infinity"),
        (b'["\\ud800"]', "contains half of a surrogate pair"),
        (b'{"a": {"\\ud83d": 1}}', "contains half of a surrogate pair"),
        (b'{"\\udfff": 1}', "contains half of a surrogate pair"),
    ],
)
def test_invalid_json(data, reason):
    with pytest.raises(JsonError, match=reason):
        parse_json(data)


def test_valid_json():
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert parse_json('["\\ud83d\\ude00"]') == ["\U0001f600"]
    assert math.isnan(parse_json("NaN", allow_nan=True))
    assert parse_json('{"a": 1, "a": 2}') == {"a": 2}
    with pytest.raises(JsonError, match='"a" appears twice in one object'):
        parse_json('{"a": 1, "a": 2}', unique_keys=True)


def test_non_unicode_file_names_round_trip(tmp_path):
    write_json(tmp_path / "a.json", ["caf\udce9"])
    assert read_json(tmp_path / "a.json") == ["caf\udce9"]


def test_read_json_names_the_file(tmp_path):
    with pytest.raises(InputError, match=r"a\.json: no such file; write it again\.$"):
        read_json(tmp_path / "a.json", "write it again")
    (tmp_path / "a.json").write_text("[")
    with pytest.raises(InputError, match=r"a\.json: is not valid JSON; is it cut off\? .*\)\.$"):
        read_json(tmp_path / "a.json")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"folder: cannot be read \(Is a directory\)"):
        read_json(tmp_path / "folder")


def test_shown_is_short():
    deep = parse_json("[" * 900 + "]" * 900)
    assert len(abbreviated(deep)) <= 40
    assert abbreviated("é") == '"é"'
    assert abbreviated(object()) == "a object"


@pytest.mark.parametrize(
    ("take", "message"),
    [
        (lambda v: v.member("b"), "needs a member 'b'."),
        (lambda v: v.member("a").member("b"), 'a: must be an object {…}. Received: [1, -2, "x"]'),
        (
            lambda v: v.member("a").wholes(),
            "a[1]: must be a whole number of at least 0. Received: -2",
        ),
        (
            lambda v: v.member("a").wholes(-2, 9),
            'a[2]: must be a whole number from -2 to 9. Received: "x"',
        ),
        (lambda v: v.member("a").texts(), "a[0]: must be text. Received: 1"),
        (
            lambda v: v.member("t").whole(),
            "t: must be a whole number of at least 0. Received: true",
        ),
        (lambda v: v.member("t").text(), "t: must be text. Received: true"),
        (lambda v: v.member("a").boolean(), "a: must be true or false. Received: [1"),
        (lambda v: v.member("i").number(), "i: must be a finite number. Received: Infinity"),
        (lambda v: v.member("n").number(), "n: must be a finite number. Received: 1000"),
        (lambda v: v.member("o").texts(), 'o: must be a list […]. Received: {"p": 1.5}'),
        (lambda v: v.wrong("must be better"), "the file: must be better"),
    ],
)
def test_values(take, message):
    value = JsonValue({"a": [1, -2, "x"], "t": True, "i": math.inf, "n": 10**400, "o": {"p": 1.5}})
    with pytest.raises(InputError) as error:
        raise take(value)
    assert str(error.value).startswith(message)


def test_good_values():
    value = JsonValue(json.loads('{"a": [1, 2], "t": ["x"], "o": {"p": 1.5, "q": false}, "e": []}'))
    assert value.member("a").wholes(1, 2) == (1, 2)
    assert value.member("e").wholes() == ()
    assert value.member("t").texts() == ("x",)
    members = dict(value.member("o").members())
    assert members["p"].number(0, 2) == 1.5
    assert members["q"].boolean() is False
    assert [item.place for item in value.member("a").items()] == ["a[0]", "a[1]"]
