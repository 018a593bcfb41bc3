"""Log metrics and images of predictions for TensorBoard."""

import dataclasses
import time

import keras
import numpy as np
from PIL import Image

from ytvos_keras.data.draw_clips import draw_clips
from ytvos_keras.training.checkpoint import Progress
from ytvos_keras.training.clips import RunData, training_clips, validation_clips
from ytvos_keras.training.event_file import write_events
from ytvos_keras.training.recipe import Recipe
from ytvos_keras.training.run_files import RunFiles

_CLIPS, _COLUMNS = 3, 5
_DESCRIPTION = "Top: the true masks. Bottom: the model's predictions from the first of them."


class LogToTensorBoard(keras.callbacks.Callback):
    """Write an event file per checkpoint: losses, J, learning rate, clips per second, images.

    Must come before `SwapEMAWeights`: at the end of a validation the averaged weights are still in
    place, so images show their predictions. (Without validation, they show those of the training
    weights: swapping would change their last bits.) Must come before `SaveProgress`: steps with a
    checkpoint are not repeated, and repeated ones overwrite their event file. The model is called
    eagerly, since tracing another graph would take longer than all its calls. Without validation
    clips, training clips are shown.
    """

    def __init__(self, recipe: Recipe, data: RunData, files: RunFiles, progress: Progress):
        super().__init__()
        self.recipe, self.data = recipe, data
        self.files, self.progress = files, progress
        self._clips: list[tuple] = []

    def on_epoch_begin(self, epoch, logs=None):
        if not self._clips:  # now, since records may be damaged later
            self._clips = self._read_clips()
        self._begin, self._seconds, self._pictures = time.monotonic(), None, None

    def on_test_begin(self, logs=None):
        self._seconds = time.monotonic() - self._begin

    def on_test_end(self, logs=None):
        self._pictures = self._draw()

    def on_epoch_end(self, epoch, logs=None):
        recipe = self.recipe
        seconds = self._seconds or time.monotonic() - self._begin  # without the validation
        steps = self.progress.steps_to_checkpoint(recipe.checkpoint_steps)
        clips = steps * recipe.clips_per_step
        scalars = {_tag(name): float(value) for name, value in logs.items()} | {
            "training/learning_rate": float(self.model.optimizer.learning_rate.numpy()),
            "training/clips_per_second": clips / seconds,
        }
        step = self.progress.step + steps
        # Without validation no averaged weights are swapped in, so draw with the training weights.
        pictures = self._draw() if self._pictures is None else self._pictures
        write_events(self.files.tensorboard, step, scalars, pictures, _DESCRIPTION)

    def _draw(self) -> dict[str, Image.Image]:
        return {
            f"predictions/clip_{number}": draw_prediction(self.model, clip)
            for number, clip in enumerate(self._clips, start=1)
        }

    def _read_clips(self) -> list[tuple]:
        """Always the same clips: the first validation clips, or else those of the last stage."""
        recipe = dataclasses.replace(self.recipe, batch_size=1, accumulate=1)
        if self.data.validation is not None:
            clips = validation_clips(recipe, self.data)
        else:
            clips = training_clips(recipe, len(recipe.stages) - 1, steps=1, data=self.data)
        return list(clips.take(_CLIPS).as_numpy_iterator())


def draw_prediction(model: keras.Model, clip: tuple) -> Image.Image:
    """Draw the true masks of a clip, a batch of one, and the predicted ones below."""
    inputs, targets, weights = clip
    # Without teacher forcing, as at test time.
    logits = model({name: inputs[name] for name in ("frames", "mask")}, training=False)
    predicted = (keras.ops.convert_to_numpy(logits) > 0).astype(targets.dtype)
    length = targets.shape[1] + 1
    shown = np.unique(np.linspace(0, length - 1, min(length, _COLUMNS)).round().astype(int))
    # A clip twice: one row for the true masks, one for the predicted.
    rows = {name: np.repeat(inputs[name], 2, axis=0) for name in ("frames", "mask")}
    later = shown[1:] - 1
    return draw_clips(
        (
            {"frames": rows["frames"][:, shown], "mask": rows["mask"]},
            np.concatenate([targets, predicted])[:, later],
            np.concatenate([weights, np.ones_like(weights)])[:, later],
        )
    )


def _tag(name: str) -> str:
    """Convert the Keras name of a metric to a TensorBoard tag."""
    return f"validation/{name[4:]}" if name.startswith("val_") else f"training/{name}"
