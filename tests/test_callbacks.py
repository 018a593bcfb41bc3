import keras
import numpy as np
import pytest

from ytvos_keras.training import callbacks
from ytvos_keras.training.callbacks import SaveBestModel
from ytvos_keras.training.checkpoint import Progress
from ytvos_keras.training.run_files import RunFiles


@pytest.fixture
def saved(monkeypatch):
    """The weights of every model saved."""
    weights = []
    monkeypatch.setattr(
        callbacks, "save_model", lambda model, _: weights.append(model.get_weights())
    )
    return weights


@pytest.mark.parametrize("writes", [True, False])
def test_best_model_is_saved_when_its_j_is_the_highest(writes, tmp_path, saved):
    progress = Progress()
    callback = SaveBestModel(RunFiles(tmp_path), progress, writes=writes)
    callback.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    counts = []
    for j in (0.5, 0.4, 0.6, 0.6):
        callback.on_test_end({"J": j})
        counts.append(len(saved))
    assert counts == ([1, 1, 2, 2] if writes else [0, 0, 0, 0])
    assert progress.best == 0.6


def test_best_model_has_the_averaged_weights_that_were_validated(tmp_path, saved):
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(
        keras.optimizers.SGD(0.25, use_ema=True, ema_momentum=0.5),
        "mse",
        metrics=[keras.metrics.MeanSquaredError(name="J")],
        jit_compile=False,
    )
    one = np.ones((2, 1), "float32")
    history = model.fit(
        one,
        one,
        batch_size=1,
        validation_data=(one, one),
        callbacks=[SaveBestModel(RunFiles(tmp_path), Progress()), keras.callbacks.SwapEMAWeights()],
        verbose=0,
    ).history
    # The gradient of (w - 1)² takes w from 0 to 0.5 and 0.75; the average starts in the first step.
    ((kernel,),) = saved
    np.testing.assert_allclose(kernel, [[0.625]], rtol=1e-6)
    assert history["val_J"] == [pytest.approx((0.625 - 1) ** 2)]
