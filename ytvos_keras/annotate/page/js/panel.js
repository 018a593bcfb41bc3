// Plain buttons and status displays of the page.
import { TOOLS } from "./tools.js";

const $ = id => document.getElementById(id);

export class Panel {
  #problem = "";

  constructor(app, actions) {
    Object.assign(this, { app, actions });
    const offered = Object.entries(TOOLS).filter(([, { needs }]) => app.offers(needs));
    $("tools").append(...offered.map(([name, tool]) => this.#toolButton(name, tool)));
    for (const id of ["add", "copy", "backward", "both", "forward", "from", "to", "whole", "stop", "trust", "doubtful",
      "first", "previous", "play", "next", "last", "undo", "redo", "zoom-out", "fit", "zoom-in", "open", "help"]) {
      $(id).onclick = () => actions[id]();
    }
    $("opacity").oninput = () => app.set({ opacity: $("opacity").value / 100 });
    $("size").oninput = () => app.set({ brush: Number($("size").value) });
    $("follow").onchange = () => {
      app.runs.away = false;
      app.set({ follow: $("follow").checked });
    };
    $("frame").onfocus = () => $("frame").select();
    // Also without Enter, which the number pad of some phones lacks.
    $("frame").onchange = () => this.#goTo(Number($("frame").value));
    $("frame").onkeydown = ({ key }) => {
      if (key === "Escape") $("frame").value = ""; // goes nowhere
      if (["Enter", "Escape"].includes(key)) $("frame").blur();
    };
    $("frame").onblur = () => this.#ask(); // what was typed may be no frame
    app.addEventListener("change", () => this.#ask());
    app.addEventListener("problem", ({ detail }) => {
      this.#showProblem(detail);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#showProblem(""), 6000);
    });
  }

  // number: of the frame, from 1.
  #goTo(number) {
    if (!Number.isInteger(number) || number < 1) return;
    this.app.playing = false;
    this.app.goTo(number - 1);
  }

  #showProblem(text) {
    this.#problem = text;
    this.#ask();
  }

  #toolButton(name, { key, title, about }) {
    const button = document.createElement("button");
    const tip = `${title}${about ? `: ${about}` : ""} (${key})`;
    Object.assign(button, { type: "button", title: tip, onclick: () => this.actions[name]() });
    button.dataset.tool = name;
    const letter = Object.assign(document.createElement("kbd"), { textContent: key });
    button.append(letter, title);
    return button;
  }

  #ask() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = null;
      this.#render();
    });
  }

  #render() {
    const { app } = this;
    const { video, status } = app;
    $("name").textContent = video?.name ?? "ytvos-annotate";
    document.title = video ? `${video.name} – ytvos-annotate` : "ytvos-annotate";
    $("place").textContent = video ? `frame ${app.index + 1} of ${video.count}` : "";
    if ($("frame") !== document.activeElement) $("frame").value = video ? app.index + 1 : "";
    $("saved").textContent = this.#savedText();
    $("play").textContent = app.playing ? "Pause" : "Play";
    $("undo").disabled = !app.edits.history.canUndo;
    $("redo").disabled = !app.edits.history.canRedo;
    $("size").value = app.brush;
    $("opacity").value = 100 * app.opacity;
    $("follow").checked = app.follow;
    for (const button of $("tools").children) button.ariaPressed = button.dataset.tool === app.tool;
    this.#renderRun(video, status);
    $("hint").textContent = this.#problem || this.#hint();
  }

  #savedText() {
    const { edits, backend } = this.app;
    if (edits.saving) return "Saving …";
    if (edits.failed.size) return "Not saved";
    if (backend.unsaved) return "Not exported";
    return edits.history.canUndo ? "Saved" : "";
  }

  #renderRun(video, status) {
    const { app } = this;
    const running = status.state === "running";
    for (const id of ["backward", "both", "forward"]) $(id).disabled = !video || status.state !== "ready";
    $("stop").hidden = !running;
    $("progress").value = running && status.total ? status.done / status.total : 0;
    $("run").textContent = this.#runText(status);
    $("whole").hidden = !app.range;
    const range = app.range ? `Frames ${app.range[0] + 1}–${app.range[1]}` : "Whole video (I, O: choose a part)";
    $("range").textContent = video ? range : "";
    $("doubtful").disabled = !app.marks.confidence.size;
  }

  #runText(status) {
    if (status.state === "loading") return "Loading the model …";
    if (status.state === "failed") return `The model cannot be used: ${status.message}`;
    if (status.state !== "running") return status.message;
    if (!status.total) return "Starting …";
    const speed = status.per_second ? `, ${status.per_second.toFixed(1)} frames/s` : "";
    const left = status.seconds_left === null ? "" : `, ${time(status.seconds_left)} left`;
    return `${status.done} of ${status.total}${speed}${left}`;
  }

  // The next step for a new user.
  #hint() {
    const { app } = this;
    if (!app.video) return "";
    if (app.finder.progress) return app.finder.progress;
    if (!app.objects.size) return "Add an object (N), then draw around it.";
    if (!app.marks.trusted.size) {
      const box = app.offers("findMask") ? ", or drag a box around it (J)" : "";
      return `Draw around ${app.objects.get(app.object)?.name ?? "the object"} in a frame where it is clearly visible${box}.`;
    }
    if (app.marks.predicted.size || app.status.state !== "ready") return "";
    const key = app.marks.trusted.has(app.range?.[0] ?? 0) ? "F" : "R"; // F leaves out what is before
    return `Press ${key} to track it through the video${key === "R" ? " (F: only forward)" : ""}.`;
  }
}

function time(seconds) {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
