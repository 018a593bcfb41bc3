// The current frame: painting it, and handling the pointer on it.
import { Overlay } from "./overlay.js";
import { TOOLS } from "./tools.js";
import { Viewport } from "./viewport.js";

const REACH = 8; // CSS pixels around the first corner that close a polygon, with the mouse or a pen
const FINGERS = 3; // times as many for fingers
const SIZES = [512, 1024, 2048, 4096]; // widths at which frames are requested

export class Stage {
  #overlay = new Overlay();
  #viewport = new Viewport();
  #work = null; // the tool in use
  #touches = new Map();
  #fresh = false; // whether the finger that is down has just changed the polygon
  #drag = null;
  #asked = 0;
  #cursor = null;
  #stale = false; // whether the overlay must be coloured before it is painted

  constructor(app, section) {
    this.app = app;
    this.section = section;
    this.canvas = section.querySelector("canvas");
    this.pen = this.canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(section);
    app.addEventListener("change", ({ detail }) => this.#onChange(detail));
    for (const type of ["down", "move", "up", "cancel", "leave"]) {
      this.canvas.addEventListener(`pointer${type}`, event => this[`_${type}`](event));
    }
    // Without a pointerup, such as when a dialog opens during a stroke.
    this.canvas.addEventListener("lostpointercapture", event => this.#touches.has(event.pointerId) && this._cancel(event));
    this.canvas.addEventListener("wheel", event => this.#wheel(event), { passive: false });
    this.canvas.addEventListener("contextmenu", event => event.preventDefault());
  }

  #onChange(what) {
    const { app } = this;
    this.canvas.setAttribute("aria-busy", String(!app.picture || Boolean(app.preview))); // cannot be drawn on
    if (what === "video") {
      this.cancel();
      this.#viewport.fitted = true;
      this.#resize();
    }
    const id = this.#work?.label || this.#work?.only;
    if (what === "objects" && id && !app.objects.has(id)) this.cancel(); // was deleted
    if (["frame", "labels"].includes(what)) this.#recolour();
    if (what === "preview") this.render();
    if (what === "tool") this.canvas.style.cursor = app.tool === "pan" ? "grab" : "crosshair";
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.section;
    Object.assign(this.canvas, { width: clientWidth * ratio, height: clientHeight * ratio });
    if (!this.app.video || !clientWidth) return this.render();
    this.#viewport.resize(this.canvas, this.app.video);
    this.#chooseSize();
    this.render();
  }

  // Requests frames no larger than needed for display.
  #chooseSize() {
    const { app } = this;
    const shown = app.video.width * this.#viewport.scale;
    const width = SIZES.find(size => size >= shown) ?? Infinity;
    if (app.pictures.resize(width < app.video.width ? width : null) && app.picture) {
      app.goTo(app.wanted?.index ?? app.index, true);
    }
  }

  // All labels, once before they are painted: at 4K it takes a while.
  #recolour() {
    this.#stale = true;
    this.render();
  }

  #colour(box = null) {
    const { app } = this;
    if (!app.video || app.labels.length !== app.video.width * app.video.height) return;
    this.#overlay.draw(app.labels, app.video, app.objects, app.hidden, app.opacity, box);
  }

  render() {
    if (this.#asked) return;
    this.#asked = requestAnimationFrame(() => {
      this.#asked = 0;
      this.#paint();
    });
  }

  #paint() {
    const { pen, app } = this;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!app.video || !app.picture) return;
    const { scale, left, top } = this.#viewport;
    const { width, height } = app.video;
    pen.setTransform(scale, 0, 0, scale, left, top);
    pen.imageSmoothingEnabled = scale < 3;
    pen.drawImage(app.preview ?? app.picture, 0, 0, width, height);
    if (app.preview) return;
    if (this.#stale) this.#colour();
    this.#stale = false;
    pen.drawImage(this.#overlay.canvas, 0, 0);
    pen.lineWidth = (1.5 * (devicePixelRatio || 1)) / scale;
    if (this.#work?.points) this.#paintLine(this.#work);
    if (this.#cursor && ["brush", "eraser", "scribble"].includes(app.tool)) this.#paintBrush();
  }

  #paintLine({ points, hover, diameter, label }) {
    const { pen } = this;
    const path = new Path2D();
    [...points, ...(hover ? [hover] : [])].forEach(([x, y]) => path.lineTo(x, y));
    if (diameter) return this.#paintScribble(path, diameter, label);
    this.#stroke(path);
    if (!hover) return;
    const corner = (4 * (devicePixelRatio || 1)) / this.#viewport.scale;
    pen.fillStyle = "#fff";
    for (const [x, y] of points) pen.fillRect(x - corner / 2, y - corner / 2, corner, corner);
  }

  // Bright on the object, dark elsewhere.
  #paintScribble(path, diameter, label) {
    const { pen } = this;
    pen.save();
    pen.strokeStyle = label ? "rgb(255 255 255 / .6)" : "rgb(0 0 0 / .6)";
    Object.assign(pen, { lineWidth: diameter, lineCap: "round", lineJoin: "round" });
    pen.stroke(path);
    pen.restore();
  }

  #paintBrush() {
    const path = new Path2D();
    path.arc(...this.#cursor, this.app.brush / 2, 0, 2 * Math.PI);
    this.#stroke(path);
  }

  // White on black, which is visible on every image.
  #stroke(path) {
    const { pen } = this;
    pen.save();
    pen.lineWidth *= 2;
    pen.strokeStyle = "rgb(0 0 0 / .6)";
    pen.stroke(path);
    pen.restore();
    pen.strokeStyle = "#fff";
    pen.stroke(path);
  }

  // ---- pointer

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
  }

  _down(event) {
    const { app } = this;
    if (!app.picture || app.preview) return;
    this.section.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    const place = this.#place(event);
    this.#touches.set(event.pointerId, place);
    if (this.#touches.size === 2) { // two fingers zoom
      if (!this.#work?.back) this.cancel();
      else if (this.#fresh) this.back();
      this.#fresh = false;
    }
    if (this.#touches.size > 1) return;
    if (app.tool === "pan" || event.button === 1 || event.button === 2) {
      this.#drag = place;
      return;
    }
    if (!app.object) {
      app.fail("Add an object first (N).");
      return;
    }
    if (app.adding) {
      app.fail("The new object is being added; draw again in a moment.");
      return;
    }
    app.drawing = true;
    app.playing = false;
    this.#work ??= TOOLS[app.tool].make(app, event.altKey ? 0 : app.object);
    app.show(this.#work.label || this.#work.only);
    const near = (REACH * this.canvas.width) / this.canvas.clientWidth / this.#viewport.scale;
    const reach = event.pointerType === "touch" ? FINGERS * near : near;
    this.#changed(this.#work.down(this.#viewport.toVideo(...place), reach, near));
    this.#fresh = true;
  }

  _move(event) {
    const place = this.#place(event);
    if (this.#touches.size === 2 && this.#touches.has(event.pointerId)) return this.#pinch(event, place);
    this.#cursor = this.#viewport.video ? this.#viewport.toVideo(...place) : null;
    if (this.#drag) {
      this.#viewport.pan(place[0] - this.#drag[0], place[1] - this.#drag[1]);
      this.#drag = place;
    } else if (this.#work) {
      const all = event.getCoalescedEvents?.() ?? [];
      const passed = this.#work.points && !this.#work.back && all.length ? all : [event];
      for (const one of passed) this.#changed(this.#work.move(this.#viewport.toVideo(...this.#place(one))));
    }
    this.render();
  }

  _up(event) {
    this.#touches.delete(event.pointerId);
    this.#fresh = false;
    this.#drag = null;
    if (this.#work?.up()) this.#end();
    this.render();
  }

  _cancel(event) {
    this.#touches.delete(event.pointerId);
    this.#fresh = false;
    this.cancel();
  }

  _leave() {
    this.#cursor = null;
    this.render();
  }

  // A stroke's box is coloured at once; other tools only show their line.
  #changed(box) {
    if (box) this.#colour(box);
    this.render();
  }

  #end() {
    this.#work = null;
    this.app.drawing = false;
  }

  cancel() {
    this.#drag = null;
    const work = this.#work;
    if (!work) return false;
    this.#end();
    work.cancel();
    this.app.takeNewer();
    this.#recolour();
    return true;
  }

  // Enter: closes a polygon.
  finish() {
    if (this.#work?.finish?.()) this.#end();
  }

  // Backspace: takes back the last corner of a polygon.
  back() {
    if (this.#work?.back && !this.#work.back()) this.cancel();
    this.render();
  }

  #pinch(event, place) {
    const [a, b] = [...this.#touches.values()];
    this.#touches.set(event.pointerId, place);
    const [c, d] = [...this.#touches.values()];
    const span = ([x, y], [u, v]) => Math.max(1, Math.hypot(x - u, y - v));
    const middle = ([x, y], [u, v]) => [(x + u) / 2, (y + v) / 2];
    const [from, to] = [middle(a, b), middle(c, d)];
    this.#viewport.pan(to[0] - from[0], to[1] - from[1]);
    this.zoom(span(c, d) / span(a, b), ...to);
  }

  #wheel(event) {
    event.preventDefault();
    if (this.app.video) this.zoom(1.0015 ** -event.deltaY, ...this.#place(event));
  }

  zoom(factor, ...place) {
    if (!this.app.video) return;
    this.#viewport.zoom(factor, ...place);
    this.#chooseSize();
    this.render();
  }

  fit() {
    if (!this.app.video) return;
    this.#viewport.fit();
    this.#chooseSize();
    this.render();
  }
}
