// What is known about every frame: trusted objects, predictions, confidence. No DOM here.
export const DOUBTFUL = 0.7; // expected J below which a frame is worth a look

// Converts a JSON object, whose keys are strings, to a Map with numbers as keys.
export const byNumber = table => new Map(Object.entries(table ?? {}).map(([key, value]) => [Number(key), value]));

export class Marks {
  constructor({ trusted = {}, predicted = [], confidence = {} } = {}) {
    this.trusted = new Map([...byNumber(trusted)].map(([index, ids]) => [index, new Set(ids)]));
    this.predicted = new Set(predicted);
    this.confidence = byNumber(confidence);
  }

  trustedIn(index) {
    return this.trusted.get(index) ?? new Set();
  }

  trust(index, ids) {
    if (ids.size) this.trusted.set(index, ids);
    else this.trusted.delete(index);
  }

  // An object was deleted.
  forget(id) {
    for (const [index, ids] of this.trusted) this.trust(index, new Set([...ids].filter(other => other !== id)));
  }

  predict(index, confidence) {
    this.predicted.add(index);
    if (confidence === null) this.confidence.delete(index);
    else this.confidence.set(index, confidence);
  }

  // "trusted", "poor", "fair", "good", "predicted" (with unknown confidence), or "empty".
  kind(index) {
    if (this.trusted.has(index)) return "trusted";
    if (!this.predicted.has(index)) return "empty";
    const confidence = this.confidence.get(index);
    if (confidence === undefined) return "predicted";
    return confidence < DOUBTFUL ? "poor" : confidence < 0.85 ? "fair" : "good";
  }

  // The worst frame of the next run of doubtful frames after a frame, wrapping around at the end;
  // undefined if there is no other run.
  nextDoubtful(index) {
    const doubtful = [...this.confidence.keys()].filter(i => this.kind(i) === "poor").sort((a, b) => a - b);
    const here = doubtful.indexOf(index);
    let rest = doubtful;
    if (here >= 0) {
      let [start, end] = [here, here]; // of the run that contains the frame
      while (doubtful[start - 1] === doubtful[start] - 1) start--;
      while (doubtful[end + 1] === doubtful[end] + 1) end++;
      rest = [...doubtful.slice(end + 1), ...doubtful.slice(0, start)];
    } else {
      rest = [...doubtful.filter(i => i > index), ...doubtful.filter(i => i < index)];
    }
    let worst = rest[0];
    for (let n = 1; n < rest.length && rest[n] === rest[n - 1] + 1; n++) {
      if (this.confidence.get(rest[n]) < this.confidence.get(worst)) worst = rest[n];
    }
    return worst;
  }

  nextTrusted(index) {
    const all = [...this.trusted.keys()].sort((a, b) => a - b);
    return all.find(i => i > index) ?? all[0];
  }
}
