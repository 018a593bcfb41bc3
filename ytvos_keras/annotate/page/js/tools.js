// The drawing tools. Each takes pointer events as points of the video and draws into app.labels.
// erase: whether Alt is held, which erases instead of adding.
import { drawLine, fillPolygon, floodFill, unite } from "./raster.js";

class Stroke {
  constructor(app, erase) {
    Object.assign(this, { app, erase, box: null });
  }

  down(point) {
    this.labels = this.app.labels; // another video has other ones
    this.before = this.labels.slice();
    this.last = point;
    return this.move(point);
  }

  move(point) {
    const { app } = this;
    const label = this.erase ? 0 : app.object;
    const box = drawLine(app.labels, app.video.width, app.video.height, this.last, point, app.brush, label);
    this.last = point;
    this.box = unite(this.box, box);
    return box;
  }

  up() {
    this.app.edits.finish(this.before, this.box);
    return true;
  }

  cancel() {
    this.labels.set(this.before);
  }
}

class Lasso {
  points = [];

  constructor(app, erase) {
    Object.assign(this, { app, erase });
  }

  down(point) {
    this.points.push(point);
  }

  move(point) {
    this.points.push(point);
  }

  up() {
    fill(this.app, this.points, this.erase);
    return true;
  }

  cancel() {}
}

// Corners one by one; ends at the first corner, with a double click, or with Enter.
class Polygon {
  points = [];

  constructor(app, erase) {
    Object.assign(this, { app, erase });
  }

  down(point, reach) {
    const [first] = this.points;
    const last = this.points.at(-1);
    const near = other => other && Math.hypot(point[0] - other[0], point[1] - other[1]) <= reach;
    if (this.points.length > 2 && (near(first) || near(last))) this.closed = true;
    else this.points.push(point);
  }

  move(point) {
    this.hover = point;
  }

  up() {
    return this.closed ? this.finish() : false;
  }

  back() {
    this.points.pop();
    return this.points.length > 0;
  }

  finish() {
    fill(this.app, this.points, this.erase);
    return true;
  }

  cancel() {}
}

class Fill {
  constructor(app, erase) {
    Object.assign(this, { app, erase });
  }

  down(point) {
    this.point = point;
  }

  move() {}

  up() {
    const { app, point } = this;
    const label = this.erase ? 0 : app.object;
    app.edits.draw(labels => floodFill(labels, app.video.width, app.video.height, point, label));
    return true;
  }

  cancel() {}
}

function fill(app, points, erase) {
  const label = erase ? 0 : app.object;
  app.edits.draw(labels => fillPolygon(labels, app.video.width, app.video.height, points, label));
}

export const TOOLS = {
  lasso: { key: "L", title: "Lasso", make: (app, alt) => new Lasso(app, alt) },
  polygon: { key: "P", title: "Polygon", make: (app, alt) => new Polygon(app, alt) },
  brush: { key: "B", title: "Brush", make: (app, alt) => new Stroke(app, alt) },
  eraser: { key: "E", title: "Eraser", make: app => new Stroke(app, true) },
  fill: { key: "G", title: "Fill", make: (app, alt) => new Fill(app, alt) },
  pan: { key: "H", title: "Move", make: null },
};
