"""Pin the public API, so that no name disappears or appears by accident."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ytvos_keras

PUBLIC = {
    "ytvos_keras": """
        RECIPES S2S InputError OnlineLearningConfig Recipe S2SConfig Segmenter data datasets
        evaluate evaluation export export_onnx export_saved_model inference layers load losses
        make_dataset media metrics models records train training
    """,
    "ytvos_keras.data": """
        AppearanceConfig Augmentation MotionConfig SyntheticConfig TeacherForcing VideoConfig
        make_dataset
    """,
    "ytvos_keras.datasets": """
        EncodedFile Frame ObjectInfo Splits Video check_videos decode_labels make_splits read_coco
        read_cvat read_davis read_labelme read_pictures read_youtube_vos video_categories
    """,
    "ytvos_keras.evaluation": """
        Evaluation ObjectScores Statistics Summary contour_accuracy evaluate region_similarity
        score_frame statistics_over_frames write_csv write_json
    """,
    "ytvos_keras.export": """
        OnnxFiles OnnxSegmenter ParityError SavedModel development_server export_onnx
        export_saved_model
    """,
    "ytvos_keras.inference": """
        ONLINE_LEARNING MaskFinder OnlineLearningConfig SegmentOptions SegmentedFiles Segmenter
        VideoOutcome merge_probabilities segment_batch segment_files
    """,
    "ytvos_keras.layers": "ConvLSTM ConvLSTMCell Matching",
    "ytvos_keras.losses": "FrameLoss LiteLoss MaskCrossentropy",
    "ytvos_keras.media": """
        FrameSource box_trimap check_label_map davis_palette open_frames overlay read_mask
        write_mask
    """,
    "ytvos_keras.metrics": "MeanJ",
    "ytvos_keras.models": "PRESETS S2S S2SConfig load",
    "ytvos_keras.records": """
        CheckReport IndexedVideo SCHEMA_VERSION check parse read_index write_records
    """,
    "ytvos_keras.training": """
        ConfidenceExamples Devices RECIPES Recipe RunFiles Stability Stage collect_examples
        find_devices fit_confidence train
    """,
}
MODULES = sorted(PUBLIC)


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_pinned(module):
    assert set(importlib.import_module(module).__all__) == set(PUBLIC[module].split())


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_resolves_to_the_right_object(module):
    room = importlib.import_module(module)
    for name in PUBLIC[module].split():
        value = getattr(room, name)
        # A function must not be shadowed by its own module of the same name.
        assert isinstance(value, type(sys)) == (f"{module}.{name}" in PUBLIC), name


@pytest.mark.parametrize("module", MODULES)
def test_tab_completion_offers_the_public_names(module):
    assert set(PUBLIC[module].split()) <= set(dir(importlib.import_module(module)))


def test_function_is_not_shadowed_after_importing_its_module():
    code = (
        "import ytvos_keras.export.development_server, ytvos_keras.records.write_records\n"
        "from ytvos_keras.export import development_server\n"
        "from ytvos_keras.records import write_records\n"
        "assert callable(development_server) and callable(write_records)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("data_prep/*.md"),
    *ROOT.glob("export/*.md"),
    *ROOT.glob("export/web/*.md"),
    *ROOT.glob("notebooks/*.md"),
    *ROOT.glob("notebooks/[0-9]*.py"),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_import_public_names_only(path):
    lines = re.findall(
        r"^\s*from (ytvos_keras[\w.]*) import ([\w, ]+)", path.read_text("utf-8"), re.MULTILINE
    )
    for module, names in lines:
        assert set(names.replace(",", " ").split()) <= set(PUBLIC.get(module, "").split()), module


def is_public(name: str) -> bool:
    """Whether a dotted name is that of a public module, or begins with a public name."""
    module = max((m for m in PUBLIC if f"{name}.".startswith(f"{m}.")), key=len)
    members = name.removeprefix(module).split(".")[1:]
    return not members or members[0] in PUBLIC[module].split()


def test_is_public():
    assert is_public("ytvos_keras.media")
    assert is_public("ytvos_keras.Segmenter.confidence")
    assert is_public("ytvos_keras.training.find_devices")
    assert not is_public("ytvos_keras.training.devices.find_devices")
    assert not is_public("ytvos_keras.errors")


# The changelog also names what was removed.
@pytest.mark.parametrize(
    "path",
    [path for path in DOCUMENTS if path.name != "CHANGELOG.md"],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_documents_name_public_names_only(path):
    # `:::` needs the path of the source, `python -m` runs modules that are not part of the API.
    names = re.findall(
        r"(?<!::: )(?<!python -m )\bytvos_keras(?:\.[a-zA-Z]\w*)+", path.read_text("utf-8")
    )
    assert [name for name in names if not is_public(name)] == []


def documented() -> dict[str, object]:
    """What the pages of the API reference show, by name."""
    found = {}
    for page in ROOT.glob("docs/reference/api/*.md"):
        for path in re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE):
            module, _, name = path.rpartition(".")
            found[name] = getattr(importlib.import_module(module), name)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_api_reference(module):
    shown, room = documented(), importlib.import_module(module)
    names = [name for name in PUBLIC[module].split() if f"{module}.{name}" not in PUBLIC]
    assert [name for name in names if shown.get(name) is not getattr(room, name)] == []


def test_version_has_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+", ytvos_keras.__version__)


def test_unknown_name():
    with pytest.raises(AttributeError, match="No ytvos_keras attribute Segmentor"):
        _ = ytvos_keras.Segmentor


@pytest.mark.parametrize(
    "statement",
    [
        "import ytvos_keras; dir(ytvos_keras); ytvos_keras.InputError",
        "import ytvos_keras as y; y.evaluation, y.inference, y.media, y.training, y.export, y.data",
        "import ytvos_keras.cli.bench",
        "import ytvos_keras.cli.eval",
        "import ytvos_keras.cli.prepare",
        "import ytvos_keras.cli.segment",
        "import ytvos_keras.cli.train",
    ],
)
def test_import_is_light(statement):
    heavy = "{'tensorflow', 'keras', 'av'} & set(sys.modules)"
    code = f"import sys; {statement}; sys.exit(str({heavy} or ''))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stderr.strip() == ""
