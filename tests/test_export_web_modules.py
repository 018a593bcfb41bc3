"""The modules of `export/web/` outside of a browser, in Node.js."""

import json
import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from chromium import SITE

from ytvos_keras.media import open_frames

pytestmark = pytest.mark.skipif(
    not (shutil.which("node") and (SITE / "lib").exists()),
    reason="needs Node.js, and `npm install && npm run build` in export/web",
)


def node(code: str):
    """Run the body of an async function with `load(module)`, and return what it returns."""
    program = f"""
      import {{ readFileSync }} from "node:fs";
      const load = name => import({json.dumps(SITE.as_uri() + "/local/")} + name);
      const result = await (async () => {{ {code} }})();
      console.log(JSON.stringify(result));
    """
    command = ["node", "--input-type=module", "-e", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_insecure_page_is_reported():
    said = node("""
      globalThis.isSecureContext = false;
      const { VideoFile } = await load("video_file.js");
      return VideoFile.open({ name: "a.mp4" }).catch(error => error.message);
    """)
    assert "open this page over HTTPS or localhost" in said


OPEN = """
  globalThis.isSecureContext = true;
  globalThis.VideoDecoder = { isConfigSupported: () => ({ supported: true }) };
  const { VideoFile } = await load("video_file.js");
  const video = await VideoFile.open(new File([readFileSync(%s)], "a.mp4"));
  const { height, width, track } = video;
  return [[height, width], [track.displayHeight, track.displayWidth]];
"""


@pytest.mark.parametrize("degrees", [0, 90])
def test_non_square_pixels_are_not_stretched(tmp_path, degrees):
    file = tmp_path / "a.mp4"
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        if degrees and not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a display matrix")
        if degrees:
            stream.set_display_rotation(degrees)
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    size, shown = node(OPEN % json.dumps(str(file)))
    assert size == list(open_frames(file).size)
    assert max(shown) == 85  # as the file says, stretched from 64


TRIAL = """
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: 1 } });
  const ort = await load("../lib/ort.mjs");
  const facts = { working_size: "8x8", size: "8x8", graphs: ["initialize", "step", "correct"] };
  const name = url => url.split("/").at(-1).replace(".onnx", "");
  globalThis.fetch = async url => ({ ok: true, json: () => facts, arrayBuffer: () => name(url) });
  const runs = [];
  const map = names => Object.fromEntries(
    names.map(key => [key, new ort.Tensor("float32", new Float32Array(64), [1, 8, 8, 1])]));
  const outputs = {
    initialize: ["previous_key", "previous_value", "bank_key"],
    step: ["probs", "previous_key_next", "previous_value_next", "bank_key_next"],
    correct: ["bank_key_next"],
  };
  ort.InferenceSession.create = async graph => ({
    run: async () => { runs.push(graph); return map(outputs[graph]); },
  });
  const { Segmenter } = await load("segmenter.js");
  await (await Segmenter.load("model/")).tried();
  return runs;
"""


def test_the_trial_of_a_model_includes_a_correction():
    """A GPU may lack operations of any graph."""
    assert set(node(TRIAL)) == {"initialize", "step", "correct"}
