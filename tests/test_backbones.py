import h5py
import keras
import numpy as np
import pytest

from ytvos_keras.errors import InputError
from ytvos_keras.models import S2S, S2SConfig
from ytvos_keras.models.backbones import BACKBONES, VGG16, EfficientNetLite0
from ytvos_keras.models.backbones.mask_channel import match_spread, widen_first_kernel
from ytvos_keras.models.backbones.vgg16_weights import collapse_fc6, read_vgg16_weights
from ytvos_keras.training.import_efficientnet_lite0 import fold, load_state_dict


def picture(height=64, width=96, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (1, height, width, 3)).astype("float32")


def new_vgg16(**kwargs):
    backbone = VGG16(**kwargs)
    backbone.build()
    return backbone


def load(backbone, path):
    backbone.assign_weights(backbone.read_weights(path))


def write_legacy_h5(path, weights):
    """Write the HDF5 layout of the files that keras.applications distributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = file.create_group(name)
            names = [f"{name}/kernel:0", f"{name}/bias:0"]
            group.attrs["weight_names"] = [n.encode() for n in names]
            for n, array in zip(names, arrays, strict=True):
                group.create_dataset(n, data=array)


def add_fc1(path, values, bias):
    """Add the layer fc1: `values` (7, 7, 3, 3) connect three inputs to three outputs."""
    with h5py.File(path, "a") as file:
        group = file.create_group("fc1")
        group.attrs["weight_names"] = [b"fc1/kernel:0", b"fc1/bias:0"]
        # 411 MB, but chunks of zeros are not stored.
        kernel = group.create_dataset(
            "fc1/kernel:0", (7 * 7 * 512, 4096), "float32", chunks=(512, 64), fillvalue=0
        )
        for place, block in enumerate(values.reshape(7 * 7, 3, 3)):
            kernel[512 * place : 512 * place + 3, :3] = block
        group.create_dataset("fc1/bias:0", data=bias)


@pytest.fixture(scope="module")
def stock():
    return keras.applications.VGG16(weights=None, include_top=False)


@pytest.fixture(scope="module")
def stock_weights(stock):
    return {layer.name: layer.get_weights() for layer in stock.layers if "conv" in layer.name}


@pytest.fixture(scope="module")
def notop_file(stock_weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg16_notop.h5"
    write_legacy_h5(path, stock_weights)
    return path


@pytest.mark.parametrize("name", BACKBONES)
def test_maps_have_the_documented_strides_and_filters(name):
    backbone = BACKBONES[name]()
    maps = backbone(picture())
    assert list(maps) == [2, 4, 8, 16, 32]
    for stride, x in maps.items():
        assert x.shape == (1, 64 // stride, 96 // stride, backbone.filters[stride])


@pytest.mark.parametrize("name", BACKBONES)
def test_mask_channel_changes_the_maps(name):
    backbone = BACKBONES[name](with_mask=True)
    masks = np.zeros((1, 64, 96, 1), "uint8")
    empty = backbone(picture(), masks)[2]
    assert np.abs(backbone(picture(), masks + 1)[2] - empty).max() > 0


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", BACKBONES)
def test_float_frames_are_not_rounded_before_preprocessing(name, policy):
    backbone = BACKBONES[name](dtype=policy)
    frame = np.full((1, 32, 32, 3), 200, "uint8")
    maps = [backbone(x)[2] for x in (frame, frame.astype("float32"), frame + np.float32(0.5))]
    assert all(x.dtype == backbone.compute_dtype for x in maps)
    whole, same, half = (np.array(keras.ops.cast(x, "float32")) for x in maps)
    np.testing.assert_array_equal(same, whole)
    assert np.any(half != whole)  # bfloat16 has no value between 200 and 201


def test_the_bundled_model_tells_half_levels_apart_in_bfloat16():
    model = S2S.from_preset("s2s-lite", dtype="mixed_bfloat16")
    frames = (np.full((1, 64, 64, 3), level, "float32") for level in (200, 200.5))
    whole, half = (model.encode(frame)["features"] for frame in frames)
    assert keras.ops.any(whole != half)


@pytest.mark.parametrize(("stride", "stages"), [(2, 7), (4, 6), (16, 4), (32, 2), (64, 0)])
def test_efficientnet_is_trained_from_a_stride(stride, stages):
    backbone = EfficientNetLite0()
    backbone.build()
    backbone.trainable = False
    backbone.train_from(stride)
    deep = [w for s in backbone.stages[7 - stages :] for b in s for c in b for w in c.weights]
    assert {id(v) for v in backbone.trainable_variables} == {id(w) for w in deep}


def test_vgg16_matches_keras_applications(stock, notop_file):
    backbone = new_vgg16(fc6="none")
    load(backbone, notop_file)
    expected = stock(keras.applications.vgg16.preprocess_input(picture()))
    np.testing.assert_allclose(backbone(picture())[32], expected, rtol=1e-4, atol=1e-4)


def test_vgg16_counts():
    assert new_vgg16(fc6="none").count_params() == 14_714_688
    assert new_vgg16().count_params() == 14_714_688 + 512 * 4096 + 4096


def test_mask_is_scaled_to_the_range_of_the_image():
    x = VGG16(with_mask=True).preprocess(picture(), np.eye(64, 96)[None, :, :, None])
    assert set(np.unique(x[..., 3])) == {-127.5, 127.5}
    x = EfficientNetLite0(with_mask=True).preprocess(picture(), np.ones((1, 64, 96, 1)))
    np.testing.assert_array_equal(x[..., 3], 1.0)


def test_collapsed_fc6_is_the_sum_over_the_positions():
    kernel = np.random.default_rng(0).normal(size=(7, 7, 3, 5))
    collapsed = collapse_fc6(kernel)
    assert collapsed.shape == (1, 1, 3, 5)
    expected = sum(kernel[y, x] for y in range(7) for x in range(7))
    np.testing.assert_allclose(collapsed[0, 0], expected)
    # On a constant map, the 7×7 kernel and the collapsed kernel are equivalent.
    constant = np.random.default_rng(1).normal(size=3)
    patch = np.tile(constant, (7, 7, 1))
    np.testing.assert_allclose(np.einsum("yxi,yxio->o", patch, kernel), constant @ collapsed[0, 0])


def test_widened_first_kernel_keeps_its_mask_channel():
    generator = np.random.default_rng(0)
    rgb, start = generator.normal(size=(3, 3, 3, 4)), generator.normal(size=(3, 3, 4, 4))
    widened = widen_first_kernel(rgb, start)
    np.testing.assert_array_equal(widened[:, :, :3], rgb)
    np.testing.assert_array_equal(widened[:, :, 3], start[:, :, 3])


def test_spread_is_matched_per_filter():
    generator = np.random.default_rng(0)
    scales = np.logspace(-6, 1, 8)  # as in a kernel with folded batch norm
    kernel, start = (
        generator.normal(size=(3, 3, 3, 8)) * scales,
        generator.normal(size=(3, 3, 4, 8)),
    )
    matched = match_spread(start, kernel)
    np.testing.assert_allclose(matched.std(axis=(0, 1, 2)), kernel.std(axis=(0, 1, 2)))
    factors = matched / start
    np.testing.assert_allclose(factors, np.broadcast_to(factors[:1, :1, :1], factors.shape))


def test_both_branches_of_the_model_are_loaded(stock_weights, notop_file):
    # The file is read once for both branches.
    config = S2SConfig(fc6="none", state_filters=8, encoder_filters=8, decoder_filters=(4,) * 5)
    model = S2S(config, backbone_weights=notop_file)
    first, first_bias = stock_weights["block1_conv1"]
    for part, channels in ((model.encoder, 3), (model.initializer, 4)):
        kernel, bias = part.backbone.blocks[0][0].get_weights()
        assert kernel.shape[2] == channels
        np.testing.assert_array_equal(kernel[:, :, :3], first)
        np.testing.assert_array_equal(bias, first_bias)
        last = part.backbone.blocks[-1][-1].get_weights()[0]
        np.testing.assert_array_equal(last, stock_weights["block5_conv3"][0])
    mask_channel = model.initializer.backbone.blocks[0][0].get_weights()[0][:, :, 3]
    assert 0 < np.abs(mask_channel).max() < 0.2  # still its Glorot initialization


@pytest.mark.parametrize("fc6", ["1x1", "7x7"])
def test_fc6_of_a_file_with_the_top(fc6, stock_weights, tmp_path):
    values = np.random.default_rng(0).normal(size=(7, 7, 3, 3)).astype("float32")
    bias = np.arange(4096, dtype="float32")
    path = tmp_path / "vgg16.h5"
    write_legacy_h5(path, stock_weights)
    add_fc1(path, values, bias)
    backbone = new_vgg16(fc6=fc6)
    load(backbone, path)
    kernel, loaded_bias = backbone.fc6_conv.get_weights()
    expected = values if fc6 == "7x7" else values.sum(axis=(0, 1), keepdims=True)
    np.testing.assert_allclose(kernel[:, :, :3, :3], expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(loaded_bias, bias)


def test_fc6_keeps_its_initialization_without_the_top(notop_file):
    backbone = new_vgg16()
    before = backbone.fc6_conv.get_weights()[0]
    with pytest.warns(UserWarning, match=r"notop\.h5: has no fc1, so fc6 starts from random"):
        load(backbone, notop_file)
    np.testing.assert_array_equal(backbone.fc6_conv.get_weights()[0], before)


def test_keras_3_files_are_read(stock, stock_weights, tmp_path):
    stock.save_weights(tmp_path / "vgg16.weights.h5")
    stock.save(tmp_path / "vgg16.keras")
    for name in ("vgg16.weights.h5", "vgg16.keras"):
        weights = read_vgg16_weights(tmp_path / name, with_fc6=False)
        for layer, (kernel, _) in weights.items():
            np.testing.assert_array_equal(kernel, stock_weights[layer][0])


def test_missing_file_is_reported():
    with pytest.raises(InputError, match=r"nowhere\.h5: no such file"):
        new_vgg16().read_weights("nowhere.h5")


def test_not_a_weights_file(tmp_path):
    path = tmp_path / "vgg16.h5"
    path.write_text("not weights")
    with pytest.raises(InputError, match=r"vgg16\.h5: not a weights file, or damaged"):
        new_vgg16().read_weights(path)


def test_kernel_of_wrong_shape(stock_weights, tmp_path):
    path = tmp_path / "other.h5"
    kernel, bias = stock_weights["block2_conv1"]
    write_legacy_h5(path, stock_weights | {"block2_conv1": (kernel[..., :9], bias[:9])})
    with pytest.raises(
        InputError,
        match=r"other\.h5: block2_conv1 must have a kernel \(3, 3, 64, 128\) and a bias \(128,\), "
        r"found \[\(3, 3, 64, 9\), \(9,\)\]",
    ):
        new_vgg16().read_weights(path)


def test_missing_layer(stock_weights, tmp_path):
    path = tmp_path / "part.h5"
    write_legacy_h5(path, {k: v for k, v in stock_weights.items() if k != "block3_conv2"})
    with pytest.raises(InputError, match=r"part\.h5: layer block3_conv2 is missing"):
        new_vgg16().read_weights(path)


def test_efficientnet_lite0_counts():
    # 4,652,008 parameters, including 42,016 of batch norms; minus the head's 1×1 convolution and
    # classifier, with each batch norm folded into a bias.
    backbone = EfficientNetLite0()
    backbone.build()
    statistics = 2 * sum(backbone.filters.values())
    assert backbone.count_params() == 2_939_120 + statistics


def test_efficientnet_lite0_weights_round_trip(tmp_path):
    backbone, copy = EfficientNetLite0(), EfficientNetLite0()
    backbone.build()
    copy.build()
    np.savez(tmp_path / "lite0.npz", *backbone.get_weights())
    load(copy, tmp_path / "lite0.npz")
    np.testing.assert_array_equal(copy(picture())[32], backbone(picture())[32])


def test_efficientnet_lite0_with_a_mask_accepts_weights_without(tmp_path):
    backbone, wider = EfficientNetLite0(), EfficientNetLite0(with_mask=True)
    backbone.build()
    wider.build()
    start = wider.get_weights()[0]
    np.savez(tmp_path / "lite0.npz", *backbone.get_weights())
    load(wider, tmp_path / "lite0.npz")
    kernel, *others = wider.get_weights()
    np.testing.assert_array_equal(kernel[:, :, :3], backbone.get_weights()[0])
    expected = match_spread(start, backbone.get_weights()[0])[:, :, 3:]
    np.testing.assert_array_equal(kernel[:, :, 3:], expected)
    for ours, theirs in zip(others, backbone.get_weights()[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_missing_efficientnet_file_is_reported():
    with pytest.raises(InputError, match=r"nowhere\.npz: no such file"):
        EfficientNetLite0().read_weights("nowhere.npz")


@pytest.mark.parametrize("content", [b"junk", b""], ids=["junk", "nothing"])
def test_not_an_npz_file(content, tmp_path):
    path = tmp_path / "lite0.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"lite0\.npz: not an \.npz of EfficientNet-Lite0 weights"):
        EfficientNetLite0().read_weights(path)


def test_arrays_of_another_network_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", np.zeros(3))
    with pytest.raises(InputError, match=r"other\.npz: the shapes are not those of EfficientNet"):
        EfficientNetLite0().read_weights(tmp_path / "other.npz")


def test_batch_norm_statistics_stay_fixed_in_training():
    backbone = EfficientNetLite0()
    before = np.array(backbone(picture())[32])
    backbone.trainable = True
    np.testing.assert_array_equal(backbone(picture(), training=True)[32], before)


def test_pytorch_state_dict_is_converted():
    """Every convolution takes the array of the same name, transposed to its layout."""
    backbone, state, generator = EfficientNetLite0(), {}, np.random.default_rng(0)
    backbone.build()

    def add(conv, conv_name, norm_name):
        shape = conv.kernel.shape
        depthwise = isinstance(conv, keras.layers.DepthwiseConv2D)
        filters = shape[2] if depthwise else shape[3]
        inputs = 1 if depthwise else shape[2]
        state[f"{conv_name}.weight"] = generator.normal(size=(filters, inputs, *shape[:2]))
        for key in ("weight", "bias", "running_mean"):
            state[f"{norm_name}.{key}"] = generator.normal(size=filters)
        state[f"{norm_name}.running_var"] = generator.uniform(0.5, 2, size=filters)

    add(backbone.stem, "_conv_stem", "_bn0")
    blocks = [block for stage in backbone.stages for block in stage]
    for b, block in enumerate(blocks):
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        for conv, (conv_name, norm_name) in zip(block, names[-len(block) :], strict=True):
            add(conv, f"_blocks.{b}.{conv_name}", f"_blocks.{b}.{norm_name}")
    load_state_dict(backbone, state)
    norm = "_blocks.3._bn1"
    factor = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-3)
    kernel, bias = blocks[3][1].get_weights()
    expected = state["_blocks.3._depthwise_conv.weight"][:, 0].transpose(1, 2, 0) * factor
    np.testing.assert_allclose(kernel[..., 0], expected, rtol=1e-5)
    expected = state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor
    np.testing.assert_allclose(bias, expected, rtol=1e-5, atol=1e-6)


def test_folding_a_batch_norm():
    generator = np.random.default_rng(0)
    kernel = generator.normal(size=(1, 1, 3, 4))
    scale, offset, mean = generator.normal(size=(3, 4))
    variance = generator.uniform(0.5, 2, size=4)
    folded, bias = fold(kernel, (scale, offset, mean, variance))
    x = generator.normal(size=3)
    expected = (x @ kernel[0, 0] - mean) / np.sqrt(variance + 1e-3) * scale + offset
    np.testing.assert_allclose(x @ folded[0, 0] + bias, expected)
