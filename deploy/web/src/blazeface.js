/**
 * BlazeFace (Bazarevsky et al. 2019), MediaPipe's short-range face detector, on the engine of the landmarks: its steps by
 * the contract's `detector.network`, as in toolkit/detect/blazeface.py.
 */

import { area } from "./geometry.js";

/** OpenCV samples at 32nds of a pixel. */
const PARTS = 32;

/** A look at a picture; a face is `{box, keypoints, score}` in its pixels, the surest first. */
export class BlazeFace {
  #network;
  #terms;
  #centres;

  /** `network` is a Network of the detector's file, `terms` the contract's `detector`. */
  constructor(network, terms) {
    this.#network = network;
    this.#terms = terms;
    this.#centres = anchors(terms.network);
  }

  async look(picture) {
    const { input_px: side } = this.#terms.network;
    const outputs = Object.values(await this.#network.run(letterboxed(picture, this.#terms.network), [1, side, side, 3]));
    const [numbers, logits] = outputs.sort((a, b) => b.length - a.length);
    return facesSeen(numbers, logits, picture, this.#terms, this.#centres);
  }
}

/** A picture in the middle of a black square, as the network takes it: pixels are sampled, not averaged. */
export function letterboxed({ data, width, height }, { input_px: side, range: [low, high] }) {
  const scale = Math.max(width, height) / side;
  const places = (length) =>
    Int32Array.from({ length: side }, (_, i) => Math.round(PARTS * (i * scale + (length - side * scale) / 2)));
  const [columns, rows] = [places(width), places(height)];
  const out = new Float32Array(3 * side * side).fill(low);
  for (let y = 0, to = 0; y < side; y++) {
    const [top, down] = [Math.floor(rows[y] / PARTS), rows[y] & (PARTS - 1)];
    for (let x = 0; x < side; x++, to += 3) {
      const [left, along] = [Math.floor(columns[x] / PARTS), columns[x] & (PARTS - 1)];
      if (top < -1 || top >= height || left < -1 || left >= width) continue;
      for (let c = 0; c < 3; c++) {
        const level = (row, column) =>
          row < 0 || row >= height || column < 0 || column >= width ? 0 : data[4 * (row * width + column) + c];
        const upper = level(top, left) * (PARTS - along) + level(top, left + 1) * along;
        const lower = level(top + 1, left) * (PARTS - along) + level(top + 1, left + 1) * along;
        const sampled = Math.floor((upper * (PARTS - down) + lower * down) / (PARTS * PARTS) + 0.5);
        out[to + c] = (sampled * (high - low)) / 255 + low;
      }
    }
  }
  return out;
}

/** Centres [x, y] of the anchors in [0, 1], in the order of the network's outputs. */
export function anchors({ input_px: side, grids }) {
  return grids.flatMap(([stride, count]) => {
    const cells = side / stride;
    const centre = (i) => [((i % cells) + 0.5) / cells, (Math.floor(i / cells) + 0.5) / cells];
    return Array.from({ length: cells * cells * count }, (_, i) => centre(Math.floor(i / count)));
  });
}

/**
 * The faces in the network's outputs, in pixels of the picture of that size.
 *
 * @param numbers of each anchor: centre and size of a box, and keypoints.
 * @param logits of each anchor's score.
 */
export function facesSeen(numbers, logits, { width, height }, { min_score: minScore, network }, centres) {
  const { input_px: side, keypoints, suppressed } = network;
  const each = 4 + 2 * keypoints;
  let seen = [];
  for (let anchor = 0; anchor < logits.length; anchor++) {
    const score = 1 / (1 + Math.exp(-logits[anchor]));
    const own = Array.from({ length: each }, (_, i) => numbers[each * anchor + i] / side);
    if (score < minScore || own[2] < 0 || own[3] < 0) continue;
    const centre = centres[anchor];
    const at = (i) => own[i] + centre[i % 2];
    const [halfX, halfY] = [own[2] / 2, own[3] / 2];
    const places = [at(0) - halfX, at(1) - halfY, at(0) + halfX, at(1) + halfY];
    for (let i = 4; i < each; i++) places.push(at(i));
    seen.push({ score, places });
  }
  seen.sort((a, b) => b.score - a.score);
  const faces = [];
  while (seen.length > 0) {
    const [first] = seen;
    const same = seen.filter((other) => other === first || overlap(other.places, first.places) > suppressed);
    seen = seen.filter((other) => !same.includes(other));
    faces.push({ score: first.score, places: mean(same) });
  }
  const longer = Math.max(width, height);
  const shift = [(width - longer) / 2 - 0.5, (height - longer) / 2 - 0.5]; // of the square, and to pixel centres
  return faces.map(({ score, places }) => {
    const pixels = places.map((place, i) => place * longer + shift[i % 2]);
    const points = Array.from({ length: keypoints }, (_, i) => pixels.slice(4 + 2 * i, 6 + 2 * i));
    return { score, box: pixels.slice(0, 4), keypoints: points };
  });
}

/** The mean of places, weighted by score. */
function mean(seen) {
  const total = seen.reduce((sum, { score }) => sum + score, 0);
  return seen[0].places.map((_, i) => seen.reduce((sum, { score, places }) => sum + score * places[i], 0) / total);
}

/** Intersection over union of two boxes; 0 where both have no area. */
function overlap(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const union = area(a) + area(b) - width * height;
  return union > 0 ? (width * height) / union : 0;
}
