"""Video object segmentation in Keras 3.

Given a video and the mask of one or more objects in the first frame in which each appears, the
package returns the mask of every object in every later frame.

Names are imported on first use (see `__init__.pyi`): `import ytvos_keras` itself does not import
TensorFlow, so that commands answer `--help` at once.
"""

import lazy_loader

__version__ = "0.2.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
