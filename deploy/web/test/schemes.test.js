import assert from "node:assert/strict";
import test from "node:test";

import { schemeOf } from "../src/schemes.js";

const KNOWN = { "300w-68": { eyes: [36, 45], lines: [{ indices: [36, 37], closed: true }] } };

test("a known scheme is looked up by its name", () => {
  assert.deepEqual(schemeOf({ scheme: "300w-68" }, KNOWN), { name: "300w-68", ...KNOWN["300w-68"] });
});

test("a scheme of one's own is in the description", () => {
  const own = { name: "mine", eyes: [0, 1], lines: [[0, 2, 1], [3, 4]], mirror_pairs: [[0, 1]] };
  assert.deepEqual(schemeOf({ scheme: "mine", own_scheme: own }, KNOWN), {
    name: "mine",
    eyes: [0, 1],
    lines: [{ indices: [0, 2, 1], closed: false }, { indices: [3, 4], closed: false }],
  });
});

test("an unknown scheme is named", () => {
  for (const scheme of ["theirs", "constructor"]) {
    assert.throws(() => schemeOf({ scheme }, KNOWN), new RegExp(`does not know the landmarks ${scheme}`));
  }
});
