"""Trains `s2s-lite` on pictures turned into clips, with plain `model.fit`.

    python -m ytvos_keras.training.train_lite --pictures PICTURES --output RUN \
        --backbone-weights efficientnet_lite0.npz [--videos VIDEOS --exclude SOURCE/SEQUENCE …]

PICTURES holds `<source>/{img,mask}/<stem>`, VIDEOS `<source>/{JPEGImages,Annotations}/<sequence>/`.
A run that was cut off goes on from its last hundred steps when started again with the same
arguments. RUN/s2s-lite.weights.h5 are the averaged weights in float16, written every five hundred
steps and at the end.
"""

import argparse
import json
from pathlib import Path

import keras
import tensorflow as tf

from ytvos_keras.data.clips import make_synthetic_dataset
from ytvos_keras.data.videos import make_video_clips_dataset
from ytvos_keras.losses import LiteLoss
from ytvos_keras.metrics import MeanJ
from ytvos_keras.models import PRESETS, S2S
from ytvos_keras.models.half_weights import save_half_weights

_EPOCH_STEPS = 100  # between two backups
_SAVE_EPOCHS = 5


def make_optimizer(steps: int, learning_rate: float) -> keras.optimizers.Optimizer:
    """AdamW with a short warm-up, cosine decay to zero, clipping and averaged weights."""
    warmup = max(1, steps // 30)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=learning_rate, warmup_steps=warmup
    )
    return keras.optimizers.AdamW(
        schedule, weight_decay=5e-4, global_clipnorm=1.0, use_ema=True, ema_momentum=0.998
    )


def make_clips(arguments, start: int) -> tf.data.Dataset:
    """Batches of synthetic clips, with a share of real ones, from clip number `start` on.

    After a resumption each stream goes on about where it was; which clips are real is drawn anew.
    """
    share = arguments.video_share if arguments.videos else 0.0
    sources = [(make_synthetic_dataset, arguments.pictures, 1 - share)]
    if share:
        sources.append((make_video_clips_dataset, arguments.videos, share))
    streams = [
        make(
            root,
            clip_length=arguments.clip_length,
            size=tuple(arguments.size),
            teacher_clips=round(arguments.steps * arguments.batch_size / 3 * part),
            exclude=arguments.exclude,
            seed=arguments.seed,
            start=round(start * part),
            batch_size=None,
        )
        for make, root, part in sources
    ]
    mixed = tf.data.Dataset.sample_from_datasets(
        streams, [part for _, _, part in sources], seed=arguments.seed + start
    )
    return mixed.batch(arguments.batch_size).prefetch(2)


class SaveHalfWeights(keras.callbacks.Callback):
    """Writes the averaged weights every few epochs; stands after `SwapEMAWeights`."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        if (epoch + 1) % _SAVE_EPOCHS == 0:
            save_half_weights(self.model, self.path)


def finished_steps(backup: Path) -> int:
    """Steps that a run in `backup` has behind it."""
    metadata = backup / "training_metadata.json"
    if not metadata.is_file():
        return 0
    return json.loads(metadata.read_text())["epoch"] * _EPOCH_STEPS  # the next epoch's number


def train(arguments) -> None:
    """Trains, or goes on training, and writes the weights."""
    keras.utils.set_random_seed(arguments.seed)
    backup, weights = arguments.output / "backup", arguments.output / "s2s-lite.weights.h5"
    model = S2S(
        PRESETS["s2s-lite"],
        dtype=arguments.precision,
        backbone_weights=arguments.backbone_weights,
        name="s2s_lite",
    )
    model.compile(
        optimizer=make_optimizer(arguments.steps, arguments.learning_rate),
        loss=LiteLoss(),
        metrics=[MeanJ()],
        jit_compile=False,  # slower than oneDNN for these convolutions
    )
    callbacks = [
        keras.callbacks.BackupAndRestore(backup, delete_checkpoint=False),
        keras.callbacks.CSVLogger(arguments.output / "log.csv", append=True),
        keras.callbacks.SwapEMAWeights(swap_on_epoch=True),
        SaveHalfWeights(weights),
    ]
    model.fit(
        make_clips(arguments, finished_steps(backup) * arguments.batch_size),
        steps_per_epoch=_EPOCH_STEPS,
        epochs=arguments.steps // _EPOCH_STEPS,
        callbacks=callbacks,
        shuffle=False,  # the stream is
        verbose=arguments.verbose,
    )
    save_half_weights(model, weights)


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--videos", type=Path)
    parser.add_argument("--video-share", type=float, default=0.08, help="of the clips")
    parser.add_argument("--exclude", nargs="*", default=[], help="SOURCE or SOURCE/NAME")
    parser.add_argument("--backbone-weights", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--clip-length", type=int, default=5)
    parser.add_argument("--size", type=int, nargs=2, default=(192, 320), metavar=("H", "W"))
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", type=int, default=1, help="of model.fit: 0, 1 or 2")
    return parser.parse_args(argv)


if __name__ == "__main__":
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    train(arguments)
