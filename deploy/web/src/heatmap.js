/** Heatmaps -> points, for models that end before the decoding; as in toolkit/core/heatmap.py. */

const DECODERS = ["dark", "centroid", "quarter", "argmax"];
const FLAT = 1e-6;

/**
 * Points [x0, y0, ...] in crop pixels and confidences of heatmaps.
 *
 * @param maps `{values, width, height, count, at(map, row, column)}`; at gives the index of a value.
 * @param terms `log_floor`, `mass_floor` and `stride` of the contract's `heatmaps`, `decoder` and `sigma_px` of the
 *   model's sidecar.
 */
export function decode(maps, { decoder, sigma_px: sigma, log_floor: logFloor, mass_floor: massFloor, stride }) {
  if (!DECODERS.includes(decoder)) throw new RangeError(`unknown decoder ${decoder}; known: ${DECODERS.join(", ")}`);
  const kernel = smoothingKernel(sigma);
  const points = new Float64Array(2 * maps.count);
  const confidence = new Float64Array(maps.count);
  for (let map = 0; map < maps.count; map++) {
    let plane = planeOf(maps, map);
    confidence[map] = Math.min(Math.max(plane.reduce((a, b) => Math.max(a, b), -Infinity), 0), 1);
    if (decoder === "dark") plane = smooth(plane, maps.width, maps.height, kernel);
    const peak = plane.reduce((best, value, i) => (value > plane[best] ? i : best), 0);
    const [column, row] = [peak % maps.width, Math.floor(peak / maps.width)];
    const near = (dx, dy) => {
      const x = Math.min(Math.max(column + dx, 0), maps.width - 1);
      return plane[Math.min(Math.max(row + dy, 0), maps.height - 1) * maps.width + x];
    };
    const [dx, dy] = {
      dark: () => newtonStep(near, logFloor),
      centroid: () => centroidStep(near, Math.max(1, Math.floor(2 * sigma + 0.5)), massFloor),
      quarter: () => quarterShift(near),
      argmax: () => [0, 0],
    }[decoder]();
    points[2 * map] = (column + dx + 0.5) * stride - 0.5;
    points[2 * map + 1] = (row + dy + 0.5) * stride - 0.5;
  }
  return { points, confidence };
}

/** The layout of a heatmap tensor (1, height, width, M). */
export function channelsLast(values, height, width, count) {
  return { values, width, height, count, at: (map, row, column) => (row * width + column) * count + map };
}

/** The Gaussian that DARK smooths with along each axis, of the targets' own width; sums to 1. */
export function smoothingKernel(sigma) {
  const radius = Math.max(1, Math.ceil(3 * sigma));
  const kernel = Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)));
  const total = kernel.reduce((a, b) => a + b);
  return kernel.map((value) => value / total);
}

function planeOf({ values, width, height, at }, map) {
  const plane = new Float64Array(width * height);
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) plane[i] = values[at(map, row, column)];
  }
  return plane;
}

/** Along rows, then along columns, zeros outside; from the middle outwards, so that mirrored maps give equal sums. */
function smooth(plane, width, height, kernel) {
  const radius = (kernel.length - 1) / 2;
  const along = (source, step, index, length) =>
    source.map((middle, i) => {
      let sum = kernel[radius] * middle;
      for (let k = 1; k <= radius; k++) {
        const before = index(i) >= k ? source[i - k * step] : 0;
        const after = index(i) + k < length ? source[i + k * step] : 0;
        sum += kernel[radius + k] * (before + after);
      }
      return sum;
    });
  const rows = along(plane, 1, (i) => i % width, width);
  return along(rows, width, (i) => Math.floor(i / width), height);
}

function quarterShift(near) {
  return [0.25 * Math.sign(near(1, 0) - near(-1, 0)), 0.25 * Math.sign(near(0, 1) - near(0, -1))];
}

const halfAPixel = (step) => Math.min(Math.max(step, -0.5), 0.5);

/** To the centre of the squared values around the peak, within half a pixel; values below 0 count as 0. */
function centroidStep(near, radius, massFloor) {
  let [x, y, mass] = [0, 0, 0];
  for (let dy = -radius; dy <= radius; dy++) {
    for (let dx = -radius; dx <= radius; dx++) {
      const weight = Math.max(near(dx, dy), 0) ** 2;
      [x, y, mass] = [x + weight * dx, y + weight * dy, mass + weight];
    }
  }
  const whole = Math.max(mass, massFloor);
  return [halfAPixel(x / whole), halfAPixel(y / whole)];
}

/** -H^-1 g of the log map at its peak, within half a pixel; nothing where H is not negative definite. */
function newtonStep(near, floor) {
  const log = (dx, dy) => Math.log(Math.max(near(dx, dy), floor));
  const middle = log(0, 0);
  const [gx, gy] = [(log(1, 0) - log(-1, 0)) / 2, (log(0, 1) - log(0, -1)) / 2];
  const [hxx, hyy] = [log(1, 0) + log(-1, 0) - 2 * middle, log(0, 1) + log(0, -1) - 2 * middle];
  const hxy = (log(1, 1) + log(-1, -1) - log(1, -1) - log(-1, 1)) / 4;
  const determinant = hxx * hyy - hxy * hxy;
  if (!(hxx < 0 && hyy < 0 && determinant > FLAT)) return [0, 0];
  return [halfAPixel(-(hyy * gx - hxy * gy) / determinant), halfAPixel(-(hxx * gy - hxy * gx) / determinant)];
}
