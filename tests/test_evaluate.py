import logging
import unicodedata

import numpy as np
import pytest
from mask_folders import blocks, half, write_meta, write_sequences
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import evaluate

NOTHING = blocks()
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def by_object(evaluation):
    return {(scores.sequence, scores.object_id): scores for scores in evaluation.objects}


def J_of(evaluation):
    return {key: scores.J.tolist() for key, scores in by_object(evaluation).items()}


@pytest.fixture
def youtube_vos(tmp_path):
    """Object 2 is absent in 00015, object 5 appears late, "bb" has no category."""
    listed = [f"{t:05d}" for t in range(0, 25, 5)]
    truth = tmp_path / "truth"
    write_meta(
        truth / "meta.json",
        {
            "aa": {"2": ("cat", listed), "5": ("dog", listed[2:])},
            "bb": {"1": (None, listed[:3])},
        },
    )
    aa = [blocks(2), blocks(2), blocks(2, 5), blocks(5), blocks(2, 5)]
    bb = [blocks(1)] * 3
    write_sequences(
        truth / "Annotations",
        {"aa": dict(zip(listed, aa, strict=True)), "bb": dict(zip(listed, bb, strict=False))},
    )
    predicted = {
        "00005": blocks(2, 5),  # object 5 predicted too early: not penalized
        "00007": blocks(7),  # not listed: ignored
        "00010": blocks(5),  # object 2 is missing
        "00015": blocks(2, 5),  # object 2 is absent
        "00020": blocks(2) + half(5),
    }
    write_sequences(
        tmp_path / "masks", {"aa": predicted, "bb": dict.fromkeys(listed[1:3], blocks(1))}
    )
    return tmp_path / "masks", truth


def test_youtube_vos(youtube_vos):
    evaluation = evaluate(*youtube_vos, "youtube-vos", seen_categories={"cat"})
    cat, dog, other = evaluation.objects
    assert (cat.sequence, cat.object_id, cat.category) == ("aa", 2, "cat")
    assert (other.sequence, other.object_id, other.category) == ("bb", 1, None)
    assert cat.frames == ("00005", "00010", "00015", "00020")
    assert dog.frames == ("00015", "00020")
    assert cat.J.tolist() == cat.F.tolist() == [1, 0, 0, 1]
    assert (dog.J.tolist(), dog.F.tolist()) == ([1, 0.5], [1, 1])
    assert cat.J_statistics == (0.5, 0.5, 0)
    assert dog.J_statistics == (0.75, 0.5, 0.5)
    # Means are over objects: "aa" counts twice, "bb" once.
    assert evaluation.overall.J == ((0.5 + 0.75 + 1) / 3, (0.5 + 0.5 + 1) / 3, 0.5 / 3)
    assert (evaluation.seen.J.mean, evaluation.seen.objects) == (0.5, 1)
    assert (evaluation.unseen.J.mean, evaluation.unseen.F.mean) == (0.75, 1)
    assert evaluation.G == (0.5 + 0.5 + 0.75 + 1) / 4
    expected = {"split": None, "exclude_last": False, "frames": None}
    assert evaluation.settings == expected | {"seen_categories": ["cat"]}


def test_youtube_vos_without_the_last_frames(youtube_vos):
    evaluation = evaluate(*youtube_vos, "youtube-vos", exclude_last=True)
    assert J_of(evaluation) == {("aa", 2): [1, 0, 0], ("aa", 5): [1], ("bb", 1): [1]}
    assert evaluation.seen is evaluation.unseen is evaluation.G is None
    assert evaluation.settings["exclude_last"]


def test_youtube_vos_without_categories(youtube_vos):
    masks, truth = youtube_vos
    write_meta(truth / "meta.json", {"bb": {"1": (None, ["00000", "00005"])}})
    evaluation = evaluate(masks, truth, "youtube-vos", seen_categories={"cat"})
    assert J_of(evaluation) == {("bb", 1): [1]}
    assert evaluation.seen is evaluation.unseen is evaluation.G is None


def test_frames_setting_changes_no_score(youtube_vos):
    masks, truth = youtube_vos
    every = evaluate(masks, truth, "youtube-vos", frames="every")
    assert every.settings["frames"] == "every"
    assert J_of(every) == J_of(evaluate(masks, truth, "youtube-vos"))
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "youtube-vos", frames="listed")
    assert str(error.value) == (
        f"{masks / 'aa' / '00007.png'}: neither meta.json nor the ground truth has this frame, so "
        "the method was not given only the listed frames; use `every` if it was given all of them."
    )
    (masks / "aa" / "00007.png").unlink()
    listed = evaluate(masks, truth, "youtube-vos", frames="listed")
    assert J_of(listed) == J_of(every)


def test_listed_frames_without_meta_json_are_those_with_a_true_mask(tmp_path):
    """Also those before the first object appears."""
    labels = [NOTHING, blocks(1), blocks(1)]
    for name in ("truth", "masks"):
        write_sequences(tmp_path / name, {"dog": labels})
    options = {"protocol": "youtube-vos", "frames": "listed"}
    listed = evaluate(tmp_path / "masks", tmp_path / "truth", **options)
    assert J_of(listed) == {("dog", 1): [1]}
    write_sequences(tmp_path / "masks", {"dog": {"00009": NOTHING}})
    with pytest.raises(InputError, match=r"00009\.png: neither meta\.json nor the ground"):
        evaluate(tmp_path / "masks", tmp_path / "truth", **options)


def test_object_that_its_first_mask_does_not_show(youtube_vos):
    masks, truth = youtube_vos
    listed = [f"{t:05d}" for t in range(0, 25, 5)]
    objects = {"2": (None, listed), "5": (None, listed[2:]), "7": (None, listed)}
    write_meta(truth / "meta.json", {"aa": objects})
    message = (
        r"aa.00000\.png: object 7 of meta\.json is not in its first mask; empty predictions of it "
        r"score 1\."
    )
    with pytest.warns(UserWarning, match=message):
        evaluation = evaluate(masks, truth, "youtube-vos")
    assert J_of(evaluation)["aa", 7] == [1, 1, 1, 1]


def test_youtube_vos_first_masks_alone_are_not_ground_truth(youtube_vos):
    masks, truth = youtube_vos
    folder = truth / "Annotations" / "aa"
    for name in ("00005", "00015", "00020"):  # 00010 is the first of object 5
        (folder / f"{name}.png").unlink()
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "youtube-vos")
    assert str(error.value).startswith(
        f"{folder / '00005.png'}: no such file (and 2 more), so no ground truth to score against; "
        "the public valid and test sets have only first masks"
    )


def test_listed_frame_without_a_mask_in_annotated_data(youtube_vos):
    masks, truth = youtube_vos
    missing = truth / "Annotations" / "aa" / "00015.png"
    missing.unlink()
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "youtube-vos")
    assert str(error.value) == (
        f"{missing}: no such file, so no ground truth to score against; add the mask, or remove "
        "the frame from meta.json."
    )


def test_youtube_vos_ids_missing_from_meta_json(youtube_vos):
    masks, truth = youtube_vos
    write_sequences(masks, {"aa": {"00010": blocks(2, 3, 6)}})
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "youtube-vos")
    assert str(error.value) == (
        f"{masks / 'aa' / '00010.png'}: contains ids 3, 6, but the objects of this sequence are 2, "
        "5; use the ids of the ground truth."
    )


def test_davis2017(tmp_path):
    """Ids with a gap, an object that appears later, void pixels, an object that is missed."""
    void = blocks(1, 3)
    void[7] = 255
    truth = [blocks(1, 3), void, blocks(1, 3, 4), blocks(1, 3, 4), NOTHING]
    write_sequences(tmp_path / "truth", {"dog": truth})
    masks = {"00001": blocks(1, 3), "00002": blocks(1) + half(3), "00003": blocks(1)}
    write_sequences(tmp_path / "masks", {"dog": masks})
    evaluation = evaluate(tmp_path / "masks", tmp_path / "truth", "davis2017")
    assert J_of(evaluation) == {("dog", 1): [1, 1, 1], ("dog", 3): [1, 0.5, 0]}
    assert by_object(evaluation)["dog", 3].F.tolist() == [1, 1, 0]
    assert by_object(evaluation)["dog", 3].frames == ("00001", "00002", "00003")
    assert evaluation.settings["exclude_last"]


def test_davis2016_merges_all_ids_and_255(tmp_path):
    white = np.where(blocks(1, 2), 255, 0).astype(np.uint8)
    write_sequences(tmp_path / "truth", {"dog": [white] * 7})
    one = np.minimum(blocks(1, 2), 1)
    white_and_id = blocks(1) + np.where(blocks(2), 255, 0).astype(np.uint8)
    masks = [NOTHING, one, white, blocks(1, 2), white_and_id, half(2), NOTHING]
    write_sequences(tmp_path / "masks", {"dog": masks})
    Image.fromarray(white).save(tmp_path / "masks" / "dog" / "00002.png")  # greyscale, no palette
    evaluation = evaluate(tmp_path / "masks", tmp_path / "truth", "davis2016")
    assert J_of(evaluation) == {("dog", 1): [1, 1, 1, 1, 0.25]}


def test_davis2017_of_white_masks(tmp_path):
    white = np.where(blocks(1), 255, 0).astype(np.uint8)
    write_sequences(tmp_path, {"dog": [white] * 3})
    with pytest.raises(InputError, match=r"no object in the first mask.*protocol davis2016"):
        evaluate(tmp_path, tmp_path, "davis2017")


def test_mean_is_over_objects_not_videos():
    truth = {"three": np.stack([blocks(1, 2, 3)] * 3), "one": np.stack([blocks(1)] * 3)}
    masks = {"three": truth["three"], "one": truth["one"] * 0, "not asked for": truth["one"]}
    assert evaluate(masks, truth, "davis2017").overall.J.mean == 0.75
    only = evaluate(masks, truth, "davis2017", sequences=["one"])
    assert J_of(only) == {("one", 1): [0]}


def test_decay_beyond_256_frames():
    """The official code overflows at 256 frames and returns NaN here."""
    truth = np.stack([blocks(1)] * 302)
    masks = truth * (np.arange(302) <= 150)[:, None, None].astype(np.uint8)
    evaluation = evaluate(masks, truth, "davis2017")
    assert evaluation.objects[0].J_statistics == (0.5, 0.5, 1)
    assert evaluation.overall.F == (0.5, 0.5, 1)


@pytest.mark.parametrize("protocol", ["davis2016", "davis2017"])
def test_one_and_two_frame_clips_have_nothing_to_score(protocol):
    truth = {n: np.stack([blocks(1)] * t) for n, t in (("a", 1), ("b", 2), ("c", 3))}
    with pytest.warns(UserWarning) as caught:
        evaluation = evaluate(truth, truth, protocol)
    (warning,) = caught
    assert str(warning.message).startswith("nothing to score in a, b: the protocol scores")
    a, b, _ = evaluation.objects
    assert a.frames == b.frames == ()
    assert np.isnan(a.J_statistics).all()
    assert evaluation.overall.objects == 1
    assert evaluation.overall.J.mean == 1
    content = evaluation.to_dict()
    nothing = {"mean": None, "recall": None, "decay": None}
    assert content["objects"][0] == {
        "sequence": "a", "object": 1, "category": None, "J": nothing, "F": nothing, "frames": 0
    }  # fmt: skip


def test_warning_of_many_short_clips_is_short():
    clips = {f"clip{n}": blocks(1)[None] for n in range(9)}
    message = r"in clip0, clip1, clip2, clip3, clip4 \(and 4 more\): the protocol scores"
    with pytest.warns(UserWarning, match=message):
        evaluate(clips, clips, "davis2017")


def test_nothing_to_score():
    with pytest.warns(UserWarning, match="nothing to score in video"):
        evaluation = evaluate(blocks(1)[None], blocks(1)[None], "davis2017")
    assert evaluation.to_dict()["J&F"] is None


def test_object_in_one_listed_frame_has_nothing_to_score(youtube_vos):
    masks, truth = youtube_vos
    write_meta(
        truth / "meta.json",
        {"bb": {"1": (None, ["00000", "00005"]), "2": (None, ["00005"]), "3": (None, [])}},
    )
    with pytest.warns(UserWarning, match="nothing to score in bb object 2, bb object 3: "):
        evaluation = evaluate(masks, truth, "youtube-vos")
    assert J_of(evaluation) == {("bb", 1): [1], ("bb", 2): [], ("bb", 3): []}


def test_first_object_without_frames(youtube_vos):
    masks, truth = youtube_vos
    objects = {"1": (None, []), "2": (None, ["00000", "00005"]), "5": (None, [])}
    write_meta(truth / "meta.json", {"aa": objects})
    with pytest.warns(UserWarning, match="nothing to score in aa object 1, aa object 5: "):
        evaluation = evaluate(masks, truth, "youtube-vos")
    assert J_of(evaluation) == {("aa", 1): [], ("aa", 2): [1], ("aa", 5): []}


def test_youtube_vos_arrays_start_where_an_object_appears():
    truth = np.stack([NOTHING, blocks(2), blocks(2, 5), blocks(5), blocks(2)])
    masks = np.stack([blocks(5), blocks(5), blocks(2), blocks(5), blocks(2)])
    evaluation = evaluate(masks, truth, "youtube-vos")
    assert J_of(evaluation) == {("video", 2): [1, 1, 1], ("video", 5): [1, 1]}
    assert evaluation.objects[0].frames == ("00002", "00003", "00004")


def test_list_of_frames_equals_array():
    truth = [blocks(1)] * 4
    masks = [blocks(1), half(1), blocks(1), blocks(1)]
    assert J_of(evaluate(masks, truth, "davis2017")) == {("video", 1): [0.5, 1]}


def test_folders_and_arrays_score_the_same(tmp_path):
    truth = {"dog": np.stack([blocks(1, 3)] * 5), "bear": np.stack([blocks(2)] * 4)}
    masks = {
        "dog": np.stack([NOTHING, half(1), blocks(3), half(3), NOTHING]),
        "bear": np.stack([blocks(2), NOTHING, half(2), blocks(2)]),
    }
    for name, arrays in (("truth", truth), ("masks", masks)):
        write_sequences(tmp_path / name, {k: list(v) for k, v in arrays.items()})
    for protocol in ("davis2016", "davis2017"):
        of_files = evaluate(str(tmp_path / "masks"), str(tmp_path / "truth"), protocol)
        of_arrays = evaluate(masks, truth, protocol, sequences=["bear", "dog"])
        assert of_files.to_dict() == of_arrays.to_dict()
        assert [s.frames for s in of_files.objects] == [s.frames for s in of_arrays.objects]


@pytest.mark.parametrize("protocol", ["davis2017", "youtube-vos"])
def test_many_small_objects_in_folders_and_arrays(tmp_path, protocol):
    """More than ten ids with a gap, nowhere three pixels wide, are not smooth edges."""
    labels = np.zeros((24, 8), np.uint8)
    labels[::2, 3:5] = [[i] for i in range(1, 14) if i != 5]
    write_sequences(tmp_path, {"video": [labels] * 3})
    for source in (tmp_path, np.stack([labels] * 3)):
        evaluation = evaluate(source, source, protocol)
        assert (evaluation.overall.objects, evaluation.overall.J_and_F) == (12, 1)


def test_splits(tmp_path, youtube_vos):
    root = tmp_path / "DAVIS"
    write_sequences(root / "Annotations" / "480p", {n: [blocks(1)] * 3 for n in "abc"})
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "val.txt").write_text("c\na\n")
    (root / "ImageSets" / "480p").mkdir(parents=True)
    (root / "ImageSets" / "480p" / "val.txt").write_text("/J/b/0.jpg /A/b/0.png\n")
    masks = root / "Annotations" / "480p"
    assert list(J_of(evaluate(masks, root, "davis2017", split="val"))) == [("c", 1), ("a", 1)]
    assert list(J_of(evaluate(masks, root, "davis2016", split="val"))) == [("b", 1)]
    some = evaluate(masks, root, "davis2017", split="val", sequences=["a"])
    assert list(J_of(some)) == [("a", 1)]
    assert some.settings["split"] == "val"
    with pytest.raises(InputError, match="no sequence 'b' in val; available: c, a"):
        evaluate(masks, root, "davis2017", split="val", sequences=["b"])
    masks, truth = youtube_vos
    assert len(evaluate(masks, truth.parent, "youtube-vos", split="truth").objects) == 3


@pytest.mark.parametrize(("stored", "asked"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_sequences_are_named_in_any_form_of_unicode(tmp_path, stored, asked):
    write_sequences(tmp_path, {stored: [blocks(1)] * 3, "dog": [blocks(1)] * 3})
    evaluation = evaluate(tmp_path, tmp_path, "davis2017", sequences=[asked])
    assert list(J_of(evaluation)) == [(stored, 1)]


def test_custom_data_without_meta_json(tmp_path, caplog):
    """Object 2 appears in the third mask, and is scored from the fourth on."""
    caplog.set_level(logging.INFO, "ytvos_keras")
    truth = [blocks(1), blocks(1), blocks(1, 2), blocks(1, 2), blocks(2)]
    write_sequences(tmp_path / "data/Annotations", {"a": truth})
    write_sequences(tmp_path / "masks", {"a": [blocks(), blocks(1), half(1), blocks(1), blocks(2)]})
    result = evaluate(tmp_path / "masks", tmp_path / "data", "youtube-vos")
    one, two = result.objects
    np.testing.assert_array_equal(one.J, [1, 0.5, 1, 1])
    np.testing.assert_array_equal(two.J, [0, 1])
    assert "no meta.json, so each object counts from the mask in which it first" in caplog.text
    plain = evaluate(tmp_path / "masks", tmp_path / "data/Annotations", "youtube-vos")
    assert plain.overall.J_and_F == result.overall.J_and_F
