// Unlimited undo and redo: only the changed box of every edit is kept, in run lengths.
import { cut, paste } from "./raster.js";
import { decode, encode, without } from "./run_lengths.js";

export class History {
  #done = [];
  #undone = [];

  // edit: {index, box, before, after, trustedBefore, trustedAfter}; box is null if no pixel has changed.
  add({ before, after, ...edit }) {
    this.#done.push(edit.box ? { ...edit, before: encode(before), after: encode(after) } : edit);
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
    const { box } = edit;
    if (box) {
      const area = (box.right - box.left) * (box.bottom - box.top);
      const patches = [decode(edit.before, area), decode(edit.after, area)];
      const [was, is] = back ? patches.reverse() : patches;
      const now = cut(labels, width, box);
      paste(labels, width, box, was, is.map((label, n) => (now[n] === was[n] ? label : was[n])));
    }
    const [had, has] = back ? [edit.trustedAfter, edit.trustedBefore] : [edit.trustedBefore, edit.trustedAfter];
    const kept = [...trusted].filter(id => has.has(id) || !had.has(id));
    return new Set([...kept, ...[...has].filter(id => !had.has(id))]);
  }

  // Objects were deleted: their pixels and marks are taken out of all edits; edits of nothing else are dropped.
  forget(ids) {
    const others = trusted => new Set([...trusted].filter(id => !ids.includes(id)));
    for (const edit of [...this.#done, ...this.#undone]) {
      edit.trustedBefore = others(edit.trustedBefore);
      edit.trustedAfter = others(edit.trustedAfter);
      if (!edit.box) continue;
      edit.before = ids.reduce(without, edit.before);
      edit.after = ids.reduce(without, edit.after);
    }
    const stays = ({ box, before, after, trustedBefore, trustedAfter }) =>
      box ? before.some((value, n) => value !== after[n]) : trustedBefore.size !== trustedAfter.size;
    this.#done = this.#done.filter(stays);
    this.#undone = this.#undone.filter(stays);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }
}
