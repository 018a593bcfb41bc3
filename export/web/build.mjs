// Assembles the site: the page of ytvos-annotate, the modules in src/ instead of its server, and the
// libraries. Files are only copied; nothing is compiled.
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = join(here, "../../ytvos_keras/annotate/page");
const site = process.argv[2] ?? join(here, "site");

const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
  "worker-src 'self' blob:; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'";
const LIBRARIES = {
  "fflate.mjs": "fflate/esm/browser.js",
  "mediabunny.mjs": "mediabunny/dist/bundles/mediabunny.min.mjs",
  "ort.mjs": "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
  "ort.wasm": "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
  "ort-webgpu.mjs": "onnxruntime-web/dist/ort.webgpu.bundle.min.mjs",
  "ort-webgpu.wasm": "onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify.wasm",
};

for (const folder of ["css", "js", "lib", "local"]) rmSync(join(site, folder), { recursive: true, force: true });
cpSync(page, site, { recursive: true });
cpSync(join(here, "src"), join(site, "local"), { recursive: true });
mkdirSync(join(site, "lib"));
for (const [name, file] of Object.entries(LIBRARIES)) {
  copyFileSync(join(here, "node_modules", file), join(site, "lib", name));
}
const html = readFileSync(join(page, "index.html"), "utf8")
  .replace('src="js/main.js"', 'src="local/main.js"')
  .replace('<meta charset="utf-8">', `$&\n  <meta http-equiv="Content-Security-Policy" content="${POLICY}">`);
writeFileSync(join(site, "index.html"), html);
console.log(site);
