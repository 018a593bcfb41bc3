from .adaptation.config import ONLINE_LEARNING, OnlineLearningConfig
from .batch import segment_batch
from .batch_summary import VideoOutcome
from .file_segmentation import SegmentedFiles, segment_files
from .mask_finder import MaskFinder
from .merge import merge_probabilities
from .options import SegmentOptions
from .segmenter import Segmenter

__all__ = [
    "ONLINE_LEARNING",
    "MaskFinder",
    "OnlineLearningConfig",
    "SegmentOptions",
    "SegmentedFiles",
    "Segmenter",
    "VideoOutcome",
    "merge_probabilities",
    "segment_batch",
    "segment_files",
]
