// Manual edits of masks: making, saving and undoing them, and sending changes in order.
import { History } from "./history.js";
import { changedLabels, clearLabels, cut, paste, shrink } from "./raster.js";

export class Edits {
  history = new History();
  saved = Promise.resolve(); // resolves when everything so far is saved
  saving = 0;
  failed = new Map(); // index of a frame whose last edit could not be saved → { labels, trusted, reason }
  #sending = new Map(); // index of a frame → its latest labels, until they are saved
  #deleting = new Set(); // ids of objects that the server may still have
  #undone = Promise.resolve(); // resolves when everything so far is undone or redone

  constructor(app) {
    this.app = app;
  }

  // Changes the labels of the current frame with draw(labels), which returns the changed box.
  draw(draw) {
    const before = this.app.labels.slice();
    this.finish(before, draw(this.app.labels));
  }

  // Saves what was drawn since `before`, all of it inside `box`.
  finish(before, box) {
    const { app } = this;
    const { labels, video, marks, index } = app;
    const patches = area => {
      const [old, now] = [before, labels].map(all => cut(all, video.width, area));
      // Another page may have deleted an object since.
      return [old.map((id, i) => (id === now[i] || app.objects.has(id) ? id : 0)), now];
    };
    const changed = box && shrink(box, ...patches(box));
    if (!changed) return app.takeNewer();
    const [old, now] = patches(changed);
    if (app.takeNewer()) paste(labels, video.width, changed, old, now);
    const trusted = [...marks.trustedIn(index), ...changedLabels(old, now)];
    this.#record({ box: changed, before: old, after: now }, trusted);
  }

  // The labels of a frame, including changes that could not be saved.
  async mask(index) {
    const gone = [...this.#deleting];
    const own = this.#sending.get(index) ?? this.failed.get(index)?.labels; // the server may lack the last change
    const labels = own?.slice() ?? (await this.app.backend.mask(index));
    clearLabels(labels, gone);
    return labels;
  }

  // Replaces the mask of the selected object by that in the previous frame, to be corrected from there.
  async copyPrevious() {
    const { app } = this;
    if (app.drawing || !(await app.arrive())) return;
    const { video, index, object } = app;
    const previous = index ? await this.mask(index - 1) : [];
    if (video !== app.video || index !== app.index || object !== app.object || app.drawing || app.outdated) return;
    if (!object || !previous.includes(object)) return app.fail("The previous frame lacks the selected object.");
    this.replaceObject(object, i => previous[i] === object);
  }

  // Replaces the mask of an object in this frame; isInside(i): whether pixel i is in the new one.
  replaceObject(object, isInside) {
    const { app } = this;
    const { width, height } = app.video;
    const { marks, index } = app;
    app.show(object);
    this.draw(labels => {
      labels.forEach((label, i) => {
        if (isInside(i)) labels[i] = object;
        else if (label === object) labels[i] = 0;
      });
      return { left: 0, top: 0, right: width, bottom: height };
    });
    const trusted = marks.trustedIn(index);
    // The new mask equals the old one, unless that was replaced by a newer one meanwhile.
    const isSame = app.labels.every((label, i) => (label === object) === Boolean(isInside(i)));
    if (isSame && !trusted.has(object)) this.#record({ box: null }, [...trusted, object]);
  }

  // Marks every object that is in this frame, or that the model finds absent from it, as trusted.
  async trustFrame() {
    if (this.app.drawing || !(await this.app.arrive())) return;
    const { labels, marks, index } = this.app;
    const trusted = marks.trustedIn(index);
    const known = new Set([...trusted, ...labels, ...(marks.predicted.get(index) ?? [])]);
    known.delete(0);
    if (!known.size) return this.app.fail("There is no object in this frame.");
    if (known.size === trusted.size) return this.app.fail("This frame is trusted already.");
    this.#record({ box: null }, known);
  }

  // Undoes or redoes an edit in the frame in which it was made.
  undo(back = true) {
    const undone = this.#undone.then(() => this.#undo(back)); // the one before may still be waiting for its frame
    this.#undone = undone.catch(() => {}); // reported by the caller
    return undone;
  }

  async #undo(back) {
    const { app, history } = this;
    if (app.drawing) return;
    app.finder.forget();
    const edit = history.peek(back);
    if (!edit) return;
    if (app.runs.running) await app.runs.stop(); // it would change the mask meanwhile
    if (!(await app.arrive(edit.index)) || history.peek(back) !== edit) return;
    const { labels, video, marks, index } = app;
    this.#save(history.step(back, labels, video.width, marks.trustedIn(index)));
  }

  // Frames can be shown meanwhile: searching all masks for the object takes the server a while.
  deleteObject(id) {
    const deleting = this.#deleting; // another video has another set
    deleting.add(id);
    return this.send(video => this.app.backend.deleteObject(id, video)).finally(() => deleting.delete(id));
  }

  // Another video is opened.
  clear() {
    this.history.clear();
    this.failed = new Map();
    this.#sending = new Map();
    this.#deleting = new Set();
  }

  // A frame that could not be saved keeps its masks and marks, except those of objects that were deleted.
  keepFailed() {
    const { objects, marks } = this.app;
    for (const [index, edit] of this.failed) {
      edit.labels = edit.labels.map(id => (objects.has(id) ? id : 0));
      edit.trusted = new Set([...edit.trusted].filter(id => objects.has(id)));
      marks.trust(index, edit.trusted);
    }
  }

  // Sends a change of the video that is open now, after the earlier ones; resolves to the response.
  send(request) {
    const { video } = this.app;
    const sent = this.saved.then(() => request(video));
    this.saving++;
    this.saved = sent
      .catch(() => {}) // reported by the caller
      .finally(() => {
        this.saving--;
        this.app.tell("status");
      });
    return sent;
  }

  #record(edit, trusted) {
    const { index, marks } = this.app;
    const trustedAfter = new Set(trusted);
    this.history.add({ ...edit, index, trustedBefore: marks.trustedIn(index), trustedAfter });
    this.#save(trustedAfter);
  }

  // Sends what could not be saved again; resolves when everything so far is saved.
  async settle() {
    for (const [index, { labels, trusted }] of this.failed) {
      if (!this.#sending.has(index)) this.#send(index, labels, trusted); // else a later edit is on its way
    }
    await this.saved;
    const [[index, edit] = []] = this.failed;
    if (edit) throw new Error(`The mask of frame ${index + 1} could not be saved: ${edit.reason}`);
  }

  #save(trusted) {
    const { app } = this;
    const { index } = app;
    app.marks.trust(index, trusted);
    app.tell("labels", "marks");
    if (app.runs.running) app.runs.away = true; // the frame that was edited stays
    app.runs.ends();
    this.#send(index, app.labels.slice(), trusted);
  }

  #send(index, labels, trusted) {
    const { app } = this;
    const [sending, failed] = [this.#sending, this.failed]; // another video has other maps
    sending.set(index, labels);
    this.send(video => app.backend.saveMask(index, labels, trusted, video))
      .then(
        () => failed.delete(index),
        error => {
          failed.set(index, { labels, trusted, reason: error.message });
          app.fail(error);
        },
      )
      .finally(() => sending.get(index) === labels && sending.delete(index));
  }
}
