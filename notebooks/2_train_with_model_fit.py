# %% [markdown]
# # 2 · Train with `model.fit`
#
# `S2S` is an ordinary Keras model: `compile`, `fit`, `save`. This notebook trains a small one on
# toy videos, from files on disk to images of what it has learned.
#
# **It is a toy** that runs in a minute or two on two CPU cores: a few lines of code draw the
# videos, the model is small and the training short. It shows how the parts fit together, not what
# the method can do. The last section describes a real run.

# %%
import math
import shutil
from pathlib import Path

import helpers  # first of these: it keeps TensorFlow quiet
import keras
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageColor, ImageDraw

import ytvos_keras
from ytvos_keras import S2S, S2SConfig, make_dataset
from ytvos_keras.losses import MaskCrossentropy
from ytvos_keras.media import open_frames, read_mask, write_mask
from ytvos_keras.metrics import MeanJ

WORK = Path("work/2")  # all that this notebook writes
shutil.rmtree(WORK, ignore_errors=True)
keras.utils.set_random_seed(0)

# %% [markdown]
# ## Toy videos
#
# Two paper cut-outs move, rotate and grow over a pale moving background. Each has a distinct shape
# and colour, so that a model can tell them apart.

# %%
WIDTH, HEIGHT = 160, 96


def new_cutout(rng):
    """Corners of a polygon as complex numbers, a colour, and the first and last pose."""
    corners = rng.integers(3, 9)
    angles = 2 * np.pi * (np.arange(corners) + rng.uniform(0, 0.5, corners)) / corners
    outline = rng.uniform(0.6, 1, corners) * np.exp(1j * angles)
    colour = ImageColor.getrgb(f"hsv({rng.integers(360)}, 85%, 75%)")
    poses = rng.uniform([30, 20, 0, 18], [130, 76, 2, 28], (2, 4))  # x, y, angle, radius
    return outline, colour, poses


def draw_video(rng, length=8):
    """Frames and label maps: 1 is the cut-out at the back, 2 the one in front."""
    colours = rng.integers(140, 230, (4, 6, 3), dtype=np.uint8)
    background = Image.fromarray(colours).resize((240, 144), Image.Resampling.BICUBIC)
    views = rng.uniform(0, [240 - WIDTH, 144 - HEIGHT], (2, 2))  # first and last
    cutouts = [new_cutout(rng) for _ in range(2)]
    for s in np.linspace(0, 1, length):
        x, y = ((1 - s) * views[0] + s * views[1]).astype(int)
        frame = background.crop((x, y, x + WIDTH, y + HEIGHT))
        mask = Image.new("L", frame.size)
        for number, (outline, colour, (first, last)) in enumerate(cutouts, start=1):
            x, y, angle, radius = (1 - s) * first + s * last
            points = x + 1j * y + radius * np.exp(1j * angle) * outline
            polygon = [(point.real, point.imag) for point in points]
            ImageDraw.Draw(frame).polygon(polygon, fill=colour)
            ImageDraw.Draw(mask).polygon(polygon, fill=number)
        yield np.array(frame), np.array(mask)


# %%
examples = [list(draw_video(np.random.default_rng(seed))) for seed in range(3)]
helpers.show(*[[frame for frame, _ in video[::2]] for video in examples])

# %% [markdown]
# We draw 24 videos for training and 6 for validation, and write them as frames and masks in the
# layout of YouTube-VOS.


# %%
def write_video(folder, name, video):
    """Frames and masks in the layout of YouTube-VOS."""
    for kind in ["JPEGImages", "Annotations"]:
        (folder / kind / name).mkdir(parents=True)
    for t, (frame, mask) in enumerate(video):
        Image.fromarray(frame).save(folder / f"JPEGImages/{name}/{t:05d}.jpg", quality=95)
        write_mask(folder / f"Annotations/{name}/{t:05d}.png", mask)


for number in range(30):
    part = "lessons" if number < 24 else "exam"
    video = draw_video(np.random.default_rng(number))
    write_video(WORK / "videos" / part, f"toy{number:02d}", video)

# %% [markdown]
# ## Records
#
# One command turns the folders into records (see [notebook 1](1_look_at_the_data.ipynb)). It reads
# both parts and names the videos `lessons/toy00`, …, `exam/toy29`.

# %%
# !ytvos-prepare youtube-vos work/2/videos work/2/records --quiet
# !ytvos-prepare stats work/2/records --quiet

# %% [markdown]
# ## Clips for training and for validation
#
# Both are drawn from the same records; `exclude` keeps them apart. Training clips are augmented
# (flipped, cropped, recolored); validation clips are not, and are the same in every epoch.

# %%
options = {"clip_length": 4, "size": (HEIGHT, WIDTH), "batch_size": 4}
training = make_dataset(WORK / "records", exclude=["exam"], **options)
validation = make_dataset(WORK / "records", exclude=["lessons"], augment=False, **options)
validation = validation.take(4).cache()

# %%
inputs, targets, weights = next(iter(training))
for name, tensor in {**inputs, "targets": targets, "weights": weights}.items():
    print(f"{name:8} {tensor.dtype.name:8} {tuple(tensor.shape)}")

# %% [markdown]
# Each row is a clip: the object given in the first frame, and the targets in the following frames.

# %%
answers = np.concatenate([inputs["mask"][:, None], targets], axis=1)
helpers.show(*map(helpers.paint, inputs["frames"], answers), titles=["given", *3 * ["to be found"]])

# %% [markdown]
# ## The model
#
# `S2S(S2SConfig())` is the paper's network: four parts, 70 million parameters (section 4.3).
#
# | part | does |
# |---|---|
# | [Initializer](../ytvos_keras/models/initializer.py) | first frame and mask → first states |
# | [Encoder](../ytvos_keras/models/encoder.py) | frame → features |
# | [ConvLSTM](../ytvos_keras/layers/conv_lstm.py) | features and states → new states |
# | [Decoder](../ytvos_keras/models/decoder.py) | states → mask |
#
# Every size is a field of `S2SConfig`. Ours is a smaller version of the bundled `s2s-lite`, which
# also matches each frame to remembered frames (not in the paper).

# %%
config = S2SConfig(
    backbone="efficientnet-lite0",
    freeze_backbone=True,
    shared_encoder=True,
    encoder_filters=32,
    state_filters=32,
    state_stride=8,
    decoder_filters=(32, 16, 16),
    memory_frames=2,
    remember_every=2,
    matching_filters=32,
    skip_connections=True,
)
model = S2S(config)

# %% [markdown]
# The paper starts from a VGG-16 pretrained on ImageNet. Our backbone is pretrained on ImageNet
# too: we copy it from the bundled model. It stays frozen (`freeze_backbone`); all other weights
# are initialized at random.

# %%
lite = ytvos_keras.load("s2s-lite")
model.encoder.backbone.set_weights(lite.encoder.backbone.get_weights())

learnt = sum(math.prod(weight.shape) for weight in model.trainable_weights)
print(f"{model.count_params():,} parameters, {learnt:,} of them trainable")

# %% [markdown]
# ## `compile` and `fit`
#
# `MaskCrossentropy` is equation 5 of the paper, the binary cross-entropy of every pixel. `MeanJ` is
# the mean overlap with the true mask. Both respect the frame weights.

# %%
model.compile(
    optimizer=keras.optimizers.Adam(2e-3),
    loss=MaskCrossentropy(),
    weighted_metrics=[MeanJ()],
    jit_compile=False,  # compiling with XLA would take longer than training
)
history = model.fit(
    training,
    steps_per_epoch=15,
    epochs=12,
    validation_data=validation,
    shuffle=False,  # the clips come in random order
    verbose=2,
)

# %% [markdown]
# How good is that? The dashed line is the simplest baseline, a copy of the first mask. A model is
# useful only if it beats that.


# %%
def overlap(mask, truth):
    """J of two masks: intersection over union."""
    union = (mask | truth).sum()
    return (mask & truth).sum() / union if union else 1.0


copied = [
    overlap(clip_mask > 0, target > 0)
    for inputs, targets, _ in validation.as_numpy_iterator()
    for clip_mask, clip_targets in zip(inputs["mask"], targets, strict=True)
    for target in clip_targets
]

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
epochs = range(1, len(history.history["loss"]) + 1)
left.plot(epochs, history.history["loss"], label="training")
left.plot(epochs, history.history["val_loss"], label="validation")
left.set(xlabel="epoch", title="Loss", ylim=0)
right.plot(epochs, history.history["J"], label="training")
right.plot(epochs, history.history["val_J"], label="validation")
right.axhline(np.mean(copied), linestyle="--", color="grey", label="copy of the first mask")
right.set(xlabel="epoch", title="Mean J", ylim=(0, 1))
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# The training metric is lower because it is averaged over the epoch, while the model is still
# learning, and because augmented clips are harder.
#
# ## What it learned
#
# We run the model on a whole validation video. It takes a batch of clips and returns logits;
# positive ones are the object.


# %%
def follow(model, frames, first_mask):
    """Masks of all frames, from that of the first."""
    inputs = {"frames": np.stack(frames)[None], "mask": first_mask[None, ..., None]}
    logits = np.array(model(inputs))[0, ..., 0]
    return [first_mask, *(logits > 0).astype("uint8")]


frames, labels = zip(*draw_video(np.random.default_rng(28)), strict=True)  # exam/toy28
rows = []
for object_id in [1, 2]:
    truth = [(label == object_id).astype("uint8") for label in labels]
    found = follow(model, frames, truth[0])
    scores = [overlap(a > 0, b > 0) for a, b in zip(found, truth, strict=True)]
    print(f"object {object_id}: mean J {np.mean(scores[1:]):.2f}")
    rows.append(helpers.paint(frames, object_id * np.stack(found)))

helpers.show(*rows, titles=["given", *(f"frame {t}" for t in range(1, 8))])

# %% [markdown]
# Each row follows one object. Where the two touch, the mask leaks into the other one: such a short
# training teaches what a cut-out looks like, but not reliably which of the two is meant.
#
# What about a real video, such as the chairs of notebook 1? Here the toy model fails:

# %%
chair = Path("data/chair")
frames = [frame for _, frame in open_frames(chair / "JPEGImages/chair")][:5]
first_mask, _ = read_mask(chair / "Annotations/chair/00000.png")
found = follow(model, frames, first_mask)
helpers.show(helpers.paint(frames, found))

# %% [markdown]
# It has only seen plain colours on a pale background. [Notebook 3](3_segment_and_evaluate.ipynb)
# runs the bundled model on the same clip.
#
# ## Save the model

# %%
model.save(WORK / "toy.keras")

# %% [markdown]
# `ytvos_keras.load("toy.keras")` reads it back, and `ytvos-segment clip.mp4 --model toy.keras …`
# uses it.
#
# ## The real thing
#
# | | this toy | `s2s-lite` | the paper |
# |---|---|---|---|
# | videos | 24, drawn | about 7,260 images and 64 videos | 2,796 of YouTube-VOS |
# | frames | 96×160 | 192×320, sometimes 256×448 | 256×448 |
# | clip | 4 frames | 5, later 6 to 8 | 5 to 11 |
# | parameters | 3.5 M | 4.8 M | 70 M |
# | training | 180 steps | 8,750 steps | 80 epochs |
#
# `ytvos-train` does what this notebook does, plus what a long run needs: stages, checkpoints,
# bit-exact resuming, several devices or machines.
#
# ```
# ytvos-train --recipe paper --data records --output runs/paper --dry-run
# ```
#
# Next: [3 · Segment a video and evaluate](3_segment_and_evaluate.ipynb).
