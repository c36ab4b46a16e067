/** The parts of a picture that the detector looks at, as in toolkit/detect/views.py. */

/** Parts are averaged down to this, twice what the network sees, since MediaPipe only samples them. */
const VIEW_PX = 256;

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

/** A window's pixels, black beyond the image, averaged down to VIEW_PX at most; and image pixels per view pixel. */
export function view(image, [left, top, right, bottom]) {
  const [fullWidth, fullHeight] = [right - left, bottom - top];
  const zoom = Math.min(1, VIEW_PX / Math.max(fullWidth, fullHeight));
  const width = Math.max(1, Math.round(fullWidth * zoom));
  const height = Math.max(1, Math.round(fullHeight * zoom));
  const columns = shares(left, fullWidth, width, image.width);
  const rows = shares(top, fullHeight, height, image.height);
  const wide = new Float32Array(width * image.height * 3);
  for (const [row] of new Map(rows.flat())) averageRow(image, row, columns, wide);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (const [row, share] of rows[y]) sum += share * wide[3 * (row * width + x) + c];
        data[at + c] = sum;
      }
      data[at + 3] = 255;
    }
  }
  return { pixels: { data, width, height }, scale: [fullWidth / width, fullHeight / height] };
}

/** For each view pixel along an axis, [source, share] of the image pixels under it, without those beyond the image. */
function shares(from, full, count, length) {
  const scale = full / count;
  return Array.from({ length: count }, (_, i) => {
    const [low, high] = [from + i * scale, from + (i + 1) * scale];
    const under = [];
    for (let place = Math.max(0, Math.floor(low)); place < Math.min(length, Math.ceil(high)); place++) {
      const share = (Math.min(high, place + 1) - Math.max(low, place)) / scale;
      if (share > 1e-9) under.push([place, share]);
    }
    return under;
  });
}

function averageRow({ data, width }, row, columns, out) {
  const line = row * width;
  for (let x = 0; x < columns.length; x++) {
    let [red, green, blue] = [0, 0, 0];
    for (const [place, share] of columns[x]) {
      const at = 4 * (line + place);
      red += share * data[at];
      green += share * data[at + 1];
      blue += share * data[at + 2];
    }
    out.set([red, green, blue], 3 * (row * columns.length + x));
  }
}

/** Whether a tile shows a face whole: no side of its box is beyond an edge of the tile that cuts the image. */
export function showsWhole(box, [left, top, right, bottom], { width, height }) {
  const starts = (left === 0 || box[0] >= left) && (top === 0 || box[1] >= top);
  return starts && (right === width || box[2] <= right) && (bottom === height || box[3] <= bottom);
}
