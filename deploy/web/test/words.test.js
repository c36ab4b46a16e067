import assert from "node:assert/strict";
import test from "node:test";

import { pictureFailure } from "../src/words.js";

const bytes = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test("a HEIC photo is told how to become one that can be read", () => {
  assert.match(pictureFailure("IMG_1.HEIC", bytes("\0\0\0\x18ftypheic")), /^IMG_1\.HEIC is HEIC.*Most Compatible/);
});

test("other files are named, and empty ones too", () => {
  for (const head of ["%PDF-1.7\n%\xe2\xe3", "", "\0\0\0\x18ftypisom"]) {
    assert.equal(pictureFailure("a.bin", bytes(head)), "a.bin is no picture that this browser can read.");
  }
});
