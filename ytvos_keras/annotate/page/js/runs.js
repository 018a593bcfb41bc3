// Runs of the model: starting and stopping them, and their status.
export class Runs {
  status = { state: "loading", message: "", done: 0, total: 0, revision: 0 };
  away = false; // whether the user has gone elsewhere during this run, so that the page no longer follows it
  #ending = false; // whether this page has ended the run, which still finishes a frame
  #asked = 0; // number of starts and stops so far
  #next = null; // [direction, video] of the run to start after that

  constructor(app) {
    this.app = app;
  }

  get running() {
    return this.status.state === "running";
  }

  // The summary and the events use two connections, so an older status may arrive later.
  update(status) {
    if (status.revision < this.status.revision) return;
    const began = status.state === "running" && !this.running;
    this.status = status;
    if (began) this.away = false;
    if (this.running) return;
    const next = this.#next;
    this.#next = null;
    this.#ending = false;
    if (next) this.start(...next).catch(error => this.app.fail(error));
  }

  async start(direction, video = this.app.video) {
    const { app } = this;
    if (!video || video !== app.video) return; // another one was opened meanwhile
    if (this.#ending) this.#next = [direction, video];
    else if (this.running) app.fail("The model is running; press S to stop it.");
    if (this.status.state !== "ready") return;
    const [start, stop] = app.range ?? [0, video.count];
    const asked = ++this.#asked;
    await app.edits.settle();
    if (asked !== this.#asked) return; // stopped or started again meanwhile
    await app.backend.propagate(start, stop, direction, video);
  }

  stop() {
    this.#asked++;
    this.ends();
    this.#next = null;
    return this.app.backend.stop(this.app.video);
  }

  // A change that ends the run is being sent.
  ends() {
    this.#ending = this.running;
  }
}
