// Does the work of the ytvos-annotate server in the browser, so that nothing leaves the machine.
// Masks are only kept in memory; the export "Palette PNGs" saves them.
import { decode, encode, without } from "../js/run_lengths.js";
import { zipMasks } from "./masks_zip.js";
import { Propagation } from "./propagation.js";
import { Segmenter } from "./segmenter.js";
import { VideoFile } from "./video_file.js";

const COLOURS = ["#ff9f1c", "#2ec4ff", "#9be564", "#ff5d8f", "#b388ff", "#ffe14d", "#00d9a3", "#ff6b5e"];
const MOST = 254; // objects

export class BrowserBackend {
  constructor(model) {
    this.status = { state: "loading", message: "", done: 0, total: 0, per_second: 0, seconds_left: null, revision: 0 };
    this.opened = 0; // number of videos opened so far
    this.#close();
    this.#load(model);
  }

  async #load(model) {
    try {
      const segmenter = await Segmenter.load(model);
      document.documentElement.dataset.runsOn = segmenter.runsOn; // for external scripts
      this.propagation = new Propagation(this, segmenter);
      this.tell({ state: "ready" });
    } catch (error) {
      this.tell({ state: "failed", message: error.message });
    }
  }

  #close() {
    this.thumbnails?.close();
    this.video?.close();
    this.video = this.thumbnails = null; // both of the same video
    this.masks = new Map(); // index → run lengths
    this.objects = {};
    this.trusted = new Map(); // index → Map of id → revision of the mask
    this.predicted = new Map(); // index → Map of id → { source: "INDEX:REVISION", confidence }
    this.revision = 0;
    this.unsaved = false; // whether masks have changed since they were last downloaded
    this.zipped = false; // whether the latest export has the current masks
    this.propagation?.forget();
  }

  tell(changes) {
    this.status = { ...this.status, ...changes, revision: this.status.revision + 1 };
    this.emit({ type: "status", ...this.status });
  }

  emit(event) {
    this.callback?.(event);
  }

  listen(callback) {
    this.callback = callback;
  }

  async load() {
    const { video, objects, status } = this;
    const facts = video && { name: video.name, opened: this.opened, count: video.count, height: video.height, width: video.width, fps: video.fps };
    const trusted = Object.fromEntries([...this.trusted].map(([index, ids]) => [index, [...ids.keys()]]));
    const confidence = Object.fromEntries([...this.predicted.keys()].map(index => [index, this.confidence(index)]));
    this.summary = { video: facts, objects: structuredClone(objects), trusted, confidence, status };
    return this.summary;
  }

  // The confidence of a frame's predicted objects by id, null where it is not known.
  confidence(index) {
    return Object.fromEntries([...(this.predicted.get(index) ?? [])].map(([id, { confidence }]) => [id, confidence]));
  }

  // ---- the video

  async videos() {
    return { root: null, videos: [] };
  }

  async openFile(file) {
    if (this.status.state === "running") throw new Error("The model is running; stop it first.");
    const video = await VideoFile.open(file);
    this.#close();
    this.video = video;
    this.thumbnails = video.again();
    this.opened++;
  }

  picture(index, width) {
    return this.video.picture(index, width);
  }

  // Of the frame, or of the key frame before it if that is at most `near` frames away.
  thumbnail(index, near) {
    const key = this.video.keyBefore(index);
    return this.thumbnails.picture(index - key <= near ? key : index, 160);
  }

  // ---- masks

  async mask(index) {
    return this.labels(index);
  }

  labels(index) {
    const { width, height } = this.video;
    return this.masks.has(index) ? decode(this.masks.get(index), width * height) : new Uint8Array(width * height);
  }

  setLabels(index, labels) {
    this.masks.set(index, encode(labels));
    this.unsaved = true;
    this.zipped = false;
  }

  async saveMask(index, labels, trusted) {
    this.propagation?.stop();
    const before = this.trusted.get(index) ?? new Map();
    const old = this.labels(index);
    const changed = new Set();
    labels.forEach((label, i) => label !== old[i] && changed.add(label).add(old[i]));
    const revision = ++this.revision;
    const ids = [...trusted].map(id => [id, before.has(id) && !changed.has(id) ? before.get(id) : revision]);
    if (ids.length) this.trusted.set(index, new Map(ids));
    else this.trusted.delete(index);
    // Changed objects, too: the page may have loaded the frame before the model replaced its masks.
    for (const id of [...trusted, ...changed]) this.predicted.get(index)?.delete(id);
    if (this.predicted.get(index)?.size === 0) this.predicted.delete(index);
    this.setLabels(index, labels);
    this.#dropEmpty(index);
  }

  // All drawing was undone: the frame is not exported as one without objects.
  #dropEmpty(index) {
    const known = this.trusted.has(index) || this.predicted.has(index);
    if (!known && this.labels(index).every(label => !label)) this.masks.delete(index);
  }

  // ---- objects

  async addObject() {
    let id = 1;
    while (this.objects[id]) id++;
    if (id > MOST) throw new Error(`A video has at most ${MOST} objects; delete one first.`);
    this.objects[id] = { name: `object ${id}`, colour: COLOURS[(id - 1) % COLOURS.length] };
    return id;
  }

  async changeObject(id, changes) {
    Object.assign(this.objects[id], changes);
  }

  async deleteObject(id) {
    this.propagation?.stop();
    delete this.objects[id];
    if (this.masks.size) Object.assign(this, { unsaved: true, zipped: false });
    for (const [index, runs] of this.masks) this.masks.set(index, without(runs, id));
    for (const table of [this.trusted, this.predicted]) {
      for (const [index, ids] of table) {
        ids.delete(id);
        if (!ids.size) table.delete(index);
      }
    }
    for (const index of [...this.masks.keys()]) this.#dropEmpty(index);
  }

  // ---- propagation

  async propagate(start, stop, direction) {
    this.propagation.run(start, stop, direction); // not awaited: events report its progress
  }

  async stop() {
    this.propagation?.stop();
  }

  // ---- export

  async formats() {
    return { palette: "Palette PNGs" };
  }

  async exportAs() {
    if (!this.masks.size) throw new Error("There is no mask to save yet; draw an object first.");
    if (this.address) URL.revokeObjectURL(this.address);
    this.zipped = true; // until a mask changes
    const blob = await zipMasks(this, (done, total) => this.emit({ type: "export", done, total }));
    this.address = URL.createObjectURL(blob);
    return { file: "masks.zip", address: this.address };
  }

  downloaded() {
    if (this.zipped) this.unsaved = false;
  }
}
