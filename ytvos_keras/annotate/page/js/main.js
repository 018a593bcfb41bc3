import { ServerBackend } from "./backend.js";
import { startPage } from "./page.js";

startPage(new ServerBackend());
