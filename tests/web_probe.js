// Put into a copy of the page: does what a person would do, and sends what the model saw and found.
import "./page.js";

const FRAMES = 6;
const element = id => document.getElementById(id);
const send = (path, body, headers = {}) => fetch(path, { method: "POST", body, headers });
const until = async condition => {
  while (!condition()) await new Promise(done => setTimeout(done, 50));
};

addEventListener("error", event => send("error", String(event.message)));
addEventListener("unhandledrejection", event => send("error", String(event.reason)));
addEventListener("securitypolicyviolation", event => send("error", `policy: ${event.blockedURI}`));

let count = 0;
let sent = Promise.resolve();
document.addEventListener("segmented", ({ detail }) => {
  if (count++ >= FRAMES) return;
  const { image, labels, width, height } = detail;
  sent = sent.then(() => send(`frame?width=${width}&height=${height}`, new Blob([image, labels])));
  if (count === FRAMES) element("stop").click();
});

async function visit() {
  await until(() => !element("status").textContent.startsWith("Loading"));
  const blob = await (await fetch("clip.mp4")).blob();
  const files = new DataTransfer();
  files.items.add(new File([blob], "clip.mp4", { type: "video/mp4" }));
  element("file").files = files.files;
  element("file").dispatchEvent(new Event("change"));
  await until(() => !element("start").disabled);
  for (const [number, box] of Object.entries(await (await fetch("boxes.json")).json())) {
    element("object").value = number;
    draw(box);
  }
  element("start").click();
  await until(() => count >= FRAMES && element("stop").disabled);
  await sent;
  const found = { status: element("status").textContent, speed: element("speed").textContent };
  await send("done", JSON.stringify(found));
}

// A rectangle, in fractions of the picture.
function draw([left, top, right, bottom]) {
  const overlay = element("overlay");
  overlay.setPointerCapture = () => {}; // there is no such pointer
  const box = overlay.getBoundingClientRect();
  const at = (type, x, y) => overlay.dispatchEvent(
    new PointerEvent(type, { clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  at("pointerdown", left, top);
  at("pointermove", right, top);
  at("pointermove", right, bottom);
  at("pointermove", left, bottom);
  at("pointerup", left, bottom);
}

visit().catch(error => send("error", String(error)));
