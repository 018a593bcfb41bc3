"""What each recipe trains, from which weights, for how long, and on which clips."""

import dataclasses
import functools

import keras
import models_helper
import numpy as np
import pytest
import tensorflow as tf
from records import make_video, write_records

from ytvos_keras.data.augmentation import Augmentation, MotionConfig, SyntheticConfig, VideoConfig
from ytvos_keras.data.training_example import _probability
from ytvos_keras.errors import InputError
from ytvos_keras.layers import native_types
from ytvos_keras.losses import LiteLoss, MaskCrossentropy
from ytvos_keras.models import load
from ytvos_keras.models.backbones import VGG16, EfficientNetLite0
from ytvos_keras.training import build, clips
from ytvos_keras.training.build import build_model, compile_model, make_optimizer
from ytvos_keras.training.checkpoint import Progress, save_checkpoint
from ytvos_keras.training.recipe import Recipe, Stage
from ytvos_keras.training.recipes import RECIPES
from ytvos_keras.training.run_files import save_model
from ytvos_keras.training.start import complete_recipe, frozen_parts
from ytvos_keras.training.train import stage_steps

PARTS = (
    *("encoder.backbone", "encoder.conv", "encoder.merge_32", "encoder.merge_16"),
    *("encoder.merge_8", "encoder.to_key", "initializer.backbone", "initializer.to_cell"),
    *("initializer.to_hidden", "memory", "conv_lstm", "decoder"),
)
FILE = "segmentation.weights.h5"
DATA = clips.RunData({"records": 1.0})


@dataclasses.dataclass(frozen=True)
class Facts:
    """Expected properties of a recipe given 30 training videos (15 with half of them, …)."""

    stages: tuple[tuple, ...]  # (frames, clip_length, steps, ends on a stable loss)
    backbone: str | None = "imagenet"  # source of the backbone weights
    option: str | None = None  # --backbone-weights
    weights: str | None = None  # --weights
    frozen: tuple[str, ...] = ()
    forcing: tuple[tuple | None, ...] = ()  # probability at the start, middle and end of a stage
    corruption: float = 0.0
    loss: type = MaskCrossentropy
    optimizer: tuple = (1e-5, None, None, None)  # rate, weight decay, clip norm, average
    batch_size: int = 4
    percent: float = 100
    augment: bool | Augmentation = False
    precision: str = "float32"
    remember_every: int | None = None
    objects: int = 1
    rough_masks: bool = False
    max_step: int = 5


PAPER = (("annotated", (5, 11), 450, True), ("any", (5, 11), 150, False))
DAVIS = (("annotated", (5, 11), 1500, False),)
SMALL = (("annotated", 2, 440, False), ("annotated", 4, 220, False))
SMALL_OPTIMIZER = (1e-4, None, 1.0, 0.99)
LITE_PICTURES = SyntheticConfig(
    distractors=(0.3, 0.4, 0.3),
    copies=0.5,
    disappear=0.15,
    target=MotionConfig(scale=0.07, jump_scale=0.3),
)
FACTS = {
    "paper": Facts(PAPER),
    "paper-75": Facts(PAPER, percent=75),
    "paper-50": Facts(PAPER, percent=50),
    "paper-25": Facts(PAPER, percent=25),
    "mask-as-state": Facts(PAPER),
    "mask-as-input": Facts(
        (
            ("annotated", (5, 11), 225, True),
            ("annotated", (5, 11), 225, True),
            ("any", (5, 11), 150, False),
        ),
        forcing=((1, 1, 1), None, None),
    ),
    "davis2016": Facts(
        DAVIS,
        backbone=None,
        weights="s2s-lite",
        frozen=("encoder.backbone",),
        remember_every=2,
    ),
    "setting-1": Facts(DAVIS),
    "setting-2": Facts(DAVIS),
    "setting-3": Facts(DAVIS, backbone=FILE, option=FILE, frozen=("encoder.backbone",)),
    "finetune": Facts(
        (("annotated", 6, 300, False),),
        backbone=None,
        frozen=("encoder.backbone",),
        loss=LiteLoss,
        optimizer=(1e-4, 5e-4, 1.0, 0.95),
        augment=True,
        remember_every=2,
    ),
    "lite": Facts(
        (("annotated", 5, 3600, False), ("annotated", 10, 900, False)),
        backbone="efficientnet.npz",
        option="efficientnet.npz",
        frozen=("encoder.backbone",),
        forcing=((1, 0, 0), None),
        corruption=0.25,
        loss=LiteLoss,
        optimizer=(1e-3, 5e-4, 1.0, 0.998),
        augment=True,
        precision="mixed_bfloat16",
    ),
    "lite-videos": Facts(
        (("annotated", 6, 2600, False), ("annotated", 8, 300, False)),
        backbone=None,
        weights="s2s-lite",
        frozen=("encoder.backbone",),
        loss=LiteLoss,
        optimizer=(4e-4, 5e-4, 1.0, 0.995),
        augment=Augmentation(pictures=LITE_PICTURES),
        precision="mixed_bfloat16",
        remember_every=2,
        max_step=8,
    ),
    "lite-objects": Facts(
        (("annotated", 6, 1650, False), ("annotated", 8, 70, False)),
        backbone=None,
        weights="s2s-lite",
        frozen=("encoder.backbone",),
        loss=LiteLoss,
        optimizer=(3e-4, 5e-4, 1.0, 0.99),
        augment=Augmentation(
            pictures=dataclasses.replace(LITE_PICTURES, distractors=(0.15, 0.45, 0.4))
        ),
        precision="mixed_bfloat16",
        remember_every=2,
        objects=2,
        max_step=8,
    ),
    "lite-full-size": Facts(
        (("annotated", 8, 600, False),),
        backbone=None,
        weights="s2s-lite",
        frozen=("encoder.backbone",),
        loss=LiteLoss,
        optimizer=(2e-4, 5e-4, 1.0, 0.99),
        augment=Augmentation(
            videos=VideoConfig(uneven=0.5),
            pictures=dataclasses.replace(LITE_PICTURES, leave=0.15, cross=0.3),
        ),
        precision="mixed_bfloat16",
        remember_every=2,
        max_step=12,
    ),
    "lite-rough": Facts(
        (
            ("annotated", 2, 500, False),
            ("annotated", 2, 350, False),
            ("annotated", 3, 150, False),
        ),
        backbone=None,
        weights="s2s-lite",
        frozen=("encoder.backbone",),
        loss=LiteLoss,
        optimizer=(4e-4, 5e-4, 1.0, 0.98),
        batch_size=8,
        augment=Augmentation(
            pictures=SyntheticConfig(
                whole_picture=0.8,
                mask_share=(0.02, 0.4),
                distractors=(0.5, 0.3, 0.2),
                disappear=0.0,
            )
        ),
        precision="mixed_bfloat16",
        rough_masks=True,
        max_step=8,
    ),
    "small": Facts(SMALL, optimizer=SMALL_OPTIMIZER, batch_size=2, precision="mixed_bfloat16"),
    "small-mask-as-state": Facts(
        SMALL, optimizer=SMALL_OPTIMIZER, batch_size=2, precision="mixed_bfloat16"
    ),
}

every_recipe = pytest.mark.parametrize("name", RECIPES)


@functools.cache  # to complete a recipe may take seconds: it loads the model to fine-tune
def recipe_of(name: str) -> Recipe:
    """The recipe as a command with the options of its `Facts` builds it."""
    facts = FACTS[name]
    recipe = RECIPES[name]
    if facts.option is not None:
        recipe = dataclasses.replace(recipe, backbone_weights=facts.option)
    if facts.weights is not None:
        recipe = dataclasses.replace(recipe, weights=facts.weights)
    return complete_recipe(recipe)


def tiny(recipe: Recipe) -> Recipe:
    """Shrink a recipe to few channels; the weights it starts from no longer fit."""
    config = recipe.model
    filters = {"encoder_filters": 8, "state_filters": 8}
    decoder = {"decoder_filters": (4,) * len(config.decoder_filters)}
    config = dataclasses.replace(config, **filters, **decoder)
    return dataclasses.replace(recipe, model=config, precision="float32")


@pytest.fixture
def read(monkeypatch):
    """Stub the reading of backbone weights and return the sources read.

    The stub kernels are constant, and only ImageNet has an fc6.
    """
    sources = []

    def read_vgg16(backbone, source):
        sources.append(source)
        found = {
            conv.name: (np.full(conv.kernel.shape, 0.25), np.full(conv.bias.shape, 0.5))
            for conv in VGG16.without_mask()._convolutions()
            if conv.name != "fc6"
        }
        if source == "imagenet" and backbone.fc6_conv is not None:
            kernel = np.broadcast_to(np.float32(0.25 / 49), (7 * 7 * 512, 4096))
            found["fc1"] = (kernel, np.full(4096, 0.5))
        return found

    def read_efficientnet(backbone, source):
        sources.append(source)
        return [np.full(weight.shape, 0.25) for weight in backbone.weights]

    plain = VGG16(fc6="none")
    plain.build()
    monkeypatch.setattr(VGG16, "without_mask", lambda: plain, raising=False)
    monkeypatch.setattr(VGG16, "read_weights", read_vgg16)
    monkeypatch.setattr(EfficientNetLite0, "read_weights", read_efficientnet)
    return sources


def part_of(model, path: str):
    for name in path.split("."):
        model = getattr(model, name, None)
    return model


def test_every_recipe_has_facts():
    assert set(FACTS) == set(RECIPES)


@every_recipe
def test_stages(name):
    facts, recipe = FACTS[name], recipe_of(name)
    steps = stage_steps(recipe, videos=30)
    found = tuple(
        (stage.frames, stage.clip_length, count, stage.until_stable is not None)
        for stage, count in zip(recipe.stages, steps, strict=True)
    )
    assert found == facts.stages
    assert (recipe.batch_size, recipe.percent) == (facts.batch_size, facts.percent)
    assert recipe.accumulate == 1
    assert recipe.precision == facts.precision
    assert recipe.remember_every == facts.remember_every
    assert recipe.objects == facts.objects
    assert recipe.rough_masks == facts.rough_masks


@every_recipe
def test_trained_parts_and_initial_weights(name, read, monkeypatch):
    loaded = []
    # Files are loaded in `test_a_keras_file_brings_its_network` and by `test_finetune`.
    monkeypatch.setattr(build, "load_weights", lambda model, weights: loaded.append(weights))
    facts, recipe = FACTS[name], tiny(recipe_of(name))
    model = build_model(recipe)
    assert set(read) == ({facts.backbone} if facts.backbone else set())
    assert loaded == ([] if facts.backbone else ["s2s-lite"])
    trained = {id(variable) for variable in model.trainable_variables}
    for path in PARTS:
        part = part_of(model, path)
        if part is None:
            continue
        fresh = "fc6" if facts.backbone == FILE else None  # the file has no fc6
        for layer in part._flatten_layers():
            if layer._layers or layer.name.startswith("standardize"):
                continue
            frozen = path in facts.frozen and layer.name != fresh
            if recipe.train_backbone_from and path == "encoder.backbone":
                continue  # see test_frozen_backbone_is_trained_from_a_stride
            for variable in layer.variables:
                assert (id(variable) in trained) is not frozen, (path, variable.path)
    for part in (model.encoder, model.initializer):
        if facts.backbone and hasattr(part, "backbone"):
            first = part.backbone.weights[0].numpy()[:, :, :3]
            np.testing.assert_array_equal(first, np.full_like(first, 0.25))


def test_every_part_occurs():
    models = [build_model(tiny(recipe_of(name)), pretrained=False) for name in ("paper", "lite")]
    assert [path for path in PARTS if all(part_of(m, path) is None for m in models)] == []


@every_recipe
def test_loss_and_optimizer(name, monkeypatch):
    compiled = {}
    monkeypatch.setattr(build, "compile_replicated", lambda *_, **given: compiled.update(given))
    # The rates of a trained backbone need a network: test_frozen_backbone_is_trained_from_a_stride.
    facts, recipe = FACTS[name], dataclasses.replace(recipe_of(name), train_backbone_from=None)
    compile_model(None, recipe, steps=300)
    rate, weight_decay, clip_norm, average = facts.optimizer
    optimizer = compiled["optimizer"]
    assert isinstance(optimizer, keras.optimizers.Adam)
    assert type(compiled["loss"]) is facts.loss
    assert optimizer.weight_decay == weight_decay
    assert optimizer.global_clipnorm == clip_norm
    assert (optimizer.ema_momentum if optimizer.use_ema else None) == average
    if recipe.schedule == "constant":
        assert float(optimizer.learning_rate) == pytest.approx(rate)
    else:
        assert float(optimizer._learning_rate(10)) == pytest.approx(rate)  # after the warm-up
        assert float(optimizer._learning_rate(300)) == pytest.approx(0)


def test_cosine_starts_and_peaks():
    recipe = dataclasses.replace(RECIPES["lite"], learning_rate=0.3)
    rates = [float(build._schedule(recipe, 60)(step)) for step in range(60)]
    assert rates[0] == pytest.approx(0.1)  # two steps of warm-up
    assert max(rates) == rates[2] == pytest.approx(0.3)
    assert rates[2:] == sorted(rates[2:], reverse=True)


@every_recipe
def test_clip_options(name, monkeypatch):
    facts, recipe = FACTS[name], recipe_of(name)
    monkeypatch.setattr(clips, "make_dataset", lambda data, **options: options)
    for number, stage in enumerate(recipe.stages):
        options = clips.training_clips(recipe, number, steps=100, data=DATA, done=10)
        assert options["start"] == 10 * facts.batch_size
        assert options["augment"] == facts.augment
        assert options["percent"] == facts.percent
        assert options["max_step"] == facts.max_step
        assert options["rough_masks"] == facts.rough_masks
        assert options["size"] == stage.size
        expected = facts.forcing[number] if facts.forcing else None
        forcing = options["teacher_forcing"]
        if expected is None:
            assert forcing is None
            continue
        at = [0, 50 * facts.batch_size, 100 * facts.batch_size - 1]
        assert [float(_probability(n, forcing)) for n in at] == pytest.approx(expected)
        assert forcing.corruption == facts.corruption


@pytest.mark.parametrize(
    "change",
    [{"objects": 2}, {"stages": (Stage("only", steps=1, teacher_forcing=(0.5, 0.0)),)}],
)
def test_rough_masks_need_one_object_and_no_teacher_forcing(change):
    with pytest.raises(ValueError, match="rough_masks needs objects=1 and no teacher_forcing"):
        dataclasses.replace(RECIPES["lite-rough"], **change)


def test_frozen_vgg16_trains_what_has_no_pretrained_weights(read):
    """fc6 is missing from the file, and a mask channel from every file."""
    config = dataclasses.replace(RECIPES["paper"].model, freeze_backbone=True)
    recipe = tiny(dataclasses.replace(RECIPES["paper"], model=config, backbone_weights=FILE))
    assert frozen_parts(recipe) == ("encoder.backbone", "initializer.backbone")
    model = build_model(recipe)
    for part, first in ((model.encoder, False), (model.initializer, True)):
        layers = part.backbone._convolutions()
        assert [layer.trainable for layer in layers] == [first, *[False] * 12, True]


def test_frozen_backbone_is_trained_from_a_stride():
    recipe = tiny(recipe_of("lite-objects"))
    model = build_model(recipe, pretrained=False)
    backbone = model.encoder.backbone
    trained = [stage[0][0].kernel.trainable for stage in backbone.stages]
    assert trained == [False, False, False, True, True, True, True]
    compile_model(model, recipe, steps=300)
    rates = model.optimizer.rates
    assert rates == {v.path: 0.1 for v in backbone.trainable_variables}
    assert len(rates) < len(model.trainable_variables)


@pytest.mark.parametrize("change", [{"freeze_backbone": False}, {"backbone": "vgg16"}])
def test_backbone_that_cannot_be_trained_from_a_stride(change):
    recipe = tiny(dataclasses.replace(RECIPES["lite"], train_backbone_from=16))
    config = dataclasses.replace(recipe.model, **change)
    with pytest.raises(InputError, match=r"freezes its EfficientNet-Lite0.*leave it out"):
        build_model(dataclasses.replace(recipe, model=config), pretrained=False)


def test_untrained_confidence_is_announced(caplog, read):
    recipe = tiny(recipe_of("lite"))
    model = build_model(recipe)
    assert "fit it after the training: ytvos_keras.training.fit_confidence" in caplog.text
    logits = np.random.default_rng(0).normal(size=(2, 32, 32, 1))
    np.testing.assert_array_equal(model.confidence(logits), np.zeros((2, 1)))


def test_teacher_forcing_decays_over_the_stage():
    stage = Stage("only", steps=100, teacher_forcing=(0.5, 0.25))
    recipe = dataclasses.replace(RECIPES["mask-as-input"], stages=(stage,), batch_size=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clips, "make_dataset", lambda data, **options: options["teacher_forcing"])
        forcing = clips.training_clips(recipe, 0, steps=100, data=DATA)
    found = [float(_probability(n, forcing)) for n in (0, 49, 50, 62.5, 75, 99)]
    assert found == pytest.approx([1, 1, 1, 0.5, 0, 0])


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    """Records of two 24-frame videos with every other frame annotated."""
    rng = np.random.default_rng(0)
    videos = []
    for number in range(2):
        frames = rng.integers(0, 255, (24, 32, 64, 3), np.uint8)
        masks = [None] * 24
        for t in range(0, 24, 2):
            masks[t] = np.zeros((32, 64), np.uint8)
            masks[t][4 : 20 + number, t : t + 20] = 1
        videos.append(make_video(f"video{number}", frames, masks))
    folder = tmp_path_factory.mktemp("sparse")
    write_records(videos, folder)
    return {str(folder): 1.0}


def batches_of(name, number, data, count=6):
    stage = dataclasses.replace(RECIPES[name].stages[number], size=(32, 64))
    stages = [stage] * (number + 1)
    recipe = dataclasses.replace(RECIPES[name], stages=tuple(stages), batch_size=1)
    stream = clips.training_clips(recipe, number, steps=100, data=clips.RunData(data))
    return list(stream.take(count).as_numpy_iterator())


def test_annotated_frames_first_then_all_with_weight_0(sparse):
    for _, _, weights in batches_of("paper", 0, sparse):
        assert 4 <= weights.shape[1] <= 10
        assert (weights == 1).all()
    found = [weights for _, _, weights in batches_of("paper", 1, sparse)]
    assert all((weights == 1).any() for weights in found)
    assert any((weights == 0).any() for weights in found)


def test_teacher_forcing_masks_are_uncorrupted(sparse):
    for inputs, targets, _ in batches_of("mask-as-input", 0, sparse, count=16):
        np.testing.assert_array_equal(inputs["previous_masks"][:, 0], inputs["mask"])
        np.testing.assert_array_equal(inputs["previous_masks"][:, 1:], targets[:, :-1])
        assert (inputs["teacher_forcing"] == 1).all()


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("davis2016", {}, "fine-tunes a trained model: give --weights"),
        ("lite", {}, r"encoder\.backbone .* random weights; give --backbone-weights FILE, or"),
        ("setting-3", {}, r"encoder\.backbone .* random weights; give --backbone-weights FILE, or"),
        ("paper", {"frozen": ("decoder",)}, r"decoder .* random weights; give --weights with"),
    ],
)
def test_random_initialization_is_refused(name, changes, message):
    with pytest.raises(InputError, match=message):
        complete_recipe(dataclasses.replace(RECIPES[name], **changes))


def test_a_checkpoint_knows_its_network(tmp_path):
    """A run that ended in NaN has no .keras file to start from."""
    config = models_helper.SMALL["lite"]
    recipe = Recipe(model=config, stages=(Stage("one", steps=1),))
    model = build_model(recipe)
    compile_model(model, recipe, steps=1)
    model.optimizer.build(model.trainable_variables)
    checkpoint = save_checkpoint(model, Progress(), tmp_path)
    again = dataclasses.replace(RECIPES["finetune"], weights=str(checkpoint))
    assert complete_recipe(again).model == config
    model.save_weights(tmp_path / "plain.weights.h5")
    again = dataclasses.replace(again, weights=str(tmp_path / "plain.weights.h5"))
    with pytest.raises(InputError, match="contains weights without the network"):
        complete_recipe(again)


def test_a_keras_file_brings_its_network(tmp_path):
    trained, path = models_helper.small_model("lite"), tmp_path / "mine.keras"
    trained.save(path)
    recipe = complete_recipe(dataclasses.replace(RECIPES["finetune"], weights=str(path)))
    assert recipe.model == trained.config
    for ours, theirs in zip(build_model(recipe).weights, trained.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = dataclasses.replace(trained.config, state_filters=16)
    with pytest.raises(
        InputError, match=r"mine\.keras: not weights of this network \(.*\); give a"
    ):
        build_model(dataclasses.replace(recipe, model=other))


def test_saved_model_remembers_as_before_the_training(tmp_path):
    config = models_helper.SMALL["lite"]
    recipe = Recipe(model=config, stages=(Stage("one", steps=1),), remember_every=2)
    model = build_model(recipe)
    assert model.memory.every == 2
    save_model(model, tmp_path / "model.keras")
    assert load(tmp_path / "model.keras").memory.every == config.remember_every == 5


def test_missing_network_part():
    recipe = dataclasses.replace(tiny(RECIPES["mask-as-state"]), frozen=("initializer.backbone",))
    with pytest.raises(InputError, match=r"this network has no initializer\.backbone"):
        build_model(recipe, pretrained=False)


@pytest.mark.parametrize("native", [True, False])
def test_emulated_bfloat16_is_reported(native, monkeypatch, caplog):
    monkeypatch.setattr(native_types, "has_bfloat16", lambda: native)
    recipe = dataclasses.replace(tiny(RECIPES["small"]), precision="mixed_bfloat16")
    build_model(recipe, pretrained=False)
    assert ("use --precision float32" in caplog.text) is not native


@pytest.mark.parametrize("accumulate", [1, 4])
def test_running_average_decays_by_the_step_not_by_the_batch(accumulate):
    recipe = dataclasses.replace(
        RECIPES["lite"], average=0.9, accumulate=accumulate, learning_rate=0.0, schedule="constant"
    )
    optimizer, variable = make_optimizer(recipe, 3), keras.Variable([1.0])
    optimizer.build([variable])
    for batch in range(3 * accumulate):
        if batch == accumulate:  # the average starts in the first step
            variable.assign([0.0])
        optimizer.apply([tf.constant([1.0])], [variable])
    optimizer.finalize_variable_values([variable])
    np.testing.assert_allclose(variable, [0.9**2], rtol=1e-5)
