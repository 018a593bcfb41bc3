// Unlimited undo and redo: only the changed box of every edit is kept.
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

  // The edit that would be undone or redone next, or undefined.
  peek(back) {
    return (back ? this.#done : this.#undone).at(-1);
  }

  // Undoes or redoes that edit in the labels of its frame, in which `trusted` ids are trusted now; returns those
  // that are then. Pixels and marks that others have changed since stay as they are.
  step(back, labels, width, trusted) {
    const [from, to] = back ? [this.#done, this.#undone] : [this.#undone, this.#done];
    const edit = from.pop();
    to.push(edit);
    const [was, is] = back ? [edit.after, edit.before] : [edit.before, edit.after];
    if (edit.box) paste(labels, width, edit.box, was, is);
    const [had, has] = back ? [edit.trustedAfter, edit.trustedBefore] : [edit.trustedBefore, edit.trustedAfter];
    const kept = [...trusted].filter(id => has.has(id) || !had.has(id));
    return new Set([...kept, ...[...has].filter(id => !had.has(id))]);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }
}
