"""What an export says about its model: `model.json`, and the metadata of every ONNX graph."""

import importlib.metadata

FACTS_FILE = "model.json"
_BUNDLED = "code Apache-2.0; weights for research and evaluation, see the model card"
LICENCES = {"s2s-lite": _BUNDLED, "s2s-lite-rough": _BUNDLED}
"""Licence by the name of a preset with bundled weights."""

_PACKAGES = ("ytvos-keras", "tensorflow", "keras")


def model_facts(
    model,
    name: str | None,
    size: tuple[int, int] | None,
    precision: str = "float32",
    packages: tuple[str, ...] = (),
) -> dict[str, str]:
    """The facts, for programs and people.

    Args:
        model: An `S2S`.
        name: A preset, if the weights are its bundled ones, or any other name; None: not stated.
        size: (height, width) of all images, in pixels, if it is fixed.
        precision: Precision of the files.
        packages: Packages whose versions matter, besides TensorFlow, Keras and this one.
    """
    height, width = size or model.config.input_size
    return {
        "model": name or "not stated",
        "precision": precision,
        "size": f"{height}x{width}" if size else "any",
        "working_size": f"{height}x{width}",
        "stride": str(model.stride),
        "licence": LICENCES.get(name or "", "code Apache-2.0; weights: not stated"),
        **{package: importlib.metadata.version(package) for package in (*_PACKAGES, *packages)},
    }
