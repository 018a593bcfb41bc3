import { startPage } from "../js/page.js";
import { BrowserBackend } from "./browser_backend.js";

const folder = new URLSearchParams(location.search).get("model") ?? "model";
startPage(new BrowserBackend(new URL(`${folder}/`, location.href).href));
