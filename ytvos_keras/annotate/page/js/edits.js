// Manual edits of masks: making, saving and undoing them, and sending changes in order.
import { History } from "./history.js";
import { changedLabels, cut, paste, shrink } from "./raster.js";

export class Edits {
  history = new History();
  saved = Promise.resolve(); // resolves when everything so far is saved
  saving = 0;
  failed = new Map(); // index of a frame whose last edit could not be saved → { labels, trusted }
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
    const patches = area => [cut(before, video.width, area), cut(labels, video.width, area)];
    const changed = box && shrink(box, ...patches(box));
    if (!changed) return app.takeNewer();
    const [old, now] = patches(changed);
    if (app.takeNewer()) paste(labels, video.width, changed, old, now);
    const trusted = [...marks.trustedIn(index), ...changedLabels(old, now)];
    this.#record({ box: changed, before: old, after: now }, trusted);
  }

  // Marks every object in this frame as trusted, or, if all are trusted already, none.
  async trustFrame() {
    if (this.app.drawing || !(await this.app.arrive())) return;
    const { labels, marks, index } = this.app;
    const present = new Set(labels);
    present.delete(0);
    const trusted = marks.trustedIn(index);
    if (!present.size && !trusted.size) return this.app.fail("There is no object in this frame.");
    const all = [...present].every(id => trusted.has(id));
    this.#record({ box: null }, all ? [] : [...trusted, ...present]);
  }

  // Undoes or redoes an edit in the frame in which it was made.
  undo(back = true) {
    const undone = this.#undone.then(() => this.#undo(back)); // the one before may still be waiting for its frame
    this.#undone = undone.catch(() => {}); // reported by the caller
    return undone;
  }

  async #undo(back) {
    const { app, history } = this;
    const edit = history.peek(back);
    if (!edit || app.drawing) return;
    if (app.status.state === "running") await app.stop(); // it would change the mask meanwhile
    if (!(await app.arrive(edit.index)) || history.peek(back) !== edit) return;
    const { labels, video, marks, index } = app;
    this.#save(history.step(back, labels, video.width, marks.trustedIn(index)));
  }

  // Another video is opened.
  clear() {
    this.history.clear();
    this.failed = new Map();
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

  #save(trusted) {
    const { app, failed } = this; // another video has another map
    const { index } = app;
    const labels = app.labels.slice();
    app.marks.trust(index, trusted);
    app.tell("labels", "marks");
    this.send(video => app.backend.saveMask(index, labels, trusted, video)).then(
      () => failed.delete(index),
      error => {
        failed.set(index, { labels, trusted });
        app.fail(error);
      },
    );
  }
}
