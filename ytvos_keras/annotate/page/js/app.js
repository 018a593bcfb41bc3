// The state of the page, and all user actions on it. Parts of the page listen for "change" events,
// whose event.detail tells what has changed: "video", "frame", "preview", "labels", "objects",
// "marks", "status" or "tool".
import { Edits } from "./edits.js";
import { Finder } from "./finder.js";
import { byNumber, Marks } from "./marks.js";
import { Pictures } from "./pictures.js";
import { remembered } from "./place.js";
import { clearLabels } from "./raster.js";
import { Runs } from "./runs.js";
import { Updates } from "./updates.js";

const PATIENCE = 250; // milliseconds until a preview is shown for a slow frame

export class App extends EventTarget {
  #updates = new Updates(this, (summary, events) => this.#apply(summary, events));
  #plays = 0; // number of the latest playback; older ones stop
  #previewed = null; // index of the frame for which the latest preview was loaded

  constructor(backend) {
    super();
    this.backend = backend;
    this.pictures = new Pictures(backend);
    this.edits = new Edits(this);
    this.finder = new Finder(this);
    this.runs = new Runs(this);
    this.tool = "lasso";
    this.brush = 24; // pixels of the video, across
    this.opacity = 0.5;
    this.follow = true; // show frames as they are computed
    this.playing = false;
    this.adding = 0; // number of objects that are being added
    this.wanted = null; // the frame that is being loaded: { index, chosen: whether the user asked for it }
    this.loaded = Promise.resolve(); // resolves when no frame is being loaded
    this.#forget();
  }

  get status() {
    return this.runs.status;
  }

  #forget() {
    this.video = null;
    this.index = 0;
    this.picture = null;
    this.preview = null;
    this.outdated = false; // whether the model has changed the mask of this frame since it was loaded
    this.labels = new Uint8Array(0);
    this.newer = null; // labels of this frame that another page has saved during a stroke
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

  // Whether the backend has what a tool needs: the name of a method, or nothing.
  offers(needs) {
    return !needs || needs in this.backend;
  }

  // Whether there is work that would be lost by opening another video.
  get unsaved() {
    return this.edits.failed.size > 0 || Boolean(this.backend.unsaved);
  }

  // ---- load

  async start() {
    await this.backend.listen(event => this.#onEvent(event)); // before loading, so that no change is missed
    await this.load();
  }

  async load() {
    const index = await this.#updates.request();
    if (this.video) await this.goTo(index, true);
  }

  // Returns the index of the frame to show.
  #apply(summary, events) {
    const same = this.video && JSON.stringify(this.video) === JSON.stringify(summary.video);
    const place = same ? null : remembered(summary.video);
    if (!same) {
      if (this.edits.failed.size) this.fail("A video was opened: the masks that could not be saved are lost.");
      this.#forget();
      this.edits.clear();
      this.pictures.clear();
      this.video = summary.video;
    }
    if (this.video) {
      const objects = byNumber(summary.objects);
      const gone = [...this.objects.keys()].filter(id => !objects.has(id));
      this.objects = objects;
      if (gone.length) this.#drop(gone); // deleted by another page
      this.marks = new Marks(summary);
      for (const event of events) this.#predict(event);
      this.edits.keepFailed();
      this.runs.update(summary.status);
      if (place) this.runs.away = place.away;
      this.#chooseObject();
    }
    this.tell(...(same ? [] : ["video"]), "objects", "labels", "marks", "status");
    return place ? place.index : (this.wanted?.index ?? this.index);
  }

  // A frame got a mask. The model may not know yet that an object was deleted.
  #predict({ index, confidence }) {
    const known = Object.entries(confidence).filter(([id]) => this.objects.has(Number(id)));
    this.marks.predict(index, Object.fromEntries(known));
  }

  #onEvent(event) {
    if (event.type === "reload") this.load().catch(error => this.fail(error));
    if (event.type === "offline") this.fail("No connection: is ytvos-annotate still running?");
    if (event.type === "status") {
      const { type, ...status } = event;
      this.runs.update(status);
      this.tell("status");
    }
    if (event.type === "export") this.dispatchEvent(new CustomEvent("export", { detail: event }));
    if (event.type !== "frame") return;
    this.#updates.add(event);
    this.#predict(event);
    this.tell("marks");
    if (event.index === this.index) this.outdated = true;
    const shown = this.wanted?.index ?? this.index;
    const follow = this.follow && !this.runs.away && !this.wanted?.chosen; // the user's wish comes first
    if (!this.drawing && (follow || event.index === shown)) this.goTo(event.index, true);
  }

  // ---- frames

  // Shows a frame; resolves when no frame is being loaded. Meanwhile, only the latest request is kept.
  async goTo(index, again = false) {
    if (!this.video) return;
    index = Math.max(0, Math.min(this.video.count - 1, index));
    if (!again && this.drawing && index !== this.index) {
      this.playing = false;
      return this.fail("Finish the drawing first (Enter), or cancel it (Esc).");
    }
    if (!again && this.runs.running) this.runs.away = true;
    if (this.wanted) {
      const same = index === this.wanted.index;
      if (same && !again) this.wanted.chosen = true;
      else this.wanted = { index, chosen: !again || (same && this.wanted.chosen) };
      // Also while the frame that was asked for before is still loading.
      if (!again) setTimeout(() => this.wanted?.index === index && this.#preview(index), PATIENCE);
    } else if (index !== this.index || !this.picture || this.outdated || again) {
      this.wanted = { index, chosen: !again };
      this.loaded = this.#showWanted();
    }
    await this.loaded;
  }

  // Shows a frame that is to be edited, by default the one that the user asked for; resolves to whether it can be.
  async arrive(index = this.wanted?.chosen ? this.wanted.index : this.index) {
    const { video, runs } = this;
    const { away } = runs;
    const there = this.goTo(index);
    runs.away = away; // an edit that changes nothing does not end following the run
    await there;
    const shown = video === this.video && index === this.index && Boolean(this.picture);
    return shown && !this.outdated && !this.drawing;
  }

  async #showWanted() {
    let shown;
    do {
      shown = this.wanted;
      const { video } = this;
      try {
        await this.#show(shown.index);
        this.missed = null;
      } catch (error) {
        if (video !== this.video) continue; // another one was opened meanwhile
        this.missed = shown.index;
        this.fail(error);
      }
    } while (shown !== this.wanted); // another frame was asked for meanwhile
    this.wanted = null;
    this.preview = null;
    this.tell("preview");
  }

  async #show(index) {
    const { video } = this;
    const { saved } = this.edits;
    const timer = setTimeout(() => this.#preview(index), PATIENCE);
    const loading = Promise.all([this.pictures.get(index), this.edits.mask(index)]);
    const [picture, labels] = await loading.finally(() => clearTimeout(timer));
    if (index === this.wanted?.index || index === this.#previewed) this.preview = null;
    if (video !== this.video) return; // another one was opened
    if (index === this.index && this.picture) this.picture = picture; // may be sharper, also during a stroke
    if (this.drawing) {
      if (index === this.index) this.newer = labels; // a stroke has begun, and is made in them when it ends
      return;
    }
    if (saved !== this.edits.saved) return this.#show(index); // a stroke has ended: the mask is outdated
    [this.picture, this.labels, this.index, this.outdated, this.newer] = [picture, labels, index, false, null];
    this.tell("frame");
    this.pictures.prefetch(index + 1);
  }

  // Shows a key frame near a slow frame while that is loading; it cannot be drawn on.
  async #preview(index) {
    if (index === this.index && this.picture) return; // is being reloaded
    const picture = await this.backend.thumbnail(index, this.video.count).catch(() => null);
    if (this.wanted?.index !== index || this.drawing) return;
    [this.preview, this.#previewed] = [picture, index];
    this.tell("preview");
  }

  // After a stroke: shows the labels that arrived during it. Returns whether there were any.
  takeNewer() {
    if (!this.newer) return false;
    this.labels.set(this.newer);
    this.newer = null;
    this.tell("labels");
    return true;
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
    const number = ++this.#plays;
    const seconds = 1 / (this.video?.fps ?? 24);
    while (this.playing && this.video && number === this.#plays) {
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
    this.adding++;
    try {
      const id = await this.edits.send(video => this.backend.addObject(video));
      await this.#updates.request();
      this.selectObject(id);
    } finally {
      this.adding--;
    }
  }

  selectObject(id) {
    if (!this.objects.has(id)) return;
    this.object = id;
    this.tell("objects");
  }

  #chooseObject() {
    if (!this.objects.has(this.object)) this.object = this.objects.keys().next().value ?? 0;
  }

  async changeObject(id, changes) {
    if (!this.objects.has(id)) return; // deleted by another page
    Object.assign(this.objects.get(id), changes);
    this.tell("objects", "labels");
    try {
      await this.edits.send(video => this.backend.changeObject(id, changes, video));
    } catch (error) {
      await this.load(); // what the server has
      throw error;
    }
  }

  async deleteObject(id) {
    this.objects.delete(id);
    this.marks.forget(id);
    this.edits.keepFailed();
    // At once, because the server refuses a mask with a deleted object: something may be drawn before the answer.
    this.#drop([id]);
    this.#chooseObject();
    this.tell("objects", "labels", "marks");
    this.runs.ends();
    await this.edits.deleteObject(id).finally(() => this.load());
  }

  // Takes deleted objects out of everything but the marks.
  #drop(ids) {
    this.edits.history.forget(ids);
    for (const id of ids) this.hidden.delete(id); // the next new object gets this id
    clearLabels(this.labels, ids);
    if (this.newer) clearLabels(this.newer, ids);
  }

  toggleHidden(id) {
    if (!this.hidden.delete(id)) this.hidden.add(id);
    this.tell("objects", "labels");
  }

  // Nothing is drawn unseen.
  show(id) {
    if (this.hidden.has(id)) this.toggleHidden(id);
  }

  toggleMasks() {
    this.hidden = new Set(this.hidden.size ? [] : this.objects.keys());
    this.tell("objects", "labels");
  }

  // ---- settings

  setRange(start, stop) {
    const whole = start <= 0 && stop >= this.video.count;
    this.range = whole || start >= stop ? null : [start, stop];
    this.tell("marks");
  }

  set(values) {
    Object.assign(this, values);
    this.tell("tool", ...("opacity" in values ? ["labels"] : []));
  }
}
