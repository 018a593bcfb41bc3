from .check.check_videos import check_videos
from .label_values import decode_labels
from .object_info import ObjectInfo
from .readers.coco import read_coco
from .readers.cvat import read_cvat
from .readers.davis import read_davis
from .readers.labelme import read_labelme
from .readers.pictures import read_pictures
from .readers.youtube_vos import read_youtube_vos
from .splits import Splits, make_splits, video_categories
from .video import EncodedFile, Frame, Video

__all__ = [
    "EncodedFile",
    "Frame",
    "ObjectInfo",
    "Splits",
    "Video",
    "check_videos",
    "decode_labels",
    "make_splits",
    "read_coco",
    "read_cvat",
    "read_davis",
    "read_labelme",
    "read_pictures",
    "read_youtube_vos",
    "video_categories",
]
