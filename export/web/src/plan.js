// Plans which frames to compute from which trusted frame, as in ytvos_keras/annotate/propagation_plan.py.

// trusted: Map of index → Map of ids. Returns [{objects, source, frames, step, beyond}]: frames in the order of
// computation, step 1 or -1, and the next trusted frame in that order.
export function plan(trusted, start, stop, direction, isFresh) {
  const chains = [];
  for (const { objects, sources } of groups(trusted)) {
    sources.forEach((source, place) => {
      for (const { frames, ...way } of reaches(source, sources[place - 1], sources[place + 1], start, stop, direction)) {
        const stale = frames.findLastIndex(frame => frame >= start && frame < stop && !isFresh(source, frame, objects));
        if (stale >= 0) chains.push({ objects, source, frames: frames.slice(0, stale + 1), ...way });
      }
    });
  }
  return chains;
}

// Groups the objects that are trusted in the same frames.
function groups(trusted) {
  const frames = new Map();
  for (const index of [...trusted.keys()].sort((a, b) => a - b)) {
    for (const id of trusted.get(index).keys()) frames.set(id, [...(frames.get(id) ?? []), index]);
  }
  const found = new Map();
  for (const [id, sources] of frames) {
    const key = sources.join();
    found.set(key, { objects: [...(found.get(key)?.objects ?? []), id], sources });
  }
  return [...found.values()].sort((a, b) => a.sources[0] - b.sources[0]);
}

function reaches(source, before, after, start, stop, direction) {
  const found = [];
  const both = direction === "both";
  if (direction !== "backward") {
    let last = after === undefined ? stop - 1 : after - 1;
    if (both && after !== undefined) last = Math.floor((source + after) / 2);
    found.push({ frames: range(source + 1, Math.min(last, stop - 1), 1), step: 1, beyond: after });
  }
  if (direction !== "forward") {
    let first = before === undefined ? start : before + 1;
    if (both && before !== undefined) first = Math.floor((before + source) / 2) + 1;
    found.push({ frames: range(source - 1, Math.max(first, start), -1), step: -1, beyond: before });
  }
  return found;
}

const range = (from, to, step) => Array.from({ length: Math.max(0, (to - from) * step + 1) }, (_, n) => from + n * step);
