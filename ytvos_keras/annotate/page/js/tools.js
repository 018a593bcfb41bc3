// The drawing tools. Each takes pointer events as points of the video and draws into app.labels.
// label: what they draw, 0 to erase the selected object. Both are fixed at the start: another object may be selected
// meanwhile.
import { drawLine, fillPolygon, floodFill, unite } from "./raster.js";

class Tool {
  constructor(app, label) {
    Object.assign(this, { app, label, only: label ? 0 : app.object });
  }

  cancel() {}
}

class Stroke extends Tool {
  box = null;

  down(point) {
    this.labels = this.app.labels; // another video has other ones
    this.before = this.labels.slice();
    this.last = point;
    return this.move(point);
  }

  move(point) {
    const { app, label, only } = this;
    const { width, height } = app.video;
    const box = drawLine(app.labels, width, height, this.last, point, app.brush, label, only);
    this.last = point;
    this.box = unite(this.box, box);
    return box;
  }

  up() {
    this.app.edits.finish(this.before, this.box);
    return true;
  }

  cancel() {
    // Another page may have deleted an object meanwhile.
    this.labels.set(this.before.map(id => (this.app.objects.has(id) ? id : 0)));
  }
}

class Lasso extends Tool {
  points = [];

  down(point) {
    this.points.push(point);
  }

  move(point) {
    this.points.push(point);
  }

  up() {
    fill(this);
    return true;
  }
}

// Between two opposite corners.
class Rectangle extends Lasso {
  move([x, y]) {
    const [first] = this.points;
    const [left, top] = first;
    this.points = [first, [x, top], [x, y], [left, y], first];
  }
}

// Corners one by one; ends at the first corner, with a double click, or with Enter.
class Polygon extends Tool {
  points = [];

  // reach: how near the first corner closes it; twice: how near to each other the two clicks of a double click are.
  down(point, reach, twice) {
    const [first] = this.points;
    const last = this.points.at(-1);
    const near = (other, most) => Math.hypot(point[0] - other[0], point[1] - other[1]) <= most;
    if (this.points.length > 2 && (near(first, reach) || near(last, twice))) this.closed = true;
    else this.points.push(point);
  }

  move(point) {
    this.hover = point;
  }

  up() {
    return this.closed ? this.finish() : false;
  }

  // Takes back the last touch.
  back() {
    if (this.closed) this.closed = false; // and not lifted yet
    else this.points.pop();
    return this.points.length > 0;
  }

  finish() {
    fill(this);
    return true;
  }
}

class Fill extends Tool {
  down(point) {
    this.point = point;
  }

  move() {}

  up() {
    const { app, point, label, only } = this;
    app.edits.draw(labels => floodFill(labels, app.video.width, app.video.height, point, label, only));
    return true;
  }
}

// Around the object, which the model then finds.
class Box extends Rectangle {
  down(point) {
    this.replaces = this.app.finder.begin();
    super.down(point);
  }

  cancel() {
    if (this.replaces) this.app.finder.dropped();
  }

  up() {
    this.app.finder.box(this.label, this.points);
    return true;
  }
}

// On the object, or with label 0 on something else, from which the model finds the object.
class Scribble extends Lasso {
  down(point) {
    this.diameter = this.app.brush;
    this.replaces = this.app.finder.begin();
    super.down(point);
  }

  cancel() {
    if (this.replaces) this.app.finder.dropped();
  }

  up() {
    const { app, points, diameter, label, only } = this;
    app.finder.stroke(label || only, points, diameter, Boolean(label));
    return true;
  }
}

function fill({ app, points, label, only }) {
  app.edits.draw(labels => fillPolygon(labels, app.video.width, app.video.height, points, label, only));
}

// about: what the tooltip says in addition to the title; needs: a method that the backend must have.
export const TOOLS = {
  lasso: { key: "L", title: "Lasso", make: (app, label) => new Lasso(app, label) },
  polygon: { key: "P", title: "Polygon", make: (app, label) => new Polygon(app, label) },
  rectangle: { key: "U", title: "Rectangle", make: (app, label) => new Rectangle(app, label) },
  brush: { key: "B", title: "Brush", make: (app, label) => new Stroke(app, label) },
  eraser: { key: "E", title: "Eraser", make: app => new Stroke(app, 0) },
  fill: { key: "G", title: "Fill", make: (app, label) => new Fill(app, label) },
  box: {
    key: "J", title: "Box", about: "the model finds the object in it", needs: "findMask",
    make: app => new Box(app, app.object),
  },
  scribble: {
    key: "K", title: "Scribble", about: "the model finds the object under it", needs: "findMask",
    make: (app, label) => new Scribble(app, label),
  },
  pan: { key: "H", title: "Move", make: null },
};
