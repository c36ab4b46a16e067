import assert from "node:assert/strict";
import test from "node:test";

import { channelsLast, decode, smoothingKernel } from "../src/heatmap.js";
import { close, contract, read } from "./golden.js";

const golden = read("golden/decode.json");
const [width, height] = golden.size_wh;
const terms = { ...contract.heatmaps, sigma_px: golden.sigma_px };

for (const [decoder, expected] of Object.entries(golden.expected)) {
  test(`heatmaps give Python's points by ${decoder}`, () => {
    const count = golden.maps.length;
    const values = new Float32Array(width * height * count);
    golden.maps.forEach((map, m) => map.forEach((value, i) => (values[i * count + m] = value)));
    const { points, confidence } = decode(channelsLast(values, height, width, count), { ...terms, decoder });
    close(points, expected.points_xy.flat(), golden.tolerance_px, "points");
    close(confidence, expected.confidence, 1e-6, "confidence");
  });
}

test("the smoothing kernel is the contract's", () => {
  close(smoothingKernel(contract.heatmaps.sigma_px), contract.heatmaps.kernel, 1e-9, "kernel");
});

test("an unknown decoder is refused", () => {
  const empty = channelsLast(new Float32Array(0), 0, 0, 0);
  assert.throws(() => decode(empty, { ...terms, decoder: "median" }), /unknown decoder median/);
});
