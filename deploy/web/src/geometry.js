/**
 * Box <-> crop, as in toolkit/core/geometry.py, pixel for pixel.
 *
 * Coordinates: 0-based pixels, whole numbers at pixel centres, x before y. An image is `{data, width, height}` with four
 * bytes a pixel, as a canvas gives it.
 */

/** The tight box [left, top, right, bottom] of points [x0, y0, x1, y1, ...]. */
export function boxOfPoints(points) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < points.length; i += 2) {
    box[0] = Math.min(box[0], points[i]);
    box[1] = Math.min(box[1], points[i + 1]);
    box[2] = Math.max(box[2], points[i]);
    box[3] = Math.max(box[3], points[i + 1]);
  }
  return box;
}

/** The longer side of a box. */
export function longerSide([left, top, right, bottom]) {
  return Math.max(right - left, bottom - top);
}

/** Whether a box can be cropped by: finite, no side below 0, the longer one above. */
export function hasExtent(box) {
  const [left, top, right, bottom] = box;
  return box.every(Number.isFinite) && right >= left && bottom >= top && longerSide(box) > 0;
}

/** The area that two boxes share over the smaller one's; 0 where that one has none. */
export function shared(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const smaller = Math.min(area(a), area(b));
  return smaller > 0 ? (width * height) / smaller : 0;
}

/** The part of a box that lies in a picture. */
export function partInside(box, { width, height }) {
  return shared(box, [-0.5, -0.5, width - 0.5, height - 0.5]);
}

/** Whether a box still is the same face: its longer side within `farthest` times, its centre within half a side. */
export function similar(box, before, farthest) {
  const [side, old] = [longerSide(box), longerSide(before)];
  const apart = (axis) => Math.abs(box[axis] + box[axis + 2] - before[axis] - before[axis + 2]) / 2;
  return old / farthest < side && side < old * farthest && Math.max(apart(0), apart(1)) < old / 2;
}

/** Whether a box lies where the one before did: its centre and half its longer side, by `part` of that one's longer side. */
export function settled(box, before, part) {
  const [side, old] = [longerSide(box), longerSide(before)];
  const apart = (axis) => Math.abs(box[axis] + box[axis + 2] - before[axis] - before[axis + 2]) / 2;
  return Math.max(apart(0), apart(1), Math.abs(side - old) / 2) <= part * old;
}

/** The area of a box. */
export function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

/** `[x, y]` turned clockwise on the screen, around the origin. */
export function turned([x, y], degrees) {
  const [cos, sin] = [Math.cos(radians(degrees)), Math.sin(radians(degrees))];
  return [cos * x - sin * y, sin * x + cos * y];
}

const radians = (degrees) => (degrees * Math.PI) / 180;

/** The box that training would have used for the face in MediaPipe's box, before it is turned; see toolkit/detect/boxes.py. */
export function calibrate([left, top, right, bottom], { shift_xy: shift, scale_xy: scale }, rollDeg) {
  const [width, height] = [right - left, bottom - top];
  const [dx, dy] = turned([width * shift[0], height * shift[1]], rollDeg);
  const [x, y] = [(left + right) / 2 + dx, (top + bottom) / 2 + dy];
  const [halfWidth, halfHeight] = [(width * scale[0]) / 2, (height * scale[1]) / 2];
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
}

/**
 * The square crop of `boxScale` times the longer side of a box, around its centre, turned clockwise by so many degrees.
 *
 * A crop `{a, b, x, y, sizePx}` maps image point p to crop point [[a, -b], [b, a]] p + (x, y).
 */
export function cropOfBox(box, sizePx, boxScale, rollDeg = 0) {
  const side = longerSide(box);
  if (!hasExtent(box)) {
    throw new RangeError(`a face box needs finite left < right and top < bottom, got ${box}`);
  }
  const zoom = sizePx / (boxScale * side);
  const [a, b] = turned([zoom, 0], -rollDeg);
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const middle = (sizePx - 1) / 2;
  return { a, b, x: middle - (a * x - b * y), y: middle - (b * x + a * y), sizePx };
}

/** Crop points -> image points, both [x0, y0, ...] in pixels. */
export function toImage(points, { a, b, x, y }) {
  const square = a * a + b * b;
  const out = new Float64Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    const [u, v] = [points[i] - x, points[i + 1] - y];
    out[i] = (a * u + b * v) / square;
    out[i + 1] = (a * v - b * u) / square;
  }
  return out;
}

/**
 * The crop's pixels as RGB in 0..255, a Float32Array of sizePx * sizePx * 3; outside the image the nearest edge pixel.
 *
 * Where the crop shrinks the image by n or more, n x n blocks are averaged first; then pixels are sampled bilinearly.
 */
export function cut(image, crop) {
  const zoom = Math.hypot(crop.a, crop.b);
  const block = zoom < 1 ? Math.floor(1 / zoom) : 1;
  if (block === 1) return sample(image, crop);
  const { small, left, top } = averageBlocks(image, crop, block);
  // small pixel s has its centre at image pixel (left + s) * block + (block - 1) / 2
  const [x, y] = [left * block + (block - 1) / 2, top * block + (block - 1) / 2];
  return sample(small, {
    a: crop.a * block,
    b: crop.b * block,
    x: crop.x + crop.a * x - crop.b * y,
    y: crop.y + crop.b * x + crop.a * y,
    sizePx: crop.sizePx,
  });
}

/** The part of the image under the crop, shrunk by `block`, and the block at its left top corner. */
function averageBlocks({ data, width, height }, crop, block) {
  const [near, far] = [-0.5, crop.sizePx - 0.5];
  const under = boxOfPoints(toImage([near, near, far, near, near, far, far, far], crop));
  const span = (low, high, length) => {
    const limit = Math.ceil(length / block);
    const from = Math.min(Math.max(Math.floor(Math.floor(low) / block) - 1, 0), limit - 1);
    return [from, Math.min(Math.max(Math.floor(Math.ceil(high) / block) + 2, from + 1), limit)];
  };
  const [left, right] = span(under[0], under[2], width);
  const [top, bottom] = span(under[1], under[3], height);
  const small = { width: right - left, height: bottom - top, data: null };
  small.data = new Uint8ClampedArray(small.width * small.height * 4);
  const count = block * block;
  const level = block === 2 ? (sum) => (sum + 2) >> 2 : (sum) => sum / count; // the array rounds halves to even, as OpenCV
  for (let row = 0, out = 0; row < small.height; row++) {
    for (let column = 0; column < small.width; column++, out += 4) {
      let [red, green, blue] = [0, 0, 0];
      for (let dy = 0; dy < block; dy++) {
        const line = Math.min((top + row) * block + dy, height - 1) * width;
        for (let dx = 0; dx < block; dx++) {
          const at = 4 * (line + Math.min((left + column) * block + dx, width - 1));
          red += data[at];
          green += data[at + 1];
          blue += data[at + 2];
        }
      }
      small.data[out] = level(red);
      small.data[out + 1] = level(green);
      small.data[out + 2] = level(blue);
    }
  }
  return { small, left, top };
}

/** OpenCV samples at 32nds of a pixel, after adding in 1024ths; so do we, to give the very same bytes. */
const [TABLE_BITS, SUM_BITS] = [5, 10];

function sample({ data, width, height }, crop) {
  const { sizePx } = crop;
  const out = new Float32Array(sizePx * sizePx * 3);
  const square = 1 / (crop.a * crop.a + crop.b * crop.b); // the last bit of OpenCV's inverse too
  const [along, across] = [crop.a * square, crop.b * square];
  const startX = -along * crop.x - across * crop.y;
  const startY = across * crop.x - along * crop.y;
  // OpenCV rounds the steps along a row and the start of each row apart
  const [stepsX, stepsY] = [along, -across].map((step) => Int32Array.from({ length: sizePx }, (_, i) => rounded(step * i)));
  for (let row = 0, at = 0; row < sizePx; row++) {
    const rowX = rounded(across * row + startX) + HALF;
    const rowY = rounded(along * row + startY) + HALF;
    for (let column = 0; column < sizePx; column++, at += 3) {
      const placeX = (rowX + stepsX[column]) >> (SUM_BITS - TABLE_BITS);
      const placeY = (rowY + stepsY[column]) >> (SUM_BITS - TABLE_BITS);
      const [fx, fy] = [placeX & 31, placeY & 31];
      const [left, right] = within(placeX >> TABLE_BITS, width);
      const [above, below] = within(placeY >> TABLE_BITS, height);
      const corners = [above * width + left, above * width + right, below * width + left, below * width + right];
      for (let c = 0; c < 3; c++) {
        const upper = data[4 * corners[0] + c] * (32 - fx) + data[4 * corners[1] + c] * fx;
        const lower = data[4 * corners[2] + c] * (32 - fx) + data[4 * corners[3] + c] * fx;
        out[at + c] = (upper * (32 - fy) + lower * fy + 512) >> 10;
      }
    }
  }
  return out;
}

const HALF = 2 ** (SUM_BITS - TABLE_BITS - 1);
const rounded = (value) => Math.round(value * 2 ** SUM_BITS);

/** A pixel and the next one, or the edge's where there is none. */
function within(place, length) {
  return [Math.min(Math.max(place, 0), length - 1), Math.min(Math.max(place + 1, 0), length - 1)];
}
