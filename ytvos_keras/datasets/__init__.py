"""Data sets in folders: layouts, readers, checks, statistics, splits, and clips from raw videos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
