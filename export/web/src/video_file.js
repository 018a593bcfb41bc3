// Random access to the frames of a video file, decoded by the browser (WebCodecs).
import { ALL_FORMATS, BlobSource, EncodedPacketSink, Input, VideoSampleSink } from "../lib/mediabunny.mjs";

const KEPT = 64e6; // bytes of decoded frames

export class VideoFile {
  #kept = new Map();
  #walk = null; // iterator of samples in order
  #next = 0; // the frame that it yields next
  #work = Promise.resolve(); // one reader at a time

  static async open(file) {
    if (!globalThis.isSecureContext) throw new Error("Browsers decode video only on secure pages; open this page over HTTPS or localhost.");
    if (!globalThis.VideoDecoder) throw new Error("This browser cannot decode single frames (no WebCodecs).");
    const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
    const track = await input.getPrimaryVideoTrack().catch(() => null);
    if (!track) throw new Error(`${file.name}: no video that this browser can open.`);
    if (!(await track.canDecode())) throw new Error(`${file.name}: this browser cannot decode ${track.codec ?? "its codec"}.`);
    const packets = [];
    for await (const packet of new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true })) {
      if (packet.timestamp >= 0) packets.push(packet); // an edit list cuts off earlier ones; its end is ignored
    }
    if (!packets.length) throw new Error(`${file.name}: no frame of this video is shown.`);
    packets.sort((a, b) => a.timestamp - b.timestamp);
    const times = packets.map(packet => packet.timestamp);
    const keys = [...packets.keys()].filter(index => packets[index].type === "key");
    return new VideoFile(file.name, input, track, times, keys);
  }

  // times: of all frames, in seconds; keys: indexes of the key frames.
  constructor(name, input, track, times, keys) {
    Object.assign(this, { name, input, track, times, keys });
    this.count = times.length;
    // As in ytvos_keras.media, pixels count as square, so that masks have the size of the decoded frames.
    const size = [track.codedWidth, track.codedHeight];
    [this.width, this.height] = track.rotation % 180 ? size.reverse() : size;
    const seconds = times.at(-1) - times[0];
    this.fps = seconds > 0 ? (times.length - 1) / seconds : null;
    this.sink = new VideoSampleSink(track);
  }

  // The same video with a separate decoder and cache.
  again() {
    return new VideoFile(this.name, this.input, this.track, this.times, this.keys);
  }

  // The nearest key frame at or before a frame.
  keyBefore(index) {
    return this.keys.findLast(key => key <= index) ?? 0;
  }

  // An ImageBitmap of a frame, at most `width` pixels wide.
  async picture(index, width = null) {
    const bitmap = await this.frame(index);
    if (!width || width >= this.width) return createImageBitmap(bitmap);
    return createImageBitmap(bitmap, { resizeWidth: width, resizeHeight: Math.max(1, Math.round((width * this.height) / this.width)), resizeQuality: "medium" });
  }

  // A frame, which is owned by this object.
  frame(index) {
    const work = this.#work.then(() => this.#kept.get(index) ?? this.#decode(index));
    this.#work = work.catch(() => {});
    return work;
  }

  async #decode(index) {
    // Decoding a few frames on the way costs less than starting from a key frame.
    if (!this.#walk || index < this.#next || index > this.#next + 30) {
      await this.#walk?.return();
      this.#walk = this.sink.samples(this.times[index]);
      this.#next = index;
    }
    try {
      for (;;) {
        const { value: sample, done } = await this.#walk.next();
        if (done) throw new Error(`${this.name}: frame ${index} cannot be decoded.`);
        const bitmap = await this.#bitmap(sample);
        this.#keep(this.#next, bitmap);
        if (this.#next++ === index) return bitmap;
      }
    } catch (error) {
      this.#walk = null; // it yields nothing more
      throw error;
    }
  }

  async #bitmap(sample) {
    const canvas = new OffscreenCanvas(this.width, this.height);
    sample.draw(canvas.getContext("2d"), 0, 0, this.width, this.height); // rotated as the file says
    sample.close();
    return canvas.transferToImageBitmap();
  }

  #keep(index, bitmap) {
    this.#kept.set(index, bitmap);
    const most = Math.max(4, Math.floor(KEPT / (4 * this.width * this.height)));
    while (this.#kept.size > most) this.#kept.delete(this.#kept.keys().next().value);
  }

  close() {
    this.#walk?.return();
    this.input.dispose();
  }
}
