# %% [markdown]
# # 3 · Segment a video and evaluate
#
# The bundled model `s2s-lite` follows objects through real videos, and we measure how well. It
# needs neither a network connection nor a GPU.
#
# The clip is that of [notebook 1](1_look_at_the_data.ipynb): two turning chairs, from
# [PUMaVOS](https://github.com/mbzuai-metaverse/XMem2) (CC BY 4.0, [notice](data/NOTICE.md)). The
# model was not trained on it.

# %%
import shutil
from pathlib import Path

import helpers  # first of these: it keeps TensorFlow quiet
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw

import ytvos_keras
from ytvos_keras.inference import ONLINE_LEARNING, segment_files
from ytvos_keras.media import open_frames, read_mask, write_mask

WORK = Path("work/3")  # all that this notebook writes
shutil.rmtree(WORK, ignore_errors=True)

# %%
chair = Path("data/chair")
frames = np.stack([frame for _, frame in open_frames(chair / "JPEGImages/chair")])
mask_files = sorted((chair / "Annotations/chair").glob("*.png"))
truth = np.stack([read_mask(file)[0] for file in mask_files])
print(f"{len(frames)} frames of {frames[0].shape[1]}×{frames[0].shape[0]} pixels")

# %% [markdown]
# ## Frame by frame
#
# A `Segmenter` takes the object's mask, then one frame at a time, and returns a label map for each.
# Its state has a constant size: a few remembered frames, the previous frame, and the states of the
# ConvLSTM (equations 1 to 4 of the paper).

# %%
segmenter = ytvos_keras.Segmenter(ytvos_keras.load("s2s-lite"))
segmenter.add_object(truth[0])
prediction = np.stack([segmenter.step(frame) for frame in frames])

# %%
some = [0, 5, 10, 15, 20]
helpers.show(
    helpers.paint(frames[some], truth[some]),
    helpers.paint(frames[some], prediction[some]),
    titles=["given", *(f"frame {t}" for t in some[1:])],
    labels=["truth", "s2s-lite"],
)

# %% [markdown]
# ## Several objects
#
# Any drawing tool will do for a mask. Here, a polygon with ten corners around the fabric of the
# near chair becomes object 2. An object is added before the frame in which it appears, be it the
# first or a later one.

# %%
corners = [26, 25, 68, 24, 75, 78, 115, 80, 119, 95, 112, 99, 80, 101, 74, 86, 38, 84, 33, 78]
drawn = Image.new("L", frames[0].shape[1::-1])
ImageDraw.Draw(drawn).polygon(corners, fill=1)

segmenter.reset()
segmenter.add_object(truth[0])
segmenter.add_object(np.array(drawn))
both = np.stack([segmenter.step(frame) for frame in frames])
helpers.show(
    helpers.paint(frames[some], both[some]), titles=["given", *(f"frame {t}" for t in some[1:])]
)

# %% [markdown]
# ## Evaluate
#
# DAVIS and YouTube-VOS use two measures (section 5.1):
#
# * **J**, region similarity: intersection over union of the masks;
# * **F**, contour accuracy: how much of the two contours agrees, to within a few pixels.
#
# By the rules of DAVIS, the first and the last frame do not count. The baseline is a copy of the
# first mask.

# %%
copy = np.stack([truth[0]] * len(truth))
results = {
    "s2s-lite": ytvos_keras.evaluate(prediction, truth, "davis2017"),
    "copy of the first mask": ytvos_keras.evaluate(copy, truth, "davis2017"),
}
print(f"{'':24}   J     F    J&F")
for name, result in results.items():
    scores = result.overall
    numbers = scores.J.mean, scores.F.mean, scores.J_and_F
    print(f"{name:24}", "  ".join(f"{100 * number:.1f}" for number in numbers))

# %% [markdown]
# This is one short clip, so these numbers say little about the model.
# [MODEL_CARD.md](../MODEL_CARD.md) covers more videos.
#
# `result.objects` holds the scores of every frame:

# %%
figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
for name, result in results.items():
    scores = result.objects[0]
    axes.plot([int(frame) for frame in scores.frames], scores.J, marker=".", label=name)
axes.set(xlabel="frame", ylabel="J", ylim=(0, 1))
axes.legend(fontsize=8)
plt.show()

# %% [markdown]
# Where does it go wrong? The worst frame and the best one: correct pixels in white, missed ones in
# red, false ones in blue.


# %%
def errors(mask, truth):
    """White: found; red: missed; blue: wrongly marked."""
    picture = np.zeros((*mask.shape, 3), np.uint8)
    picture[(mask > 0) & (truth > 0)] = (255, 255, 255)
    picture[(mask == 0) & (truth > 0)] = (230, 60, 50)
    picture[(mask > 0) & (truth == 0)] = (70, 110, 255)
    return picture


J = results["s2s-lite"].objects[0].J  # of frames 1 to 22
picked = [1 + int(np.argmin(J)), 1 + int(np.argmax(J))]
far_chair = (slice(0, 100), slice(90, 210))  # rows and columns
helpers.show(
    [
        picture[far_chair]
        for t in picked
        for picture in (frames[t], errors(prediction[t], truth[t]))
    ],
    titles=[f"frame {picked[0]}", "worst", f"frame {picked[1]}", "best"],
)

# %% [markdown]
# ## Online learning
#
# The paper's best results come from fine-tuning the model on the first frame before it segments
# the video (section 4.3). A copy of the model is trained on clips made from that frame; the
# ConvLSTM stays frozen. `ytvos-segment --online-learning` does the same:

# %%
learner = ytvos_keras.Segmenter(segmenter.model, online_learning=ONLINE_LEARNING["full"])
losses = []
learner.on_learning = lambda done, steps, loss: losses.append(loss)
adapted = np.stack(list(learner.segment(frames, truth[0])))
scores = ytvos_keras.evaluate(adapted, truth, "davis2017").overall
first, last = np.mean(losses[:10]), np.mean(losses[-10:])
print(f"loss of the first ten steps {first:.2f}, of the last ten {last:.2f}")
print(f"J {100 * scores.J.mean:.1f}, F {100 * scores.F.mean:.1f} with online learning")

# %% [markdown]
# One clip proves nothing. With `s2s-lite`, online learning hurts about as often as it helps:
# [Online learning](../docs/experiments/online_learning.md) has the measurements on all held-out
# clips.
#
# ## From files to files
#
# Whole videos need no loop. `segment_files` reads a video file or a folder of frames and writes one
# PNG per frame and, optionally, an overlay video. This clip is from *Big Buck Bunny*
# (© 2008 Blender Foundation, CC BY 3.0). The same from a terminal:
#
# ```
# ytvos-segment bunny.mp4 --mask bunny_first_mask.png --output masks --overlay
# ```

# %%
demo = Path(ytvos_keras.__file__).parent / "assets/demo"
written = segment_files(
    demo / "bunny.mp4",
    demo / "bunny_first_mask.png",
    WORK / "bunny",
    segmenter.model,
    overlay=True,
)
print(f"{written.frame_count} masks in {written.masks}, overlay in {written.overlay}")

# %%
pictures = [picture for _, picture in open_frames(written.overlay)]
some = [0, 17, 34, 51, 68, 87]
helpers.show(
    [pictures[t] for t in some[:3]],
    [pictures[t] for t in some[3:]],
)

# %% [markdown]
# Frames 0, 17, 34, 51, 68 and 87. The first mask was drawn by hand, all others are predictions.
# Errors may accumulate over a long clip, since every mask builds on the previous one; the [model
# card](../MODEL_CARD.md) describes where the model fails.
#
# ## Evaluate files
#
# You can score the predictions of any method, given as PNGs in one folder per video.

# %%
(WORK / "masks/chair").mkdir(parents=True)
for file, label_map in zip(mask_files, prediction, strict=True):
    write_mask(WORK / "masks/chair" / file.name, label_map)

# %%
# !ytvos-eval --predictions work/3/masks --ground-truth data/chair --protocol davis2017 --quiet

# %% [markdown]
# `--html report.html` writes a page with plots and strips of frames; `--json` and `--csv` write
# all scores; `--protocol youtube-vos` separates seen and unseen categories; `ytvos-eval compare`
# compares several methods.
