// Undo and redo without limit: of every edit only the changed box is kept.
import { paste } from "./raster.js";

export class History {
  #done = [];
  #undone = [];

  // edit: {index, box, before, after, trustedBefore, trustedAfter}
  add(edit) {
    this.#done.push(edit);
    this.#undone = [];
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  // The edit that undo or redo would change next, or undefined.
  peek(back) {
    return (back ? this.#done : this.#undone).at(-1);
  }

  // Takes the last edit back, or makes it again, in the labels of its frame; returns the trusted ids.
  step(back, labels, width) {
    const [from, to] = back ? [this.#done, this.#undone] : [this.#undone, this.#done];
    const edit = from.pop();
    to.push(edit);
    if (edit.box) paste(labels, width, edit.box, back ? edit.before : edit.after);
    return back ? edit.trustedBefore : edit.trustedAfter;
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }
}
