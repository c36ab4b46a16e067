import assert from "node:assert/strict";
import test from "node:test";

import { Smoother } from "../src/smoothing.js";
import { close, contract, read } from "./golden.js";

test("frames at an uneven pace are smoothed as in Python", () => {
  const smoother = new Smoother(contract.smoothing);
  for (const { seconds, points_xy: points, smooth_xy: expected } of read("golden/smoothing.json").frames) {
    close(smoother.smooth(points.flat(), seconds), expected.flat(), 1e-5, `the frame at ${seconds} s`);
  }
});

test("a frame that is not later is refused", () => {
  const smoother = new Smoother(contract.smoothing);
  smoother.smooth([0, 0, 4, 4], 1);
  assert.throws(() => smoother.smooth([0, 0, 4, 4], 1), RangeError);
});
