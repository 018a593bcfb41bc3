# %% [markdown]
# # 4 · Export and serve
#
# This notebook exports a trained model to files that run without this package: ONNX graphs, and a
# SavedModel behind a server that speaks TensorFlow Serving's protocol. In both, **the state goes in
# and comes out** with every frame. The exported model keeps nothing between frames, so any process
# can handle the next one.
#
# The clip is that of [notebook 1](1_look_at_the_data.ipynb)
# ([PUMaVOS](https://github.com/mbzuai-metaverse/XMem2), CC BY 4.0, [notice](data/NOTICE.md)), and
# the model is the bundled `s2s-lite`. No network connection or GPU is needed.

# %%
import shutil
from pathlib import Path

import grpc
import helpers  # first of these: it keeps TensorFlow quiet
import numpy as np
import onnxruntime
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

import ytvos_keras
from ytvos_keras.export import development_server, export_onnx, export_saved_model
from ytvos_keras.media import open_frames, read_mask

WORK = Path("work/4")  # all that this notebook writes
shutil.rmtree(WORK, ignore_errors=True)

model = ytvos_keras.load("s2s-lite")
chair = Path("data/chair")
frames = np.stack([frame for _, frame in open_frames(chair / "JPEGImages/chair")])[:12]
first_mask = read_mask(chair / "Annotations/chair/00000.png")[0]
print(f"{len(frames)} frames of {frames[0].shape[1]}×{frames[0].shape[0]} pixels")

# %% [markdown]
# ## ONNX
#
# The same from a terminal: `ytvos-export --format onnx --output onnx`. The files are loaded again
# and compared with the Keras model on a real clip; if they differ, they are deleted.

# %%
written = export_onnx(model, WORK / "onnx", name="s2s-lite")
print("\n".join(written.lines()))

# %% [markdown]
# Two of the graphs are enough to follow an object, with only onnxruntime and NumPy: `initialize`
# computes the state from the first frame and its mask; `step` takes a frame and the state, and
# returns the probabilities and the next state. Frames may have any size, since the graphs pad
# them.

# %%
initialize, step = (
    onnxruntime.InferenceSession(written.path / f"{name}.onnx") for name in ("initialize", "step")
)
mask = (first_mask > 0).astype(np.uint8)[None, ..., None]  # (objects, height, width, 1)


def run(session, inputs):
    """Outputs by name; in ONNX, those of the next state cannot have the names of the last one."""
    names = [output.name for output in session.get_outputs()]
    outputs = zip(names, session.run(names, inputs), strict=True)
    return {name.removesuffix("_next"): value for name, value in outputs}


state = run(initialize, {"image": frames[:1], "mask": mask})
for name, tensor in state.items():
    print(f"{name:16} {tensor.dtype} {tensor.shape}")

# %%
probabilities = []
for frame in frames[1:]:
    state = run(step, {"image": frame[None], **state})
    probabilities.append(state.pop("probs")[0, ..., 0])

labels = np.stack([mask[0, ..., 0], *(p > 0.5 for p in probabilities)]).astype(np.uint8)
some = [0, 3, 6, 9, 11]
helpers.show(
    helpers.paint(frames[some], labels[some]), titles=["given", *(f"frame {t}" for t in some[1:])]
)

# %% [markdown]
# `export/onnx_segment.py` is this loop as a program for whole videos, with resizing, several
# objects and palette PNGs. `export/web/` is a page that runs the model in a browser. `--precision
# int8` is for speed on CPUs; the export measures the loss of accuracy.
#
# ## A server
#
# TensorFlow Serving takes a SavedModel in a folder named after its version. From a terminal:
# `ytvos-export --format saved-model --output deploy/s2s`.

# %%
saved = export_saved_model(model, WORK / "s2s", name="s2s-lite")
print("\n".join(saved.lines()))

# %% [markdown]
# `ytvos-export serve work/4/s2s` starts a server for development that speaks TensorFlow Serving's
# gRPC and REST. Here it runs inside the notebook. A request consists of a signature's name and
# tensors; the client sends back the state from each response with the next frame.


# %%
def predict(stub, signature, **inputs):
    """Outputs of a signature by name."""
    request = PredictRequest()
    request.model_spec.name = "s2s"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return {name: tf.make_ndarray(x) for name, x in stub.Predict(request).outputs.items()}


with development_server(WORK / "s2s") as address:
    unlimited = [("grpc.max_receive_message_length", -1)]  # states may exceed the default, 4 MiB
    with grpc.insecure_channel(f"{address.host}:{address.grpc_port}", unlimited) as channel:
        stub = PredictionServiceStub(channel)
        state = predict(stub, "initialize", image=frames[:1], mask=mask)
        served = []
        for frame in frames[1:]:
            state = predict(stub, "step", image=frame[None], **state)
            served.append(state.pop("probs")[0, ..., 0])

# %% [markdown]
# Keras, onnxruntime and the server agree:

# %%
state = model.initialize(frames[:1], mask)
for t, frame in enumerate(frames[1:]):
    expected, state = model.step(frame[None], state)
    for other in (probabilities[t], served[t]):
        assert np.abs(other - np.array(expected)[0, ..., 0]).max() < 1e-4
print(f"{len(served)} frames, three times the same masks")

# %% [markdown]
# [export/README.md](../export/README.md) covers the rest: all signatures, several objects,
# versions, batching, containers, precision and speed.
