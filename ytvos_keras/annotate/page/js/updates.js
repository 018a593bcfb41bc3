// Loads everything except images and masks. An answer that a change has made outdated is requested again.
export class Updates {
  #loading = null; // promise of what `apply` returns
  #stale = false; // whether the answer that is awaited will be outdated
  #events = null; // frames that got a mask while the answer was awaited

  // apply(summary, events): events may be newer than the summary.
  constructor(app, apply) {
    Object.assign(this, { app, apply });
  }

  // Applies a summary that is no older than this call; resolves to what `apply` returns.
  request() {
    this.#stale = true;
    this.#loading ??= this.#load();
    return this.#loading;
  }

  add(event) {
    this.#events?.push(event);
  }

  async #load() {
    const { backend, edits } = this.app;
    let summary, saved;
    try {
      do {
        this.#stale = false;
        ({ saved } = edits);
        await saved; // so that the server knows of every change
        this.#events = [];
        summary = await backend.load();
      } while (this.#stale || saved !== edits.saved);
      return this.apply(summary, this.#events);
    } finally {
      this.#loading = this.#events = null;
    }
  }
}
