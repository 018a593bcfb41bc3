# %% [markdown]
# # 1 · Look at the data
#
# Video object segmentation: **given a video and the mask of an object in its first frame,
# find the object in every later frame.** Nobody says what the object is; only where it is at the
# start.
#
# This notebook shows what a model is trained on: a clip and its masks, the records that are made of
# them, and the training clips that come out of the records.
#
# Sections named here are those of the paper,
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
# It lies in the layout of YouTube-VOS: one folder of frames and one of masks for each video, with
# equal names.

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
# A mask is a **label map**: one number for each pixel, 0 for background, 1, 2, 3 … for objects.
# On disk it is a PNG with a palette, so that any viewer shows the objects in colours.

# %%
print("shape", masks[0].shape, "type", masks[0].dtype, "values", np.unique(masks[0]))
helpers.show(helpers.paint([frames[t] for t in some], [masks[t] for t in some]))

# %% [markdown]
# The object is the *far* chair, behind the glass. The near one looks much the same: a model has to
# know **which** chair was meant, and the first mask is all that tells it.
#
# The shape of the object changes from frame to frame. That is why a copy of the first mask is no
# answer:

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
# The overlap is called J, *intersection over union*. It is one of the two measures of
# [notebook 3](3_segment_and_evaluate.ipynb).
#
# ## Few frames have a mask
#
# Drawing masks is slow work. In YouTube-VOS every fifth frame of a video at 30 frames a second has
# masks (section 3), the others have none. We make the same of our clip: a copy in which every
# fourth frame keeps its mask.

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
# `meta.json` names the category of every object and the frames in which it has a mask. The command
# `ytvos-prepare check` opens every file and names each fault, before training stumbles over it:

# %%
# !ytvos-prepare check work/1/source --quiet

# %% [markdown]
# ## Records
#
# Training reads *records*: a few large files in place of very many small ones. One command writes
# them; [data_prep/README.md](../data_prep/README.md) has it for YouTube-VOS, DAVIS, COCO, videos of
# your own and more.

# %%
# !ytvos-prepare youtube-vos work/1/source work/1/records --quiet
# !ytvos-prepare stats work/1/records --quiet

# %% [markdown]
# These are the columns of Table 1 of the paper. YouTube-VOS has 3,252 videos and 133,886
# annotations there; we have one video and six.
#
# ## Training clips
#
# `make_dataset` turns records into a `tf.data` pipeline for `model.fit`. At each step it draws a
# video, one of its objects, and T frames in which to follow it (section 4.3). `frames="any"` also
# draws frames without a mask.

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
# * `mask`: the object in the first frame: what the model is told;
# * `targets`: the object in the four frames after it: what the model shall find;
# * `weights`: **0 for a frame without a mask**. The model sees the frame, and the loss passes over
#   it. This is the second stage of the paper's training.

# %%
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)  # masks of all frames
helpers.show(
    helpers.paint(inputs["frames"][0], answers[0]),
    titles=["given", *(f"weight {weight:.0f}" for weight in weights[0])],
)

# %% [markdown]
# By default clips are changed at random: mirrored, cut, turned, coloured, sometimes played
# backward. All frames and masks of a clip are changed alike. Here are three clips of our one video:

# %%
clips = make_dataset(
    WORK / "records", clip_length=5, size=(160, 240), batch_size=3, max_step=1, seed=2
)
inputs, targets, weights = next(iter(clips))
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)
helpers.show(*map(helpers.paint, inputs["frames"], answers))

# %% [markdown]
# ## Clips made of a single picture
#
# There are far more pictures with masks than videos with masks. So a record may also hold a single
# picture, and becomes a clip by motion that is made up: the object is cut out, moves, bends and is
# covered by others, and the background moves too. This is not in the paper. Most clips on which
# `s2s-lite`, the bundled model, was trained are of this kind.
#
# Our picture is the first frame of the bundled clip of *Big Buck Bunny*
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
# Folders of records can be mixed, with their shares of the clips:
#
# ```python
# make_dataset({"records": 0.2, "picture-records": 0.8}, batch_size=4)
# ```
#
# Clip number *n* of such a stream depends on the seed and on *n* alone, so that a training run can
# stop and go on with exactly the clips that it would have had.
#
# Next: [2 · Train with `model.fit`](2_train_with_model_fit.ipynb).
