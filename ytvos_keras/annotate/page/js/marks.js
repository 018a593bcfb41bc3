// What is known about every frame: trusted objects, predictions, confidence. No DOM here.
export const DOUBTFUL = 0.7; // expected J below which a frame is worth a look

// Converts a JSON object, whose keys are strings, to a Map with numbers as keys.
export const byNumber = table => new Map(Object.entries(table ?? {}).map(([key, value]) => [Number(key), value]));

export class Marks {
  // confidence: JSON object of index → that of `predict`.
  constructor({ trusted = {}, confidence = {} } = {}) {
    this.trusted = new Map([...byNumber(trusted)].map(([index, ids]) => [index, new Set(ids)]));
    this.predicted = new Map(); // index → Set of ids
    this.confidence = new Map(); // index → Map of id → expected J, where known, of objects that are not trusted
    for (const [index, byId] of byNumber(confidence)) this.predict(index, byId);
  }

  trustedIn(index) {
    return this.trusted.get(index) ?? new Set();
  }

  trust(index, ids) {
    if (ids.size) this.trusted.set(index, ids);
    else this.trusted.delete(index);
    this.#keep(index, this.confidence.get(index) ?? new Map());
  }

  // An object was deleted.
  forget(id) {
    for (const [index, ids] of this.trusted) this.trust(index, new Set([...ids].filter(other => other !== id)));
    for (const [index, confidence] of this.confidence) {
      confidence.delete(id);
      this.#keep(index, confidence);
    }
    for (const ids of this.predicted.values()) ids.delete(id);
  }

  // confidence: JSON object of id → expected J of every predicted object, null where it is not known.
  predict(index, confidence) {
    const byId = byNumber(confidence);
    this.predicted.set(index, new Set(byId.keys()));
    this.#keep(index, new Map([...byId].filter(([, sure]) => sure !== null)));
  }

  #keep(index, confidence) {
    const trusted = this.trustedIn(index);
    const rest = [...confidence].filter(([id]) => !trusted.has(id));
    if (rest.length) this.confidence.set(index, new Map(rest));
    else this.confidence.delete(index);
  }

  // The object of a frame that the model is least sure of, as [id, expected J], or [] if it is not known.
  worst(index) {
    const known = [...(this.confidence.get(index) ?? [])];
    return known.length ? known.reduce((a, b) => (b[1] < a[1] ? b : a)) : [];
  }

  // "poor", "fair" or "good" according to the worst object, "trusted", "predicted" (with unknown confidence), or
  // "empty". Doubt about one object matters more than trust in another.
  kind(index) {
    const [, confidence] = this.worst(index);
    if (confidence < DOUBTFUL) return "poor";
    if (confidence < 0.85) return "fair";
    if (this.trusted.has(index)) return "trusted";
    if (!this.predicted.has(index)) return "empty";
    return confidence === undefined ? "predicted" : "good";
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
      if (this.worst(rest[n])[1] < this.worst(worst)[1]) worst = rest[n];
    }
    return worst;
  }

  nextTrusted(index) {
    const all = [...this.trusted.keys()].sort((a, b) => a - b);
    return all.find(i => i > index) ?? all[0];
  }
}
