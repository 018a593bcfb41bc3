// The list of objects: colour, name, hide, delete.
export class Objects {
  constructor(app, stage, list, ask) {
    Object.assign(this, { app, stage, list, ask });
    app.addEventListener("change", ({ detail }) => detail === "objects" && this.render());
  }

  render() {
    const focused = document.activeElement?.closest?.("#objects li")?.dataset.id;
    this.list.replaceChildren(...[...this.app.objects].map(([id, object]) => this.#row(id, object)));
    if (focused) this.list.querySelector(`li[data-id="${focused}"] input[type="text"]`)?.focus();
  }

  #row(id, { name, colour }) {
    const { app } = this;
    const row = document.createElement("li");
    row.dataset.id = id;
    row.classList.toggle("current", id === app.object);
    const number = Object.assign(document.createElement("button"), {
      className: "number", textContent: id, title: `Draw object ${id}${id < 10 ? ` (${id})` : ""}`, type: "button",
    });
    number.ariaPressed = id === app.object;
    number.onclick = () => app.selectObject(id);
    const paint = Object.assign(document.createElement("input"), { type: "color", value: colour, title: "Colour" });
    paint.onchange = () => this.#change(id, { colour: paint.value });
    const label = Object.assign(document.createElement("input"), { type: "text", value: name, maxLength: 60 });
    label.ariaLabel = `Name of object ${id}`;
    label.onfocus = () => id !== app.object && app.selectObject(id);
    label.onchange = () => (label.value.trim() ? this.#change(id, { name: label.value.trim() }) : (label.value = name));
    label.onkeydown = event => ["Enter", "Escape"].includes(event.key) && label.blur();
    const hidden = app.hidden.has(id);
    const eye = Object.assign(document.createElement("button"), {
      type: "button", textContent: hidden ? "Show" : "Hide", title: hidden ? "Show its masks" : "Hide its masks",
    });
    eye.onclick = () => app.toggleHidden(id);
    const bin = Object.assign(document.createElement("button"), { type: "button", textContent: "✕", title: "Delete" });
    bin.ariaLabel = `Delete object ${id}`;
    bin.onclick = () => this.#delete(id, name);
    row.append(number, paint, label, eye, bin);
    return row;
  }

  #change(id, changes) {
    this.app.changeObject(id, changes).catch(error => this.app.fail(error));
  }

  async #delete(id, name) {
    if (!(await this.ask(`Delete ${name} and its masks in all frames? This cannot be undone.`, "Delete"))) return;
    this.stage.cancel(); // it may be drawing this object
    this.app.deleteObject(id).catch(error => this.app.fail(error));
  }
}
