import assert from "node:assert/strict";
import test from "node:test";

import { quantile, timed } from "../src/timing.js";

test("quantiles are NumPy's", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9), 9.1);
});

test("calls take turns after the warm-up, and each is counted", async () => {
  const order = [];
  const calls = ["a", "b"].map((name) => async () => order.push(name));
  const latencies = await timed(calls, 2, 1, () => {});
  assert.equal(order.join(""), "ababab");
  assert.deepEqual(latencies.map(({ runs, warmup }) => [runs, warmup]), [[2, 1], [2, 1]]);
});
