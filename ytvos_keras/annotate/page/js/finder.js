// Lets the model find the mask of the selected object in this frame, from a box around it or strokes on it.
import { drawLine, fillPolygon } from "./raster.js";

const [BACKGROUND, UNKNOWN, OBJECT] = [0, 1, 2]; // pixels of a trimap
const CHANGED = "The mask was dropped, because the frame or the object changed in the meantime.";
const NOTHING = "Nothing found there; draw a larger box.";

export class Finder {
  // What was drawn last: { video, index, object, boxed: whether with a box, trimap, waits: for its mask }, or null.
  #rough = null;
  #answered = Promise.resolve(); // resolves when the server is not finding anything
  #used = false; // whether the server has found a mask, so that it has loaded the model

  constructor(app) {
    this.app = app;
    app.addEventListener("change", () => this.#rough && !this.#isCurrent() && this.forget());
  }

  #isCurrent() {
    const { app } = this;
    const { video, index, object } = this.#rough;
    return video === app.video && index === app.index && object === app.object;
  }

  // What the page says while it waits, or "".
  get progress() {
    if (!this.#rough?.waits) return "";
    return this.#used ? "Finding the object …" : "Finding the object … The first time, this takes about 10 s.";
  }

  // Something is being drawn that replaces the request for the earlier strokes, but not these. Returns whether there
  // was a request.
  begin() {
    const waits = Boolean(this.#rough?.waits);
    if (waits) this.#rough = { ...this.#rough, waits: false };
    this.app.tell("status");
    return waits;
  }

  // The drawing that replaced a request was cancelled.
  dropped() {
    this.app.fail(CHANGED);
  }

  // The strokes are no longer those of the mask that is shown.
  forget() {
    if (this.#rough?.waits) this.app.fail(CHANGED);
    this.#rough = null;
  }

  // A box was drawn around an object; corners: [[x, y], …].
  box(object, corners) {
    const { width, height } = this.app.video;
    const trimap = new Uint8Array(width * height); // background
    fillPolygon(trimap, width, height, corners, UNKNOWN);
    if (!trimap.includes(UNKNOWN)) return this.app.fail(NOTHING); // what was drawn before still counts
    return this.#find(object, trimap, true);
  }

  // A stroke was drawn: on an object, or on something else.
  stroke(object, points, diameter, isObject) {
    const { width, height } = this.app.video;
    const trimap = this.#rough?.trimap.slice() ?? new Uint8Array(width * height).fill(UNKNOWN);
    points.forEach((point, n) => {
      drawLine(trimap, width, height, points[Math.max(0, n - 1)], point, diameter, isObject ? OBJECT : BACKGROUND);
    });
    return this.#find(object, trimap, this.#rough?.boxed ?? false);
  }

  async #find(object, trimap, boxed) {
    const { app } = this;
    app.takeNewer();
    const { video, index } = app;
    const rough = (this.#rough = { video, index, object, boxed, trimap, waits: false });
    if (!boxed && !trimap.includes(OBJECT)) return app.fail("Draw a stroke on the object, too, without Alt.");
    if (!trimap.some(Boolean)) return app.fail(NOTHING);
    rough.waits = true;
    if (app.runs.running) app.runs.away = true; // the frame stays
    app.fail(""); // about what was drawn before
    app.tell("status");
    try {
      if (app.outdated) await app.goTo(index, true); // the model has changed it during the drawing
      if (rough !== this.#rough) return;
      const before = app.labels.slice();
      const mask = await this.#ask(rough);
      if (rough !== this.#rough) return; // drawn again, or forgotten
      const same = !app.outdated && app.labels.every((label, i) => label === before[i]);
      if (app.drawing || !same) app.fail(CHANGED);
      else if (!mask.includes(1)) app.fail(NOTHING);
      else app.edits.replaceObject(object, i => mask[i]);
    } catch (error) {
      if (rough === this.#rough) app.fail(error);
    } finally {
      rough.waits = false;
      app.tell("status");
    }
  }

  // One request at a time, so that the server computes only what is still wanted.
  #ask(rough) {
    const { video, index, trimap } = rough;
    const mask = this.#answered.then(() => rough === this.#rough && this.app.backend.findMask(index, trimap, video));
    this.#answered = mask.then(found => (this.#used ||= Boolean(found)), () => {}); // reported by the caller
    return mask;
  }
}
