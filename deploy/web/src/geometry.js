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

/** The area of a box. */
export function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

/** The box that training would have used for the face in MediaPipe's box; see toolkit/detect/boxes.py. */
export function calibrate([left, top, right, bottom], { shift_xy: shift, scale_xy: scale }) {
  const [width, height] = [right - left, bottom - top];
  const x = (left + right) / 2 + width * shift[0];
  const y = (top + bottom) / 2 + height * shift[1];
  const [halfWidth, halfHeight] = [(width * scale[0]) / 2, (height * scale[1]) / 2];
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
}

/**
 * The upright square crop of `boxScale` times the longer side of a box, around its centre.
 *
 * A crop `{zoom, x, y, sizePx}` maps image point p to crop point zoom * p + (x, y).
 */
export function cropOfBox(box, sizePx, boxScale) {
  const side = longerSide(box);
  if (!box.every(Number.isFinite) || !(side > 0)) {
    throw new RangeError(`a face box needs finite left < right and top < bottom, got ${box}`);
  }
  const zoom = sizePx / (boxScale * side);
  const middle = (sizePx - 1) / 2;
  return { zoom, x: middle - (zoom * (box[0] + box[2])) / 2, y: middle - (zoom * (box[1] + box[3])) / 2, sizePx };
}

/** Crop points -> image points, both [x0, y0, ...] in pixels. */
export function toImage(points, { zoom, x, y }) {
  return Float64Array.from(points, (value, i) => (value - (i % 2 ? y : x)) / zoom);
}

/**
 * The crop's pixels as RGB in 0..255, a Float32Array of sizePx * sizePx * 3; outside the image the nearest edge pixel.
 *
 * Where the crop shrinks the image by n or more, n x n blocks are averaged first; then pixels are sampled bilinearly.
 */
export function cut(image, crop) {
  const block = crop.zoom < 1 ? Math.floor(1 / crop.zoom) : 1;
  if (block === 1) return sample(image, crop);
  const { small, left, top } = averageBlocks(image, crop, block);
  // small pixel s has its centre at image pixel (left + s) * block + (block - 1) / 2
  return sample(small, {
    zoom: crop.zoom * block,
    x: crop.x + crop.zoom * (left * block + (block - 1) / 2),
    y: crop.y + crop.zoom * (top * block + (block - 1) / 2),
    sizePx: crop.sizePx,
  });
}

/** The part of the image under the crop, shrunk by `block`, and the block at its left top corner. */
function averageBlocks({ data, width, height }, crop, block) {
  const [first, last] = [toImage([-0.5, -0.5], crop), toImage([crop.sizePx - 0.5, crop.sizePx - 0.5], crop)];
  const span = (low, high, length) => {
    const limit = Math.ceil(length / block);
    const from = Math.min(Math.max(Math.floor(Math.floor(low) / block) - 1, 0), limit - 1);
    return [from, Math.min(Math.max(Math.floor(Math.ceil(high) / block) + 2, from + 1), limit)];
  };
  const [left, right] = span(first[0], last[0], width);
  const [top, bottom] = span(first[1], last[1], height);
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

function sample({ data, width, height }, { zoom, x, y, sizePx }) {
  const out = new Float32Array(sizePx * sizePx * 3);
  const columns = places(zoom, x, sizePx, width, true);
  const rows = places(zoom, y, sizePx, height, false);
  for (let row = 0, at = 0; row < sizePx; row++) {
    const [above, below, fy] = [rows.low[row] * width, rows.high[row] * width, rows.part[row]];
    for (let column = 0; column < sizePx; column++, at += 3) {
      const [left, right, fx] = [columns.low[column], columns.high[column], columns.part[column]];
      const corners = [4 * (above + left), 4 * (above + right), 4 * (below + left), 4 * (below + right)];
      for (let c = 0; c < 3; c++) {
        const upper = data[corners[0] + c] * (32 - fx) + data[corners[1] + c] * fx;
        const lower = data[corners[2] + c] * (32 - fx) + data[corners[3] + c] * fx;
        out[at + c] = (upper * (32 - fy) + lower * fy + 512) >> 10;
      }
    }
  }
  return out;
}

/**
 * For each crop pixel along an axis: the image pixels on both sides, and how far between them, in 32nds.
 *
 * OpenCV rounds offset and step apart along a row, and their sum from row to row.
 */
function places(zoom, offset, sizePx, length, apart) {
  const [low, high, part] = [new Int32Array(sizePx), new Int32Array(sizePx), new Int32Array(sizePx)];
  const step = zoom * (1 / (zoom * zoom)); // the last bit of OpenCV's inverse too
  const start = -step * offset;
  const round = (value) => Math.round(value * 2 ** SUM_BITS);
  const half = 2 ** (SUM_BITS - TABLE_BITS - 1);
  for (let i = 0; i < sizePx; i++) {
    const sum = apart ? round(start) + round(step * i) : round(step * i + start);
    const place = (sum + half) >> (SUM_BITS - TABLE_BITS);
    part[i] = place & (2 ** TABLE_BITS - 1);
    low[i] = Math.min(Math.max(place >> TABLE_BITS, 0), length - 1);
    high[i] = Math.min(Math.max((place >> TABLE_BITS) + 1, 0), length - 1);
  }
  return { low, high, part };
}
