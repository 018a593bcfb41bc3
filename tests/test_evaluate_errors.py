import json
import warnings

import numpy as np
import pytest
from mask_folders import blocks, write_sequences
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.evaluation import evaluate
from ytvos_keras.evaluation.evaluation_plan import plan_evaluations


@pytest.fixture
def folders(tmp_path):
    for name in ("truth", "masks"):
        write_sequences(tmp_path / name, {"dog": [blocks(1)] * 4, "bear": [blocks(2)] * 4})
    return tmp_path / "masks", tmp_path / "truth"


def test_missing_predictions(folders):
    masks, truth = folders
    for frame in ("00000", "00003"):  # may be missing: these frames are not scored
        (masks / "dog" / f"{frame}.png").unlink()
    evaluate(masks, truth, "davis2017")
    for frame in ("00001", "00002"):
        (masks / "dog" / f"{frame}.png").unlink()
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "davis2017")
    assert str(error.value) == (
        f"{masks / 'dog'}: no mask of frame 00001 (and 1 more); every scored frame needs a PNG "
        "with its name, even if no object is visible (all 0)."
    )


def test_objects_that_appear_later(tmp_path):
    later = blocks(1)
    later[6:, 6:] = 2
    write_sequences(tmp_path, {"dog": [blocks(1), blocks(1), later, later]})
    with pytest.raises(InputError, match=r"contains id 2, .* are 1; only those of the first mask"):
        evaluate(tmp_path, tmp_path, "davis2017")
    evaluate(tmp_path, tmp_path, "youtube-vos")


def test_255_is_void_in_youtube_vos(tmp_path):
    """It would be scored as an empty truth."""
    write_sequences(tmp_path / "truth", {"dog": [255 * blocks(1)] * 4})
    write_sequences(tmp_path / "masks", {"dog": [blocks(1)] * 4})
    message = r"00000\.png: contains only 0 and 255, and 255 is void in this protocol, .* davis2016"
    with pytest.raises(InputError, match=message):
        evaluate(tmp_path / "masks", tmp_path / "truth", "youtube-vos")
    videos = {
        "dog": {"objects": {"1": {"category": "dog", "frames": [f"{t:05d}" for t in range(4)]}}}
    }
    (tmp_path / "truth" / "Annotations").mkdir()
    (tmp_path / "truth" / "dog").rename(tmp_path / "truth" / "Annotations" / "dog")
    (tmp_path / "truth" / "meta.json").write_text(json.dumps({"videos": videos}))
    with pytest.raises(InputError, match=message):
        evaluate(tmp_path / "masks", tmp_path / "truth", "youtube-vos")


def test_255_is_void_in_youtube_vos_also_in_later_masks(tmp_path):
    white = 255 * blocks(1)
    truth, masks = [blocks(), white, white], [blocks(), blocks(1), blocks(1)]
    write_sequences(tmp_path / "truth", {"dog": truth})
    write_sequences(tmp_path / "masks", {"dog": masks})
    with pytest.raises(InputError, match=r"00001\.png: contains only 0 and 255, and 255 is void"):
        evaluate(tmp_path / "masks", tmp_path / "truth", "youtube-vos")
    with pytest.raises(InputError, match=r"ground_truth\['video'\]\[1\]: contains only 0 and 255"):
        evaluate(masks, truth, "youtube-vos")


@pytest.mark.parametrize("from_files", [False, True])
@pytest.mark.parametrize(
    ("protocol", "soft"),
    [
        ("davis2016", "masks"),
        ("davis2016", "truth"),
        ("davis2017", "truth"),
        ("youtube-vos", "truth"),
    ],
)
def test_soft_masks(tmp_path, protocol, soft, from_files):
    """Their grey levels would count as 254 objects, or all as one."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    given = {"masks": levels // 128, "truth": levels // 128} | {soft: levels}
    clips = {name: np.stack([labels] * 3) for name, labels in given.items()}
    if from_files:
        for name, labels in given.items():
            (tmp_path / name / "dog").mkdir(parents=True)
            for t in range(3):
                Image.fromarray(labels).save(tmp_path / name / "dog" / f"{t:05d}.png")
            clips[name] = tmp_path / name
    with pytest.raises(InputError, match="256 values found; was it resized with interpolation"):
        evaluate(clips["masks"], clips["truth"], protocol)


def test_soft_masks_that_are_not_fully_bright(tmp_path):
    for name in ("masks", "truth"):
        (tmp_path / name / "dog").mkdir(parents=True)
        for t in range(3):
            levels = np.tile(np.arange(256, dtype=np.uint8) // 2, (8, 1))
            Image.fromarray(levels).save(tmp_path / name / "dog" / f"{t:05d}.png")
    with pytest.raises(InputError, match="128 values found; was it resized with interpolation"):
        evaluate(tmp_path / "masks", tmp_path / "truth", "davis2016")


FEW_LEVELS = np.array([16, 48, 64, 112, 143, 191, 207, 239, 255], np.uint8)


@pytest.mark.parametrize("from_files", [False, True])
@pytest.mark.parametrize("soft", ["masks", "truth"])
def test_few_grey_levels_of_davis_2016(tmp_path, soft, from_files):
    """As one object, they would be a pixel too large at every edge."""
    labels = np.zeros((8, 12), np.uint8)
    labels[2:6, 1:10] = FEW_LEVELS
    clips = {name: np.stack([labels // 255] * 3) for name in ("masks", "truth")}
    clips[soft] = np.stack([labels] * 3)
    if from_files:
        for name, clip in clips.items():
            (tmp_path / name / "dog").mkdir(parents=True)
            for t, mask in enumerate(clip):
                Image.fromarray(mask).save(tmp_path / name / "dog" / f"{t:05d}.png")
            clips[name] = tmp_path / name
    with pytest.raises(InputError, match="10 values found; was it resized with interpolation"):
        evaluate(clips["masks"], clips["truth"], "davis2016")


def test_ids_beside_void_of_davis_2016():
    labels = np.array([[0, 1, 2, 255]] * 2, np.uint8)
    scores = evaluate(
        np.stack([labels] * 3), np.stack([labels > 0] * 3).astype(np.uint8), "davis2016"
    )
    assert scores.overall.J.mean == 1


def test_grey_levels_without_background():
    labels = np.array([[64, 255]] * 2, np.uint8)
    with pytest.raises(InputError, match="2 values found; was it resized with interpolation"):
        evaluate(np.stack([labels // 255] * 3), np.stack([labels] * 3), "davis2016")


def test_error_names_few_of_many_ids():
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    predicted = np.where(labels, labels + 100, 0).astype(np.uint8)
    message = r"contains ids 101, 102, 103, 104, 105, …, but .* are 1, 2, 3, 4, 5, …; use the ids"
    with pytest.raises(InputError, match=message):
        evaluate(np.stack([predicted] * 3), np.stack([labels] * 3), "davis2017")


def picture(change):
    """Replace the mask of a scored frame."""

    def replace(masks):
        file = masks / "dog" / "00001.png"
        file.unlink()
        change(file)

    return replace


RED = np.zeros((8, 8, 3), np.uint8)
RED[:4, :4, 0] = 200
SMOOTH = Image.fromarray(np.eye(4, dtype=np.uint8) * 255).resize((8, 8), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (picture(lambda f: Image.fromarray(RED).save(f)), "00001.png: colours found"),
        (picture(SMOOTH.save), "values found; was it resized with interpolation"),
        (
            picture(lambda f: Image.fromarray(RED).save(f.with_suffix(".jpg"))),
            "00001.jpg: JPEG does not keep exact values",
        ),
        (picture(lambda f: f.write_bytes(b"")), "00001.png: cannot be read as an image"),
    ],
)
def test_invalid_masks(folders, change, message):
    masks, truth = folders
    change(masks)
    with pytest.raises(InputError) as error:
        evaluate(masks, truth, "davis2017")
    assert message in str(error.value)
    assert str(error.value).startswith(str(masks))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (("masks/dog", "truth"), "masks/dog: contains masks itself; give its parent folder, "),
        ((".", "truth"), "the folders of the sequences are further down; give "),
        (("no", "truth"), "no: no such folder."),
        (("masks", "truth/dog"), "truth/dog: contains masks itself; give its parent folder, "),
        (("masks", "."), "the folders of the sequences are further down; give "),
    ],
)
def test_wrong_folder_levels(folders, where, message):
    root = folders[0].parent
    with pytest.raises(InputError) as error:
        evaluate(*(root / place for place in where), "davis2017")
    assert message in str(error.value).replace("\\", "/")


def test_missing_sequence(folders):
    masks, truth = folders
    for file in [*(masks / "bear").iterdir()]:
        file.unlink()
    (masks / "bear").rmdir()
    with pytest.raises(InputError, match=r"masks.bear: no such folder; every sequence needs"):
        evaluate(masks, truth, "davis2017")
    evaluate(masks, truth, "davis2017", sequences=["dog"])
    with pytest.raises(InputError, match=r"no sequence 'cat' in .*truth; available: bear, dog"):
        evaluate(masks, truth, "davis2017", sequences=["cat"])
    with pytest.raises(InputError, match="truth: no sequence to score"):
        evaluate(masks, truth, "davis2017", sequences=[])


def test_sequence_without_ground_truth(folders):
    masks, truth = folders
    (truth / "cat").mkdir()
    (truth / "ImageSets" / "2017").mkdir(parents=True)
    (truth / "ImageSets" / "2017" / "val.txt").write_text("cat")
    (masks / "cat").mkdir()
    with pytest.raises(InputError, match=r"truth.cat: no masks \(PNG\) in this folder"):
        evaluate(masks, truth, "davis2017", split="val")


CLIP = np.stack([blocks(1)] * 3)


@pytest.mark.parametrize(
    ("predictions", "truth", "options", "message"),
    [
        (CLIP, CLIP, {"protocol": "davis"}, "protocol must be one of davis2016, davis2017, you"),
        (CLIP, CLIP, {"frames": "all"}, "frames must be one of every, listed, None"),
        (CLIP, CLIP, {"exclude_last": True}, "are only for the protocol youtube-vos; davis2017 a"),
        (CLIP, CLIP, {"seen_categories": {"a"}}, "seen_categories are only for the protocol yo"),
        (CLIP, CLIP, {"split": "val"}, "split is only for folders"),
        (CLIP, "truth", {}, "must both be folders, or both be arrays"),
        (CLIP, CLIP[0], {}, r"ground_truth['video']: label maps must have shape (T, H, W), T at "),
        (CLIP[:0], CLIP, {}, r"predictions['video']: label maps must have shape (T, H, W), T at "),
        ([CLIP[0], CLIP[0, :4]], CLIP, {}, "predictions['video']: all frames must have the same"),
        (None, CLIP, {}, r"predictions['video']: label maps must have shape (T, H, W), T at least"),
        (CLIP[:2], CLIP, {}, "predictions['video'] has 2 frames, but ground_truth has 3"),
        ({"a": CLIP}, {"b": CLIP}, {}, "predictions lack the sequence 'b' of ground_truth"),
        (CLIP, {}, {}, "ground_truth: no sequence to score"),
        (CLIP * 2, CLIP, {}, "predictions['video'][1]: contains id 2, but the objects of this"),
        (CLIP[:, :4], CLIP, {}, "predictions['video'][1]: has 8×4 pixels, but ground_truth['vid"),
        (CLIP / 2, CLIP, {}, "predictions['video'][1]: fractions found"),
        (CLIP, CLIP * 0, {}, "ground_truth['video'][0]: no object in the first mask"),
    ],
)
def test_array_and_setting_errors(predictions, truth, options, message):
    options = {"protocol": "davis2017"} | options
    with pytest.raises(InputError) as error:
        evaluate(predictions, truth, **options)
    assert message in str(error.value)


def test_planning_reads_no_predictions(folders, monkeypatch):
    masks, truth = folders
    (masks / "dog" / "00001.png").write_bytes(b"damaged")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = plan_evaluations({"": masks}, truth, "davis2017")[""]
    assert [len(sequence.frames) for sequence in plan.sequences] == [2, 2]
