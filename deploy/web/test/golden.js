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

/** The picture that geometry.json describes in its pattern's `level`. */
export function pattern([width, height]) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      for (let c = 0; c < 3; c++) data[at + c] = Math.abs(((5 * x + 3 * y + 40 * c) % 256) - 128) + 64;
    }
  }
  return { data, width, height };
}
