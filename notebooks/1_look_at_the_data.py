# %% [markdown]
# # 1 · Look at the data
#
# Video object segmentation: **given a video and the mask of an object in its first frame,
# find the object in every later frame.** The model is not given a category, only the object's place
# at the start.
#
# This notebook shows what a model is trained on: a clip and its masks, the records made from them,
# and the training clips drawn from the records.
#
# Section numbers refer to the paper,
# [*YouTube-VOS: Sequence-to-Sequence Video Object Segmentation*](https://arxiv.org/abs/1809.00461).

# %%
import json
import shutil
from pathlib import Path

import helpers  # first of these: it keeps TensorFlow quiet
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import ytvos_keras
from ytvos_keras import make_dataset
from ytvos_keras.media import open_frames, read_mask

CHAIR = Path("data/chair")
WORK = Path("work/1")  # all that this notebook writes
shutil.rmtree(WORK, ignore_errors=True)

# %% [markdown]
# ## A clip and its masks
#
# The clip is 24 frames of two turning chairs, one of them behind a glass wall, from
# [PUMaVOS](https://github.com/mbzuai-metaverse/XMem2) (CC BY 4.0, [notice](data/NOTICE.md)).
# It has the layout of YouTube-VOS: for each video a folder of frames and a folder of masks, with
# matching file names.

# %%
for folder in ["JPEGImages/chair", "Annotations/chair"]:
    names = sorted(file.name for file in (CHAIR / folder).iterdir())
    print(f"{folder:18} {len(names)} files: {', '.join(names[:3])} … {names[-1]}")

# %%
frames = [frame for _, frame in open_frames(CHAIR / "JPEGImages/chair")]
mask_files = sorted((CHAIR / "Annotations/chair").glob("*.png"))
masks = [read_mask(file)[0] for file in mask_files]

some = [0, 6, 12, 18]
helpers.show([frames[t] for t in some], titles=[f"frame {t}" for t in some])

# %% [markdown]
# A mask is a **label map**: one number per pixel, 0 for background, 1, 2, 3 … for objects. On
# disk it is a palette PNG, so any image viewer shows the objects in colour.

# %%
print("shape", masks[0].shape, "type", masks[0].dtype, "values", np.unique(masks[0]))
helpers.show(helpers.paint([frames[t] for t in some], [masks[t] for t in some]))

# %% [markdown]
# The object is the *far* chair, behind the glass. The near one looks almost the same: the first
# mask is the only clue to **which** chair is meant.
#
# The object's shape changes from frame to frame, so copying the first mask does not work:

# %%
areas = [100 * (mask > 0).mean() for mask in masks]
kept = [((mask > 0) & (masks[0] > 0)).sum() / ((mask > 0) | (masks[0] > 0)).sum() for mask in masks]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.2), layout="constrained")
left.plot(areas)
left.set(xlabel="frame", ylabel="% of the frame", title="Area of the object", ylim=0)
right.plot(kept)
right.set(xlabel="frame", ylabel="J", title="Overlap with the first mask", ylim=(0, 1.05))
plt.show()

# %% [markdown]
# The overlap is J, *intersection over union*, one of the two measures used in
# [notebook 3](3_segment_and_evaluate.ipynb).
#
# ## Few frames have a mask
#
# Drawing masks is slow. In YouTube-VOS, every fifth frame of a 30 fps video is annotated (section
# 3). We imitate that with a copy of our clip in which only every fourth frame keeps its mask.

# %%
source = WORK / "source"
shutil.copytree(CHAIR, source)
for number, file in enumerate(mask_files):
    if number % 4:
        (source / "Annotations/chair" / file.name).unlink()

kept_names = [file.stem for file in mask_files[::4]]
meta = {"videos": {"chair": {"objects": {"1": {"category": "chair", "frames": kept_names}}}}}
(source / "meta.json").write_text(json.dumps(meta))
print(json.dumps(meta, indent=1))

# %% [markdown]
# `meta.json` lists the category of every object and the frames in which it is annotated. The
# command `ytvos-prepare check` opens every file and reports each fault before training runs into
# it:

# %%
# !ytvos-prepare check work/1/source --quiet

# %% [markdown]
# ## Records
#
# Training reads *records*: a few large files instead of thousands of small ones. One command
# writes them; [data_prep/README.md](../data_prep/README.md) shows it for YouTube-VOS, DAVIS,
# COCO, your own videos and more.

# %%
# !ytvos-prepare youtube-vos work/1/source work/1/records --quiet
# !ytvos-prepare stats work/1/records --quiet

# %% [markdown]
# These are the columns of the paper's Table 1, where YouTube-VOS has 3,252 videos and 133,886
# annotations. We have one video and six annotations.
#
# ## Training clips
#
# `make_dataset` turns records into a `tf.data` pipeline for `model.fit`. For each clip it draws a
# video, one of its objects, and T frames (section 4.3). With `frames="any"` the frames may be
# unannotated.

# %%
clips = make_dataset(
    WORK / "records",
    clip_length=5,
    frames="any",
    size=(160, 240),
    batch_size=2,
    augment=False,
    seed=1,
)
inputs, targets, weights = next(iter(clips))

for name, tensor in {**inputs, "targets": targets, "weights": weights}.items():
    print(f"{name:8} {tensor.dtype.name:8} {tuple(tensor.shape)}")

# %% [markdown]
# * `frames`: a batch of 2 clips of 5 frames;
# * `mask`: the object in the first frame, the model's input;
# * `targets`: the object in the following four frames, what the model should predict;
# * `weights`: **0 for an unannotated frame**. The model sees the frame, but the loss ignores it.
#   This is the second stage of the paper's training.

# %%
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)  # masks of all frames
helpers.show(
    helpers.paint(inputs["frames"][0], answers[0]),
    titles=["given", *(f"weight {weight:.0f}" for weight in weights[0])],
)

# %% [markdown]
# By default clips are augmented: flipped, cropped, rotated, recolored, sometimes played backward.
# All frames and masks of a clip change together. Here are three clips from our one video:

# %%
clips = make_dataset(
    WORK / "records", clip_length=5, size=(160, 240), batch_size=3, max_step=1, seed=2
)
inputs, targets, weights = next(iter(clips))
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)
helpers.show(*map(helpers.paint, inputs["frames"], answers))

# %% [markdown]
# ## Clips from a single image
#
# Images with masks are far more common than videos with masks. A record may therefore hold a
# single image, which becomes a clip through synthetic motion: the object is cut out, moves,
# bends and is occluded by other objects, while the background moves too. This is not in the
# paper. More than half of the clips that the bundled model `s2s-lite` was trained on are of this
# kind.
#
# Our image is the first frame of the bundled clip from *Big Buck Bunny*
# (© 2008 Blender Foundation, CC BY 3.0).

# %%
demo = Path(ytvos_keras.__file__).parent / "assets/demo"
picture = next(frame for _, frame in open_frames(demo / "bunny.mp4"))
for folder in ["img", "mask"]:
    (WORK / "pictures" / folder).mkdir(parents=True)
shutil.copy(demo / "bunny_first_mask.png", WORK / "pictures/mask/bunny.png")
Image.fromarray(picture).save(WORK / "pictures/img/bunny.jpg", quality=90)

# %%
# !ytvos-prepare images work/1/pictures work/1/picture-records --quiet

# %%
clips = make_dataset(WORK / "picture-records", clip_length=5, size=(144, 256), batch_size=4, seed=4)
inputs, targets, weights = next(iter(clips))
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)
helpers.show(*map(helpers.paint, inputs["frames"], answers))

# %% [markdown]
# Folders of records can be mixed, each with its share of the clips:
#
# ```python
# make_dataset({"records": 0.2, "picture-records": 0.8}, batch_size=4)
# ```
#
# Clip number *n* depends only on the seed and on *n*, so an interrupted training run resumes with
# exactly the clips it would have seen.
#
# Next: [2 · Train with `model.fit`](2_train_with_model_fit.ipynb).
