"""`ytvos-train`: training and fine-tuning with `model.fit`, resumable."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path
from typing import Any

from ytvos_keras.argument_types import (
    fraction,
    frame_size,
    percentage,
    positive,
    positive_number,
    whole_number,
)
from ytvos_keras.cli.common import command_parser, prepare_tensorflow, run
from ytvos_keras.errors import InputError
from ytvos_keras.precisions import PRECISIONS
from ytvos_keras.quiet_import import import_tensorflow

# The names of `training.recipes`, which cannot be imported for --help: it imports TensorFlow.
RECIPE_NAMES = (
    *("paper", "paper-75", "paper-50", "paper-25", "mask-as-state", "mask-as-input"),
    *("davis2016", "setting-1", "setting-2", "setting-3", "lite", "small", "small-mask-as-state"),
    *("finetune", "lite-videos", "lite-objects", "lite-full-size", "lite-rough"),
)
_LARGEST_SEED = 2**32 - 1  # of NumPy

DESCRIPTION = """\
Train a model on records that ytvos-prepare wrote. Run the same command again
to resume an interrupted run from its last checkpoint: it ends with the same
losses and weights as an uninterrupted one.
"""

EXAMPLES = """\
examples:
  ytvos-train --recipe paper --data youtube-vos --dry-run
  ytvos-train --recipe paper --data youtube-vos --output runs/paper
  ytvos-train --recipe finetune --data records --validation records \\
      --output runs/mine
  ytvos-train --recipe davis2016 --data davis --weights runs/paper/last.keras \\
      --output runs/davis
  ytvos-train --recipe lite --data pictures=0.8 --data videos=0.2 \\
      --validation held_out --backbone-weights efficientnet_lite0.npz \\
      --output runs/lite

several machines: set TF_CONFIG on each and run the same command on all of
them, with an --output that all can access; only the first one writes to it

in --output:
  run.json       everything that the run depends on
  log.csv        one line per checkpoint; curves.png draws it (extra `plots`)
  tensorboard/   figures and images; to view them:
                 pip install 'ytvos-keras[tensorboard]'
  checkpoints/   the last two
  last.keras     the model at the end
  best.keras     the model with the highest J on --validation; load either with
                 ytvos_keras.load(PATH)
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit code, see `cli.common.run`."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not arguments.dry_run and not arguments.output:
        parser.error("--output is missing (or give --dry-run)")
    prepare_tensorflow()
    return run(
        lambda: _train(arguments),
        quiet=arguments.quiet,
        hint=lambda: _how_to_resume(arguments),
    )


def _how_to_resume(arguments: argparse.Namespace) -> str:
    if arguments.dry_run:
        return ""  # always starts over
    # Not by `list_checkpoints`, whose import takes seconds if TensorFlow was not imported yet.
    if any(Path(arguments.output, "checkpoints").glob("step-*.weights.h5")):
        return "run the same command again to resume from the last checkpoint"
    return "there is no checkpoint yet, so the same command starts over"


def _parser() -> argparse.ArgumentParser:
    parser = command_parser("ytvos-train", DESCRIPTION, EXAMPLES)
    add = parser.add_argument
    add(
        *("--recipe", "--preset"),  # the old name
        required=True,
        choices=RECIPE_NAMES,
        metavar="NAME",
        help=f"what to train, and how: {', '.join(RECIPE_NAMES)}",
    )
    add(
        "--data",
        required=True,
        action="append",
        metavar="DIR[=SHARE]",
        help="folder of records; repeat for several: all their videos are equally likely, unless "
        "shares of the clips are given",
    )
    add("--output", type=Path, metavar="DIR", help="folder of the run")
    add(
        "--validation",
        action="append",
        metavar="DIR",
        help="validation records: their split validation or val, or all splits if there is "
        "neither; videos that are also in --data are left out, or, if all are, a tenth of them is "
        "held out from training",
    )
    add(
        "--weights",
        metavar="NAME|FILE",
        help="start from this model: s2s-lite, s2s-lite-rough, a .keras file or a checkpoint; for "
        "recipes that define the network, also a .weights.h5 file",
    )
    add(
        "--backbone-weights",
        metavar="FILE|imagenet|none",
        help="pretrained weights of the backbone, in place of the recipe's",
    )
    add("--devices", type=int, metavar="N", help="devices to use (default: all GPUs, or one CPU)")
    add(
        "--dry-run",
        action="store_true",
        help="print weights, stages, steps and the time of one step on one device; train nothing",
    )
    add("--quiet", action="store_true", help="print only warnings and errors")
    _add_changes(parser.add_argument_group("changes to the recipe"))
    return parser


def _add_changes(group: argparse._ArgumentGroup) -> None:
    """Add the options that override fields of the recipe or of all its stages."""
    change = group.add_argument
    change("--steps", type=positive, metavar="N", help="optimizer steps of every stage")
    change("--batch-size", type=positive, metavar="N", help="clips per batch, over all devices")
    change(
        "--clip-length", type=whole_number(2), metavar="T", help="frames per clip, in every stage"
    )
    change(
        "--size",
        type=frame_size,
        metavar="HxW",
        help="height and width of the clips in pixels, multiples of 32",
    )
    change("--learning-rate", type=positive_number, metavar="X", help="initial learning rate")
    change(
        "--clip-norm",
        type=positive_number,
        metavar="X",
        help="largest global norm of the gradient",
    )
    change("--accumulate", type=positive, metavar="N", help="batches per optimizer step")
    change("--precision", choices=PRECISIONS, help="Keras dtype policy")
    # default=None stands for "not given", so that the recipe's value is kept.
    change(
        "--recompute", action="store_true", default=None, help="save memory on long clips; slower"
    )
    change(
        "--augment",
        action=argparse.BooleanOptionalAction,
        help="augment clips at random, or not (default: as in the recipe); without augmentation, "
        "images become still clips",
    )
    change(
        "--percent",
        type=percentage,
        metavar="X",
        help="use only this percentage of the training videos",
    )
    change(
        "--min-object", type=fraction, metavar="X", help="smallest object, as a share of the frame"
    )
    change(
        "--max-step",
        type=positive,
        metavar="N",
        help="largest mean distance between clip frames, in annotated frames",
    )
    change("--checkpoint-steps", type=positive, metavar="N", help="steps between two checkpoints")
    change(
        "--seed",
        type=whole_number(0, _LARGEST_SEED),
        metavar="N",
        help="seed of the initial weights and the clips",
    )


def _train(arguments: argparse.Namespace) -> None:
    import_tensorflow()
    from ytvos_keras.cli.train_progress import train_progress
    from ytvos_keras.training.devices import find_devices
    from ytvos_keras.training.dry_run import dry_run
    from ytvos_keras.training.plot_curves import can_plot, plot_curves
    from ytvos_keras.training.recipes import RECIPES
    from ytvos_keras.training.train import train

    recipe = _changed(RECIPES[arguments.recipe], arguments)
    data = _shares(arguments.data)
    validation = _shares(arguments.validation) if arguments.validation else None
    if arguments.dry_run:
        if "TF_CONFIG" not in os.environ:  # with it, `find_devices` waits for the other machines
            find_devices(arguments.devices).check_batch_size(recipe.batch_size)
        print("\n".join(dry_run(recipe, data, validation=validation)))
        return
    devices = find_devices(arguments.devices, on_wait=None if arguments.quiet else _say_waiting)
    shows = devices.is_chief and not arguments.quiet
    with train_progress(recipe, quiet=not shows) as callbacks:
        files = train(
            recipe,
            data,
            arguments.output,
            validation=validation,
            devices=devices,
            callbacks=callbacks,
        )
    # All workers share the folder; only one writes there.
    if devices.is_chief and can_plot():
        plot_curves(files.log, files.curves)
    if shows:
        print(f"model  {files.best if files.best.is_file() else files.last}")
        print(f"log    {files.log}")


def _say_waiting(worker: int, workers: int) -> None:
    shows = "" if worker == 0 else "; worker 0 shows the progress"
    print(f"worker {worker} of {workers}: waiting for the others{shows}", file=sys.stderr)


def _changed(recipe, arguments: argparse.Namespace):
    """Return the recipe with the changes from the command line."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    own = {field.name for field in dataclasses.fields(recipe)}
    fields = {name: value for name, value in given.items() if name in own}
    if fields.get("backbone_weights") == "none":
        fields["backbone_weights"] = None
    if fields.get("augment") and recipe.augment:
        del fields["augment"]  # the recipe may have its own ranges
    recipe = dataclasses.replace(recipe, **fields)
    if "backbone_weights" in fields and recipe.weights is not None:
        raise InputError(
            f"--backbone-weights has no effect on a run that starts from {recipe.weights}; "
            "leave it out"
        )
    stage: dict[str, Any] = {
        name: given[name] for name in ("steps", "clip_length", "size") if name in given
    }
    # A stage counts steps or passes, not both.
    if "steps" in stage:
        stage["passes"] = None
    stages = tuple(dataclasses.replace(old, **stage) for old in recipe.stages)
    return dataclasses.replace(recipe, stages=stages)


def _shares(folders: list[str]) -> list[str] | dict[str, float]:
    """Parse `DIR=SHARE`: folders, or folders and shares if all have one."""
    shares: dict[str, float | None] = {}
    for text in folders:
        # From the right: the folder's name may contain a `=`.
        folder, _, share = text.rpartition("=")
        has_share = bool(folder) and not Path(text).is_dir()
        if not has_share:
            folder = text
        if Path(folder) in map(Path, shares):
            raise InputError(f"{folder}: given twice; give each folder once")
        shares[folder] = _share(share, text) if has_share else None
    given = {folder: share for folder, share in shares.items() if share is not None}
    if given and len(given) < len(shares):
        without = next(folder for folder in shares if folder not in given)
        raise InputError(
            f"{without}: has no share of the clips; give one to all folders, or to none"
        )
    return given or list(shares)


def _share(text: str, whole: str) -> float:
    try:
        return positive_number(text)
    except argparse.ArgumentTypeError as error:
        raise InputError(
            f"{whole}: no such folder, and {text!r} is not a share; give DIR, or DIR=SHARE with a "
            "number above 0, such as DIR=0.5"
        ) from error


if __name__ == "__main__":
    raise SystemExit(main())
