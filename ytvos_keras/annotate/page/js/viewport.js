// Where the frame lies on the canvas: zoom and pan. No DOM here.
const MOST = 40; // canvas pixels per video pixel

export class Viewport {
  scale = 1; // canvas pixels per video pixel
  left = 0; // of the frame on the canvas
  top = 0;
  fitted = true; // follow the size of the canvas

  resize(canvas, video) {
    [this.canvas, this.video] = [canvas, video];
    if (this.fitted) this.fit();
    else this.#keepInside();
  }

  fit() {
    const { canvas, video } = this;
    this.scale = Math.min(canvas.width / video.width, canvas.height / video.height);
    this.left = (canvas.width - video.width * this.scale) / 2;
    this.top = (canvas.height - video.height * this.scale) / 2;
    this.fitted = true;
  }

  // Zooms so that the point of the video under (x, y) of the canvas stays there.
  zoom(factor, x = this.canvas.width / 2, y = this.canvas.height / 2) {
    const { canvas, video } = this;
    const least = Math.min(canvas.width / video.width, canvas.height / video.height);
    const scale = Math.min(MOST, Math.max(least, this.scale * factor));
    if (scale <= least) return this.fit();
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
    this.#keepInside();
  }

  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.fitted = false;
    this.#keepInside();
  }

  toVideo(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  #keepInside() {
    const keep = (start, size, room) =>
      size <= room ? (room - size) / 2 : Math.min(room / 2, Math.max(room / 2 - size, start));
    this.left = keep(this.left, this.video.width * this.scale, this.canvas.width);
    this.top = keep(this.top, this.video.height * this.scale, this.canvas.height);
  }
}
