import json

import pytest

from ytvos_keras.datasets.youtube_vos_layout import open_youtube_vos
from ytvos_keras.datasets.youtube_vos_meta import ObjectMeta, read_meta
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.seen_categories import categories_in


def test_objects_categories_and_frames(tmp_path):
    path = tmp_path / "meta.json"
    objects = {
        "7": {"category": "dog", "frames": ["00010", "00005"], "colour": "brown"},
        "2": {"frames": ["00000"]},
        "3": {"category": None, "frames": []},
    }
    path.write_text(json.dumps({"videos": {"aa": {"objects": objects}, "bb": {"objects": {}}}}))
    meta = read_meta(path)
    assert meta == {
        "aa": {
            2: ObjectMeta(None, ("00000",)),
            3: ObjectMeta(None, ()),
            7: ObjectMeta("dog", ("00005", "00010")),  # sorted
        },
        "bb": {},
    }
    assert list(meta["aa"]) == [2, 3, 7]
    assert categories_in(path) == {"dog"}


def test_byte_order_mark_is_skipped(tmp_path):
    (tmp_path / "meta.json").write_text('{"videos": {}}', encoding="utf-8-sig")
    assert read_meta(tmp_path / "meta.json") == {}


def video(objects):
    return {"videos": {"aa": {"objects": objects}}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "the file: must be an object {…}. Received: []"),
        ({}, "needs a member 'videos'."),
        ({"videos": ["aa"]}, 'videos: must be an object {…}. Received: ["aa"]'),
        ({"videos": {"aa": 3}}, "videos.aa: must be an object {…}. Received: 3"),
        ({"videos": {"aa": {}}}, "videos.aa: needs a member 'objects'."),
        (video(None), "videos.aa.objects: must be an object {…}. Received: null"),
        (video({"0": {}}), "videos.aa.objects.0: object ids must be whole numbers from 1 to 254."),
        (video({"255": {}}), "Received: '255'"),
        (video({"x1": {}}), "Received: 'x1'"),
        (video({"²": {}}), "Received: '²'"),
        (video({"1": []}), "videos.aa.objects.1: must be an object {…}. Received: []"),
        (video({"1": {}}), "videos.aa.objects.1: needs a member 'frames'."),
        (
            video({"1": {"frames": [], "category": 5}}),
            "videos.aa.objects.1.category: must be a name, or left out. Received: 5",
        ),
        (video({"1": {"frames": [], "category": ""}}), 'left out. Received: ""'),
        (
            video({"1": {"frames": "00000"}}),
            'videos.aa.objects.1.frames: must be a list of frame names. Received: "00000"',
        ),
        (
            video({"1": {"frames": ["00000", 5]}}),
            'videos.aa.objects.1.frames[1]: must be a frame\'s name in quotes, such as "00005". '
            "Received: 5",
        ),
        (
            video({"1": {"frames": ["00000", "00005", "00000"]}}),
            'videos.aa.objects.1.frames[2]: "00000" appears twice.',
        ),
        (
            video({"1": {"frames": []}, "01": {"frames": []}}),
            "videos.aa.objects.01: object 1 appears twice.",
        ),
        (video("x" * 60), f'Received: "{"x" * 36}…'),
    ],
)
def test_malformed(tmp_path, content, message):
    path = tmp_path / "meta.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError) as error:
        read_meta(path)
    assert str(error.value).startswith(f"{path}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"videos": {', "is not valid JSON; is it cut off? (Expecting"),
        (b"", "is not valid JSON; is it cut off? (Expecting value, line 1, column 1)"),
        (b"\xff\xfe", "is not UTF-8 text, so not JSON."),
        (b"[" * 100_000, "is nested too deeply."),
        (b'{"videos": {"aa": 1, "aa": 2}}', '"aa" appears twice in one object; keep one of them.'),
    ],
)
def test_invalid_json(tmp_path, content, message):
    (tmp_path / "meta.json").write_bytes(content)
    with pytest.raises(InputError) as error:
        read_meta(tmp_path / "meta.json")
    assert str(error.value).startswith(f"{tmp_path / 'meta.json'}: {message}")


def test_no_file(tmp_path):
    for path in (tmp_path / "meta.json", tmp_path):
        with pytest.raises(InputError, match=r"no such file; give the meta.json of YouTube-VOS"):
            read_meta(path)


def test_layout(tmp_path):
    split = tmp_path / "train"
    (split / "Annotations" / "aa").mkdir(parents=True)
    (split / "meta.json").write_text("{}")
    layout = open_youtube_vos(split)
    assert (layout.meta, layout.annotations) == (split / "meta.json", split / "Annotations")
    assert layout.frames is None
    (split / "JPEGImages").mkdir()
    assert open_youtube_vos(tmp_path, "train").frames == split / "JPEGImages"


def test_layout_errors_say_which_folder_to_give(tmp_path):
    def error_of(*arguments):
        with pytest.raises(InputError) as error:
            open_youtube_vos(*arguments)
        return str(error.value)

    assert error_of(tmp_path / "no") == f"{tmp_path / 'no'}: no such folder."
    assert error_of(tmp_path) == (
        f"{tmp_path / 'meta.json'}: no such file; give the folder that contains meta.json and "
        "Annotations."
    )
    for split in ("valid", "train"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "meta.json").write_text("{}")
    assert error_of(tmp_path).endswith(f"{tmp_path} contains the splits train, valid: name one.")
    assert error_of(tmp_path, "test").startswith(f"{tmp_path / 'test' / 'meta.json'}: no such")
    assert error_of(tmp_path, "train") == (
        f"{tmp_path / 'train' / 'Annotations'}: no such folder; the masks belong in it."
    )
    assert error_of(tmp_path / "train", "train") == (
        f"{tmp_path / 'train' / 'train' / 'meta.json'}: no such file; {tmp_path / 'train'} is a "
        "split itself: name none."
    )
    (tmp_path / "train" / "Annotations" / "aa").mkdir(parents=True)
    for wrong in ("train/Annotations", "train/Annotations/aa"):
        assert error_of(tmp_path / wrong).endswith(
            f"no such file; give {tmp_path / 'train'} instead."
        )
