// Keyboard: the actions of keys, and their descriptions in the help.
const digits = Array.from({ length: 9 }, (_, n) => String(n + 1));

// [keys, what they do, a method that the backend must have]
export const KEYS = [
  ["Space", "Play or pause"],
  ["← →  , .", "Previous, next frame; with Shift ten frames"],
  ["Home End", "First, last frame"],
  ["L P U B E G H", "Lasso, polygon, rectangle, brush, eraser, fill, move"],
  ["J K", "Box, scribble: the model finds the object in the box or under the strokes", "findMask"],
  ["Alt + drawing", "Erase the selected object instead of adding to it"],
  ["Alt + scribble", "Mark what is not part of the object", "findMask"],
  ["Enter Backspace", "Close the polygon; take back its last corner"],
  ["Esc", "Cancel drawing; stop the model"],
  ["[ ]", "Smaller, larger brush"],
  ["N", "Add an object"],
  ["C", "Copy the selected object from the previous frame"],
  ["1 … 9", "Draw this object"],
  ["Ctrl+Z", "Undo; with Shift, or Ctrl+Y, redo"],
  ["F", "Propagate forward; with Shift backward"],
  ["R", "Propagate both ways"],
  ["S", "Stop"],
  ["T", "Mark this frame as correct"],
  ["D", "Next doubtful frame"],
  ["M", "Next trusted frame"],
  ["I O X", "Start, end of the range; whole video"],
  ["+ − Z", "Zoom in, out, fit; also with the wheel or two fingers"],
  ["V", "Hide or show all masks"],
  ["?", "This help"],
];

const PLAIN = {
  " ": "play", ",": "previous", ".": "next", ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last",
  "[": "smaller", "]": "larger", n: "add", f: "forward", r: "both", s: "stop", t: "trust", d: "doubtful", m: "trusted",
  i: "from", o: "to", x: "whole", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", z: "fit", v: "masks", "?": "help",
  Enter: "finish", Backspace: "back", Escape: "escape", c: "copy",
  l: "lasso", p: "polygon", u: "rectangle", b: "brush", e: "eraser", g: "fill", h: "pan",
  j: "box", k: "scribble",
};
const SHIFTED = { f: "backward", ArrowLeft: "back10", ArrowRight: "ahead10" };

// Actions that a key which is held down does not repeat.
export const ONCE = new Set(["add", "copy", "trust", "play", "forward", "backward", "both"]);

// Cyrillic, Greek, Hebrew … letters, but not signs, nor what AltGr types on Latin keyboards, such as ń and µ.
const FOREIGN = /^(?![\p{Script=Latin}\p{Script=Common}])\p{L}$/u;

// The name of the action for a key press, or undefined.
export function actionOf({ key, code = "", shiftKey, ctrlKey, metaKey, altKey }) {
  // On many keyboards these need AltGr, which some systems report as Ctrl+Alt.
  if ("[]".includes(key) && !metaKey) return PLAIN[key];
  const typed = FOREIGN.test(key) ? (code.match(/^Key(.)$/)?.[1] ?? key) : key; // the Latin letter on the same key
  const letter = typed.length === 1 ? typed.toLowerCase() : typed;
  if (ctrlKey || metaKey) {
    if (letter === "z") return shiftKey ? "redo" : "undo";
    return letter === "y" ? "redo" : undefined;
  }
  if (altKey) return undefined;
  if (digits.includes(key)) return `object${key}`;
  return (shiftKey && SHIFTED[letter]) || PLAIN[letter];
}

// Whether a key press belongs to a dialog, to a focused field, or to a button that Space and Enter press.
export function isForElsewhere(event) {
  const { target, key } = event;
  if (document.querySelector("dialog[open]")) return true;
  if (target.matches?.("input[type=text], select")) return true;
  if (target.matches?.("input[type=range]") && /^(Arrow|Home|End|Page)/.test(key)) return true;
  return Boolean(target.matches?.("button, input, a") && [" ", "Enter"].includes(key));
}
