// Copies the two files of onnxruntime-web that the page needs to ort/, where it looks for them.
import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const from = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
const to = join(import.meta.dirname, "ort");
mkdirSync(to, { recursive: true });
for (const name of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]) {
  copyFileSync(join(from, name), join(to, name));
  console.log(join(to, name));
}
