/** The parts of a picture that the detector looks at, as in toolkit/detect/detector.py. */

/** Squares [left, top, right, bottom] that cover a picture, each half over the next. */
export function tiles(width, height, side) {
  const starts = (length) => {
    const count = 1 + Math.max(0, Math.ceil((2 * (length - side)) / side));
    return Array.from({ length: count }, (_, i) => Math.round((i * Math.max(0, length - side)) / Math.max(1, count - 1)));
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
  let [width, height, scale] = [right - left, bottom - top, 1];
  while (Math.max(width, height) >= 2 * viewPx && Math.min(width, height) > 1) {
    [width, height, scale] = [width >> 1, height >> 1, 2 * scale];
  }
  const data = new Uint8ClampedArray(4 * width * height);
  const line = new Float32Array(3 * width);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    const [first, last] = [Math.max(0, top + y * scale), Math.min(image.height, top + (y + 1) * scale)];
    for (let row = first; row < last; row++) addRow(image, row, left, scale, line);
    for (let x = 0, from = 0, to = 4 * y * width; x < width; x++, to += 4) {
      for (let c = 0; c < 3; c++) data[to + c] = line[from++] / scale ** 2;
      data[to + 3] = 255;
    }
  }
  return { pixels: { data, width, height }, scale };
}

/** Add a row of the image to a line of the view. */
function addRow({ data, width }, row, left, scale, line) {
  for (let x = 0; x < line.length / 3; x++) {
    const [first, last] = [Math.max(0, left + x * scale), Math.min(width, left + (x + 1) * scale)];
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
