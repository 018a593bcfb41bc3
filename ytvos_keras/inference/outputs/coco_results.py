"""Write masks as a COCO JSON file with run lengths."""

from pathlib import Path
from typing import Any

import numpy as np

from ytvos_keras.datasets.readers.run_lengths import from_area, pycocotools
from ytvos_keras.inference.outputs.writer import MaskedFrame, ObjectStyle, OutputWriter
from ytvos_keras.media.json_file import write_json
from ytvos_keras.media.masks import ids_in


class CocoResults(OutputWriter):
    """Images, annotations and categories; one annotation per object and frame.

    Object ids serve as category ids and `track_id`s. `file_name` is the frame's name.

    Raises:
        InputError: pycocotools is not installed.
    """

    def __init__(self, path: Path, style: ObjectStyle, ids: list[int]):
        super().__init__(path)
        # If it is not installed, fail now, not at the end of a run.
        pycocotools()
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._categories = [{"id": i, "name": style.name(i)} for i in ids]

    def write(self, item: MaskedFrame) -> None:
        height, width = item.labels.shape
        self._images.append(
            {"id": item.index, "file_name": item.name, "height": height, "width": width}
        )
        for object_id in ids_in(item.labels):
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": item.index,
                    "category_id": object_id,
                    "track_id": object_id,
                    **annotation(item.labels == object_id),
                }
            )

    def __exit__(self, kind, *_) -> None:
        # One JSON document, so it is written at the end, or not at all.
        if kind is None:
            content = {
                "images": self._images,
                "annotations": self._annotations,
                "categories": self._categories,
            }
            write_json(self.path, content)


def annotation(mask: np.ndarray) -> dict[str, Any]:
    """Run lengths, area and box of a mask, boolean (H, W), with at least one pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top = int(columns[0]), int(rows[0])
    counts = from_area(mask)
    assert counts is not None  # it has a pixel
    return {
        "segmentation": {"size": list(mask.shape), "counts": counts.decode()},
        "area": int(mask.sum()),
        "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
        "iscrowd": 0,
    }
