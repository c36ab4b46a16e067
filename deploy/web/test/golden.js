/** The golden cases that every platform's test reads. */

import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const DEPLOY = new URL("../../", import.meta.url);

export const read = (name) => JSON.parse(readFileSync(new URL(name, DEPLOY), "utf8"));
export const contract = read("contract.json");

/** Raises unless two lists of numbers agree within a tolerance. */
export function close(got, expected, tolerance, what) {
  assert.equal(got.length, expected.length, what);
  for (const [i, value] of [...expected].entries()) {
    assert.ok(Math.abs(got[i] - value) <= tolerance, `${what}: [${i}] is ${got[i]}, expected ${value} ± ${tolerance}`);
  }
}
