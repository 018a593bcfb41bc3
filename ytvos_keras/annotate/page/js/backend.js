// Talks to the ytvos-annotate server. The static page has a backend with the same methods.

async function send(method, path, body, type) {
  const headers = type ? { "content-type": type } : {};
  const response = await fetch(path, { method, body, headers });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `${method} ${path}: ${response.status}`);
}

const sendJson = (method, path, content) => send(method, path, JSON.stringify(content), "application/json");

export class ServerBackend {
  // Everything except pictures and masks; {video: null} if no video is open.
  async load() {
    this.summary = await (await send("GET", "api/project")).json();
    return this.summary;
  }

  // Calls back with every event until the page is closed; with {type: "reload"} after a reconnection.
  listen(callback) {
    const source = new EventSource("api/events");
    let broken = false;
    source.onmessage = ({ data }) => callback(JSON.parse(data));
    source.onerror = () => {
      broken = true;
      callback({ type: "offline" });
    };
    source.onopen = () => {
      if (broken) callback({ type: "reload" });
      broken = false;
    };
  }

  // Contains the video's name: the browser caches pictures, and the server refuses edits of a video that is not open.
  #path(kind, index, query = "", video = this.summary.video.name) {
    return `api/${kind}/${index}?video=${encodeURIComponent(video)}${query}`;
  }

  async picture(index, width) {
    const response = await send("GET", this.#path("frames", index, width ? `&width=${width}` : ""));
    return createImageBitmap(await response.blob());
  }

  // Of the frame, or of one at most `near` frames before it that is faster to decode.
  async thumbnail(index, near) {
    const response = await send("GET", this.#path("thumbnails", index, `&near=${near}`));
    return createImageBitmap(await response.blob());
  }

  async mask(index) {
    return new Uint8Array(await (await send("GET", this.#path("masks", index))).arrayBuffer());
  }

  saveMask(index, labels, trusted, video) {
    return send("PUT", this.#path("masks", index, `&trusted=${[...trusted].join(",")}`, video), labels);
  }

  async addObject() {
    return (await (await send("POST", "api/objects")).json()).id;
  }

  changeObject(id, changes) {
    return sendJson("PATCH", `api/objects/${id}`, changes);
  }

  deleteObject(id) {
    return send("DELETE", `api/objects/${id}`);
  }

  propagate(start, stop, direction) {
    return sendJson("POST", "api/propagate", { start, stop, direction });
  }

  stop() {
    return send("POST", "api/stop");
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

  // Writes a file; returns its name, its path, and a URL for downloading it.
  async exportAs(name) {
    const { file, path } = await (await send("POST", `api/exports/${name}`)).json();
    return { file, path, address: `api/exports/${name}` };
  }

  downloaded() {} // everything is on disk anyway
}
