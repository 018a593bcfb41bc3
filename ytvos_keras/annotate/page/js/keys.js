// Keyboard: a table of keys, what they do, and the words for the help.
const digits = Array.from({ length: 9 }, (_, n) => String(n + 1));

export const KEYS = [
  ["Space", "Play or pause"],
  ["← →  , .", "Previous, next frame; with Shift ten frames"],
  ["Home End", "First, last frame"],
  ["L P B E G H", "Lasso, polygon, brush, eraser, fill, move"],
  ["Alt + drawing", "Take away instead of adding"],
  ["Enter", "Close the polygon"],
  ["Esc", "Drop what is being drawn; stop the model"],
  ["[ ]", "Smaller, larger brush"],
  ["N", "Add an object"],
  ["1 … 9", "Draw this object"],
  ["Ctrl+Z", "Undo; with Shift redo"],
  ["F", "Propagate forward; with Shift backward"],
  ["R", "Propagate both ways"],
  ["S", "Stop"],
  ["T", "This frame is right: trust it; again: no more"],
  ["D", "Next doubtful frame"],
  ["M", "Next trusted frame"],
  ["I O X", "Begin, end of the range; whole video"],
  ["+ − Z", "Zoom in, out, fit; wheel and two fingers too"],
  ["V", "Hide or show all masks"],
  ["?", "This help"],
];

const PLAIN = {
  " ": "play", ",": "previous", ".": "next", ArrowLeft: "previous", ArrowRight: "next", Home: "first", End: "last",
  "[": "smaller", "]": "larger", n: "add", f: "forward", r: "both", s: "stop", t: "trust", d: "doubtful", m: "trusted",
  i: "from", o: "to", x: "whole", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", z: "fit", v: "masks", "?": "help",
  Enter: "finish", Backspace: "back", Escape: "escape", l: "lasso", p: "polygon", b: "brush", e: "eraser", g: "fill", h: "pan",
};
const SHIFTED = { f: "backward", ArrowLeft: "back10", ArrowRight: "ahead10" };

// The name of the action that a key press asks for, or undefined.
export function actionOf({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (ctrlKey || metaKey) {
    if (letter === "z") return shiftKey ? "redo" : "undo";
    return letter === "y" ? "redo" : undefined;
  }
  if (altKey) return undefined;
  if (digits.includes(key)) return `object${key}`;
  return (shiftKey && SHIFTED[letter]) || PLAIN[letter];
}

// A key belongs to the field that is typed in, or to the button that Space and Enter press.
export function isForElsewhere(event) {
  const { target, key } = event;
  if (target.closest?.("dialog")) return true;
  if (target.matches?.("input[type=text]")) return true;
  if (target.matches?.("input[type=range]") && /^(Arrow|Home|End|Page)/.test(key)) return true;
  return Boolean(target.matches?.("button, input, a") && [" ", "Enter"].includes(key));
}
