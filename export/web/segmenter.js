// The model in the browser: a state goes into every step, and the next one comes out.
import * as ort from "./ort/ort.wasm.bundle.min.mjs";

const NEXT = "_next"; // an output cannot have an input's name: a step takes h and gives h_next
const BACKGROUND = 0.5;

ort.env.wasm.wasmPaths = { wasm: new URL("./ort/ort-wasm-simd-threaded.wasm", import.meta.url).href };
// Threads share memory, which a browser allows only where the server asks for isolation.
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
ort.env.logLevel = "error";

export class Segmenter {
  // folder: address of what `ytvos-export --format onnx` has written.
  static async load(folder, say = () => {}) {
    const response = await fetch(`${folder}/model.json`);
    if (!response.ok) throw new Error(`${folder}: no model there; see the README of this page`);
    const facts = await response.json();
    const sessions = {};
    for (const name of ["initialize", "step"]) {
      say(`Loading ${name}.onnx …`);
      const file = await fetch(`${folder}/${name}.onnx`);
      if (!file.ok) throw new Error(`${folder}/${name}.onnx: ${file.status}`);
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

  // image: RGB Uint8Array of height * width * 3; masks: for each object a Uint8Array of height * width, 0 or 1.
  async initialize(image, masks, height, width) {
    const all = new Uint8Array(masks.length * height * width);
    masks.forEach((mask, k) => all.set(mask, k * height * width));
    this.state = await this.sessions.initialize.run({
      image: new ort.Tensor("uint8", image, [1, height, width, 3]),
      mask: new ort.Tensor("uint8", all, [masks.length, height, width, 1]),
    });
  }

  // Labels of the next image, a Uint8Array of height * width: 0, or the number of an object from 1 on.
  async step(image, height, width) {
    const outputs = await this.sessions.step.run({
      image: new ort.Tensor("uint8", image, [1, height, width, 3]),
      ...this.state,
    });
    const { probs, ...next } = outputs;
    this.state = Object.fromEntries(Object.entries(next).map(([name, x]) => [name.slice(0, -NEXT.length), x]));
    return mostProbable(probs.data, height * width);
  }
}

// Argmax over [0.5, p1 … pK] at every pixel.
export function mostProbable(probs, pixels) {
  const labels = new Uint8Array(pixels);
  for (let i = 0; i < pixels; i++) {
    let best = BACKGROUND;
    for (let k = 0; k * pixels < probs.length; k++) {
      if (probs[k * pixels + i] > best) {
        best = probs[k * pixels + i];
        labels[i] = k + 1;
      }
    }
  }
  return labels;
}
