// What a person does with the page: choose a video, draw, start, watch.
import { Segmenter } from "./segmenter.js";

const OBJECTS = 3;
const COLOURS = [[0, 0, 0], [224, 112, 46], [61, 133, 198], [106, 168, 79]]; // by label
const FILE_STEP = 1 / 15; // seconds of a video file from one frame to the next
const SMOOTH = 10; // frames over which the speed is averaged

const element = id => document.getElementById(id);
const [video, overlay, status, speed] = ["video", "overlay", "status", "speed"].map(element);
const small = document.createElement("canvas"); // a frame at working size
const filled = document.createElement("canvas"); // an outline, filled
let segmenter = null;
let first = new Uint8Array(0); // what was drawn: a label for each pixel at working size
let live = false; // webcam, not a file
let running = false;

const say = text => { status.textContent = text; };
const context = canvas => canvas.getContext("2d", { willReadFrequently: true });

for (let n = 1; n <= OBJECTS; n++) element("object").add(new Option(n, n));

// ---- choose a video

element("file").addEventListener("change", event => {
  const [file] = event.target.files;
  if (file) open({ src: URL.createObjectURL(file) });
});
element("webcam").addEventListener("click", async () => {
  try {
    open({ srcObject: await navigator.mediaDevices.getUserMedia({ video: true }) });
  } catch (error) {
    say(`No webcam: ${error.message}`);
  }
});

function open(source) {
  running = false;
  live = "srcObject" in source;
  video.srcObject?.getTracks().forEach(track => track.stop());
  video.srcObject = null;
  video.removeAttribute("src");
  Object.assign(video, source);
  if (live) video.play();
}

video.addEventListener("error", () => say("This browser cannot play that video."));
video.addEventListener("loadeddata", () => {
  resize();
  ready();
});

function resize() {
  if (!segmenter || !video.videoWidth) return;
  const [height, width] = segmenter.sizeFor(video.videoHeight, video.videoWidth);
  for (const canvas of [overlay, small, filled]) Object.assign(canvas, { width, height });
  first = new Uint8Array(width * height);
}

function ready() {
  const loaded = segmenter && video.readyState >= 2;
  element("start").disabled = !loaded || running;
  if (loaded && !running) say("Draw a line around the object, then press Start.");
}

// ---- draw the first masks: an outline is filled when the pointer is lifted

let outline = null;

function place(event) {
  const box = overlay.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * overlay.width, ((event.clientY - box.top) / box.height) * overlay.height];
}
overlay.addEventListener("pointerdown", event => {
  if (running || !segmenter) return;
  if (live) video.pause(); // what is drawn belongs to the picture on which it is drawn
  overlay.setPointerCapture(event.pointerId);
  outline = [place(event)];
});
overlay.addEventListener("pointermove", event => {
  if (!outline) return;
  outline.push(place(event));
  show(first, outline);
});
overlay.addEventListener("pointerup", () => {
  if (!outline) return;
  const path = new Path2D();
  outline.forEach(([x, y], n) => (n ? path.lineTo(x, y) : path.moveTo(x, y)));
  const pen = context(filled);
  pen.clearRect(0, 0, filled.width, filled.height);
  pen.fill(path);
  const { data } = pen.getImageData(0, 0, filled.width, filled.height);
  const label = Number(element("object").value);
  first = first.map((old, i) => (data[4 * i + 3] > 127 ? label : old));
  outline = null;
  show(first);
});
element("clear").addEventListener("click", () => {
  first.fill(0);
  if (!running) show(first);
});

function show(labels, line = null) {
  const pen = context(overlay);
  const picture = pen.createImageData(overlay.width, overlay.height);
  labels.forEach((label, i) => {
    if (label) picture.data.set([...(COLOURS[label] ?? COLOURS[1]), 150], 4 * i);
  });
  pen.putImageData(picture, 0, 0);
  if (line) {
    pen.strokeStyle = "white";
    pen.beginPath();
    line.forEach(([x, y]) => pen.lineTo(x, y));
    pen.stroke();
  }
}

// ---- segment

function grab() {
  const pen = context(small);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(video, 0, 0, small.width, small.height);
  const { data } = pen.getImageData(0, 0, small.width, small.height);
  const image = new Uint8Array((data.length / 4) * 3);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    image[j++] = data[i];
    image[j++] = data[i + 1];
    image[j++] = data[i + 2];
  }
  return image;
}

async function nextFrame() {
  if (live) return new Promise(done => requestAnimationFrame(() => done(true)));
  if (video.currentTime + FILE_STEP >= video.duration) return false;
  return new Promise(done => {
    video.addEventListener("seeked", () => done(true), { once: true });
    video.currentTime += FILE_STEP;
  });
}

element("start").addEventListener("click", start);
element("stop").addEventListener("click", () => { running = false; });

async function start() {
  const labels = first.slice();
  const objects = [...new Set(labels)].filter(Boolean).sort();
  if (!objects.length) {
    say("Draw a line around the object first.");
    return;
  }
  running = true;
  element("start").disabled = true;
  element("stop").disabled = false;
  try {
    await follow(labels, objects);
    say("Done.");
  } catch (error) {
    say(`Stopped: ${error.message}`);
  }
  running = false;
  element("stop").disabled = true;
  element("start").disabled = false;
}

async function follow(labels, objects) {
  const { width, height } = small;
  say("Following …");
  const start = grab();
  await segmenter.initialize(start, objects.map(n => labels.map(label => Number(label === n))), height, width);
  if (live) await video.play();
  tell({ image: start, labels, width, height, objects });
  const times = [];
  while (running && (await nextFrame())) {
    const image = grab();
    const begin = performance.now();
    const found = await segmenter.step(image, height, width);
    times.push(performance.now() - begin);
    const seen = found.map(row => (row ? objects[row - 1] : 0));
    show(seen);
    const recent = times.slice(-SMOOTH);
    const perSecond = (1000 * recent.length) / recent.reduce((a, b) => a + b);
    speed.textContent = `${perSecond.toFixed(1)} frames per second`;
    tell({ image, labels: seen, width, height, objects, perSecond });
    await new Promise(done => setTimeout(done)); // let the page be drawn
  }
}

// For other scripts: every frame as the model saw it, and its labels.
function tell(detail) {
  document.dispatchEvent(new CustomEvent("segmented", { detail }));
}

// ---- load

const folder = new URLSearchParams(location.search).get("model") ?? "model";
Segmenter.load(folder, say).then(
  loaded => {
    segmenter = loaded;
    say("Choose a video.");
    resize();
    ready();
  },
  error => say(`The model could not be loaded: ${error.message}`),
);
