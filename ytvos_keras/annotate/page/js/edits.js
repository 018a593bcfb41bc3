// Manual edits of masks: making, saving and undoing them.
import { History } from "./history.js";
import { changedLabels, cut, shrink } from "./raster.js";

export class Edits {
  history = new History();
  saved = Promise.resolve(); // resolves when everything so far is saved
  saving = 0;
  failed = new Set(); // indexes of frames whose last edit could not be saved

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
    const { labels, video, marks, index } = this.app;
    const patches = area => [cut(before, video.width, area), cut(labels, video.width, area)];
    const changed = box && shrink(box, ...patches(box));
    if (!changed) return;
    const [old, now] = patches(changed);
    const trusted = [...marks.trustedIn(index), ...changedLabels(old, now)];
    this.#record({ box: changed, before: old, after: now }, trusted);
  }

  // Marks every object in this frame as trusted, or, if all are trusted already, none.
  async trustFrame() {
    if (!(await this.app.arrive())) return;
    const { labels, marks, index } = this.app;
    const present = new Set(labels);
    present.delete(0);
    const trusted = marks.trustedIn(index);
    const all = [...present].every(id => trusted.has(id));
    this.#record({ box: null }, all ? [] : [...trusted, ...present]);
  }

  // Undoes or redoes an edit in the frame in which it was made.
  async undo(back = true) {
    const { app, history } = this;
    const edit = history.peek(back);
    if (!edit || app.drawing) return;
    if (app.status.state === "running") await app.stop(); // it would change the mask meanwhile
    if (edit.index !== app.index) await app.goTo(edit.index);
    if (edit.index !== app.index || history.peek(back) !== edit || app.drawing) return;
    this.#save(history.step(back, app.labels, app.video.width));
  }

  clear() {
    this.history.clear();
    this.failed.clear();
  }

  #record(edit, trusted) {
    const { index, marks } = this.app;
    const trustedAfter = new Set(trusted);
    this.history.add({ ...edit, index, trustedBefore: marks.trustedIn(index), trustedAfter });
    this.#save(trustedAfter);
  }

  #save(trusted) {
    const { app } = this;
    const [index, labels] = [app.index, app.labels.slice()];
    app.marks.trust(index, trusted);
    this.saving++;
    app.tell("labels", "marks");
    this.saved = this.saved
      .then(() => app.backend.saveMask(index, labels, trusted))
      .then(() => this.failed.delete(index))
      .catch(error => {
        this.failed.add(index);
        app.fail(error);
      })
      .finally(() => {
        this.saving--;
        app.tell("status");
      });
  }
}
