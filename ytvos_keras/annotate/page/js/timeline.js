// The strip below the frame: thumbnails, what is known about every frame, the range, scrubbing.
const BAR = 20; // CSS pixels of the coloured bar
const LOW = 0.6; // height of the bar, except in doubtful frames, so that colour is not the only cue
const ORDER = ["poor", "trusted", "fair", "predicted", "good", "empty"]; // the first that occurs is shown
const MOST_THUMBNAILS = 40;

export class Timeline {
  #thumbnails = new Map();
  #asked = 0;
  #loading = 0; // number of the latest round of loading; older rounds stop

  constructor(app, canvas) {
    Object.assign(this, { app, canvas, pen: canvas.getContext("2d") });
    new ResizeObserver(() => this.#reload()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.render());
    app.addEventListener("change", ({ detail }) => {
      if (detail === "video") {
        this.#thumbnails.clear();
        this.#reload();
      }
      if (["frame", "marks"].includes(detail)) this.render();
    });
    canvas.addEventListener("pointerdown", event => {
      canvas.setPointerCapture(event.pointerId);
      this.#scrub(event);
    });
    canvas.addEventListener("pointermove", event => canvas.hasPointerCapture(event.pointerId) && this.#scrub(event));
  }

  #scrub(event) {
    const { app, canvas } = this;
    if (!app.video) return;
    const box = canvas.getBoundingClientRect();
    app.playing = false;
    app.goTo(Math.floor(((event.clientX - box.left) / box.width) * app.video.count));
  }

  async #reload() {
    const { app, canvas } = this;
    const ratio = devicePixelRatio || 1;
    Object.assign(canvas, { width: canvas.clientWidth * ratio, height: canvas.clientHeight * ratio });
    this.render();
    const round = ++this.#loading;
    if (!app.video) return;
    const places = this.#places();
    const near = Math.floor(app.video.count / places.length / 2);
    for (const index of places) {
      if (this.#thumbnails.has(index)) continue;
      const picture = await app.backend.thumbnail(index, near).catch(() => null); // the current frame reports errors
      if (round !== this.#loading) return;
      if (picture) this.#thumbnails.set(index, picture);
      this.render();
    }
  }

  // The frames whose thumbnails are shown, side by side.
  #places() {
    const { canvas, app } = this;
    const wide = ((canvas.clientHeight - BAR) * app.video.width) / app.video.height;
    const room = Math.max(1, Math.ceil(canvas.clientWidth / Math.max(24, wide)));
    const number = Math.min(room, app.video.count, MOST_THUMBNAILS);
    return Array.from({ length: number }, (_, n) => Math.floor(((n + 0.5) * app.video.count) / number));
  }

  render() {
    if (this.#asked) return;
    this.#asked = requestAnimationFrame(() => {
      this.#asked = 0;
      this.#paint();
    });
  }

  #paint() {
    const { pen, canvas, app } = this;
    const { width, height } = canvas;
    pen.clearRect(0, 0, width, height);
    if (!app.video || !width) return;
    const bar = height - BAR * (devicePixelRatio || 1);
    this.#paintThumbnails(width, bar);
    const colours = this.#resolved();
    const { count } = app.video;
    for (let x = 0, next; x < width; x = next) {
      const from = Math.floor((x * count) / width);
      next = Math.max(x + 1, Math.ceil(((from + 1) * width) / count));
      const to = Math.max(from + 1, Math.floor((next * count) / width));
      const kind = this.#kind(from, Math.min(count, to));
      const tall = Math.round((kind === "poor" ? 1 : LOW) * (height - bar));
      pen.fillStyle = colours[kind];
      pen.fillRect(x, height - tall, next - x, tall);
    }
    this.#paintTrusted(width, bar, height, colours);
    this.#paintRange(width, bar, colours);
    pen.fillStyle = colours.head;
    const at = ((app.index + 0.5) * width) / count;
    pen.fillRect(Math.round(at) - 1, 0, 3, height);
    this.#describe();
  }

  #paintThumbnails(width, height) {
    const { pen } = this;
    const places = this.#places();
    const room = width / places.length;
    places.forEach((index, n) => {
      const picture = this.#thumbnails.get(index);
      if (!picture) return;
      const scale = Math.max(room / picture.width, height / picture.height);
      const [w, h] = [room / scale, height / scale];
      const [x, y] = [(picture.width - w) / 2, (picture.height - h) / 2];
      pen.drawImage(picture, x, y, w, h, n * room, 0, room, height);
    });
  }

  // The most important kind among frames that share a column.
  #kind(from, to) {
    let best = ORDER.length - 1;
    for (let index = from; index < to && best; index++) {
      best = Math.min(best, ORDER.indexOf(this.app.marks.kind(index)));
    }
    return ORDER[best];
  }

  // A triangle above each trusted frame, so that colour is not the only cue.
  #paintTrusted(width, bar, height, colours) {
    const { pen, app } = this;
    const size = (height - bar) / 2;
    pen.fillStyle = colours.trusted;
    for (const index of app.marks.trusted.keys()) {
      const middle = ((index + 0.5) * width) / app.video.count;
      const x = Math.min(width - size / 2, Math.max(size / 2, middle)); // whole at both ends
      pen.beginPath();
      pen.moveTo(x, bar + 2);
      pen.lineTo(x - size / 2, bar - size + 2);
      pen.lineTo(x + size / 2, bar - size + 2);
      pen.fill();
      pen.strokeStyle = colours.edge;
      pen.stroke();
    }
  }

  #paintRange(width, bar, colours) {
    const { pen, app } = this;
    if (!app.range) return;
    const [from, to] = app.range.map(index => (index * width) / app.video.count);
    pen.fillStyle = colours.shade;
    pen.fillRect(0, 0, from, bar);
    pen.fillRect(to, 0, width - to, bar);
    pen.fillStyle = colours.trusted;
    pen.fillRect(from, bar - 2, to - from, 4);
  }

  #describe() {
    const { canvas, app } = this;
    canvas.ariaValueMin = 0;
    canvas.ariaValueMax = app.video.count - 1;
    canvas.ariaValueNow = app.index;
    canvas.ariaValueText = `frame ${app.index + 1} of ${app.video.count}, ${app.marks.kind(app.index)}`;
  }

  // Resolves the colours of the current theme: canvases do not accept var().
  #resolved() {
    const probe = document.createElement("span");
    this.canvas.parentElement.append(probe);
    const resolve = text => {
      probe.style.color = text;
      return getComputedStyle(probe).color;
    };
    const names = ["empty", "predicted", "good", "fair", "poor"];
    const colours = Object.fromEntries(names.map(name => [name, resolve(`var(--${name})`)]));
    colours.trusted = resolve("var(--accent)");
    colours.head = resolve("var(--text)");
    colours.edge = resolve("var(--panel)");
    colours.shade = "rgb(0 0 0 / .55)";
    probe.remove();
    return colours;
  }
}
