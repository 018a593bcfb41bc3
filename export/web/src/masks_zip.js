// Writes the masks as palette PNGs to a zip file, with names and colours as from ytvos-segment.
import { zip, zlibSync } from "../lib/fflate.mjs";

export async function zipMasks(backend, onProgress) {
  const { width, height } = backend.video;
  const files = {};
  const indexes = [...backend.masks.keys()].sort((a, b) => a - b);
  for (const [done, index] of indexes.entries()) {
    files[`${String(index).padStart(5, "0")}.png`] = [palettePng(backend.labels(index), width, height), { level: 0 }];
    if (done % 10 === 0) {
      onProgress(done, indexes.length);
      await new Promise(next => setTimeout(next));
    }
  }
  return new Promise((done, failed) => {
    zip(files, (error, data) => (error ? failed(error) : done(new Blob([data], { type: "application/zip" }))));
  });
}

function palettePng(labels, width, height) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8); // bit depth
  header.setUint8(9, 3); // colour type: palette
  const rows = new Uint8Array(height * (width + 1)); // each row after its filter type, 0 for none
  for (let y = 0; y < height; y++) rows.set(labels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const signature = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
  const chunks = [
    chunk("IHDR", new Uint8Array(header.buffer)),
    chunk("PLTE", davisPalette()),
    chunk("IDAT", zlibSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  return concat([signature, ...chunks]);
}

function chunk(name, data) {
  const body = concat([new TextEncoder().encode(name), data]);
  const number = value => {
    const view = new DataView(new ArrayBuffer(4));
    view.setUint32(0, value);
    return new Uint8Array(view.buffer);
  };
  return concat([number(data.length), body, number(crc32(body))]);
}

function concat(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

// The bits of an id are distributed over red, green and blue in turn, from the highest bit of the colour down.
function davisPalette() {
  const palette = new Uint8Array(3 * 256);
  for (let id = 0; id < 256; id++) {
    for (let bit = 0; bit < 8; bit++) palette[3 * id + (bit % 3)] |= ((id >> bit) & 1) << (7 - Math.floor(bit / 3));
  }
  return palette;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}
