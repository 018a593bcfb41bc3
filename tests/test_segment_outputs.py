"""Outputs derived from the masks; these need no model."""

import json
import types
from fractions import Fraction

import av
import numpy as np
import pytest
from annotate_project import box, load_segmenter
from PIL import Image

from ytvos_keras.errors import InputError
from ytvos_keras.inference.inputs import Inputs, check_files
from ytvos_keras.inference.options import FORMATS, SegmentOptions
from ytvos_keras.inference.outputs.contact_sheet import ContactSheet
from ytvos_keras.inference.outputs.image_outputs import folder_name
from ytvos_keras.inference.outputs.videos import OverlayVideo
from ytvos_keras.inference.outputs.write_outputs import output_paths, write_outputs
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle
from ytvos_keras.media import davis_palette, open_frames, write_mask
from ytvos_keras.media.masks import ids_in, read_written_mask
from ytvos_keras.media.overlay import draw_names
from ytvos_keras.media.video import AlphaVideoWriter

SIZE = (48, 64)
COUNT = 5


def labels_of(index):
    labels = np.zeros(SIZE, np.uint8)
    labels[10:30, 5 + index : 20 + index] = 1
    labels[20:40, 40:50] = 7
    return labels


@pytest.fixture
def run(tmp_path):
    """Create frames and masks as after a finished run; return a function that writes outputs."""
    frames, output = tmp_path / "frames", tmp_path / "out"
    frames.mkdir()
    output.mkdir()
    random = np.random.default_rng(0)
    for index in range(COUNT):
        pixels = random.integers(100, 200, (*SIZE, 3), np.uint8)
        Image.fromarray(pixels).save(frames / f"{index:03d}.png")
        write_mask(output / f"{index:03d}.png", labels_of(index))
    inputs: Inputs = check_files(frames, output / "000.png", tmp_path / "elsewhere")

    def run(**options):
        calls = []
        chosen = SegmentOptions(**options)
        paths = write_outputs(inputs, output, chosen, lambda *call: calls.append(call))
        assert paths == output_paths(output, chosen)
        assert [call[1:] for call in calls] == [(i, COUNT) for i in range(1, COUNT + 1)]
        return types.SimpleNamespace(output=output, frames=frames, **paths), calls

    return run


def touching_shades():
    """Labels and a palette in which object 2 has the mean colour of object 1 and the background."""
    labels = np.zeros(SIZE, np.uint8)
    labels[10:30, 10:30], labels[9, 10:30] = 1, 2
    palette = davis_palette().copy()
    palette[1], palette[2] = (200, 0, 0), (100, 0, 0)
    return labels, palette


def read(path):
    return np.asarray(Image.open(path))


def test_pictures(run):
    made, calls = run(formats=("binary", "per-object", "cutout"), names={1: "big dog/2"})
    out = made.output
    for index in range(COUNT):
        labels, name = labels_of(index), f"{index:03d}.png"
        np.testing.assert_array_equal(read(out / "binary" / name), 255 * (labels > 0))
        np.testing.assert_array_equal(read(out / "objects/1_big_dog_2" / name), 255 * (labels == 1))
        np.testing.assert_array_equal(read(out / "objects/7" / name), 255 * (labels == 7))
        cutout, frame = read(out / "cutout" / name), read(made.frames / name)
        np.testing.assert_array_equal(cutout[..., 3], 255 * (labels > 0))
        np.testing.assert_array_equal(cutout[labels > 0, :3], frame[labels > 0])
        assert not cutout[labels == 0].any()
    assert calls[0][0] == "outputs"


def test_own_masks_in_given_colours(run, tmp_path):
    labels, palette = touching_shades()
    write_mask(tmp_path / "out/003.png", labels, palette)
    made, _ = run(formats=("binary",))
    np.testing.assert_array_equal(read(made.output / "binary/003.png"), 255 * (labels > 0))


def test_written_masks_are_read_whatever_their_colours(tmp_path):
    labels, palette = touching_shades()
    file = tmp_path / "a.png"
    write_mask(file, labels, palette)
    np.testing.assert_array_equal(read_written_mask(file), labels)
    np.testing.assert_array_equal(read_written_mask(file, palette), labels)
    with pytest.raises(InputError, match="3 values found"):
        read_written_mask(file, davis_palette())  # from elsewhere
    Image.fromarray(255 * (labels > 0).astype(np.uint8)).save(file)
    np.testing.assert_array_equal(read_written_mask(file), labels > 0)


def test_masks_of_the_backward_pass_are_read_whatever_their_colours():
    # In DAVIS colours, 8 and 16 are dark shades of 1 and 2.
    labels = box(4) | box(30, value=2)
    labels[3, 4:12], labels[3, 30:38] = 8, 16
    frames = np.full((3, *labels.shape, 3), 100, np.uint8)
    found = list(load_segmenter().segment(frames, {2: labels}, direction="backward"))
    assert [set(ids_in(mask)) for mask in found] == [{1, 2, 8, 16}] * 3


def test_videos(run):
    made, _ = run(formats=("green-screen", "cutout-video"), overlay=True, names={1: "dog"})
    green = [frame for _, frame in open_frames(made.output / "green_screen.mp4")]
    assert len(green) == COUNT
    assert np.abs(green[0][2, 2].astype(int) - (0, 177, 64)).max() < 12
    assert open_frames(made.overlay).fps == 24
    context = av.CodecContext.create("libvpx-vp9", "r")  # FFmpeg's native decoder drops the alpha
    with av.open(str(made.output / "cutout.webm")) as container:
        shown = [frame for packet in container.demux(video=0) for frame in context.decode(packet)]
    assert len(shown) == COUNT
    alpha = shown[-1].to_ndarray(format="rgba")[..., 3]
    assert alpha[25, 45] > 250 and alpha[2, 2] < 5


def test_coco(run, tmp_path):
    mask_api = pytest.importorskip("pycocotools.mask")
    run(coco=tmp_path / "results.json", names={7: "cat"})
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["categories"] == [{"id": 1, "name": "1"}, {"id": 7, "name": "cat"}]
    assert [image["file_name"] for image in content["images"]] == [f"{i:03d}" for i in range(COUNT)]
    assert len(content["annotations"]) == 2 * COUNT
    for annotation in content["annotations"]:
        expected = labels_of(annotation["image_id"]) == annotation["category_id"]
        np.testing.assert_array_equal(mask_api.decode(annotation["segmentation"]), expected)
        assert annotation["area"] == expected.sum()
    assert content["annotations"][0]["bbox"] == [5, 10, 15, 20]


def test_contact_sheet(run):
    made, _ = run(contact_sheet=True)
    with Image.open(made.output / "sheet/contact_sheet.jpg") as sheet:
        assert sheet.width > COUNT * SIZE[1]  # side by side
        assert len(sheet.getcolors(1_000_000)) > 100


def test_contact_sheet_of_a_video_of_unknown_length(tmp_path):
    style = ObjectStyle(davis_palette())
    frame = np.zeros((*SIZE, 3), np.uint8)
    with ContactSheet(tmp_path / "sheet" / "a.jpg", style, None) as sheet:
        for index in range(60):
            sheet.write(MaskedFrame(index, f"{index:05d}", frame, labels_of(0), None))
    assert len(sheet._cells) == 30


def test_videos_of_a_range_begin_at_0(tmp_path):
    frame, path = np.zeros((*SIZE, 3), np.uint8), tmp_path / "a.mp4"
    with OverlayVideo(path, Fraction(25), ObjectStyle(davis_palette())) as video:
        for index in range(3):
            time = 60 + Fraction(index, 25)
            video.write(MaskedFrame(index, f"{index:05d}", frame, labels_of(0), time))
    with av.open(str(path)) as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.size]
        assert min(stamps) == 0
        assert container.duration < 1_000_000  # microseconds


def test_names_of_folders_are_valid_everywhere():
    assert folder_name(1, "a/../b c") == "1_a_b_c"
    assert folder_name(2, "caf\u0065\u0301") == "2_caf\u00e9"  # one letter, not two
    long = folder_name(3, "\u72ac" * 90)
    assert len(long.encode()) < 210 and long.startswith("3_\u72ac")


def test_failure_leaves_no_files(run, tmp_path):
    output = tmp_path / "out"
    before = sorted(path.name for path in output.iterdir())
    (output / "003.png").rename(tmp_path / "003.png")
    options = {"overlay": True, "contact_sheet": True, "coco": tmp_path / "a.json"}
    with pytest.raises(InputError, match=r"003\.png: no such file"):
        run(**options, formats=("green-screen", "cutout-video"))
    left = sorted(path.name for path in output.iterdir())
    assert left == [name for name in before if name != "003.png"]
    assert not (tmp_path / "a.json").exists()


def test_names_are_drawn_inside_the_image():
    picture = np.full((60, 80, 3), 128, np.uint8)
    labels = np.zeros((60, 80), np.uint8)
    labels[0:9, 70:80] = 1  # in a corner
    shown = draw_names(picture, labels, lambda object_id: "a long name", davis_palette())
    assert shown.shape == picture.shape
    assert (shown != picture).any() and (picture == 128).all()
    np.testing.assert_array_equal(draw_names(picture, 0 * labels, str, davis_palette()), picture)


def test_a_name_wider_than_the_image_keeps_its_beginning():
    labels = np.zeros((60, 400), np.uint8)
    labels[30:40, :4] = 1
    wide, narrow = (
        draw_names(
            np.zeros((60, width, 3), np.uint8),
            labels[:, :width],
            lambda object_id: "a long name",
            davis_palette(),
        )
        for width in (400, 30)
    )
    assert wide[:, 30:].any()
    np.testing.assert_array_equal(narrow, wide[:, :30])


def test_alpha_video_errors(tmp_path):
    with (
        pytest.raises(InputError, match="needs at least one frame"),
        AlphaVideoWriter(tmp_path / "a.webm", Fraction(25)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_formats_are_checked():
    with pytest.raises(InputError, match=r"a format must be one of palette, binary, per-object"):
        SegmentOptions(formats=("mask",))
    assert set(FORMATS) > {"palette"}
    assert MaskedFrame(0, "a", np.zeros((1, 1, 3)), np.zeros((1, 1))).time is None
