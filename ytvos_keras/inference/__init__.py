"""Segment videos from the masks of their objects.

Names are imported on first use: `segment_files` checks its files before TensorFlow is loaded.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
