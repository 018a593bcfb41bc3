"""Export an `S2S` as ONNX files with explicit state."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from ytvos_keras.errors import check_choices
from ytvos_keras.export.annotated_clips import Clip, bundled_clip, clips_to_score, find_clips
from ytvos_keras.export.model_facts import FACTS_FILE, model_facts
from ytvos_keras.export.onnx_measure import Measured, measure_precisions
from ytvos_keras.export.onnx_segmenter import OnnxSegmenter
from ytvos_keras.export.output_folder import check_empty
from ytvos_keras.export.parity import Parity, check_parity, check_usable, demo_clip
from ytvos_keras.export.signature_check import check_signatures
from ytvos_keras.export.signatures import in_float32
from ytvos_keras.media.atomic import atomic_folder
from ytvos_keras.progress import Progress, silent

PRECISIONS = ("float32", "float16", "int8")
_PACKAGES = ("tf2onnx", "onnx")


@dataclasses.dataclass(frozen=True)
class OnnxFiles:
    """Result of `export_onnx`.

    Attributes:
        path: The folder.
        sizes: Size of every file in bytes, by file name.
        signatures: (inputs, outputs) of each graph, by its name.
        precision: `"float32"`, `"float16"` or `"int8"`.
        parity: How close the files are to the Keras model.
        measured: J and speed of float32, and of the exported precision if it differs.
        measured_on: Description of the clips used for that.
    """

    path: Path
    sizes: dict[str, int]
    signatures: dict[str, tuple[list[str], list[str]]]
    precision: str
    parity: Parity
    measured: dict[str, Measured]
    measured_on: str

    def lines(self) -> list[str]:
        """A summary for the user."""
        lines = [f"onnx         {self.path} ({self.precision})"]
        for name, (inputs, outputs) in self.signatures.items():
            size = self.sizes[f"{name}.onnx"] / 1e6
            lines.append(
                f"graph        {name}.onnx ({size:.1f} MB): "
                f"{', '.join(inputs)} -> {', '.join(outputs)}"
            )
        lines.append(f"parity       {self.parity}")
        for name, own in self.measured.items():
            reference = next(iter(self.measured.values()))
            loss = 100 * (reference.J - own.J)
            lines.append(
                f"measured     {name}: J {100 * own.J:.1f} on {self.measured_on}, loss {loss:.1f} "
                f"points; {1000 * own.seconds:.0f} ms per frame, "
                f"{reference.seconds / own.seconds:.2f} times as fast as float32"
            )
        return lines


def export_onnx(
    model,
    output: str | Path,
    *,
    name: str,
    size: tuple[int, int] | None = None,
    precision: str = "float32",
    data: str | Path | None = None,
    calibration: str | Path | None = None,
    on_progress: Progress = silent,
) -> OnnxFiles:
    """Write a folder of graphs.

    The graphs are those of `export.signatures`, and `segment_clip`, which combines them. They are
    written to a hidden folder, checked by onnx, run by onnxruntime and compared with the Keras
    model on a real clip before the folder gets its name. Float32 files must reproduce the model's
    probabilities; for other precisions the loss is measured and reported, and only NaN or less than
    half of the labels, in any graph, is an error.

    Args:
        model: An `S2S`; exported in float32, whatever its dtype policy.
        output: The folder; it must not exist yet, or be empty.
        name: Name of the model, for the metadata. Give a preset's name only for its bundled
            weights, because it also states their licence.
        size: (height, width) of all images, in pixels; default: free.
        precision: `"float32"`; `"float16"`: weights of half the size, computed in float32; or
            `"int8"`: convolutions in int8, for speed on CPUs.
        data: Folder with `JPEGImages/` and `Annotations/` to measure the loss on; default: the
            bundled clip, against the masks of float32. Clips without ground truth are left out if
            others have it.
        calibration: A folder of the same kind to calibrate the ranges of int8 on; default: the
            bundled clip. It should differ from `data`.
        on_progress: Called with a stage, steps done and total steps.

    Returns:
        The folder, its files and graphs, and how closely they match the Keras model.

    Raises:
        InputError: The folder is not empty, a package or a clip is missing, or all clips are too
            short to calibrate on.
        ParityError: The graphs differ from the Keras model; they are deleted.

    Example:
        >>> export_onnx(ytvos_keras.load("s2s-lite"), "onnx", name="s2s-lite").path
        PosixPath('onnx')
    """
    check_choices({"precision": precision}, {"precision": PRECISIONS})
    output = Path(output)
    check_empty(output)
    clips = find_clips(data) if data else [bundled_clip()]
    calibration_clips = find_clips(calibration) if calibration else [bundled_clip()]

    # These need the packages of the extra `onnx`.
    from ytvos_keras.export.onnx_compose import clip_graph
    from ytvos_keras.export.onnx_convert import CLIP, convert, input_and_output_names, save
    from ytvos_keras.export.onnx_precision import to_precision
    from ytvos_keras.export.onnx_quantize import long_enough
    from ytvos_keras.export.onnx_stream import OnnxStream

    if precision == "int8":
        calibration_clips = long_enough(calibration_clips)  # before minutes of converting
    model = in_float32(model)
    full = convert(model, size, on_progress=on_progress)
    graphs = to_precision(full, precision, model, calibration_clips, size, on_progress)
    # From the graphs of the final precision, so that it has the same results.
    graphs[CLIP] = clip_graph(graphs["initialize"], graphs["step"])
    # After the conversion, so that nothing is left behind if it fails.
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(output) as part:
        facts = model_facts(model, name, size, precision, _PACKAGES)
        files = {key: save(graph, part / f"{key}.onnx", facts) for key, graph in graphs.items()}
        # A copy of the metadata: onnxruntime-web does not expose those in the graphs.
        described = {**facts, "graphs": list(files)}
        (part / FACTS_FILE).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        frames, masks = demo_clip(size or model.config.input_size)
        check = check_parity if precision == "float32" else check_usable
        parity = check_signatures(model, OnnxStream(files), frames, masks, on_progress, check)
        measured = {}
        if precision != "float32":
            # Float32 is the reference. Both take turns, so that they see the same load.
            scored = clips_to_score(clips)
            precisions: dict[str, dict] = {"float32": full, precision: files}
            measured = _measure(precisions, model, scored, size, on_progress)
    return OnnxFiles(
        output,
        {file.name: (output / file.name).stat().st_size for file in files.values()},
        {key: input_and_output_names(graph) for key, graph in graphs.items()},
        precision,
        parity,
        measured,
        _describe_clips(clips),
    )


def _measure(
    precisions: dict[str, dict],
    model,
    clips: Sequence[Clip],
    size: tuple[int, int] | None,
    report: Progress,
) -> dict[str, Measured]:
    from ytvos_keras.export.onnx_stream import OnnxStream

    segmenters = {
        name: OnnxSegmenter(OnnxStream(graphs), model.config.input_size, model.stride, size)
        for name, graphs in precisions.items()
    }
    return measure_precisions(segmenters, clips, report)


def _describe_clips(clips: Sequence[Clip]) -> str:
    scored = clips_to_score(clips)
    text = f"{len(scored)} clips" if len(scored) > 1 else scored[0].name
    if not scored[0].has_truth:
        return f"{text} (against the float32 masks)"
    left_out = len(clips) - len(scored)
    return f"{text} ({left_out} without ground truth left out)" if left_out else text
