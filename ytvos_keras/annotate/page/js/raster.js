// Drawing on label maps: Uint8Arrays of width * height, one label for each pixel. No DOM here.
// Every drawing function returns the box that it may have changed, {left, top, right, bottom} with
// right and bottom exclusive, or null. `only`: the label whose pixels it may change, 0 for all.

const clampBox = (box, width, height) => {
  const left = Math.max(0, Math.floor(box.left));
  const top = Math.max(0, Math.floor(box.top));
  const right = Math.min(width, Math.ceil(box.right));
  const bottom = Math.min(height, Math.ceil(box.bottom));
  return left < right && top < bottom ? { left, top, right, bottom } : null;
};

export function unite(a, b) {
  if (!a || !b) return a ?? b;
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  };
}

// Fills a polygon, [[x, y], …] in pixels, by the even-odd rule at pixel centres.
export function fillPolygon(labels, width, height, points, label, only = 0) {
  if (points.length < 3) return null;
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, top, right, bottom] = [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
  const box = clampBox({ left, top, right, bottom }, width, height);
  if (!box) return null;
  for (let y = box.top; y < box.bottom; y++) {
    const cuts = crossings(points, y + 0.5);
    for (let n = 0; n + 1 < cuts.length; n += 2) {
      const from = Math.max(box.left, Math.ceil(cuts[n] - 0.5));
      const to = Math.min(box.right, Math.ceil(cuts[n + 1] - 0.5));
      for (let i = y * width + from; i < y * width + to; i++) if (!only || labels[i] === only) labels[i] = label;
    }
  }
  return box;
}

function crossings(points, y) {
  const cuts = [];
  let [x0, y0] = points[points.length - 1];
  for (const [x1, y1] of points) {
    if (y0 <= y !== y1 <= y) cuts.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
    [x0, y0] = [x1, y1];
  }
  return cuts.sort((a, b) => a - b);
}

// Draws a line with a round pen.
export function drawLine(labels, width, height, [x0, y0], [x1, y1], diameter, label, only = 0) {
  const radius = Math.max(0.5, diameter / 2);
  const bounds = {
    left: Math.min(x0, x1) - radius, top: Math.min(y0, y1) - radius,
    right: Math.max(x0, x1) + radius + 1, bottom: Math.max(y0, y1) + radius + 1,
  };
  const box = clampBox(bounds, width, height);
  if (!box) return null;
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  for (let y = box.top; y < box.bottom; y++) {
    for (let x = box.left; x < box.right; x++) {
      if (only && labels[y * width + x] !== only) continue;
      const [px, py] = [x + 0.5 - x0, y + 0.5 - y0];
      const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const [ex, ey] = [px - along * dx, py - along * dy];
      if (ex * ex + ey * ey <= radius * radius) labels[y * width + x] = label;
    }
  }
  return box;
}

// Relabels the connected area of equal labels around a pixel.
export function floodFill(labels, width, height, [x, y], label, only = 0) {
  x = Math.floor(x);
  y = Math.floor(y);
  if (x < 0 || y < 0 || x >= width || y >= height) return null;
  const old = labels[y * width + x];
  if (old === label || (only && old !== only)) return null;
  const box = { left: x, top: y, right: x + 1, bottom: y + 1 };
  const rows = [[x, y]];
  while (rows.length) {
    const [cx, cy] = rows.pop();
    const row = cy * width;
    if (labels[row + cx] !== old) continue;
    let from = cx;
    let to = cx + 1;
    while (from > 0 && labels[row + from - 1] === old) from--;
    while (to < width && labels[row + to] === old) to++;
    labels.fill(label, row + from, row + to);
    box.left = Math.min(box.left, from);
    box.right = Math.max(box.right, to);
    box.top = Math.min(box.top, cy);
    box.bottom = Math.max(box.bottom, cy + 1);
    for (const other of [cy - 1, cy + 1]) {
      if (other < 0 || other >= height) continue;
      for (let px = from; px < to; px++) {
        const starts = px === from || labels[other * width + px - 1] !== old;
        if (starts && labels[other * width + px] === old) rows.push([px, other]);
      }
    }
  }
  return box;
}

// The labels inside a box, row by row.
export function cut(labels, width, { left, top, right, bottom }) {
  const patch = new Uint8Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) {
    patch.set(labels.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  }
  return patch;
}

// Replaces the pixels of a box in which two patches differ. Others may have changed since these were cut.
export function paste(labels, width, { left, top, right, bottom }, was, is) {
  for (let y = top, n = 0; y < bottom; y++) {
    for (let x = left; x < right; x++, n++) {
      if (was[n] !== is[n]) labels[y * width + x] = is[n];
    }
  }
}

// The smallest box in which two patches of a box differ, or null.
export function shrink(box, before, after) {
  const width = box.right - box.left;
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (let i = 0; i < before.length; i++) {
    if (before[i] === after[i]) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    left = Math.min(left, x);
    right = Math.max(right, x + 1);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  if (right < 0) return null;
  return { left: box.left + left, top: box.top + top, right: box.left + right, bottom: box.top + bottom };
}

// Replaces labels by 0.
export function clearLabels(labels, ids) {
  if (!ids.length) return;
  for (let i = 0; i < labels.length; i++) if (ids.includes(labels[i])) labels[i] = 0;
}

// The labels that gained or lost pixels.
export function changedLabels(before, after) {
  const changed = new Set();
  before.forEach((label, i) => {
    if (label !== after[i]) changed.add(label).add(after[i]);
  });
  changed.delete(0);
  return changed;
}
