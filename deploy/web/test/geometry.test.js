import assert from "node:assert/strict";
import test from "node:test";

import { boxOfPoints, calibrate, cropOfBox, cut, shared, toImage } from "../src/geometry.js";
import { close, contract, read } from "./golden.js";

const golden = read("golden/geometry.json");
const scale = contract.crop.box_scale;

test("a box gives Python's crop, there and back", () => {
  for (const { box_xyxy: box, size_px: size, matrix, crop_xy: inside, image_xy: image } of golden.matrices) {
    const crop = cropOfBox(box, size, scale);
    close([crop.zoom, 0, crop.x, 0, crop.zoom, crop.y], matrix.flat(), 1e-6, `the matrix of ${box}`);
    close(toImage(inside, crop), image, 1e-6, `a point of ${box}`);
  }
});

test("a crop has Python's pixels, shrunk by blocks or enlarged, inside the picture and beyond", () => {
  const picture = pattern(golden.pattern.size_wh);
  for (const { box_xyxy: box, size_px: size, crop_rgb: expected } of golden.crops) {
    const pixels = cut(picture, cropOfBox(box, size, scale));
    close(pixels, Buffer.from(expected, "base64"), golden.pattern.tolerance_levels, `the crop of ${box}`);
  }
});

test("a detector's box becomes the box of training", () => {
  for (const { detector_xyxy: seen, box_xyxy: expected } of golden.calibration) {
    close(calibrate(seen, contract.detector.calibration), expected, 1e-6, `the box for ${seen}`);
  }
});

test("a box without area is refused", () => {
  for (const box of [[5, 5, 5, 5], [0, 0, NaN, 4], [0, 0, Infinity, 4]]) {
    assert.throws(() => cropOfBox(box, 64, scale), RangeError);
  }
});

test("shared area is over the smaller box", () => {
  assert.equal(shared([0, 0, 10, 10], [5, 0, 15, 20]), 0.5);
  assert.equal(shared([0, 0, 10, 10], [10, 0, 20, 10]), 0);
  assert.deepEqual(boxOfPoints([3, 9, 1, 4, 2, 12]), [1, 4, 3, 12]);
});

/** The picture that geometry.json describes in its pattern's `level`. */
function pattern([width, height]) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      for (let c = 0; c < 3; c++) data[at + c] = Math.abs(((5 * x + 3 * y + 40 * c) % 256) - 128) + 64;
    }
  }
  return { data, width, height };
}
