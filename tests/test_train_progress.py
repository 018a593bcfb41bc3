"""Progress bar of `ytvos-train`."""

import pytest

from ytvos_keras.cli.train_progress import train_progress
from ytvos_keras.training.checkpoint import Progress
from ytvos_keras.training.recipes import RECIPES

RECIPE = RECIPES["lite"]


def test_bar_shows_metrics_and_stops_after_an_error(capsys):
    with pytest.raises(KeyboardInterrupt), train_progress(RECIPE) as callbacks:
        progress = Progress(stage_step=600, stage_steps=3600, step=600)
        (shown,) = callbacks(RECIPE.stages[0], progress)
        shown.on_epoch_begin(4)
        for batch in range(3):
            shown.on_train_batch_end(batch, {"loss": 0.25, "J": 0.5})
        progress.step += 150
        shown.on_epoch_end(4, {"loss": 0.25, "val_J": 0.75})
        assert shown.bar.live.is_started
        raise KeyboardInterrupt
    assert not shown.bar.live.is_started
    text = capsys.readouterr().err
    assert "short clips, step 750: loss 0.2500  val_J 0.7500" in text
    assert "603/3600 steps" in text
    assert "loss 0.250  J 0.500" in text


def test_quiet_shows_nothing(capsys):
    with train_progress(RECIPE, quiet=True) as callbacks:
        assert callbacks is None
    assert capsys.readouterr().err == ""
