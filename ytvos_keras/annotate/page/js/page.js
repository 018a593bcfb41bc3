// Assembles the page for a backend: the server, or one that works in the browser.
import { App } from "./app.js";
import { Exports } from "./exports.js";
import { actionOf, isForElsewhere, KEYS, ONCE } from "./keys.js";
import { Objects } from "./objects.js";
import { Opener } from "./opener.js";
import { Panel } from "./panel.js";
import { remember } from "./place.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { TOOLS } from "./tools.js";

const $ = id => document.getElementById(id);

export async function startPage(backend) {
  const app = new App(backend);
  const stage = new Stage(app, $("stage"));
  const opener = new Opener(app, $("opener"), ask);
  const actions = makeActions(app, stage, opener);
  new Timeline(app, $("timeline"));
  new Objects(app, stage, $("objects"), ask);
  new Panel(app, actions);
  new Exports(app);
  $("keys").querySelector("dl").append(...KEYS.filter(([, , needs]) => app.offers(needs)).flatMap(helpRow));
  addEventListener("keydown", event => {
    const name = actionOf(event);
    const action = actions[name];
    if (!action || isForElsewhere(event)) return;
    event.preventDefault();
    if (event.repeat && ONCE.has(name)) return;
    Promise.resolve(action()).catch(error => app.fail(error));
  });
  addEventListener("beforeunload", event => (app.edits.saving || app.unsaved) && event.preventDefault());
  addEventListener("pagehide", () => app.video && remember(app.video, app.index, app.runs.away));
  app.set({});
  await app.start().catch(error => app.fail(error));
  if (!app.video) await opener.show();
  return app;
}

function makeActions(app, stage, opener) {
  const safe = work => () => app.video && Promise.resolve(work()).catch(error => app.fail(error));
  const run = direction => safe(() => app.runs.start(direction));
  const actions = {
    open: () => opener.show(),
    help: () => $("keys").showModal(),
    add: safe(() => app.addObject()),
    forward: run("forward"),
    backward: run("backward"),
    both: run("both"),
    stop: safe(() => app.runs.stop()),
    copy: safe(() => app.edits.copyPrevious()),
    trust: safe(() => app.edits.trustFrame()),
    doubtful: safe(() => goToDoubtful(app)),
    trusted: safe(() => goToTrusted(app)),
    whole: safe(() => app.setRange(0, app.video.count)),
    from: safe(() => app.setRange(app.index, app.range && app.range[1] > app.index ? app.range[1] : app.video.count)),
    to: safe(() => app.setRange(app.range && app.range[0] <= app.index ? app.range[0] : 0, app.index + 1)),
    play: safe(() => app.play()),
    first: safe(() => app.goTo(0)),
    last: safe(() => app.goTo(app.video.count - 1)),
    previous: safe(() => app.step(-1)),
    next: safe(() => app.step(1)),
    back10: safe(() => app.step(-10)),
    ahead10: safe(() => app.step(10)),
    undo: safe(() => app.edits.undo()),
    redo: safe(() => app.edits.undo(false)),
    smaller: () => app.set({ brush: Math.max(1, Math.round(app.brush / 1.25)) }),
    larger: () => app.set({ brush: Math.min(200, Math.round(app.brush * 1.25) + 1) }),
    masks: () => app.toggleMasks(),
    fit: () => stage.fit(),
    "zoom-in": () => stage.zoom(1.25),
    "zoom-out": () => stage.zoom(0.8),
    finish: () => stage.finish(),
    back: () => stage.back(),
    escape: () => stage.cancel() || (app.video && app.runs.stop()),
  };
  for (const [tool, { needs }] of Object.entries(TOOLS)) {
    if (!app.offers(needs)) continue;
    actions[tool] = () => {
      stage.cancel();
      app.set({ tool });
    };
  }
  for (let id = 1; id <= 9; id++) actions[`object${id}`] = () => app.selectObject(id);
  return actions;
}

// Goes to the next doubtful frame and selects the object in doubt.
function goToDoubtful(app) {
  const index = app.marks.nextDoubtful(app.index);
  if (index === undefined) return app.fail("There are no doubtful frames elsewhere.");
  app.selectObject(app.marks.worst(index)[0]);
  return app.goTo(index);
}

function goToTrusted(app) {
  const index = app.marks.nextTrusted(app.index);
  return index === undefined ? app.fail("No frame is trusted yet.") : app.goTo(index);
}

function helpRow([keys, words]) {
  return [
    Object.assign(document.createElement("dt"), { textContent: keys }),
    Object.assign(document.createElement("dd"), { textContent: words }),
  ];
}

// Asks a question; `yes` is the text of the button that agrees.
function ask(question, yes) {
  const dialog = $("ask");
  dialog.querySelector("p").textContent = question;
  dialog.querySelector("[value=yes]").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise(done => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}
