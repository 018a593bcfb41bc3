// A cache of recently used decoded frames, with bounded memory.
const BYTES = 160e6;

export class Pictures {
  #kept = new Map(); // index → promise of an ImageBitmap, most recently used last
  width = null; // width to request from the backend; null: that of the video

  constructor(backend) {
    this.backend = backend;
  }

  get(index) {
    let picture = this.#kept.get(index);
    this.#kept.delete(index);
    if (!picture) {
      picture = this.backend.picture(index, this.width);
      picture.then(bitmap => this.#drop(bitmap), () => this.#kept.delete(index));
    }
    this.#kept.set(index, picture);
    return picture;
  }

  prefetch(index) {
    if (index < this.backend.summary.video.count) this.get(index).catch(() => {}); // reported when the frame is shown
  }

  // Smaller frames are enough if they are shown smaller than the video.
  resize(width) {
    if (width === this.width) return false;
    this.width = width;
    this.clear();
    return true;
  }

  clear() {
    this.#kept.clear();
  }

  #drop(bitmap) {
    const most = Math.max(3, Math.floor(BYTES / (4 * bitmap.width * bitmap.height)));
    while (this.#kept.size > most) this.#kept.delete(this.#kept.keys().next().value);
  }
}
