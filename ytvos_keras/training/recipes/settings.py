"""The paper's training on DAVIS 2016 without YouTube-VOS (section 5.3).

Setting 1: from scratch on the 30 training videos. Setting 2: with all videos of SegTrack v2,
JumpCut and YouTube-Objects. Setting 3: with the Encoder of a segmentation network, which is frozen
while the other parts are trained.

    ytvos-prepare davis DAVIS davis --year 2016 --split train
    ytvos-train --recipe setting-1 --data davis --output runs/setting-1
    ytvos-train --recipe setting-2 --data davis --data segtrack2 --data jumpcut \
        --data youtube-objects --output runs/setting-2
    ytvos-train --recipe setting-3 --data davis --backbone-weights segmentation_vgg16.weights.h5 \
        --output runs/setting-3

"From scratch" is taken to mean ImageNet backbones, as everywhere in the paper, and 200 passes, like
`davis2016`; the paper does not say. The paper's segmentation network in Setting 3 is DeepLab; here
it is any VGG-16 in Keras' layout. Both backbones start from it, and the Encoder's is frozen.
The Encoder's new 1×1 convolution is trained, and so is fc6 if the file has none.

On few videos, 200 passes are few steps: use `--learning-rate 1e-4 --clip-norm 1`.

Time and result: Setting 1 on 20 of the 30 videos at half the size took 90 minutes on two cores and
has J 25.3 on ten unseen videos (`docs/experiments/setting_1.md`). On the validation set, the paper
has a mean J of 51.3, 51.9 and 45.6 (cited); not measured here.
"""

import dataclasses

from ytvos_keras.models import PRESETS
from ytvos_keras.training.recipes import davis2016

SETTING_1 = SETTING_2 = dataclasses.replace(
    davis2016.RECIPE,
    model=PRESETS["s2s-vgg16"],
    backbone_weights="imagenet",
    remember_every=None,  # the paper's model has no memory
)
SETTING_3 = dataclasses.replace(SETTING_1, backbone_weights=None, frozen=("encoder.backbone",))
