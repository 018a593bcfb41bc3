// The list of objects: colour, name, hide, delete.
export class Objects {
  constructor(app, stage, list, ask) {
    Object.assign(this, { app, stage, list, ask });
    app.addEventListener("change", ({ detail }) => {
      if (detail === "video") list.replaceChildren();
      if (detail === "objects") this.render();
      if (["frame", "marks"].includes(detail)) this.#showConfidence();
    });
  }

  // Keeps the rows of objects that are still there, with their focus and text that is being edited.
  render() {
    const { list, app } = this;
    for (const row of [...list.children]) if (!app.objects.has(Number(row.dataset.id))) row.remove();
    [...app.objects].forEach(([id, object], n) => {
      if (list.children[n]?.dataset.id !== String(id)) list.insertBefore(this.#row(id), list.children[n] ?? null);
      this.#update(list.children[n], id, object);
    });
    this.#showConfidence();
  }

  // How sure the model is of every object in this frame.
  #showConfidence() {
    const known = this.app.marks.confidence.get(this.app.index);
    for (const row of this.list.children) {
      const sure = known?.get(Number(row.dataset.id));
      row.querySelector(".sure").textContent = sure === undefined ? "" : `${Math.round(100 * sure)} %`;
    }
  }

  #row(id) {
    const { app } = this;
    const row = document.createElement("li");
    row.dataset.id = id;
    const number = Object.assign(document.createElement("button"), {
      className: "number", textContent: id, title: `Draw object ${id}${id < 10 ? ` (${id})` : ""}`, type: "button",
    });
    number.onclick = () => app.selectObject(id);
    const paint = Object.assign(document.createElement("input"), { type: "color", title: "Colour" });
    paint.ariaLabel = `Colour of object ${id}`;
    paint.onchange = () => this.#change(id, { colour: paint.value });
    const label = Object.assign(document.createElement("input"), { type: "text", maxLength: 60 });
    label.ariaLabel = `Name of object ${id}`;
    label.onfocus = () => id !== app.object && app.selectObject(id);
    label.onchange = () => {
      const name = label.value.trim();
      if (name) this.#change(id, { name });
      else label.value = app.objects.get(id).name;
    };
    label.onblur = () => this.render(); // it may have been renamed by another page
    label.onkeydown = event => {
      if (event.key === "Escape") label.value = app.objects.get(id).name;
      if (["Enter", "Escape"].includes(event.key)) label.blur();
    };
    const sure = Object.assign(document.createElement("span"), { className: "sure", title: "Expected J in this frame" });
    const eye = Object.assign(document.createElement("button"), { type: "button" });
    eye.onclick = () => app.toggleHidden(id);
    const bin = Object.assign(document.createElement("button"), { type: "button", textContent: "✕", title: "Delete" });
    bin.ariaLabel = `Delete object ${id}`;
    bin.onclick = () => this.#delete(id);
    row.append(number, paint, label, sure, eye, bin);
    return row;
  }

  #update(row, id, { name, colour }) {
    const { app } = this;
    const [number, paint, label, , eye] = row.children;
    row.classList.toggle("current", id === app.object);
    number.ariaPressed = id === app.object;
    paint.value = colour;
    if (label !== document.activeElement) label.value = name;
    const hidden = app.hidden.has(id);
    const verb = hidden ? "Show" : "Hide";
    Object.assign(eye, { textContent: verb, title: `${verb} its masks`, ariaLabel: `${verb} object ${id}` });
  }

  #change(id, changes) {
    this.app.changeObject(id, changes).catch(error => this.app.fail(error));
  }

  async #delete(id) {
    const { app } = this;
    const { video } = app;
    const { name } = app.objects.get(id);
    if (!(await this.ask(`Delete ${name} and its masks in all frames? This cannot be undone.`, "Delete"))) return;
    if (video !== app.video) return; // another one was opened meanwhile
    this.stage.cancel(); // it may be drawing this object
    app.deleteObject(id).catch(error => app.fail(error));
  }
}
