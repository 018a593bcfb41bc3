// The state of the page, and all user actions on it. Parts of the page listen for "change" events,
// whose event.detail tells what has changed: "video", "frame", "preview", "labels", "objects",
// "marks", "status" or "tool".
import { Edits } from "./edits.js";
import { byNumber, Marks } from "./marks.js";
import { Pictures } from "./pictures.js";

const PATIENCE = 250; // milliseconds until a preview is shown for a slow frame

export class App extends EventTarget {
  constructor(backend) {
    super();
    this.backend = backend;
    this.pictures = new Pictures(backend);
    this.edits = new Edits(this);
    this.tool = "lasso";
    this.brush = 24; // pixels of the video, across
    this.opacity = 0.5;
    this.follow = true;
    this.playing = false;
    this.wanted = null; // the frame that is being loaded: { index, chosen: whether the user asked for it }
    this.loaded = Promise.resolve(); // resolves when no frame is being loaded
    this.status = { state: "loading", message: "", done: 0, total: 0, revision: 0 };
    this.#forget();
  }

  #forget() {
    this.video = null;
    this.index = 0;
    this.picture = null;
    this.preview = null;
    this.labels = new Uint8Array(0);
    this.objects = new Map();
    this.object = 0;
    this.hidden = new Set(); // ids of objects
    this.missed = null; // index of the frame that could not be shown, after which the next step continues
    this.marks = new Marks();
    this.range = null; // [start, stop]
  }

  tell(...details) {
    for (const detail of details) this.dispatchEvent(new CustomEvent("change", { detail }));
  }

  fail(error) {
    const detail = error?.message ?? String(error);
    this.dispatchEvent(new CustomEvent("problem", { detail }));
  }

  // Whether there is work that would be lost by opening another video.
  get unsaved() {
    return this.edits.failed.size > 0 || Boolean(this.backend.unsaved);
  }

  // ---- load

  async start() {
    this.backend.listen(event => this.#onEvent(event));
    await this.load();
  }

  // fresh: whether a video was just opened; it may be another one of the same name.
  async load(fresh = false) {
    const summary = await this.backend.load();
    const same = !fresh && this.video && summary.video && this.video.name === summary.video.name;
    const index = same ? this.index : 0;
    if (!same) {
      this.#forget();
      this.edits.clear();
      this.pictures.clear();
    }
    this.video = summary.video;
    if (this.video) {
      this.objects = byNumber(summary.objects);
      this.marks = new Marks(summary);
      this.#setStatus(summary.status);
      if (!this.objects.has(this.object)) this.object = this.objects.keys().next().value ?? 0;
    }
    this.tell("video", "objects", "marks", "status");
    if (this.video) await this.goTo(index, true);
  }

  // The summary and the events use two connections, so an older status may arrive later.
  #setStatus(status) {
    if (status.revision >= this.status.revision) this.status = status;
  }

  #onEvent(event) {
    if (event.type === "reload") this.load().catch(error => this.fail(error));
    if (event.type === "offline") this.fail("No connection: is ytvos-annotate still running?");
    if (event.type === "status") {
      const { type, ...status } = event;
      this.#setStatus(status);
      this.tell("status");
    }
    if (event.type === "export") this.dispatchEvent(new CustomEvent("export", { detail: event }));
    if (event.type !== "frame") return;
    this.marks.predict(event.index, event.confidence);
    this.tell("marks");
    const shown = this.wanted?.index ?? this.index;
    const follow = this.follow && !this.wanted?.chosen; // the user's wish comes first
    if (!this.drawing && (follow || event.index === shown)) this.goTo(event.index, true);
  }

  // ---- frames

  // Shows a frame; resolves when no frame is being loaded. Meanwhile, only the latest request is kept.
  async goTo(index, again = false) {
    if (!this.video) return;
    index = Math.max(0, Math.min(this.video.count - 1, index));
    if (this.wanted) {
      const same = index === this.wanted.index;
      if (again || !same) this.wanted = { index, chosen: !again || (same && this.wanted.chosen) };
    } else if (index !== this.index || !this.picture || again) {
      this.wanted = { index, chosen: !again };
      this.loaded = this.#showWanted();
    }
    await this.loaded;
  }

  // Resolves when the frame that the user asked for is shown; to false if it cannot be.
  async arrive() {
    const index = this.wanted?.chosen ? this.wanted.index : this.index;
    if (index !== this.index) await this.loaded;
    return index === this.index;
  }

  async #showWanted() {
    let shown;
    do {
      shown = this.wanted;
      try {
        await this.#show(shown.index);
        this.missed = null;
      } catch (error) {
        this.missed = shown.index;
        this.fail(error);
      }
    } while (shown !== this.wanted); // another frame was asked for meanwhile
    this.wanted = null;
    this.preview = null;
  }

  async #show(index) {
    const { saved } = this.edits;
    await saved; // so that the server has the mask of the last edit
    const timer = setTimeout(() => this.#preview(index), PATIENCE);
    const loading = Promise.all([this.pictures.get(index), this.backend.mask(index)]);
    const [picture, labels] = await loading.finally(() => clearTimeout(timer));
    this.preview = null;
    if (this.drawing) return; // a stroke has begun: it belongs to the current frame
    if (saved !== this.edits.saved) return this.#show(index); // a stroke has ended: the mask is outdated
    [this.picture, this.labels, this.index] = [picture, labels, index];
    this.tell("frame");
    this.pictures.prefetch(index + 1);
  }

  // Shows a key frame near a slow frame while that is loading; it cannot be drawn on.
  async #preview(index) {
    const picture = await this.backend.thumbnail(index, this.video.count).catch(() => null);
    if (!this.wanted || this.drawing) return;
    this.preview = picture;
    this.tell("preview");
  }

  step(frames) {
    return this.goTo(this.#origin(frames) + frames);
  }

  // The frame from which a step starts: the shown one, or in the same direction, one that could not be shown.
  #origin(frames) {
    const passes = this.missed !== null && (this.missed - this.index) * frames > 0;
    return this.wanted?.index ?? (passes ? this.missed : this.index);
  }

  async play() {
    this.playing = !this.playing;
    this.tell("tool");
    const seconds = 1 / (this.video?.fps ?? 24);
    while (this.playing && this.video) {
      const begin = performance.now();
      const next = (this.#origin(1) + 1) % this.video.count;
      await this.goTo(next);
      if (this.missed === next) this.set({ playing: false });
      const left = 1000 * seconds - (performance.now() - begin);
      await new Promise(done => setTimeout(done, Math.max(0, left)));
    }
  }

  // ---- objects

  async addObject() {
    const id = await this.backend.addObject();
    await this.#reloadObjects();
    this.selectObject(id);
    return id;
  }

  selectObject(id) {
    if (!this.objects.has(id)) return;
    this.object = id;
    this.tell("objects");
  }

  async changeObject(id, changes) {
    Object.assign(this.objects.get(id), changes);
    this.tell("objects", "labels");
    await this.backend.changeObject(id, changes);
  }

  async deleteObject(id) {
    await this.backend.deleteObject(id);
    this.edits.clear(); // edits contain pixels of the object
    this.hidden.delete(id); // the next new object gets this id
    await this.load();
  }

  toggleHidden(id) {
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.tell("objects", "labels");
  }

  toggleMasks() {
    this.hidden = new Set(this.hidden.size ? [] : this.objects.keys());
    this.tell("objects", "labels");
  }

  async #reloadObjects() {
    const summary = await this.backend.load();
    this.objects = byNumber(summary.objects);
    this.tell("objects");
  }

  // ---- propagation

  async propagate(direction) {
    if (!this.video || this.status.state !== "ready") return;
    const [start, stop] = this.range ?? [0, this.video.count];
    await this.edits.saved;
    await this.backend.propagate(start, stop, direction);
  }

  stop() {
    return this.backend.stop();
  }

  setRange(start, stop) {
    const whole = start <= 0 && stop >= this.video.count;
    this.range = whole || start >= stop ? null : [start, stop];
    this.tell("marks");
  }

  set(values) {
    Object.assign(this, values);
    this.tell("tool", "labels");
  }
}
