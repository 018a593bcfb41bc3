// The dialog for opening a video, and drag and drop of files.
export class Opener {
  constructor(app, dialog) {
    Object.assign(this, { app, dialog });
    this.error = dialog.querySelector(".error");
    const input = dialog.querySelector("input[type=file]");
    input.onchange = () => input.files[0] && this.#file(input.files[0]);
    addEventListener("dragover", event => event.preventDefault());
    addEventListener("drop", event => {
      event.preventDefault();
      const [file] = event.dataTransfer.files;
      if (!file) return;
      this.show();
      this.#file(file);
    });
  }

  async show() {
    if (!this.dialog.open) this.dialog.showModal();
    this.error.textContent = "";
    const { root, videos } = await this.app.backend.videos();
    this.dialog.querySelector("#listed").hidden = !root;
    this.dialog.querySelector("code").textContent = root;
    const rows = videos.map(name => {
      const row = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      button.onclick = () => this.#open(this.app.backend.open(name));
      row.append(button);
      return row;
    });
    this.dialog.querySelector("ul").replaceChildren(...rows);
  }

  #file(file) {
    this.error.textContent = `Reading ${file.name} …`;
    this.#open(this.app.backend.openFile(file));
  }

  async #open(opening) {
    try {
      await opening;
      this.dialog.close();
      await this.app.load(true);
    } catch (error) {
      this.error.textContent = error.message;
    }
  }
}
