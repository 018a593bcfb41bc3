// Runs the model over the video, one frame at a time, so that the page stays responsive.
import { plan } from "./plan.js";

const RECENT = 10; // frames over which the speed is averaged
const REMEMBERED = 3; // trusted frames in the memory of `s2s-lite`, which also has predicted ones

export class Propagation {
  #stopped = false;
  #left = null; // where the latest chain was left: { key, index, ids, state }

  constructor(backend, segmenter) {
    Object.assign(this, { backend, segmenter });
    this.small = new OffscreenCanvas(1, 1); // a frame at working size
  }

  stop() {
    this.#stopped = true;
  }

  // Another video is opened, in which the same revisions stand for other masks.
  forget() {
    this.#left = null;
  }

  async run(start, stop, direction) {
    const { backend } = this;
    if (backend.status.state !== "ready") return;
    this.#stopped = false;
    backend.tell({ state: "running", message: "", done: 0, total: 0, seconds_left: null });
    let message;
    try {
      message = await this.#run(start, stop, direction);
    } catch (error) {
      message = `Stopped: ${error.message}`;
    }
    backend.tell({ state: "ready", message, seconds_left: null });
  }

  async #run(start, stop, direction) {
    const { backend } = this;
    if (!backend.trusted.size) return "Draw an object first.";
    const chainsIn = way => plan(backend.trusted, start, stop, way, (...frame) => this.#isFresh(...frame));
    const chains = chainsIn(direction);
    let total = chains.reduce((sum, { frames }) => sum + frames.length, 0);
    if (!total) {
      if (chainsIn("both").length) return "Nothing left to compute in this direction; R computes both ways.";
      return "Every frame in the range is up to date.";
    }
    const times = [performance.now()];
    let done = 0;
    for (const chain of chains) {
      if (this.#stopped) return `Stopped after ${frames(done)}.`; // its source may be gone
      const sources = new Map(chain.objects.map(id => [id, this.#source(chain.source, id)]));
      const key = [chain.step, ...sources].join();
      const rest = this.#resume(chain, key);
      if (rest) total -= chain.frames.length - rest.length;
      else await this.#begin(chain);
      for (const index of rest ?? chain.frames) {
        if (this.#stopped) return `Stopped after ${frames(done)}.`;
        await this.#compute(index, chain.source, sources);
        // No copy of the state: a step makes new tensors, and only these are ever changed.
        this.#left = { key, index, ids: [...this.segmenter.ids], state: this.segmenter.state };
        times.push(performance.now());
        const recent = times.slice(-RECENT - 1);
        const perSecond = (1000 * (recent.length - 1)) / (recent.at(-1) - recent[0]);
        done++;
        backend.emit({ type: "frame", index, confidence: backend.confidence(index) });
        backend.tell({ done, total, per_second: perSecond, seconds_left: (total - done) / perSecond });
        await new Promise(next => setTimeout(next)); // let the page redraw
      }
    }
    return `Done: ${frames(done)}.`;
  }

  #source(index, id) {
    return `${index}:${this.backend.trusted.get(index).get(id)}`;
  }

  #isFresh(source, frame, objects) {
    const [trusted, found] = [this.backend.trusted.get(frame), this.backend.predicted.get(frame)];
    return objects.every(id => trusted?.has(id) || found?.get(id)?.source === this.#source(source, id));
  }

  // Restores the model's state if the chain was interrupted, and returns the frames still to compute; null if it must
  // start over.
  #resume({ frames, source, objects }, key) {
    const left = this.#left;
    if (left?.key !== key) return null;
    const done = Math.abs(left.index - source);
    // The state is valid only if every frame up to it still follows from this source.
    if (!frames.slice(0, done).every(frame => this.#isFresh(source, frame, objects))) return null;
    Object.assign(this.segmenter, { ids: [...left.ids], state: left.state });
    return frames.slice(done);
  }

  // Shows the model trusted frames, as in ytvos_keras/annotate/chain_runner.py.
  async #begin(chain) {
    const { segmenter } = this;
    segmenter.reset();
    for (const index of this.#toRemember(chain)) {
      await new Promise(next => setTimeout(next));
      if (this.#stopped) return;
      const ahead = (index - chain.source) * chain.step > 0;
      const labels = this.backend.labels(index);
      await this.#show(index, ahead ? labels.map(id => (chain.objects.includes(id) ? id : 0)) : labels);
    }
    for (const id of [...segmenter.ids]) if (this.#isGone(id, chain)) segmenter.remove(id);
  }

  // Chooses trusted frames: the source, the one that the chain leads to, and others far from these. Frames ahead come
  // first, the source last.
  #toRemember({ objects, source, step, beyond }) {
    const chosen = beyond === undefined ? [source] : [source, beyond];
    const holds = ids => objects.some(id => ids.has(id));
    const rest = new Set([...this.backend.trusted].filter(([, ids]) => holds(ids)).map(([index]) => index));
    for (const index of chosen) rest.delete(index);
    const distance = index => Math.min(...chosen.map(other => Math.abs(index - other)));
    while (rest.size && chosen.length < REMEMBERED) {
      const farthest = [...rest].sort((a, b) => distance(b) - distance(a) || a - b)[0];
      chosen.push(farthest);
      rest.delete(farthest);
    }
    const ahead = index => (index - source) * step;
    return chosen.sort((a, b) => (ahead(a) <= 0) - (ahead(b) <= 0) || Math.abs(ahead(b)) - Math.abs(ahead(a)));
  }

  // Whether an object is absent from its latest trusted frame up to the source.
  #isGone(id, { source, step }) {
    const behind = [...this.backend.trusted].filter(([index, ids]) => ids.has(id) && (source - index) * step >= 0);
    if (!behind.length) return false;
    const latest = behind.map(([index]) => index).sort((a, b) => Math.abs(source - a) - Math.abs(source - b))[0];
    return !this.backend.labels(latest).includes(id);
  }

  async #show(index, labels) {
    const { width, height } = this.backend.video;
    const ids = [...new Set(labels)].filter(Boolean).sort((a, b) => a - b);
    for (const id of this.backend.trusted.get(index)?.keys() ?? []) if (!ids.includes(id)) this.segmenter.remove(id);
    if (!ids.length) return;
    const [rows, columns] = this.segmenter.sizeFor(height, width);
    const image = await this.#image(index, rows, columns);
    const small = shrinkLabels(labels, height, width, rows, columns);
    const masks = new Map(ids.map(id => [id, small.map(label => Number(label === id))]));
    await this.segmenter.show(image, masks, rows, columns);
    this.#tellScripts({ index, image, labels, rows, columns });
  }

  async #compute(index, source, sources) {
    const { backend, segmenter } = this;
    const { width, height } = backend.video;
    let found = new Uint8Array(width * height);
    let confidence = new Map(); // by id
    if (segmenter.ids.length) {
      const [rows, columns] = segmenter.sizeFor(height, width);
      const image = await this.#image(index, rows, columns);
      found = await segmenter.step(image, rows, columns, height, width);
      confidence = segmenter.confidence;
      this.#tellScripts({ index, image, labels: found, rows, columns, confidence: Object.fromEntries(confidence) });
    }
    this.#merge(index, found, source, sources, confidence);
  }

  // For external scripts: every frame as the model sees it, and its labels.
  #tellScripts(detail) {
    document.dispatchEvent(new CustomEvent("segmented", { detail }));
  }

  // Merges the objects of the chain into the frame's mask; trusted objects are kept.
  #merge(index, found, source, sources, confidence) {
    const { backend } = this;
    const trusted = backend.trusted.get(index) ?? new Map();
    const entries = backend.predicted.get(index) ?? new Map();
    // An object may have been deleted meanwhile, and its id given to another one.
    const isCurrent = id => backend.trusted.get(source)?.has(id) && this.#source(source, id) === sources.get(id);
    const ids = new Set([...sources.keys()].filter(id => !trusted.has(id) && isCurrent(id)));
    if (!ids.size) return;
    const labels = backend.labels(index).map((label, i) => {
      if (trusted.has(label)) return label;
      if (ids.has(found[i])) return found[i];
      // Other predicted objects get pixels that these no longer cover; otherwise they would keep a hole.
      return ids.has(label) ? (entries.has(found[i]) ? found[i] : 0) : label;
    });
    backend.setLabels(index, labels);
    for (const id of ids) entries.set(id, { source: sources.get(id), confidence: confidence.get(id) ?? null });
    backend.predicted.set(index, entries);
  }

  // RGB bytes of a frame at working size.
  async #image(index, rows, columns) {
    Object.assign(this.small, { width: columns, height: rows });
    const pen = this.small.getContext("2d", { willReadFrequently: true });
    pen.imageSmoothingQuality = "high";
    pen.drawImage(await this.backend.video.frame(index), 0, 0, columns, rows);
    const { data } = pen.getImageData(0, 0, columns, rows);
    const image = new Uint8Array((data.length / 4) * 3);
    for (let i = 0, j = 0; i < data.length; i += 4) {
      image[j++] = data[i];
      image[j++] = data[i + 1];
      image[j++] = data[i + 2];
    }
    return image;
  }
}

// Resizes a label map by nearest neighbour.
function shrinkLabels(labels, height, width, rows, columns) {
  const small = new Uint8Array(rows * columns);
  for (let y = 0; y < rows; y++) {
    const from = Math.floor(((y + 0.5) * height) / rows) * width;
    for (let x = 0; x < columns; x++) small[y * columns + x] = labels[from + Math.floor(((x + 0.5) * width) / columns)];
  }
  return small;
}

function frames(count) {
  return count === 1 ? "1 frame" : `${count} frames`;
}
