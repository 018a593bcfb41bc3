import numpy as np
import pytest

from ytvos_keras.losses import LiteLoss, MaskCrossentropy
from ytvos_keras.metrics import MeanJ


def batch(seed=0):
    generator = np.random.default_rng(seed)
    logits = 3 * generator.normal(size=(2, 3, 8, 8, 1)).astype("float32")
    return generator.integers(0, 2, logits.shape).astype("float32"), logits


def crossentropy(y, logits):
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def test_crossentropy_is_equation_5_with_the_sign_corrected():
    y, logits = batch()
    assert float(MaskCrossentropy()(y, logits)) == pytest.approx(
        crossentropy(y, logits).mean(), rel=1e-5
    )


@pytest.mark.parametrize("loss", [MaskCrossentropy(), LiteLoss()])
def test_frames_of_weight_0_are_excluded_from_the_mean(loss):
    y, logits = batch()
    weight = np.array([[1, 0, 1], [0, 1, 0]], "float32")
    kept = [float(loss(y[b : b + 1, t : t + 1], logits[b : b + 1, t : t + 1]))
            for b, t in zip(*np.nonzero(weight), strict=True)]  # fmt: skip
    weighted = float(loss(y, logits, sample_weight=weight))
    assert weighted == pytest.approx(np.mean(kept), rel=1e-5)
    spoiled = np.where(weight[:, :, None, None, None] > 0, logits, -1e4)
    assert float(loss(y, spoiled, sample_weight=weight)) == pytest.approx(weighted, rel=1e-6)


def test_extreme_logits_give_finite_losses():
    y = np.ones((1, 1, 8, 8, 1), "float32")
    assert float(MaskCrossentropy()(y, -1e4 * y)) == pytest.approx(1e4)
    assert float(MaskCrossentropy()(y, 1e4 * y)) == 0


def test_lite_loss_by_hand():
    y, logits = batch()
    pixels = crossentropy(y, logits)
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    axes = (2, 3, 4)
    hardest = np.sort(pixels.reshape(2, 3, -1))[..., -8:].mean(-1)
    intersection = (p * y).sum(axes)
    j = (intersection + 1) / ((p + y).sum(axes) - intersection + 1)
    expected = pixels.mean(axes) + 0.3 * hardest + 1 - j
    assert float(LiteLoss()(y, logits)) == pytest.approx(expected.mean(), rel=1e-5)


def test_losses_of_half_precision_logits_are_float32():
    y, logits = batch()
    assert MaskCrossentropy()(y, logits.astype("float16")).dtype == "float32"


def test_mean_j_by_hand():
    truth = np.zeros((1, 3, 2, 2, 1))
    logits = np.full((1, 3, 2, 2, 1), -1.0)
    truth[0, 0, 0] = 1  # two pixels, one found, and one false positive: J = 1/3
    logits[0, 0, 0, 0] = logits[0, 0, 1, 0] = 1  # frame 1 is empty in both: J = 1
    logits[0, 2] = 1  # everything predicted, nothing there: J = 0
    metric = MeanJ()
    metric.update_state(truth, logits)
    assert float(metric.result()) == pytest.approx((1 / 3 + 1 + 0) / 3)
    metric.reset_state()
    metric.update_state(truth, logits, sample_weight=np.array([[1.0, 0.0, 1.0]]))
    assert float(metric.result()) == pytest.approx(1 / 6)


@pytest.mark.parametrize("weighted", [False, True])
def test_mean_j_counts_every_frame_once_whatever_the_length_of_its_clip(weighted):
    metric = MeanJ()
    for frames, logit in ((4, -1.0), (10, 1.0)):  # J 0, then J 1
        truth = np.ones((1, frames, 8, 8, 1), "float32")
        weight = np.ones((1, frames), "float32") if weighted else None
        metric.update_state(truth, logit * truth, sample_weight=weight)
    assert float(metric.result()) == pytest.approx(10 / 14)
