/** The parts of a picture that the detector looks at, as in toolkit/detect/detector.py. */

/** The nearest whole number; of two as near the even one, as Python rounds. */
export function even(value) {
  const up = Math.round(value);
  return up - value === 0.5 && up % 2 !== 0 ? up - 1 : up;
}

/** Squares [left, top, right, bottom] that cover a picture, each half over the next. */
export function tiles(width, height, side) {
  const starts = (length) => {
    const count = 1 + Math.max(0, Math.ceil((2 * (length - side)) / side));
    return Array.from({ length: count }, (_, i) => even((i * Math.max(0, length - side)) / Math.max(1, count - 1)));
  };
  return starts(height).flatMap((y) =>
    starts(width).map((x) => [x, y, Math.min(x + side, width), Math.min(y + side, height)]),
  );
}

/**
 * A window's pixels, black beyond the image, halved by averaging while they stay `viewPx`, an odd last column or row left
 * out; and image pixels per view pixel.
 */
export function view(image, [left, top, right, bottom], viewPx) {
  const isLarge = ({ width, height }) => Math.max(width, height) >= 2 * viewPx && Math.min(width, height) > 1;
  const size = { width: right - left, height: bottom - top };
  if (!isLarge(size)) return { pixels: averaged(image, left, top, size, 1), scale: 1 };
  let [pixels, scale] = [averaged(image, left, top, halfOf(size), 2), 2];
  for (; isLarge(pixels); scale *= 2) pixels = averaged(pixels, 0, 0, halfOf(pixels), 2);
  return { pixels, scale };
}

const halfOf = ({ width, height }) => ({ width: width >> 1, height: height >> 1 });

/** A picture of that size: the means of `block` x `block` pixels from (left, top) on, in whole levels, halves rounded up. */
function averaged(image, left, top, { width, height }, block) {
  const data = new Uint8ClampedArray(4 * width * height);
  const line = new Uint16Array(3 * width);
  for (let y = 0, to = 0; y < height; y++) {
    line.fill(0);
    const [first, last] = [Math.max(0, top + y * block), Math.min(image.height, top + (y + 1) * block)];
    for (let row = first; row < last; row++) addRow(image, row, left, block, line);
    for (let x = 0, from = 0; x < width; x++, to += 4) {
      for (let c = 0; c < 3; c++) data[to + c] = Math.floor(line[from++] / block ** 2 + 0.5);
      data[to + 3] = 255;
    }
  }
  return { data, width, height };
}

/** Add a row of the image to a line of means. */
function addRow({ data, width }, row, left, block, line) {
  for (let x = 0; x < line.length / 3; x++) {
    const [first, last] = [Math.max(0, left + x * block), Math.min(width, left + (x + 1) * block)];
    for (let column = first, from = 4 * (row * width + first); column < last; column++, from += 4) {
      for (let c = 0; c < 3; c++) line[3 * x + c] += data[from + c];
    }
  }
}

/** Whether a tile shows a face whole: no side of its box is beyond an edge of the tile that cuts the image. */
export function showsWhole(box, [left, top, right, bottom], { width, height }) {
  const starts = (left === 0 || box[0] >= left) && (top === 0 || box[1] >= top);
  return starts && (right === width || box[2] <= right) && (bottom === height || box[3] <= bottom);
}
