"""Image backbones for the Initializer and the Encoder.

A backbone is a Keras layer: `backbone(images, masks=None)` takes RGB in 0–255 (`(B, H, W, 3)`,
sides multiples of 32) and, if built with `with_mask=True`, masks in 0–1 (`(B, H, W, 1)`), does its
own preprocessing, and returns a dict from stride to map, `{2: …, 4: …, 8: …, 16: …, 32: …}`.
`filters` has the number of channels of each. Load pretrained weights with
`assign_weights(read_weights(source))`.
"""

from ytvos_keras.models.backbones.efficientnet_lite0 import EfficientNetLite0
from ytvos_keras.models.backbones.vgg16 import VGG16

BACKBONES = {"vgg16": VGG16, "efficientnet-lite0": EfficientNetLite0}

__all__ = ["BACKBONES", "VGG16", "EfficientNetLite0"]
