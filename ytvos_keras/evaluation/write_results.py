"""Write scores to files, as fractions, atomically.

The name of a folder need not be valid Unicode; characters that are not become "?".
"""

import csv
import json
import math
from pathlib import Path

from ytvos_keras.evaluation.results import Evaluation
from ytvos_keras.evaluation.statistics import Statistics
from ytvos_keras.media.atomic import atomic_path


def write_json(path: str | Path, evaluation: Evaluation) -> None:
    """Write `evaluation.to_dict()`: rule, summaries, objects, settings, version of this package.

    Args:
        path: the file to write; its folder must exist. Missing values (NaN) are null.
        evaluation: the scores.
    """
    # NaN is not valid JSON; here it would be a bug, as `to_dict` turns it into None.
    text = json.dumps(evaluation.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as part:
        part.write_text(text + "\n", encoding="utf-8", errors="replace")


def write_csv(path: str | Path, evaluation: Evaluation) -> None:
    """Write one row for each object; the mean of a column over the rows is the overall score.

    Args:
        path: the file to write; its folder must exist. Missing values (NaN) are left empty.
        evaluation: the scores.
    """
    measures = [f"{measure}_{name}" for measure in "JF" for name in Statistics._fields]
    with (
        atomic_path(path) as part,
        part.open("w", newline="", encoding="utf-8", errors="replace") as file,
    ):
        # The csv module would end lines with \r\n on every system.
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["sequence", "object", "category", "frames", *measures])
        for scores in evaluation.objects:
            values = (*scores.J_statistics, *scores.F_statistics)
            cells = ["" if math.isnan(value) else value for value in values]
            row = [scores.sequence, scores.object_id, scores.category, len(scores.frames)]
            rows.writerow([*row, *cells])
