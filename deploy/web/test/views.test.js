import assert from "node:assert/strict";
import test from "node:test";

import { showsWhole, tiles, view } from "../src/views.js";

/** Grey levels that rise by 2 to the right and by 1 downwards. */
function slope(width, height) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) data.fill(2 * x + y, at, at + 4);
  }
  return { data, width, height };
}

test("a view halves the picture and is black beyond it", () => {
  const { pixels, scale } = view(slope(64, 32), [-513, 0, 513, 65], 160);
  assert.deepEqual([pixels.width, pixels.height, scale], [256, 16, 4]);
  const level = (x, y) => pixels.data[4 * (y * 256 + x)];
  assert.equal(level(127, 0), 0);
  assert.equal(level(129, 0), 11); // columns 3..6, rows 0..3: 7.5, 11.5, 9.5 and 13.5, each half rounded up, and their mean
  assert.equal(level(129, 8), 0);
});

test("a picture smaller than a view is shown as it is", () => {
  const picture = slope(20, 10);
  const { pixels } = view(picture, [0, 0, 20, 10], 256);
  for (let i = 0; i < picture.data.length; i += 4) assert.equal(pixels.data[i], picture.data[i]);
});

test("tiles cover the picture, and show whole what they do not cut", () => {
  const all = tiles(400, 300, 200);
  assert.deepEqual(all[0], [0, 0, 200, 200]);
  assert.deepEqual(all.at(-1), [200, 100, 400, 300]);
  const picture = { width: 400, height: 300 };
  assert.equal(showsWhole([-5, 20, 60, 80], all[0], picture), true);
  assert.equal(showsWhole([150, 20, 210, 80], all[0], picture), false);
});

test("tiles start at whole pixels, of two as near at the even one, as in Python", () => {
  assert.deepEqual(tiles(402, 201, 201).map(([left]) => left), [0, 100, 201]);
  assert.deepEqual(tiles(406, 203, 203).map(([left]) => left), [0, 102, 203]);
});
