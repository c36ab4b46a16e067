/**
 * Faces that are turned in the picture, as in toolkit/detect/turned.py and by the contract's `turning`: by how much, the
 * box that stands upright with them, and the picture seen from its other sides.
 */

import { area, boxOfPoints, calibrate, shared, similar, turned } from "./geometry.js";

/** Whether a box is finite, its left side left of its right one, and its top above its bottom. */
const hasArea = ([left, top, right, bottom]) =>
  [left, top, right, bottom].every(Number.isFinite) && left < right && top < bottom;

/** By how many degrees a crop is turned, clockwise, for eyes at two places: 0 for a level face, and nowhere a jump. */
export function rollOf([rightX, rightY], [leftX, leftY], levelDeg) {
  const seen = (Math.atan2(leftY - rightY, leftX - rightX) * 180) / Math.PI;
  const roll = ((seen + 180) % 360) - 180;
  return Math.sign(roll) * Math.min(Math.abs(roll), 2 * Math.max(Math.abs(roll) - levelDeg, 0));
}

/**
 * The box of a detected face's first prediction before it is turned around its middle by `rollDeg`: by the keypoints or,
 * where they are odd, by the detector's box.
 *
 * @param face `{box, keypoints}` of the detector.
 * @param rule the contract's `detector`.
 * @param levelDeg the contract's, of turning.
 * @param farthest the contract's, of tracking.
 */
export function firstCrop({ box, keypoints }, { calibration, first_crop: { weights } }, levelDeg, farthest) {
  const rollDeg = rollOf(keypoints[0], keypoints[1], levelDeg);
  const plain = calibrate(box, calibration, rollDeg);
  if (weights.length !== 2 * keypoints.length + 1) return { box: plain, rollDeg };
  const [x, y] = [0, 1].map((axis) => sum(keypoints, (point) => point[axis]) / keypoints.length);
  const upright = keypoints.map((point) => turned([point[0] - x, point[1] - y], -rollDeg));
  const spread = Math.sqrt(sum(upright, ([a, b]) => a * a + b * b) / upright.length);
  const described = [...upright.flat().map((px) => px / spread), 1];
  const place = [0, 1, 2, 3].map((column) => spread * sum(weights, (row, i) => described[i] * row[column]));
  const [dx, dy] = turned(place, rollDeg);
  const [halfX, halfY] = [place[2] / 2, place[3] / 2];
  const found = [x + dx - halfX, y + dy - halfY, x + dx + halfX, y + dy + halfY];
  return { box: hasArea(found) && similar(found, plain, farthest) ? found : plain, rollDeg };
}

const sum = (values, of) => values.reduce((total, value, i) => total + of(value, i), 0);

/** The box of a face's points [x0, y0, ...] before it is turned around its middle by `rollDeg`. */
export function cropAround(points, [right, left], levelDeg) {
  const at = (i) => [points[2 * i], points[2 * i + 1]];
  const rollDeg = rollOf(at(right), at(left), levelDeg);
  if (rollDeg === 0) return { box: boxOfPoints(points), rollDeg };
  const upright = [];
  for (let i = 0; i < points.length; i += 2) upright.push(...turned([points[i], points[i + 1]], -rollDeg));
  const [x0, y0, x1, y1] = boxOfPoints(upright);
  const [x, y] = turned([(x0 + x1) / 2, (y0 + y1) / 2], rollDeg);
  const [halfX, halfY] = [(x1 - x0) / 2, (y1 - y0) / 2];
  return { box: [x - halfX, y - halfY, x + halfX, y + halfY], rollDeg };
}

/**
 * What is seen in a picture or, where that is nothing, after some quarter turns; a list of views a face, largest first.
 * What has no area, or is not finite, is no face.
 *
 * @param look gives the `{box, keypoints, score}` of a picture, and is told after how many quarter turns it is.
 * @param quarters that are tried where nothing is seen.
 * @param rule the contract's `turning`.
 * @param sameFace the contract's: shared area of two views of one face.
 */
export async function facesAnyWayUp(image, look, quarters, rule, sameFace) {
  const seen = [];
  const lookFrom = async (quarter) => {
    const faces = (await look(turnedLeft(image, quarter), quarter)).filter(isWhole);
    seen.push(...faces.map((face) => turnedBack(face, quarter, image.width, image.height)));
  };
  await lookFrom(0);
  const upright = [...seen];
  const tried = upright.length > 0 ? [] : quarters;
  for (const quarter of tried) await lookFrom(quarter);
  if (seen.some(({ score }) => score < rule.clear)) {
    for (const quarter of rule.quarters) if (!tried.includes(quarter)) await lookFrom(quarter);
  }
  const same = (face, other) => shared(face.box, other.box) > sameFace;
  const faces = [];
  for (const face of seen.sort((a, b) => b.score - a.score)) {
    const known = faces.find((views) => same(face, views[0]));
    if (known) known.push(face);
    else if (upright.length === 0 || upright.some((other) => same(face, other))) faces.push([face]);
  }
  return faces.sort((a, b) => area(b[0].box) - area(a[0].box));
}

const isWhole = ({ box, keypoints }) => hasArea(box) && keypoints.flat().every(Number.isFinite);

/** A picture after so many quarter turns to the left. */
export function turnedLeft({ data, width, height }, quarter) {
  if (quarter === 0) return { data, width, height };
  const from = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const to = new Uint32Array(from.length);
  const [wide, high] = quarter % 2 === 0 ? [width, height] : [height, width];
  for (let y = 0, at = 0; y < high; y++) {
    for (let x = 0; x < wide; x++, at++) {
      if (quarter === 1) to[at] = from[x * width + width - 1 - y];
      else if (quarter === 2) to[at] = from[from.length - 1 - at];
      else to[at] = from[(height - 1 - x) * width + y];
    }
  }
  return { data: new Uint8ClampedArray(to.buffer), width: wide, height: high };
}

/** A face of the picture after so many quarter turns to the left, in the picture of that size as it is. */
export function turnedBack({ box, keypoints, score }, quarter, width, height) {
  const back = ([x, y]) => {
    if (quarter === 1) return [width - 1 - y, x];
    if (quarter === 2) return [width - 1 - x, height - 1 - y];
    return quarter === 3 ? [y, height - 1 - x] : [x, y];
  };
  const corners = [...back([box[0], box[1]]), ...back([box[2], box[3]])];
  return { box: boxOfPoints(corners), keypoints: keypoints.map(back), score };
}
