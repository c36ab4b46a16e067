import assert from "node:assert/strict";
import test from "node:test";

import { anchors, facesSeen, letterboxed } from "../src/blazeface.js";
import { FaceDetector } from "../src/faces.js";
import { view } from "../src/views.js";
import { close, contract, pattern, read } from "./golden.js";

const golden = read("golden/detector.json");
const { network, search } = contract.detector;
const centres = anchors(network);

/** A part of the golden pattern. */
function part([left, top, right, bottom]) {
  const whole = pattern(read("golden/geometry.json").pattern.size_wh);
  const [width, height] = [right - left, bottom - top];
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 4 * ((top + y) * whole.width + left);
    data.set(whole.data.subarray(from, from + 4 * width), 4 * y * width);
  }
  return { data, width, height };
}

test("a picture becomes Python's levels for the detector, with black beside it", () => {
  const { every, tolerance_levels: tolerance, pictures } = golden.letterboxed;
  const [low, high] = network.range;
  for (const { part_xyxy: box, levels } of pictures) {
    const values = letterboxed(part(box), network);
    const kept = [];
    for (let y = 0; y < network.input_px; y += every) {
      for (let x = 0; x < network.input_px; x += every) {
        for (let c = 0; c < 3; c++) kept.push(((values[3 * (y * network.input_px + x) + c] - low) * 255) / (high - low));
      }
    }
    close(kept, levels, tolerance + 1e-3, `the levels of ${box}`);
  }
});

test("the detector's outputs become Python's faces", () => {
  for (const { size_wh: [width, height], anchors: seen, other_logits: other, faces: expected } of golden.seen) {
    const each = 4 + 2 * network.keypoints;
    const [numbers, logits] = [new Float32Array(each * centres.length), new Float32Array(centres.length).fill(other)];
    for (const { index, logit, numbers: own } of seen) {
      logits[index] = logit;
      numbers.set(own, each * index);
    }
    const faces = facesSeen(numbers, logits, { width, height }, contract.detector, centres);
    assert.equal(faces.length, expected.length);
    for (const [i, { score, box_xyxy: box, keypoints_xy: keypoints }] of expected.entries()) {
      close([faces[i].score], [score], 1e-4, "score");
      close([...faces[i].box, ...faces[i].keypoints.flat()], [...box, ...keypoints.flat()], 2e-3, "box and keypoints");
    }
  }
});

/** Sees the bright square of a black picture as a face, where at least half of it and a sixth of the view is shown. */
const BRIGHT = {
  async look({ data, width, height }) {
    const box = [Infinity, Infinity, -Infinity, -Infinity];
    for (let y = 0, at = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at += 4) {
        if (data[at] > 127) {
          box.splice(0, 4, Math.min(box[0], x - 0.5), Math.min(box[1], y - 0.5), Math.max(box[2], x + 0.5), Math.max(box[3], y + 0.5));
        }
      }
    }
    const side = box[2] - box[0];
    if (!(side > Math.max(width, height) / 6)) return [];
    return [{ box, keypoints: [[box[0], box[1]], [box[2], box[1]]], score: 0.9 }];
  },
};

/** A black picture with a white square. */
function square(width, height, [left, top, right, bottom]) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (let y = top; y < bottom; y++) data.fill(255, 4 * (y * width + left), 4 * (y * width + right));
  return { data, width, height };
}

test("a face is found again close up, and a small one on tiles alone", async () => {
  const detector = new FaceDetector(BRIGHT, search, contract.tracking.same_face);
  const [large] = await detector.find(square(320, 240, [100, 60, 180, 140]));
  close(large.box, [99.5, 59.5, 179.5, 139.5], 1.5, "the large one");
  close(large.keypoints.slice(0, 2).flat(), [99.5, 59.5, 179.5, 59.5], 1.5, "its eyes");
  const small = square(800, 600, [610, 420, 690, 500]);
  assert.deepEqual(await detector.find(small), []);
  const [found] = await detector.find(small, { finest: search.finest });
  close(found.box, [609.5, 419.5, 689.5, 499.5], 2, "the small one");
  assert.deepEqual(await detector.find(small, { finest: search.finest, known: [found.box] }), []);
});

test("what is looked at is halved as in Python", () => {
  const whole = pattern(read("golden/geometry.json").pattern.size_wh);
  for (const { window_xyxy: window, view_px: viewPx, size_wh: size, scale, levels } of golden.viewed) {
    const { pixels, scale: own } = view(whole, window, viewPx);
    assert.deepEqual([pixels.width, pixels.height, own], [...size, scale]);
    const kept = pixels.data.filter((_, at) => at % 4 < 3).filter((_, at) => at % golden.viewed_every === 0);
    close(kept, levels, 0, `the view of ${window}`);
  }
});

/** A black picture with a square of a colour of its own for each face. */
function coloured([width, height], faces) {
  const data = new Uint8ClampedArray(4 * width * height);
  for (const [colour, { box_xyxy: [left, top, right, bottom] }] of faces.entries()) {
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) data[4 * (y * width + x) + colour] = 255;
    }
  }
  return { data, width, height };
}

/** Sees those squares where they are whole and large enough, with their scores, and counts its looks. */
class Scripted {
  looks = 0;

  constructor(faces) {
    this.faces = faces;
  }

  async look({ data, width, height }) {
    this.looks += 1;
    return this.faces.flatMap(({ score }, colour) => {
      const box = [Infinity, Infinity, -Infinity, -Infinity];
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          if (data[4 * (y * width + x) + colour] <= 127) continue;
          box.splice(0, 4, Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x + 1), Math.max(box[3], y + 1));
        }
      }
      const isWhole = box[0] > 0 && box[1] > 0 && box[2] < width && box[3] < height;
      if (!isWhole || box[2] - box[0] < golden.seen_from * Math.max(width, height)) return [];
      return [{ box, keypoints: [box.slice(0, 2), box.slice(2)], score }];
    });
  }
}

test("it looks as often as Python does, and finds the same", async () => {
  for (const { size_wh: size, faces, finest, looks, found_xyxy: expected } of golden.searched) {
    const scripted = new Scripted(faces);
    const found = await new FaceDetector(scripted, search, contract.tracking.same_face).find(coloured(size, faces), { finest });
    const what = `${faces.map(({ box_xyxy: box }) => box)} at ${finest}`;
    assert.equal(scripted.looks, looks, `looks at ${what}`);
    close(found.map(({ box }) => box).flat(), expected.flat(), 8, what);
  }
});
