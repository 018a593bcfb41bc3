from .augmentation import (
    AppearanceConfig,
    Augmentation,
    MotionConfig,
    SyntheticConfig,
    TeacherForcing,
    VideoConfig,
)
from .make_dataset import make_dataset

__all__ = [
    "AppearanceConfig",
    "Augmentation",
    "MotionConfig",
    "SyntheticConfig",
    "TeacherForcing",
    "VideoConfig",
    "make_dataset",
]
