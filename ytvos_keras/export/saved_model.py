"""Export an `S2S` as a SavedModel with explicit state, in the layout of TensorFlow Serving."""

import dataclasses
import json
from pathlib import Path

import tensorflow as tf

from ytvos_keras.errors import InputError
from ytvos_keras.export.byte_signatures import byte_signatures
from ytvos_keras.export.model_facts import FACTS_FILE, model_facts
from ytvos_keras.export.parity import Arrays, Parity, SignatureStream, demo_clip
from ytvos_keras.export.request_checks import checked_signatures
from ytvos_keras.export.serving_config import (
    BATCHING_FILE,
    BATCHING_PARAMETERS,
    CONFIG_FILE,
    listed_versions,
    model_config,
)
from ytvos_keras.export.serving_warmup import (
    WARMUP_FILE,
    check_serving_api,
    read_warmup,
    warmup_inputs,
    write_warmup,
)
from ytvos_keras.export.signature_check import check_signatures
from ytvos_keras.export.signatures import GraphSignature, in_float32
from ytvos_keras.media.atomic import atomic_folder, atomic_path
from ytvos_keras.models import S2S
from ytvos_keras.progress import Progress, silent


@dataclasses.dataclass(frozen=True)
class SavedModel:
    """Result of `export_saved_model`.

    Attributes:
        path: The version's folder.
        size: Total size of its files in bytes.
        signatures: (inputs, outputs) of each signature, by its name.
        parity: How close the SavedModel is to the Keras model.
        warmup: Number of records in the warm-up file, 0 if there is none.
        listed: Versions in `models.config`; empty if it does not list versions by number.
    """

    path: Path
    size: int
    signatures: dict[str, tuple[list[str], list[str]]]
    parity: Parity
    warmup: int
    listed: list[int]

    def lines(self) -> list[str]:
        """A summary for the user."""
        lines = [
            f"saved model  {self.path} ({self.size / 1e6:.1f} MB)",
            *(
                f"signature    {name}: {', '.join(inputs)} -> {', '.join(outputs)}"
                for name, (inputs, outputs) in self.signatures.items()
            ),
            f"parity       {self.parity}",
            f"warm-up      {self.warmup or 'no'} requests"
            + (", read back and run" if self.warmup else ""),
        ]
        version = self.path.name
        if self.listed and int(version) not in self.listed:
            now = ", ".join(map(str, self.listed))
            lines.append(
                f"config       {CONFIG_FILE} serves {now}; add version {version} to serve this one"
            )
        return lines


class SavedModelStream(SignatureStream):
    """A loaded SavedModel; `path` is a version's folder."""

    def __init__(self, path: str | Path):
        self.loaded = tf.saved_model.load(str(path))  # keeps the variables alive
        self.signatures = self.loaded.signatures

    def run(self, signature: str, inputs: Arrays) -> Arrays:
        outputs = self.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: x.numpy() for name, x in outputs.items()}


def export_saved_model(
    model: S2S,
    output: str | Path,
    *,
    name: str | None = None,
    size: tuple[int, int] | None = None,
    version: int | None = None,
    warmup: bool = True,
    on_progress: Progress = silent,
) -> SavedModel:
    """Write `output/<version>/`, a SavedModel with the signatures of this package.

    It is written to a hidden folder, loaded again and compared with the Keras model on a real clip
    before it is renamed to its version, so that a server that polls `output` never sees a broken
    model. `models.config`, with version policy and labels for `--model_config_file`, is written
    next to the versions if missing.

    Args:
        model: The model; it is exported in float32 whatever its dtype policy.
        output: The model's folder, whose name is the model's name on the server.
        name: Name of the model, for `model.json` in `assets.extra/`. Give a preset's name only for
            its bundled weights, because it also states their licence.
        size: (height, width) of all images, in pixels; default: free. With a fixed size, servers
            can batch requests, and `batching_params.pbtxt` is written.
        version: Version number; default: one more than the largest in `output`.
        warmup: Whether to write warm-up requests for TensorFlow Serving; needs the extra `serving`.
        on_progress: Called with a stage, steps done and total steps.

    Returns:
        The version's folder, its size and signatures, and how closely it matches the Keras model.

    Raises:
        InputError: The version already exists, or a package is missing.
        ParityError: The SavedModel differs from the Keras model; it is deleted.

    Example:
        >>> export_saved_model(ytvos_keras.load("s2s-lite"), "deploy/s2s", name="s2s-lite").path
        PosixPath('deploy/s2s/1')
    """
    if warmup:
        check_serving_api()  # before a minute or more of tracing
    output = Path(output)
    served_name = output.resolve().name  # "." has a name, too
    path = _new_version(output, version)
    model = in_float32(model)
    output.mkdir(parents=True, exist_ok=True)
    with atomic_folder(path) as part:
        written = checked_signatures(model, size)
        written |= byte_signatures(model, written, size)
        write_signatures(model, written, part, on_progress)
        _write_facts(part, model_facts(model, name, size))
        stream = SavedModelStream(part)
        frames, masks = demo_clip(size or model.config.input_size)
        parity = check_signatures(model, stream, frames, masks, on_progress)
        records = 0
        if warmup:
            records = _write_warmup(stream, served_name, part, frames, masks, on_progress)
        if size is not None:
            # Free sizes cannot be batched: requests may differ in size.
            (part / BATCHING_FILE).write_text(BATCHING_PARAMETERS)
    listed = _write_config(output, path)
    size_on_disk = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return SavedModel(path, size_on_disk, _names(written, stream), parity, records, listed)


def _new_version(folder: Path, version: int | None) -> Path:
    """The path of a new version in a model's folder; default: one more than the largest."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give a folder for the model's versions.")
    if version is None:
        found = [p for p in folder.glob("*") if p.name.isdecimal() and p.is_dir()]
        version = max((int(path.name) for path in found), default=0) + 1
    path = folder / str(version)
    if path.exists():
        raise InputError(f"{path}: already exists; give another version, or none for the next.")
    return path


def write_signatures(
    model: S2S, signatures: dict[str, GraphSignature], path: str | Path, report: Progress
) -> None:
    """Write a SavedModel without files for servers, whose default signature is the first one."""
    # Not keras.export.ExportArchive, which traces every function a second time when it writes.
    module, graphs = tf.Module(), {}
    # A SavedModel can only contain functions whose variables its root object tracks.
    module.weights = [weight.value for weight in model.weights]
    for number, (name, (function, _)) in enumerate(signatures.items(), start=1):
        graphs[name] = function.get_concrete_function()
        report("tracing", number, len(signatures))
    default = next(iter(graphs.values()))
    # It also serves clients that name no signature.
    tf.saved_model.save(module, str(path), graphs | {"serving_default": default})


def _write_warmup(stream, name: str, path: Path, frames, masks, report: Progress) -> int:
    """Write the requests, read them back from the file, and run each of them once."""
    file = path / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    write_warmup(file, name, warmup_inputs(stream, frames, masks))
    requests = read_warmup(file)
    for number, request in enumerate(requests, start=1):
        inputs = {key: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
        stream.run(request.model_spec.signature_name, inputs)
        report("warming up", number, len(requests))
    return len(requests)


def _write_facts(path: Path, facts: dict[str, str]) -> None:
    file = path / "assets.extra" / FACTS_FILE  # where servers ignore files that they do not know
    file.parent.mkdir()
    file.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _write_config(output: Path, path: Path) -> list[int]:
    """Write `models.config` if it is missing, and return the versions that it lists."""
    config = output / CONFIG_FILE
    if not config.exists():  # the operator labels later versions
        with atomic_path(config) as part:
            part.write_text(model_config(output.resolve().name, int(path.name)))
    return listed_versions(config.read_text(encoding="utf-8", errors="replace"))


def _names(written: dict[str, GraphSignature], stream: SavedModelStream) -> dict:
    """Inputs and outputs of each signature; the state in the order of the inputs."""
    order = ["probs", *written["step_features"].inputs]
    # TensorFlow sorts outputs by name; people read them in the order of the inputs.
    order += [f"{name}_bytes" for name in order]
    return {
        name: (list(inputs), sorted(stream.signatures[name].structured_outputs, key=order.index))
        for name, (_, inputs) in written.items()
    }
