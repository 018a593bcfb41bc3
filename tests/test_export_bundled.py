"""`s2s-lite` as ONNX: in onnxruntime, and in the page of `export/web/`.

In one file, because converting it takes as long as each of the tests.
"""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from annotate_project import EllipseFinder
from chromium import SITE, needs_site
from models_helper import bundled_model
from onnx_parity import check_small_clips, check_twenty_frames
from tiny_export import new_folder

from ytvos_keras.annotate.workspace import Workspace
from ytvos_keras.export import onnx_convert, onnx_files
from ytvos_keras.export.annotated_clips import bundled_clip
from ytvos_keras.export.onnx_files import export_onnx
from ytvos_keras.export.onnx_stream import OnnxStream
from ytvos_keras.export.parity import KerasStream, demo_clip
from ytvos_keras.inference import Segmenter
from ytvos_keras.inference.merge import merge_probabilities

with contextlib.suppress(ModuleNotFoundError):  # the first test does not need playwright
    from annotate_browser import Person, chromium, new_page
    from annotate_server import running_server
    from playwright.sync_api import expect
    from web_page import BOXES, COLLECT, SIZE, check, collected, draw, opened, saved_masks, served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graphs():
    """The bundled model in float32; not to be modified."""
    return onnx_convert.convert(bundled_model())


@pytest.fixture(scope="module")
def exported(graphs):
    """The files that the page loads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_convert, "convert", lambda *_, **__: graphs)
        # The files are compared and measured at length below and in `test_export_onnx_precision`.
        patch.setattr(onnx_files, "demo_clip", lambda size: demo_clip((64, 96), frames=3))
        patch.setattr(onnx_files, "_measure", lambda *_: {})
        return export_onnx(bundled_model(), new_folder(), name="s2s-lite", precision="float16")


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def test_bundled_model_matches_keras(graphs):
    reference, stream = KerasStream(bundled_model()), OnnxStream(graphs)
    check_twenty_frames(reference, stream, (256, 448))
    check_small_clips(reference, stream)


@needs_site
def test_the_bundled_model_in_both_pages(browser, exported, tmp_path):
    """The static page segments like onnxruntime, and `ytvos-annotate` like the static page."""
    model = bundled_model()
    with opened(browser, exported.path, tmp_path / "static") as person:
        person.page.evaluate(COLLECT)
        follow(person)
        frames = collected(person)
        static = saved_masks(person)
    assert (frames[0]["rows"], frames[0]["columns"]) == model.config.input_size
    check(frames[:4], exported.path)
    assert [frame["index"] for frame in frames[4:]] == [0, 1, 2, 3]
    check(frames[4:], exported.path, shown=2)  # a correction

    (tmp_path / "videos").mkdir()
    shutil.copy(bundled_clip().path, tmp_path / "videos" / "bunny.mp4")
    workspace = Workspace(tmp_path / "videos", lambda: Segmenter(model), EllipseFinder)
    with running_server(workspace) as client, new_page(browser, client.address) as page:
        page.get_by_role("button", name="bunny").click()
        person = Person(page, SIZE)
        person.sees("#place", "frame 1 of 88")
        page.locator("#opener").wait_for(state="hidden")
        follow(person)
        project = workspace.session.project
        served = {name: project.mask(int(Path(name).stem)) for name in static}
    workspace.close()

    assert sorted(static) == [f"{index:05d}.png" for index in range(4)]
    for name, labels in static.items():
        for number in BOXES:
            ours, theirs = labels == number, served[name] == number
            # Canvas and Pillow scale the frames differently.
            assert (ours & theirs).sum() > 0.97 * (ours | theirs).sum(), (name, number)
    seen = {frame["index"]: frame.get("confidence") for frame in frames[4:]}
    for index in (2, 3):
        sure = {str(i): found.confidence for i, found in project.predicted[index].items()}
        assert seen[index] == pytest.approx(sure, abs=0.05)


ROWS = """async ([model, frames, masks, height, width]) => {
  const { Segmenter } = await import("./local/segmenter.js");
  const segmenter = await Segmenter.load(new URL(model, location.href).href);
  const images = frames.map(frame => Uint8Array.from(frame));
  const [one, two] = masks.map(mask => Uint8Array.from(mask));
  const size = [height, width];
  await segmenter.show(images[0], new Map([[1, one]]), ...size);
  await segmenter.show(images[1], new Map([[2, two]]), ...size); // begins later
  await segmenter.show(images[2], new Map([[2, one]]), ...size); // only one is corrected
  const states = [{ ...segmenter.state }];
  segmenter.remove(1);
  await segmenter.step(images[3], ...size, ...size);
  states.push(segmenter.state);
  return {
    ids: segmenter.ids,
    states: states.map(state =>
      Object.fromEntries(Object.entries(state).map(([name, x]) => [name, [x.dims, [...x.data]]]))),
  };
}"""


@needs_site
def test_objects_begin_are_corrected_and_removed_row_by_row(browser, exported, tmp_path):
    frames, masks = demo_clip((64, 96), frames=4, objects=2)
    stream = OnnxStream({name: exported.path / f"{name}.onnx" for name in exported.signatures})
    images = [frame[None] for frame in frames]
    state = stream.initialize(images[0], masks[:1])
    probs, state = stream.step(images[1], state)
    # The second row is only there to be seen by the first.
    begun = stream.initialize(images[1], beside_first_object(masks[1], probs))
    state = {name: np.concatenate([x, begun[name][:1]]) for name, x in state.items()}
    probs, state = stream.step(images[2], state)
    given, backward = beside_first_object(masks[0], probs), {n: x[::-1] for n, x in state.items()}
    rows = stream.correct(images[2], given, backward)
    state = {name: np.concatenate([x[:1], rows[name][:1]]) for name, x in state.items()}
    _, last = stream.step(images[3], {name: x[1:] for name, x in state.items()})

    shutil.copytree(SITE, tmp_path / "site")
    shutil.copytree(exported.path, tmp_path / "site" / "lite")
    given = [[x.ravel().tolist() for x in frames], [x.ravel().tolist() for x in masks]]
    with served(tmp_path / "site", False) as address, new_page(browser, address) as page:
        found = page.evaluate(ROWS, ["lite/", *given, 64, 96])
    assert found["ids"] == [2]
    for ours, expected in zip(found["states"], (state, last), strict=True):
        assert ours.keys() == expected.keys()
        for name, (dims, data) in ours.items():
            assert tuple(dims) == expected[name].shape
            np.testing.assert_allclose(np.reshape(data, dims), expected[name], atol=1e-3)


def beside_first_object(mask: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """The mask, and that of the first object without its pixels."""
    first = merge_probabilities(probs[:1], mask.shape[:2]).numpy()[..., None] == 1
    return np.stack([mask, (first & (mask == 0)).astype(np.uint8)])


def follow(person: "Person") -> None:
    """Draw the boxes, follow them to frame 4, and correct the second one in frame 2."""
    # Otherwise the page may still be showing computed frames one by one after the run.
    person.page.locator("#follow").uncheck()
    draw(person)
    person.go_to(4)
    person.press("o")
    person.propagate()
    expect(person.page.locator("#doubtful")).to_be_enabled()
    person.go_to(2)
    person.lasso(30, 100, 120, 150)
    person.propagate(said="Done: 2 frames.")
