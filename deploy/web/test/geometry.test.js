import assert from "node:assert/strict";
import test from "node:test";

import { boxOfPoints, calibrate, cropOfBox, cut, shared, toImage } from "../src/geometry.js";
import { cropAround, firstCrop, turnedBack, turnedLeft } from "../src/turned.js";
import { close, contract, pattern, read } from "./golden.js";

const golden = read("golden/geometry.json");
const scale = contract.crop.box_scale;

test("a box gives Python's crop, there and back", () => {
  for (const { box_xyxy: box, roll_deg: roll, size_px: size, matrix, crop_xy: inside, image_xy: image } of golden.matrices) {
    const crop = cropOfBox(box, size, scale, roll);
    close([crop.a, -crop.b, crop.x, crop.b, crop.a, crop.y], matrix.flat(), 1e-6, `the matrix of ${box}`);
    close(toImage(inside, crop), image, 1e-6, `a point of ${box}`);
  }
});

test("a crop has Python's pixels, shrunk by blocks or enlarged, inside the picture and beyond", () => {
  const picture = pattern(golden.pattern.size_wh);
  for (const { box_xyxy: box, roll_deg: roll, size_px: size, crop_rgb: expected } of golden.crops) {
    const pixels = cut(picture, cropOfBox(box, size, scale, roll));
    close(pixels, Buffer.from(expected, "base64"), golden.pattern.tolerance_levels, `the crop of ${box}`);
  }
});

test("a detector's box becomes the box of training", () => {
  for (const { detector_xyxy: seen, roll_deg: roll, box_xyxy: expected } of golden.calibration) {
    close(calibrate(seen, contract.detector.calibration, roll), expected, 1e-6, `the box for ${seen}`);
  }
});

test("a detector's keypoints give the first crop; where they are odd, its box does", () => {
  const [level, farthest] = [contract.turning.level_deg, contract.tracking.farthest];
  let byBox = 0;
  for (const { detector_xyxy: seen, keypoints_xy: keypoints, box_xyxy: expected, roll_deg: roll } of golden.first_crop) {
    const { box, rollDeg } = firstCrop({ box: seen, keypoints }, contract.detector, level, farthest);
    close([...box, rollDeg], [...expected, roll], 1e-6, `the first crop of ${keypoints}`);
    const plain = calibrate(seen, contract.detector.calibration, rollDeg);
    byBox += box.every((edge, i) => edge === plain[i]);
  }
  assert.equal(byBox, 5);
});

test("points give Python's box and roll", () => {
  assert.ok(golden.around.some(({ roll_deg: roll }) => roll !== 0));
  for (const { points_xy: points, eyes, box_xyxy: expected, roll_deg: roll } of golden.around) {
    const { box, rollDeg } = cropAround(points.flat(), eyes, contract.turning.level_deg);
    close([...box, rollDeg], [...expected, roll], 1e-6, `the box of ${points}`);
  }
});

test("a face of a turned picture is where it was", () => {
  for (const { quarter, size_wh: [width, height], seen_xyxy: box, seen_keypoints_xy: keypoints, ...expected } of golden.turned_back) {
    const face = turnedBack({ box, keypoints, score: 1 }, quarter, width, height);
    close([...face.box, ...face.keypoints.flat()], [...expected.box_xyxy, ...expected.keypoints_xy.flat()], 1e-9, `${quarter}`);
  }
});

test("a picture's pixels go round to the left", () => {
  const picture = pattern([5, 3]);
  const level = ({ data, width }, x, y) => data[4 * (y * width + x)];
  for (const quarter of [1, 2, 3]) {
    const round = turnedLeft(picture, quarter);
    assert.deepEqual([round.width, round.height], quarter === 2 ? [5, 3] : [3, 5]);
    for (let y = 0; y < round.height; y++) {
      for (let x = 0; x < round.width; x++) {
        const [left, top] = turnedBack({ box: [x, y, x, y], keypoints: [], score: 1 }, quarter, 5, 3).box;
        assert.equal(level(round, x, y), level(picture, left, top));
      }
    }
  }
});

test("a box without area is refused", () => {
  for (const box of [[5, 5, 5, 5], [10, 0, 0, 10], [0, 10, 10, 0], [0, 0, NaN, 4], [0, 0, Infinity, 4]]) {
    assert.throws(() => cropOfBox(box, 64, scale), RangeError, `${box}`);
  }
});

test("shared area is over the smaller box", () => {
  assert.equal(shared([0, 0, 10, 10], [5, 0, 15, 20]), 0.5);
  assert.equal(shared([0, 0, 10, 10], [10, 0, 20, 10]), 0);
  assert.deepEqual(boxOfPoints([3, 9, 1, 4, 2, 12]), [1, 4, 3, 12]);
});
