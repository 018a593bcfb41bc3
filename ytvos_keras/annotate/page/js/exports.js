// Exports: choosing a format, writing the file, downloading it.
const $ = id => document.getElementById(id);

export class Exports {
  constructor(app) {
    this.app = app;
    $("export").onclick = () => this.#export();
    $("download").onclick = () => {
      app.backend.downloaded();
      app.tell("status");
    };
    app.addEventListener("change", ({ detail }) => detail === "video" && this.#onVideo());
    app.addEventListener("export", ({ detail }) => {
      // The last event may arrive after the response.
      if ($("export").disabled) $("exported").textContent = `${detail.done} of ${detail.total} frames`;
    });
  }

  #onVideo() {
    $("exported").textContent = "";
    $("download").hidden = true; // of the previous video
    this.#fill();
  }

  // Once; again only after a failure.
  async #fill() {
    if (this.filled) return;
    this.filled = true;
    try {
      const formats = await this.app.backend.formats();
      $("format").replaceChildren(...Object.entries(formats).map(([name, title]) => new Option(title, name)));
    } catch (error) {
      this.filled = false;
      this.app.fail(error);
    }
  }

  async #export() {
    const { app } = this;
    const { video } = app;
    $("export").disabled = true;
    $("download").hidden = true;
    try {
      await app.edits.settle();
      const { file, path, note, address } = await app.backend.exportAs($("format").value, video);
      const isOpen = video === app.video;
      const text = note ? `${path}, ${note}` : (path ?? file);
      $("exported").textContent = isOpen ? text : "";
      Object.assign($("download"), { href: address, download: file, hidden: !isOpen });
    } catch (error) {
      $("exported").textContent = "";
      app.fail(error);
    }
    $("export").disabled = false;
  }
}
