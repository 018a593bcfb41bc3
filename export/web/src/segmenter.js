// The model in the browser: a state goes into every step, and the next one comes out.
import * as ort from "../lib/ort.mjs";

const NEXT = "_next"; // an output cannot have an input's name: a step takes h and gives h_next
const BACKGROUND = 0.5;

ort.env.wasm.wasmPaths = { wasm: new URL("../lib/ort-wasm-simd-threaded.wasm", import.meta.url).href };
// Threads share memory, which a browser allows only where the server asks for isolation.
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
ort.env.logLevel = "error";

export class Segmenter {
  // folder: address of what `ytvos-export --format onnx` has written, with a slash at the end.
  static async load(folder) {
    const response = await fetch(`${folder}model.json`);
    if (!response.ok) throw new Error(`no model in ${folder}; see the README of this page`);
    const facts = await response.json();
    const sessions = {};
    for (const name of ["initialize", "step"]) {
      const file = await fetch(`${folder}${name}.onnx`);
      if (!file.ok) throw new Error(`${folder}${name}.onnx: ${file.status}`);
      sessions[name] = await ort.InferenceSession.create(await file.arrayBuffer(), { executionProviders: ["wasm"] });
    }
    return new Segmenter(facts, sessions);
  }

  constructor(facts, sessions) {
    this.facts = facts;
    this.sessions = sessions;
    this.state = null;
  }

  // [height, width] to work at: the model's area, the frame's aspect ratio.
  sizeFor(height, width) {
    const [rows, columns] = this.facts.working_size.split("x").map(Number);
    if (this.facts.size !== "any") return [rows, columns];
    const scale = Math.sqrt((rows * columns) / (height * width));
    const stride = Number(this.facts.stride);
    return [height, width].map(side => Math.max(1, Math.round((side * scale) / stride)) * stride);
  }

  // The expected J of every object's mask in the latest frame; undefined if the model does not predict it.
  get confidence() {
    return this.state?.confidence?.data;
  }

  // image: RGB Uint8Array of height * width * 3; masks: for each object a Uint8Array of height * width, 0 or 1.
  async initialize(image, masks, height, width) {
    const all = new Uint8Array(masks.length * height * width);
    masks.forEach((mask, k) => all.set(mask, k * height * width));
    this.state = await this.sessions.initialize.run({
      image: new ort.Tensor("uint8", image, [1, height, width, 3]),
      mask: new ort.Tensor("uint8", all, [masks.length, height, width, 1]),
    });
  }

  // Labels of the next image at the video's size, a Uint8Array of frameHeight * frameWidth: 0, or the
  // number of an object from 1 on.
  async step(image, height, width, frameHeight, frameWidth) {
    const outputs = await this.sessions.step.run({
      image: new ort.Tensor("uint8", image, [1, height, width, 3]),
      ...this.state,
    });
    const { probs, ...next } = outputs;
    this.state = Object.fromEntries(Object.entries(next).map(([name, x]) => [name.slice(0, -NEXT.length), x]));
    return mostProbable(probs.data, height, width, frameHeight, frameWidth);
  }
}

// Resizes bilinearly (half-pixel centres) and takes the argmax over [0.5, p1 … pK] at every pixel.
export function mostProbable(probs, height, width, frameHeight, frameWidth) {
  const labels = new Uint8Array(frameHeight * frameWidth);
  const best = new Float32Array(frameHeight * frameWidth).fill(BACKGROUND);
  const [rows, columns] = [weights(height, frameHeight), weights(width, frameWidth)];
  const pixels = height * width;
  for (let k = 0; k * pixels < probs.length; k++) {
    const map = probs.subarray(k * pixels, (k + 1) * pixels);
    for (let y = 0, i = 0; y < frameHeight; y++) {
      const [above, below, down] = [rows.low[y] * width, rows.high[y] * width, rows.share[y]];
      for (let x = 0; x < frameWidth; x++, i++) {
        const [left, right, along] = [columns.low[x], columns.high[x], columns.share[x]];
        const upper = map[above + left] + along * (map[above + right] - map[above + left]);
        const lower = map[below + left] + along * (map[below + right] - map[below + left]);
        const value = upper + down * (lower - upper);
        if (value > best[i]) {
          best[i] = value;
          labels[i] = k + 1;
        }
      }
    }
  }
  return labels;
}

// Of every place in `to`: its two neighbours in `from`, and the share of the higher one.
function weights(from, to) {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const at = ((i + 0.5) * from) / to - 0.5;
    const floor = Math.floor(at);
    low[i] = Math.max(0, floor);
    high[i] = Math.min(from - 1, floor + 1);
    share[i] = at - floor;
  }
  return { low, high, share };
}
