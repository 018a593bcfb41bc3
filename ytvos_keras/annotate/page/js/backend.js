// Talks to the ytvos-annotate server. The static page has a backend with the same methods.

async function send(method, path, body, type) {
  const headers = type ? { "content-type": type } : {};
  const request = () => fetch(path, { method, body, headers });
  // A change of networks ends all requests; repeating these changes nothing.
  const response = await (["GET", "PUT"].includes(method) ? request().catch(request) : request());
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `${method} ${path}: ${response.status}`);
}

// Tells the changes of this page from those of others.
const PAGE = Math.random().toString(36).slice(2);

// The browser caches images, and the server refuses to change a video that is no longer open.
const addressOf = (path, video, query = "") => `api/${path}?opened=${video.opened}${query}`;
const editOf = (path, video, query = "") => addressOf(path, video, `&page=${PAGE}${query}`);

const sendJson = (method, path, content) => send(method, path, JSON.stringify(content), "application/json");

const pixels = async response => new Uint8Array(await response.arrayBuffer());

export class ServerBackend {
  // Everything except images and masks; {video: null} if no video is open.
  async load() {
    this.summary = await (await send("GET", "api/project")).json();
    return this.summary;
  }

  // Calls back with every event until the page is closed; with {type: "reload"} after a reconnection or a change by
  // another page. Resolves when no later event can be missed, or when there is no connection.
  listen(callback) {
    const source = new EventSource("api/events");
    let broken = false;
    let heard;
    const listening = new Promise(done => (heard = done));
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type !== "edited") callback(event);
      else if (event.page !== PAGE) callback({ type: "reload" });
    };
    source.onerror = () => {
      broken = true;
      heard();
      callback({ type: "offline" });
    };
    source.onopen = () => {
      if (broken) callback({ type: "reload" });
      broken = false;
      heard();
    };
    return listening;
  }

  async picture(index, width) {
    const response = await send("GET", addressOf(`frames/${index}`, this.summary.video, width ? `&width=${width}` : ""));
    return createImageBitmap(await response.blob());
  }

  // Of the frame, or of one at most `near` frames before it that is faster to decode.
  async thumbnail(index, near) {
    const response = await send("GET", addressOf(`thumbnails/${index}`, this.summary.video, `&near=${near}`));
    return createImageBitmap(await response.blob());
  }

  async mask(index) {
    return pixels(await send("GET", addressOf(`masks/${index}`, this.summary.video)));
  }

  saveMask(index, labels, trusted, video) {
    return send("PUT", editOf(`masks/${index}`, video, `&trusted=${[...trusted].join(",")}`), labels);
  }

  // The mask of an object, one byte per pixel, 0 or 1. trimap: 2 on the object, 0 elsewhere, 1 where that is unknown.
  async findMask(index, trimap, video) {
    return pixels(await send("POST", addressOf(`find/${index}`, video), trimap));
  }

  async addObject(video) {
    return (await (await send("POST", editOf("objects", video))).json()).id;
  }

  changeObject(id, changes, video) {
    return sendJson("PATCH", editOf(`objects/${id}`, video), changes);
  }

  deleteObject(id, video) {
    return send("DELETE", editOf(`objects/${id}`, video));
  }

  propagate(start, stop, direction, video) {
    return sendJson("POST", addressOf("propagate", video), { start, stop, direction });
  }

  stop(video) {
    return send("POST", addressOf("stop", video));
  }

  async videos() {
    return (await send("GET", "api/videos")).json();
  }

  open(name) {
    return sendJson("POST", "api/open", { name });
  }

  openFile(file) {
    return send("PUT", `api/upload?name=${encodeURIComponent(file.name)}`, file);
  }

  // Names and titles of the export formats.
  async formats() {
    return (await send("GET", "api/exports")).json();
  }

  // Writes a file; returns its name, its path, a note about its content or "", and a URL for downloading it.
  async exportAs(name, video) {
    const address = addressOf(`exports/${name}`, video);
    return { ...(await (await send("POST", address)).json()), address };
  }

  downloaded() {} // everything is on disk anyway
}
