"""The paper's training on DAVIS 2016 without YouTube-VOS (section 5.3).

Setting 1, from scratch on the 30 training videos; Setting 2, with all videos of SegTrack v2,
JumpCut and YouTube-Objects; Setting 3, with the Encoder of a segmentation network, which is kept
as it is while the other parts are trained.

    ytvos-prepare davis DAVIS davis --year 2016 --split train
    ytvos-train --preset setting-1 --data davis --backbone-weights imagenet --output runs/setting-1
    ytvos-train --preset setting-2 --data davis --data segtrack2 --data jumpcut \
        --data youtube-objects --backbone-weights imagenet --output runs/setting-2
    ytvos-train --preset setting-3 --data davis --backbone-weights segmentation_vgg16.weights.h5 \
        --output runs/setting-3

"From scratch" is taken to mean ImageNet backbones, as everywhere in the paper. The segmentation
network of Setting 3 is DeepLab's there; here any VGG-16 in Keras' layout, for both backbones, of
which the Encoder's is frozen.

Time: not measured, needs a GPU. Result: not measured; the paper has a mean J of 51.3, 51.9 and
45.6 (cited).
"""

import dataclasses

from ytvos_keras.training.presets import davis2016

SETTING_1 = SETTING_2 = davis2016.RECIPE
SETTING_3 = dataclasses.replace(davis2016.RECIPE, frozen=("encoder",))
