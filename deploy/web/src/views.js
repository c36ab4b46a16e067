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

/** A window's pixels, black beyond the image, averaged down to `viewPx` at most; and image pixels per view pixel. */
export function view(image, [left, top, right, bottom], viewPx) {
  const [fullWidth, fullHeight] = [right - left, bottom - top];
  const zoom = Math.min(1, viewPx / Math.max(fullWidth, fullHeight));
  const width = Math.max(1, Math.round(fullWidth * zoom));
  const height = Math.max(1, Math.round(fullHeight * zoom));
  const columns = under(left, fullWidth, width, image.width);
  const rows = under(top, fullHeight, height, image.height);
  const data = new Uint8ClampedArray(4 * width * height);
  const line = new Float32Array(3 * width);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let k = 0; k < rows.count[y]; k++) {
      addRow(image, rows.first[y] + k, rows.share[y * rows.most + k], columns, line);
    }
    for (let x = 0, from = 0, to = 4 * y * width; x < width; x++, to += 4) {
      for (let c = 0; c < 3; c++) data[to + c] = line[from++];
      data[to + 3] = 255;
    }
  }
  return { pixels: { data, width, height }, scale: [fullWidth / width, fullHeight / height] };
}

/** For each view pixel along an axis: the first image pixel under it, their count, and each one's share. */
function under(from, full, count, length) {
  const scale = full / count;
  const most = Math.ceil(scale) + 1;
  const out = { first: new Int32Array(count), count: new Int32Array(count), share: new Float32Array(count * most), most };
  for (let i = 0; i < count; i++) {
    const [low, high] = [from + i * scale, from + (i + 1) * scale];
    out.first[i] = Math.max(0, Math.floor(low));
    const end = Math.min(length, Math.ceil(high - 1e-9));
    for (let place = out.first[i]; place < end; place++) {
      out.share[i * most + out.count[i]++] = (Math.min(high, place + 1) - Math.max(low, place)) / scale;
    }
  }
  return out;
}

/** Add a row of the image to a line of the view, so much of it. */
function addRow({ data, width }, row, share, { first, count, share: shares, most }, line) {
  for (let x = 0, to = 0; x < first.length; x++, to += 3) {
    let from = 4 * (row * width + first[x]);
    for (let k = x * most; k < x * most + count[x]; k++, from += 4) {
      const part = share * shares[k];
      line[to] += part * data[from];
      line[to + 1] += part * data[from + 1];
      line[to + 2] += part * data[from + 2];
    }
  }
}

/** Whether a tile shows a face whole: no side of its box is beyond an edge of the tile that cuts the image. */
export function showsWhole(box, [left, top, right, bottom], { width, height }) {
  const starts = (left === 0 || box[0] >= left) && (top === 0 || box[1] >= top);
  return starts && (right === width || box[2] <= right) && (bottom === height || box[3] <= bottom);
}
