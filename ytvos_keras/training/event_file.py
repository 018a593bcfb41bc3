"""Write TensorBoard event files without the package `tensorboard`.

`tf.summary` and Keras' TensorBoard callback need that package, and would log a step twice if it is
repeated after an interruption.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
from PIL import Image

from ytvos_keras.media.pictures import encode_picture
from ytvos_keras.training.atomic_save import atomic_save

_VERSION = "brain.Event:2"  # without it, TensorBoard assumes an old file format, of 2015
_WIDEST = 1280  # pixels; wider images are scaled down
_QUALITY = 85


def write_events(
    folder: Path,
    step: int,
    scalars: Mapping[str, float],
    pictures: Mapping[str, Image.Image],
    description: str = "",
) -> Path:
    """Write one file with everything about one step, replacing an earlier file of that step.

    So a step that is repeated after an interruption is not logged twice, as it would be in a file
    that is appended to.

    Scalars whose names have the same prefix before a `/` are shown together. Images are RGB and
    are stored as JPEG; their description is Markdown.
    """
    summary, event = tf.compat.v1.Summary, tf.compat.v1.Event
    values = [summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
    metadata = tf.compat.v1.SummaryMetadata(summary_description=description)
    values += [
        summary.Value(tag=name, image=_encode(picture), metadata=metadata)
        for name, picture in pictures.items()
    ]
    now = time.time()
    events = [
        event(wall_time=now, file_version=_VERSION),
        event(wall_time=now, step=step, summary=summary(value=values)),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"events.out.tfevents.{step:010d}"  # TensorBoard reads in name order
    # A TFRecord adds 8 bytes of length and two checksums of 4 bytes.
    size = sum(each.ByteSize() + 16 for each in events)
    with atomic_save(path, ".part", size) as part, tf.io.TFRecordWriter(str(part)) as writer:
        for each in events:
            writer.write(each.SerializeToString())
    return path


def _encode(picture: Image.Image) -> "tf.compat.v1.Summary.Image":
    picture.thumbnail((_WIDEST, _WIDEST))
    return tf.compat.v1.Summary.Image(
        height=picture.height,
        width=picture.width,
        colorspace=3,
        encoded_image_string=encode_picture(picture, "JPEG", quality=_QUALITY),
    )
