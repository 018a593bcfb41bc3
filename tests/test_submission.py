import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ytvos_keras.cli import eval_submission
from ytvos_keras.errors import InputError
from ytvos_keras.evaluation.submission import (
    Fault,
    SubmissionError,
    check_submission,
    write_submission,
)
from ytvos_keras.media import davis_palette, write_mask

SIZE = (12, 20)
# The ids of video b have a gap, and its second object appears late.
META = {
    "videos": {
        "a": {"objects": {"1": {"frames": ["00000", "00005", "00010"]}}},
        "b": {
            "objects": {"1": {"frames": ["00000", "00005"]}, "4": {"frames": ["00005", "00015"]}}
        },
    }
}
ASKED = {"a": ["00000", "00005", "00010"], "b": ["00000", "00005", "00015"]}


def labels(*ids, size=SIZE):
    """A column of pixels for each id."""
    array = np.zeros(size, np.uint8)
    array[2:5, : len(ids)] = ids
    return array


def png(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def index_png(array):
    image = Image.fromarray(array)
    image.putpalette(davis_palette().tobytes())
    return png(image)


def picture(path, size=SIZE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1]).save(path)


def mask(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, array)


@pytest.fixture
def youtube_vos(tmp_path):
    root = tmp_path / "valid"
    for video, frames in ASKED.items():
        for frame in (*frames, "00003"):
            picture(root / "JPEGImages" / video / f"{frame}.jpg")
        mask(root / "Annotations" / video / "00000.png", labels(1))
    (root / "meta.json").write_text(json.dumps(META))
    return root


@pytest.fixture
def davis(tmp_path):
    root = tmp_path / "DAVIS"
    for sequence in ("dog", "cat"):
        for i in range(3):
            picture(root / "JPEGImages" / "480p" / sequence / f"{i:05d}.jpg")
        mask(root / "Annotations" / "480p" / sequence / "00000.png", labels(1, 2))
    (root / "ImageSets" / "2017").mkdir(parents=True)
    (root / "ImageSets" / "2017" / "test-dev.txt").write_text("dog\ncat\n")
    (root / "ImageSets" / "2017" / "val.txt").write_text("cat\n")
    return root


@pytest.fixture
def predictions(tmp_path):
    """Masks for YouTube-VOS, including frames that are not asked for."""
    root = tmp_path / "predictions"
    for video, frames in ASKED.items():
        for frame in (*frames, "00003"):
            mask(root / video / f"{frame}.png", labels(1, *([4] if video == "b" else [])))
    (root / "overlay.mp4").write_bytes(b"")
    return root


def good(top="Annotations/"):
    """The entries of a valid zip for YouTube-VOS."""
    return {
        f"{top}{video}/{frame}.png": index_png(labels(1))
        for video, frames in ASKED.items()
        for frame in frames
    }


@pytest.fixture
def check(youtube_vos, tmp_path):
    """Return a function that zips entries and returns the faults found, as text."""

    def run(entries):
        path = tmp_path / "theirs.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in entries.items() if isinstance(entries, dict) else entries:
                archive.writestr(name, data)
        return list(map(str, check_submission(path, youtube_vos, "youtube-vos")))

    return run


def test_writes_what_meta_json_lists(youtube_vos, predictions, tmp_path):
    output = tmp_path / "out.zip"
    assert write_submission(predictions, youtube_vos, "youtube-vos", output) == 6
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == [
            "Annotations/a/00000.png", "Annotations/a/00005.png", "Annotations/a/00010.png",
            "Annotations/b/00000.png", "Annotations/b/00005.png", "Annotations/b/00015.png",
        ]  # fmt: skip
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            source = predictions / info.filename.removeprefix("Annotations/")
            assert archive.read(info) == source.read_bytes()  # byte for byte
    assert check_submission(output, youtube_vos, "youtube-vos") == []


def test_split_of_youtube_vos(youtube_vos, predictions, tmp_path, capsys):
    output, root = tmp_path / "out.zip", youtube_vos.parent
    with pytest.raises(InputError, match="contains the splits valid: name one"):
        write_submission(predictions, root, "youtube-vos", output)
    assert write_submission(predictions, root, "youtube-vos", output, split="valid") == 6
    command = ["--protocol", "youtube-vos", "--ground-truth", str(root), "--split", "valid"]
    assert eval_submission.main([*command, "--check", str(output)]) == 0
    assert capsys.readouterr().out == f"{output}: no fault found\n"


def test_davis_has_the_sequences_at_the_root(davis, tmp_path):
    predictions = tmp_path / "masks"
    for sequence in ("dog", "cat"):
        for i in range(3):
            mask(predictions / sequence / f"{i:05d}.png", labels(2))
    output = tmp_path / "out.zip"
    assert write_submission(predictions, davis, "davis2017", output) == 6
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist()[0] == "dog/00000.png"
        assert {name.split("/")[0] for name in archive.namelist()} == {"dog", "cat"}
    assert check_submission(output, davis, "davis2017") == []
    assert write_submission(predictions, davis, "davis2017", output, split="val") == 3
    with zipfile.ZipFile(output) as archive:
        assert archive.namelist() == [f"cat/{i:05d}.png" for i in range(3)]


def test_davis_ids_come_from_the_first_mask(davis, tmp_path):
    predictions = tmp_path / "masks"
    first = labels(1, 2, 255)  # 255 is void
    Image.fromarray(first).save(davis / "Annotations" / "480p" / "cat" / "00000.png")
    for i in range(3):
        mask(predictions / "cat" / f"{i:05d}.png", labels(i + 1))
    with pytest.raises(SubmissionError) as error:
        write_submission(predictions, davis, "davis2017", tmp_path / "out.zip", split="val")
    assert error.value.faults == [
        Fault("cat/00002.png", "ids must be from the first mask (1, 2). Received: 3")
    ]


def test_same_masks_same_bytes(youtube_vos, predictions, tmp_path):
    first, second = tmp_path / "1.zip", tmp_path / "2.zip"
    write_submission(predictions, youtube_vos, "youtube-vos", first)
    moved = shutil.copytree(predictions, tmp_path / "moved")
    for file in moved.rglob("*.png"):
        file.touch()
    write_submission(moved, youtube_vos, "youtube-vos", second)
    assert first.read_bytes() == second.read_bytes()


def test_masks_without_a_full_palette_are_converted(youtube_vos, predictions, tmp_path):
    grey = labels(1, 4)
    Image.fromarray(grey).save(predictions / "b" / "00000.png")
    four_bits = Image.fromarray(grey)
    four_bits.putpalette([0, 0, 0, 236, 95, 103, 9, 9, 9, 9, 9, 9, 249, 145, 87])
    four_bits.save(predictions / "b" / "00005.png")
    Image.fromarray(labels(1) * 255).save(predictions / "a" / "00005.png")  # black and white
    output = tmp_path / "out.zip"
    write_submission(predictions, youtube_vos, "youtube-vos", output)
    with zipfile.ZipFile(output) as archive:
        for name, expected, colour in (
            ("b/00000", grey, [128, 0, 0]),
            ("b/00005", grey, [236, 95, 103]),
            ("a/00005", labels(1), [128, 0, 0]),
        ):
            data = archive.read(f"Annotations/{name}.png")
            assert data[24:26] == bytes([8, 3])  # bit depth, and colour type palette
            image = Image.open(io.BytesIO(data))
            np.testing.assert_array_equal(np.asarray(image), expected)
            assert image.getpalette()[3:6] == colour


def test_index_png_of_0_and_255_is_object_1(youtube_vos, predictions, tmp_path):
    mask(predictions / "a" / "00005.png", 255 * labels(1))
    output = tmp_path / "out.zip"
    write_submission(predictions, youtube_vos, "youtube-vos", output)
    with zipfile.ZipFile(output) as archive:
        image = Image.open(io.BytesIO(archive.read("Annotations/a/00005.png")))
    np.testing.assert_array_equal(np.asarray(image), labels(1))


def test_wrong_sizes_and_ids_leave_no_zip(youtube_vos, predictions, tmp_path):
    mask(predictions / "a" / "00005.png", labels(1, size=(6, 10)))
    mask(predictions / "b" / "00015.png", labels(1, 2, 9))
    output = tmp_path / "out.zip"
    output.write_bytes(b"yesterday's")
    with pytest.raises(
        SubmissionError, match=r"out\.zip: 2 faults; the first: Annotations/a/"
    ) as e:
        write_submission(predictions, youtube_vos, "youtube-vos", output)
    assert list(map(str, e.value.faults)) == [
        "Annotations/a/00005.png: must be 20×12 pixels, like the frames. Received: 10×6 pixels",
        "Annotations/b/00015.png: ids must be from meta.json (1, 4). Received: 2, 9",
    ]
    assert output.read_bytes() == b"yesterday's"
    assert not list(tmp_path.glob(".*"))


def test_missing_predictions_are_counted(youtube_vos, predictions, tmp_path):
    for frame in ("00000", "00005"):
        (predictions / "a" / f"{frame}.png").unlink()
    (predictions / "b" / "00015.png").unlink()
    with pytest.raises(SubmissionError) as error:
        write_submission(predictions, youtube_vos, "youtube-vos", tmp_path / "out.zip")
    assert error.value.faults == [
        Fault(str(predictions / "a"), "2 of 3 masks missing: 00000, 00005"),
        Fault(str(predictions / "b"), "1 of 3 masks missing: 00015"),
    ]


def test_predictions_one_level_off(youtube_vos, predictions, tmp_path):
    with pytest.raises(InputError, match=f"further down; give {predictions} instead"):
        write_submission(predictions.parent, youtube_vos, "youtube-vos", tmp_path / "out.zip")


def test_colour_prediction_is_reported(youtube_vos, predictions, tmp_path):
    Image.new("RGB", (20, 12), (200, 0, 0)).save(predictions / "a" / "00010.png")
    with pytest.raises(InputError, match=r"predictions/a/00010\.png: colours found"):
        write_submission(predictions, youtube_vos, "youtube-vos", tmp_path / "out.zip")
    assert not list(tmp_path.glob("*.zip"))


@pytest.mark.parametrize("output", [".", "absent/out.zip"])
def test_output_must_be_a_file_in_a_folder(youtube_vos, predictions, tmp_path, output):
    with pytest.raises(InputError, match="give the name of a file in a folder that exists"):
        write_submission(predictions, youtube_vos, "youtube-vos", tmp_path / output)


def test_valid_zips_of_other_tools(check):
    entries = good()
    assert check(entries) == []
    # Folder entries, order, compression and greyscale make no difference.
    grey = {name: png(Image.fromarray(labels(1))) for name in reversed(entries)}
    assert check({"Annotations/": b"", "Annotations/a/": b"", **grey}) == []


def test_size_without_frames_comes_from_the_first_masks(check, youtube_vos):
    shutil.rmtree(youtube_vos / "JPEGImages")
    assert check(good()) == []
    shutil.rmtree(youtube_vos / "Annotations" / "b")
    with pytest.raises(InputError, match=r"Annotations/b: no frame or mask of this video"):
        check(good())


def test_missing_videos_and_frames(check):
    entries = good()
    for name in [n for n in entries if "/b/" in n]:
        del entries[name]
    del entries["Annotations/a/00005.png"]
    assert check(entries) == [
        "theirs.zip: 1 of 2 sequences missing: b",
        "Annotations/a/: 1 of 3 masks missing: 00005",
    ]
    assert check({}) == ["theirs.zip: 2 of 2 sequences missing: a, b"]


@pytest.mark.parametrize(("top", "entry"), [("", "/"), ("out/Annotations/", "out/Annotations/")])
def test_wrong_root_is_one_fault_and_the_rest_is_still_checked(check, top, entry):
    entries = good(top)
    assert check(entries) == [
        f"{entry}: 6 masks are here; sequences must be in the top folder Annotations/"
    ]
    entries[f"{top}b/00000.png"] = index_png(labels(3))
    del entries[f"{top}a/00000.png"]
    assert check(entries) == [
        f"{entry}: 5 masks are here; sequences must be in the top folder Annotations/",
        "Annotations/a/: 1 of 3 masks missing: 00000",
        f"{top}b/00000.png: ids must be from meta.json (1, 4). Received: 3",
    ]


def test_davis_in_a_top_folder(davis, tmp_path):
    path = tmp_path / "theirs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(3):
            archive.writestr(f"results/cat/{i:05d}.png", index_png(labels(1)))
    assert check_submission(path, davis, "davis2017", split="val") == [
        Fault("results/", "3 masks are here; sequences must be in the root of the zip")
    ]


def test_extra_files(check):
    extra = {
        "Annotations/a/00003.png": "not a required frame of this sequence",
        "Annotations/a/00005.jpg": "masks are named FRAME.png",
        "Annotations/c/00000.png": "not in the folder of a required sequence",
        "__MACOSX/Annotations/a/._00000.png": "not a required frame of this sequence",
        "readme.txt": "not in the folder of a required sequence",
    }
    assert check(good() | dict.fromkeys(extra, b"")) == [
        f"{name}: is unexpected: {reason}" for name, reason in extra.items()
    ]


def test_many_extra_files_are_one_fault_for_each_folder_and_reason(check):
    names = [f"Annotations/a/{t:05d}.png" for t in range(1, 5)]
    names += ["Annotations/a/x.jpg", "Annotations/a/y.jpg", "x.txt", "y.txt"]
    assert check(good() | dict.fromkeys(names, b"")) == [
        "Annotations/a/: 4 files are unexpected (00001.png, 00002.png, 00003.png, …): not a "
        "required frame of this sequence",
        "Annotations/a/: 2 files are unexpected (x.jpg, y.jpg): masks are named FRAME.png",
        "/: 2 files are unexpected (x.txt, y.txt): not in the folder of a required sequence",
    ]


KIND = "must have 8 bits per pixel, palette or greyscale. Received: "


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (png(Image.new("RGB", (20, 12))), KIND + "8-bit RGB"),
        (png(Image.new("RGBA", (20, 12))), KIND + "8-bit RGBA"),
        (png(Image.new("LA", (20, 12))), KIND + "8-bit greyscale with transparency"),
        (png(Image.fromarray(labels(1).astype(np.uint16))), KIND + "16-bit greyscale"),
        (png(Image.new("1", (20, 12))), KIND + "1-bit greyscale"),
        (png(Image.new("P", (20, 12)), bits=4), KIND + "4-bit palette"),
        (
            index_png(labels(1, size=(256, 448))),
            "must be 20×12 pixels, like the frames. Received: 448×256 pixels",
        ),
        (index_png(labels(1, 2, 255)), "ids must be from meta.json (1). Received: 2, 255"),
        (b"", "is not a PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(30), "is not a PNG"),
    ],
)
def test_masks_that_servers_misread(check, data, problem):
    name = "Annotations/a/00005.png"
    assert check(good() | {name: data}) == [f"{name}: {problem}"]


def test_damaged_masks(check):
    name = "Annotations/a/00005.png"
    noise = np.random.default_rng(0).integers(0, 2, SIZE).astype(np.uint8)
    (fault,) = check(good() | {name: index_png(noise)[:-40]})
    assert fault.startswith(f"{name}: cannot be read; is it damaged? (")


def test_all_faults_of_a_mask_are_listed(check):
    name = "Annotations/b/00005.png"
    assert check(good() | {name: index_png(labels(9, size=(6, 10)))}) == [
        f"{name}: must be 20×12 pixels, like the frames. Received: 10×6 pixels",
        f"{name}: ids must be from meta.json (1, 4). Received: 9",
    ]


def test_names(check):
    entries = good()
    name = "Annotations/a/00005.png"
    with pytest.warns(UserWarning, match="Duplicate name"):
        assert check([*entries.items(), (name, entries[name])]) == [
            f"{name}: occurs 2 times; servers may read any of them"
        ]
    windows = {name.replace("/", "\\"): data for name, data in entries.items()}
    assert check(windows) == [
        f"{name}: has backslashes in its name; folders are separated by /" for name in windows
    ]
    assert check(entries | {"../Annotations/x.png": b"", "/etc/x": b""}) == [
        "../Annotations/x.png: leads out of the zip; names must be relative, without ..",
        "/etc/x: leads out of the zip; names must be relative, without ..",
        "../Annotations/x.png: is unexpected: not in the folder of a required sequence",
        "/etc/x: is unexpected: not in the folder of a required sequence",
    ]


def test_unreadable_zips(youtube_vos, predictions, tmp_path):
    path = tmp_path / "theirs.zip"
    path.write_bytes(b"no zip")
    assert check_submission(path, youtube_vos, "youtube-vos") == [
        Fault("theirs.zip", "cannot be read as a zip file (File is not a zip file)")
    ]
    write_submission(predictions, youtube_vos, "youtube-vos", path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    (fault,) = check_submission(path, youtube_vos, "youtube-vos")
    assert fault.problem.startswith("cannot be read as a zip file")
    middle = whole.index(b"IDAT") + 8
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :])
    (fault,) = check_submission(path, youtube_vos, "youtube-vos")
    assert fault.entry == "Annotations/a/00000.png"
    assert "Bad CRC-32" in fault.problem


def test_entry_without_a_name(check):
    nameless = zipfile.ZipInfo("a")
    nameless.filename = ""
    (fault,) = check([*good().items(), (nameless, b"")])
    assert fault.startswith(": is unexpected")


def test_unusable_inputs(youtube_vos, davis, tmp_path):
    path = tmp_path / "theirs.zip"
    with pytest.raises(InputError, match="is a folder; give the zip file"):
        check_submission(tmp_path, youtube_vos, "youtube-vos")
    with pytest.raises(InputError, match=r"theirs\.zip: no such file"):
        check_submission(path, youtube_vos, "youtube-vos")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in good().items():
            archive.writestr(name, data)
    with pytest.raises(InputError, match="Received: 'davis2016'"):
        check_submission(path, youtube_vos, "davis2016")
    (youtube_vos / "JPEGImages" / "a" / "00000.jpg").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"00000\.jpg: cannot be read as an image"):
        check_submission(path, youtube_vos, "youtube-vos")
    (youtube_vos / "meta.json").write_text('{"videos": {}}')
    with pytest.raises(InputError, match=r"meta\.json: lists no frames of any video"):
        check_submission(path, youtube_vos, "youtube-vos")
    shutil.rmtree(davis / "Annotations" / "480p" / "cat")
    with pytest.raises(InputError, match="480p/cat: no images, but split 'val' needs some"):
        check_submission(path, davis, "davis2017", split="val")
    shutil.rmtree(davis / "JPEGImages")
    with pytest.raises(InputError, match="no JPEGImages beside Annotations"):
        check_submission(path, davis, "davis2017")


@pytest.fixture
def command(youtube_vos):
    return ["--protocol", "youtube-vos", "--ground-truth", str(youtube_vos)]


def test_command_writes_and_checks(command, predictions, tmp_path, capsys):
    output = str(tmp_path / "out.zip")
    arguments = [*command, "--predictions", str(predictions), "--output", output]
    assert eval_submission.main(arguments) == 0
    out, err = capsys.readouterr()
    assert out == f"submission  {output} (6 masks)\n"
    assert "6/6 frames" in err
    assert eval_submission.main([*command, "--check", output]) == 0
    out, err = capsys.readouterr()
    assert out == f"{output}: no fault found\n"
    assert "6/6 frames" in err
    assert eval_submission.main([*arguments, "--quiet"]) == 0
    assert eval_submission.main([*command, "--check", output, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_command_lists_every_fault(command, predictions, tmp_path, capsys):
    path = tmp_path / "theirs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Annotations/a/00000.png", b"")
        archive.writestr("Annotations/readme.txt", b"")
    assert eval_submission.main([*command, "--check", str(path), "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Annotations/readme.txt: is unexpected: not in the folder of a required sequence",
        "theirs.zip: 1 of 2 sequences missing: b",
        "Annotations/a/: 2 of 3 masks missing: 00005, 00010",
        "Annotations/a/00000.png: is not a PNG",
    ]
    assert err == f"error: {path}: 4 faults, listed above\n"
    mask(predictions / "a" / "00000.png", labels(7))
    output = tmp_path / "out.zip"
    arguments = [*command, "--predictions", str(predictions), "--output", str(output), "--quiet"]
    assert eval_submission.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == "Annotations/a/00000.png: ids must be from meta.json (1). Received: 7\n"
    assert err == "error: nothing was written: 1 fault, listed above\n"
    assert not output.exists()


def test_command_errors_are_one_line(command, tmp_path, capsys):
    assert eval_submission.main([*command, "--check", str(tmp_path / "absent.zip")]) == 1
    assert capsys.readouterr() == ("", f"error: {tmp_path / 'absent.zip'}: no such file.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing: --predictions, --output (or --check"),
        (["--predictions", "masks"], "missing: --output"),
        (["--check", "a.zip", "--output", "b.zip"], "leave out --predictions and --output"),
        (["--check", "a.zip", "--split", ""], "--split must not be empty; leave it out instead"),
    ],
)
def test_usage_errors_exit_2(command, arguments, message, capsys):
    with pytest.raises(SystemExit) as error:
        eval_submission.main([*command, *arguments])
    assert error.value.code == 2
    err = capsys.readouterr().err
    assert message in err
    assert "usage: ytvos-eval submission" in err


def test_interrupt_leaves_no_files(youtube_vos, predictions, tmp_path):
    def interrupt(stage, done, total):
        if (stage, done) == ("write", 3):
            raise KeyboardInterrupt

    output = tmp_path / "out.zip"
    with pytest.raises(KeyboardInterrupt):
        write_submission(predictions, youtube_vos, "youtube-vos", output, on_progress=interrupt)
    assert sorted(path.name for path in Path(tmp_path).iterdir()) == ["predictions", "valid"]
