// The drawing tools. Each takes pointer events as points of the video and draws into app.labels.
// label: what they draw, 0 to erase. It is fixed at the start: another object may be chosen meanwhile.
import { drawLine, fillPolygon, floodFill, unite } from "./raster.js";

class Stroke {
  constructor(app, label) {
    Object.assign(this, { app, label, box: null });
  }

  down(point) {
    this.labels = this.app.labels; // another video has other ones
    this.before = this.labels.slice();
    this.last = point;
    return this.move(point);
  }

  move(point) {
    const { app, label } = this;
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

  constructor(app, label) {
    Object.assign(this, { app, label });
  }

  down(point) {
    this.points.push(point);
  }

  move(point) {
    this.points.push(point);
  }

  up() {
    fill(this.app, this.points, this.label);
    return true;
  }

  cancel() {}
}

// Corners one by one; ends at the first corner, with a double click, or with Enter.
class Polygon {
  points = [];

  constructor(app, label) {
    Object.assign(this, { app, label });
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
    fill(this.app, this.points, this.label);
    return true;
  }

  cancel() {}
}

class Fill {
  constructor(app, label) {
    Object.assign(this, { app, label });
  }

  down(point) {
    this.point = point;
  }

  move() {}

  up() {
    const { app, point, label } = this;
    app.edits.draw(labels => floodFill(labels, app.video.width, app.video.height, point, label));
    return true;
  }

  cancel() {}
}

function fill(app, points, label) {
  app.edits.draw(labels => fillPolygon(labels, app.video.width, app.video.height, points, label));
}

export const TOOLS = {
  lasso: { key: "L", title: "Lasso", make: (app, label) => new Lasso(app, label) },
  polygon: { key: "P", title: "Polygon", make: (app, label) => new Polygon(app, label) },
  brush: { key: "B", title: "Brush", make: (app, label) => new Stroke(app, label) },
  eraser: { key: "E", title: "Eraser", make: app => new Stroke(app, 0) },
  fill: { key: "G", title: "Fill", make: (app, label) => new Fill(app, label) },
  pan: { key: "H", title: "Move", make: null },
};
