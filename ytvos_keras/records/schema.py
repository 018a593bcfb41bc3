"""The schema of the records: one `SequenceExample` per video, for the writer and all readers.

Context (one value or list per video):

| key | type | meaning |
|---|---|---|
| `name`, `source` | bytes | the video's name, unique in its split, and where it comes from |
| `schema_version` | int64 | `SCHEMA_VERSION` |
| `height`, `width` | int64 | of every frame and mask, in pixels |
| `binary` | int64 | 1: every pixel above 0 is object 1; 0: pixels are ids, 255 is void |
| `object_ids` | int64 list | ids that occur in any mask, ascending (1–254) |
| `categories` | bytes list | one per object, empty if unknown |
| `first_annotated`, `last_annotated` | int64 lists | first and last frame that show each object |

Feature lists (one value per frame, in order):

| key | type | meaning |
|---|---|---|
| `frame_name` | bytes | for example `00005` |
| `image` | bytes | the JPEG or PNG exactly as in the source |
| `mask` | bytes | the PNG exactly as in the source, or empty; see `label_values.decode_labels` |
| `annotated` | int64 | 1 if there is a mask |

TensorFlow is only imported when records are written or parsed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ytvos_keras.datasets.object_info import ObjectInfo
from ytvos_keras.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

SCHEMA_VERSION = 1
MAX_RECORD = 2**31 - 1  # bytes; the limit of Protocol Buffers


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Fields shared by a record and its entry in the index.

    Args:
        name: unique in its split.
        source: the data set it comes from.
        height: of frames and masks, in pixels.
        width: of frames and masks, in pixels.
        binary: whether every pixel above 0 is object 1; otherwise pixels are ids, 255 is void.
        frame_names: in order.
        objects: by id, ascending.
    """

    name: str
    source: str
    height: int
    width: int
    binary: bool
    frame_names: tuple[str, ...]
    objects: Mapping[int, ObjectInfo]


@dataclass(frozen=True, kw_only=True)
class EncodedVideo(VideoInfo):
    """The contents of one record.

    Args:
        images: one JPEG or PNG per frame.
        masks: one PNG per frame, None if it is not annotated.
    """

    images: tuple[bytes, ...]
    masks: tuple[bytes | None, ...]

    @property
    def annotated(self) -> tuple[int, ...]:
        """Indexes of the frames that have a mask."""
        return tuple(index for index, mask in enumerate(self.masks) if mask is not None)


def serialize(video: EncodedVideo) -> bytes:
    """Serialize a video as a `tf.train.SequenceExample`, deterministically.

    Raises an `InputError` if it takes more than 2 GB, or if a name is not valid Unicode.
    """
    import tensorflow as tf

    objects = video.objects.values()
    context = {
        "name": _texts([video.name]),
        "source": _texts([video.source]),
        "schema_version": _numbers([SCHEMA_VERSION]),
        "height": _numbers([video.height]),
        "width": _numbers([video.width]),
        "binary": _numbers([video.binary]),
        "object_ids": _numbers(video.objects),
        "categories": _texts([info.category or "" for info in objects]),
        "first_annotated": _numbers([info.first for info in objects]),
        "last_annotated": _numbers([info.last for info in objects]),
    }
    lists = {
        "frame_name": [_texts([name]) for name in video.frame_names],
        "image": [_bytes([image]) for image in video.images],
        "mask": [_bytes([mask or b""]) for mask in video.masks],
        "annotated": [_numbers([mask is not None]) for mask in video.masks],
    }
    # Checked before the message is built, which copies everything.
    size = sum(map(len, video.images)) + sum(len(mask or b"") for mask in video.masks)
    # One percent is left for names, objects and the framing of each value.
    if size > 0.99 * MAX_RECORD:
        raise InputError(
            f"{video.name}: its frames take {size / 1e9:.1f} GB, but a record holds 2 GB at most; "
            "cut the video into shorter ones."
        )
    example = tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(
            feature_list={
                key: tf.train.FeatureList(feature=values) for key, values in lists.items()
            }
        ),
    )
    return example.SerializeToString(deterministic=True)  # sorts the keys of maps


def parse(serialized: "tf.Tensor") -> "dict[str, tf.Tensor]":
    """Parse one record, for reading the shards as a plain `tf.data.TFRecordDataset`.

    Args:
        serialized: string scalar.

    Returns:
        The keys of this module's tables. Those of the context are scalars, or shape (K,) for K
        objects; those of the frames have shape (T,). `annotated` is boolean, text is UTF-8.
        Running it raises `tf.errors.InvalidArgumentError` for records of another schema version.

    Example:
        >>> shards = tf.io.gfile.glob("records/train-*.tfrecord")
        >>> for video in tf.data.TFRecordDataset(shards).map(parse):
        ...     first_frame = tf.io.decode_image(video["image"][0], channels=3)
    """
    import tensorflow as tf

    text, number = (tf.io.FixedLenFeature((), kind) for kind in (tf.string, tf.int64))
    texts, numbers = (tf.io.RaggedFeature(kind) for kind in (tf.string, tf.int64))
    text_a_frame, number_a_frame = (
        tf.io.FixedLenSequenceFeature((), kind) for kind in (tf.string, tf.int64)
    )
    context, frames = tf.io.parse_single_sequence_example(
        serialized,
        {
            "name": text,
            "source": text,
            "schema_version": number,
            "height": number,
            "width": number,
            "binary": number,
            "object_ids": numbers,
            "categories": texts,
            "first_annotated": numbers,
            "last_annotated": numbers,
        },
        {
            "frame_name": text_a_frame,
            "image": text_a_frame,
            "mask": text_a_frame,
            "annotated": number_a_frame,
        },
    )
    same = tf.debugging.assert_equal(
        context["schema_version"],
        tf.constant(SCHEMA_VERSION, tf.int64),
        message=f"this version of ytvos-keras reads records of schema version {SCHEMA_VERSION}",
    )
    with tf.control_dependencies([same] if same is not None else []):  # None when run eagerly
        frames["annotated"] = tf.cast(frames["annotated"], tf.bool)
    return {**context, **frames}


def _bytes(values):
    import tensorflow as tf

    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _texts(values):
    try:
        return _bytes([value.encode() for value in values])
    except UnicodeEncodeError as error:
        raise InputError(f"{error.object!r} is not valid Unicode (UTF-8); rename it.") from error


def _numbers(values):
    import tensorflow as tf

    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value) for value in values]))
