"""Training data as `tf.data` pipelines of clips: from images with masks, and from videos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
