// The dialog for opening a video, and drag and drop of files.
export class Opener {
  #opening = false;

  constructor(app, dialog, ask) {
    Object.assign(this, { app, dialog, ask });
    this.error = dialog.querySelector(".error");
    this.close = dialog.querySelector("form button");
    dialog.addEventListener("cancel", event => this.close.disabled && event.preventDefault()); // Escape
    const input = dialog.querySelector("input[type=file]");
    input.onclick = () => (input.value = ""); // otherwise choosing the same file again changes nothing
    input.onchange = () => input.files[0] && this.#file(input.files[0]);
    addEventListener("dragover", event => event.preventDefault());
    addEventListener("drop", event => {
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (!file || document.querySelector("dialog[open]:not(#opener)")) return;
      this.show();
      this.#file(file);
    });
  }

  async show() {
    if (!this.dialog.open) this.dialog.showModal();
    if (!this.#opening) this.error.textContent = "";
    try {
      this.#list(await this.app.backend.videos());
    } catch (error) {
      this.error.textContent = error.message;
    }
  }

  #list({ root, videos }) {
    this.dialog.querySelector("#listed").hidden = !root;
    this.dialog.querySelector("code").textContent = root;
    const rows = videos.map(name => {
      const row = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      button.onclick = () => this.#open(`Opening ${name} …`, () => this.app.backend.open(name));
      row.append(button);
      return row;
    });
    this.dialog.querySelector("ul").replaceChildren(...rows);
  }

  #file(file) {
    this.#open(`Reading ${file.name} …`, () => this.app.backend.openFile(file));
  }

  async #open(message, open) {
    if (this.#opening) return; // a second click
    this.#opening = true;
    const { app } = this;
    try {
      await app.edits.saved; // into the video that is still open
      if (app.unsaved && !(await this.ask("There are masks that are not saved. Discard them?", "Discard"))) return;
      this.close.disabled = true; // masks drawn from now on would be lost
      this.error.textContent = message;
      await open();
      await app.load();
      this.dialog.close(); // not before: the page would still show, and change, the previous video
    } catch (error) {
      this.error.textContent = error.message;
    } finally {
      this.#opening = this.close.disabled = false;
    }
  }
}
