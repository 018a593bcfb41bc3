// Remembers which frame is shown, so that a reload of the page returns to it, unless the browser stores nothing.
const KEY = "place";

// away: whether the page does not follow the model.
export function remember(video, index, away) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ video, index, away }));
  } catch {} // a reload shows the first frame
}

// The place in a video, {index, away}; its first frame if none is remembered.
export function remembered(video) {
  try {
    const place = JSON.parse(sessionStorage.getItem(KEY));
    if (JSON.stringify(place?.video) === JSON.stringify(video)) return place;
  } catch {} // as above
  return { index: 0, away: false };
}
