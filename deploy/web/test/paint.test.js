import assert from "node:assert/strict";
import test from "node:test";

import { paint } from "../src/paint.js";

/** A canvas of four pixels, each `[level, opacity]`, on which opaque black is 0. */
function surface(levels) {
  return {
    levels,
    fillStyle: "",
    fillRect(left, top, width, height) {
      assert.equal(this.fillStyle, "black");
      assert.deepEqual([left, top, width * height], [0, 0, this.levels.length]);
      this.levels = this.levels.map(() => 0);
    },
    drawImage({ pixels }) {
      this.levels = this.levels.map((under, i) => under * (1 - pixels[i][1]) + pixels[i][0] * pixels[i][1]);
    },
  };
}

test("a transparent picture shows black, not the picture before it", () => {
  const context = surface([200, 200, 200, 200]);
  paint(context, { width: 2, height: 2, pixels: [[90, 0], [90, 0.5], [90, 1], [0, 0]] });
  assert.deepEqual(context.levels, [0, 45, 90, 0]);
});
