// The masks in colour: a canvas of the video's size, tinted inside and opaque at the contours.
export class Overlay {
  canvas = document.createElement("canvas");
  #context = this.canvas.getContext("2d");

  // Colours the labels in a box, or all of them.
  draw(labels, { width, height }, objects, hidden, opacity, box = null) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
      box = null;
    }
    const area = box ? grow(box, width, height) : { left: 0, top: 0, right: width, bottom: height };
    const [tints, lines] = [255 * opacity, 255].map(alpha => colours(objects, hidden, alpha));
    const image = this.#context.createImageData(area.right - area.left, area.bottom - area.top);
    const pixels = new Uint32Array(image.data.buffer);
    let place = 0;
    for (let y = area.top; y < area.bottom; y++) {
      for (let x = area.left, i = y * width + x; x < area.right; x++, i++, place++) {
        const label = labels[i];
        if (!label) continue;
        const edge =
          (x > 0 && labels[i - 1] !== label) || (x < width - 1 && labels[i + 1] !== label) ||
          (y > 0 && labels[i - width] !== label) || (y < height - 1 && labels[i + width] !== label);
        pixels[place] = edge ? lines[label] : tints[label];
      }
    }
    this.#context.putImageData(image, area.left, area.top);
  }
}

// A contour next to the box may have appeared or disappeared.
const grow = ({ left, top, right, bottom }, width, height) => ({
  left: Math.max(0, left - 1),
  top: Math.max(0, top - 1),
  right: Math.min(width, right + 1),
  bottom: Math.min(height, bottom + 1),
});

// A colour for each label, as RGBA bytes in a number (browsers run on little-endian machines).
function colours(objects, hidden, alpha) {
  const table = new Uint32Array(256);
  for (const [id, { colour }] of objects) {
    if (hidden.has(id)) continue;
    const [r, g, b] = [1, 3, 5].map(i => parseInt(colour.slice(i, i + 2), 16));
    table[id] = (Math.round(alpha) << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}
