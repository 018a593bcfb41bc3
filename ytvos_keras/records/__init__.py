"""Records: the TFRecord files that training reads, their schema, index and writer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
