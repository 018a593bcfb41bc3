// Compact label maps: pairs of a label and the number of consecutive pixels that have it.

export function encode(labels) {
  const runs = [];
  let from = 0;
  for (let i = 1; i <= labels.length; i++) {
    if (i < labels.length && labels[i] === labels[from]) continue;
    runs.push(labels[from], i - from);
    from = i;
  }
  return Uint32Array.from(runs);
}

export function decode(runs, length) {
  const labels = new Uint8Array(length);
  for (let n = 0, place = 0; n < runs.length; n += 2) {
    labels.fill(runs[n], place, place + runs[n + 1]);
    place += runs[n + 1];
  }
  return labels;
}

// The same label map with 0 in place of a label.
export function without(runs, label) {
  const rest = [];
  for (let n = 0; n < runs.length; n += 2) {
    const value = runs[n] === label ? 0 : runs[n];
    // Joined, as by `encode`, so that equal label maps have equal runs.
    if (rest.at(-2) === value) rest[rest.length - 1] += runs[n + 1];
    else rest.push(value, runs[n + 1]);
  }
  return Uint32Array.from(rest);
}
