// The model in the browser: every step takes a state and returns the next one.
const NEXT = "_next"; // an output cannot have an input's name: a step takes h and returns h_next
const BACKGROUND = 0.5;
const GRAPHS = ["initialize", "step"];

let ort; // onnxruntime-web, once a model is loaded

export class Segmenter {
  // folder: URL of the output folder of `ytvos-export --format onnx`, with a trailing slash.
  static async load(folder) {
    const response = await fetch(`${folder}model.json`);
    if (!response.ok) throw new Error(`no model in ${folder}; see the README of this page`);
    const facts = await response.json();
    const graphs = {};
    for (const name of facts.graphs?.includes("correct") ? [...GRAPHS, "correct"] : GRAPHS) {
      const file = await fetch(`${folder}${name}.onnx`);
      if (!file.ok) throw new Error(`${folder}${name}.onnx: ${file.status}`);
      graphs[name] = await file.arrayBuffer();
    }
    // WebGPU has no int8 convolutions.
    const gpu = facts.precision !== "int8" && (await navigator.gpu?.requestAdapter().catch(() => null));
    if (gpu) {
      try {
        return await new Segmenter(facts, await createSessions("webgpu", graphs), "webgpu").tried();
      } catch (error) {
        console.warn(`WebGPU cannot run this model, so the CPU does: ${error.message}`);
      }
    }
    return new Segmenter(facts, await createSessions("wasm", graphs), "wasm");
  }

  constructor(facts, sessions, runsOn) {
    Object.assign(this, { facts, sessions, runsOn });
    this.reset();
  }

  // Returns this segmenter after a trial frame, step and correction: unsupported GPU operations may only fail then.
  async tried() {
    const [rows, columns] = this.sizeFor(9, 16);
    const image = new Uint8Array(rows * columns * 3);
    const masks = new Map([[1, new Uint8Array(rows * columns).fill(1)]]);
    await this.show(image, masks, rows, columns);
    await this.show(image, masks, rows, columns); // of a known object: a step and a correction
    this.reset();
    return this;
  }

  reset() {
    this.ids = []; // object ids, one per row of the state
    this.state = {};
  }

  // The working [height, width]: the model's area at the frame's aspect ratio.
  sizeFor(height, width) {
    const [rows, columns] = this.facts.working_size.split("x").map(Number);
    if (this.facts.size !== "any") return [rows, columns];
    const scale = Math.sqrt((rows * columns) / (height * width));
    const stride = Number(this.facts.stride);
    return [height, width].map(side => Math.max(1, Math.round((side * scale) / stride)) * stride);
  }

  // The expected J of every object's mask in the latest frame by its id, null if the model does not predict it.
  get confidence() {
    return new Map(this.ids.map((id, row) => [id, this.state.confidence?.data[row] ?? null]));
  }

  // Shows the model a frame with masks: known objects are corrected, new ones are added.
  // image: RGB Uint8Array of height * width * 3; masks: Map of id → Uint8Array of height * width, 0 or 1.
  async show(image, masks, height, width) {
    const size = [1, height, width, 3];
    const known = this.ids.filter(id => masks.has(id));
    const added = [...masks.keys()].filter(id => !known.includes(id));
    // Objects see each other: the rows of those that are not given are only there to be seen.
    const beside = this.ids.length ? this.#unlessGiven(await this.#step(image, size), masks, height, width) : [];
    if (known.length) {
      const rows = known.map(id => this.ids.indexOf(id));
      const shown = [...known, ...added].map(id => masks.get(id));
      const given = await this.#initialize(image, size, [...shown, ...beside]);
      const state = await this.#correct(takeRows(given, [...known.keys()]), takeRows(this.state, rows));
      for (const [name, x] of Object.entries(state)) rows.forEach((row, k) => rowOf(this.state[name], row).set(rowOf(x, k)));
    }
    if (added.length) {
      const shown = [...added, ...known].map(id => masks.get(id));
      const begun = takeRows(await this.#initialize(image, size, [...shown, ...beside]), [...added.keys()]);
      this.state = this.ids.length ? joinRows(this.state, begun) : begun;
      this.ids.push(...added);
    }
  }

  remove(id) {
    if (!this.ids.includes(id)) return;
    const rows = [...this.ids.keys()].filter(row => this.ids[row] !== id);
    this.state = rows.length ? takeRows(this.state, rows) : {};
    this.ids = rows.map(row => this.ids[row]);
  }

  // Labels of the next image at the video's size, a Uint8Array of frameHeight * frameWidth: ids, or 0.
  async step(image, height, width, frameHeight, frameWidth) {
    const probs = await this.#step(image, [1, height, width, 3]);
    const rows = mostProbable(probs.data, height, width, frameHeight, frameWidth);
    return rows.map(row => (row ? this.ids[row - 1] : 0));
  }

  // The predicted masks of the objects that are not given, without the pixels of those that are.
  #unlessGiven(probs, masks, height, width) {
    const others = [...this.ids.keys()].filter(row => !masks.has(this.ids[row]));
    if (!others.length) return []; // takeRows needs a row
    const rows = mostProbable(takeRows({ probs }, others).probs.data, height, width, height, width);
    for (const mask of masks.values()) mask.forEach((inside, i) => inside && (rows[i] = 0));
    return others.map((_, k) => rows.map(row => Number(row === k + 1)));
  }

  #initialize(image, size, masks) {
    const [, height, width] = size;
    const all = new Uint8Array(masks.length * height * width);
    masks.forEach((mask, k) => all.set(mask, k * height * width));
    const mask = new ort.Tensor("uint8", all, [masks.length, height, width, 1]);
    return this.sessions.initialize.run({ image: new ort.Tensor("uint8", image, size), mask });
  }

  async #step(image, size) {
    const inputs = { image: new ort.Tensor("uint8", image, size), ...this.state };
    const { probs, ...next } = await this.sessions.step.run(inputs);
    this.state = asInputs(next);
    return probs;
  }

  // Adds a frame to the memory, if the model has one; given: from initialize, state: after the step of that frame.
  async #correct(given, state) {
    if (!this.sessions.correct) return given;
    const { previous_key, previous_value } = given;
    const bank = Object.entries(state).filter(([name]) => name.startsWith("bank_"));
    const inputs = { previous_key, previous_value, ...Object.fromEntries(bank) };
    return { ...given, ...asInputs(await this.sessions.correct.run(inputs)) };
  }
}

async function createSessions(provider, graphs) {
  const library = provider === "webgpu" ? "ort-webgpu" : "ort";
  ort = await import(`../lib/${library}.mjs`);
  ort.env.wasm.wasmPaths = { wasm: new URL(`../lib/${library}.wasm`, import.meta.url).href };
  // Threads share memory, which browsers only allow if the server requests cross-origin isolation.
  ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = "error";
  const sessions = {};
  for (const [name, graph] of Object.entries(graphs)) {
    sessions[name] = await ort.InferenceSession.create(graph, { executionProviders: [provider] });
  }
  return sessions;
}

const asInputs = outputs => Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name.slice(0, -NEXT.length), x]));

// The objects are the first dimension of every tensor of a state.
function rowOf(tensor, row) {
  const length = tensor.data.length / tensor.dims[0];
  return tensor.data.subarray(row * length, (row + 1) * length);
}

function takeRows(state, rows) {
  return fromRows(state, x => rows.map(row => rowOf(x, row)));
}

function joinRows(state, other) {
  return fromRows(state, (x, name) => [x, other[name]].flatMap(y => Array.from({ length: y.dims[0] }, (_, row) => rowOf(y, row))));
}

// Builds a state from the rows that `choose` returns for every tensor.
function fromRows(state, choose) {
  const build = ([name, x]) => {
    const rows = choose(x, name);
    const data = new Float32Array(rows.length * rows[0].length);
    rows.forEach((row, k) => data.set(row, k * row.length));
    return [name, new ort.Tensor("float32", data, [rows.length, ...x.dims.slice(1)])];
  };
  return Object.fromEntries(Object.entries(state).map(build));
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

// For every position in `to`: its two neighbours in `from`, and the weight of the higher one.
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
