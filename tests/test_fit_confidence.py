import keras
import numpy as np
from models_helper import make_clip, new_model

from ytvos_keras.training.fit_confidence import (
    ConfidenceExamples,
    collect_examples,
    fit_confidence,
)


def test_examples_score_the_models_own_masks():
    model, clip = new_model("lite"), make_clip(length=3)
    state = model.initialize(clip["frames"][:, 0], clip["mask"])
    targets = []
    for t in (1, 2):
        probabilities, state = model.step(clip["frames"][:, t], state)
        targets.append(np.array(probabilities) > 0.5)
    targets = np.stack(targets, axis=1).astype("float32")
    targets[1, 1] = 1 - targets[1, 1]  # no overlap
    weights = np.array([[1, 0], [1, 1]], "float32")
    examples = collect_examples(model, [(clip, targets, weights)])
    assert examples.inputs.shape == (3, 4)
    np.testing.assert_allclose(examples.region_similarity, [1, 1, 0], atol=1e-6)


def test_refitting_starts_from_the_fitted_head():
    keras.utils.set_random_seed(0)
    model, generator = new_model("lite"), np.random.default_rng(0)
    inputs = generator.normal(5, 30, (64, 4)).astype("float32")
    head = model.confidence.to_logit
    head.set_weights(
        [np.array([[0.1], [0], [-0.05], [0.02]], "float32"), np.array([0.3], "float32")]
    )
    fitted, expected = head.get_weights(), keras.ops.sigmoid(head(inputs))[:, 0]
    losses = fit_confidence(model, ConfidenceExamples(inputs, np.array(expected)), epochs=1)
    entropy = -expected * np.log(expected) - (1 - expected) * np.log(1 - expected)
    np.testing.assert_allclose(losses, np.mean(entropy), rtol=0.01)  # the smallest possible
    for a, b in zip(head.get_weights(), fitted, strict=True):
        np.testing.assert_allclose(a, b, atol=0.1)


def test_head_learns_and_other_weights_stay_fixed():
    keras.utils.set_random_seed(0)
    model, generator = new_model("lite"), np.random.default_rng(0)
    before = [w.numpy() for w in model.weights if "confidence" not in w.path]
    inputs = generator.normal(5, 30, (256, 4)).astype("float32")
    good = inputs[:, 3] > 5
    losses = fit_confidence(model, ConfidenceExamples(inputs, good.astype("float32")), epochs=300)
    assert losses[-1] < 0.3 * losses[0]
    head = model.confidence
    expected = 1 / (1 + np.exp(-np.array(head.to_logit(inputs))[:, 0]))
    assert ((expected > 0.5) == good).mean() > 0.9
    after = [w.numpy() for w in model.weights if "confidence" not in w.path]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.confidence.trainable_variables
