import assert from "node:assert/strict";
import test from "node:test";

import { Tracker } from "../src/track.js";
import { close, contract, read } from "./golden.js";

const golden = read("golden/tracking.json");
const [width, height] = golden.size_wh;
const image = { data: new Uint8ClampedArray(4 * width * height), width, height };

/** Stands for the detector and for the network: says of every frame what the script does, whatever it shows. */
class Actor {
  sizePx = golden.size_px;
  looks = 0;

  play(frame) {
    this.frame = frame;
  }

  find() {
    this.looks += 1;
    return this.frame.detector_xyxy.map((box) => ({ box, score: 0.9 }));
  }

  run() {
    const { shift_xy: shift, confidence } = this.frame;
    const points = golden.shape_xy.flatMap(([x, y]) => [x + shift[0], y + shift[1]]);
    return Promise.resolve({ points, confidence: golden.shape_xy.map(() => confidence) });
  }
}

test("a scripted film gives Python's faces, numbers and looks", async () => {
  const actor = new Actor();
  const tracker = new Tracker(contract, actor, actor);
  for (const frame of golden.frames) {
    actor.play(frame);
    const before = actor.looks;
    const { faces } = await tracker.frame(image, frame.seconds, true);
    const what = `at ${frame.seconds} s`;
    assert.equal(actor.looks > before, frame.looked, `looked ${what}`);
    assert.deepEqual(faces.map((face) => face.number), frame.faces.map((face) => face.number), `numbers ${what}`);
    for (const [i, expected] of frame.faces.entries()) {
      close(faces[i].box, expected.box_xyxy, 1e-4, `the crop's box ${what}`);
      close(faces[i].points, expected.points_xy.flat(), 1e-4, `points ${what}`);
    }
  }
});

test("without smoothing the network's own points are shown", async () => {
  const actor = new Actor();
  const tracker = new Tracker(contract, actor, actor);
  const [seen] = golden.frames.filter((frame) => frame.faces.length > 0);
  actor.play(seen);
  await tracker.frame(image, 0, false);
  actor.play({ ...seen, shift_xy: [2, 0] });
  const [raw] = (await tracker.frame(image, 0.03, false)).faces;
  const [next] = (await tracker.frame(image, 0.06, true)).faces;
  const zoom = (box) => golden.size_px / (contract.crop.box_scale * Math.max(box[2] - box[0], box[3] - box[1]));
  const left = (box) => (box[0] + box[2]) / 2 - (golden.size_px - 1) / 2 / zoom(box);
  assert.ok(Math.abs(raw.points[0] - (left(raw.box) + (golden.shape_xy[0][0] + 2) / zoom(raw.box))) < 1e-9);
  assert.notEqual(next.points[0], left(next.box) + (golden.shape_xy[0][0] + 2) / zoom(next.box));
});

test("after a reset faces are looked for anew", async () => {
  const actor = new Actor();
  const tracker = new Tracker(contract, actor, actor);
  actor.play(golden.frames.find((frame) => frame.faces.length > 0));
  await tracker.frame(image, 5, true);
  tracker.reset();
  const { faces } = await tracker.frame(image, 5.01, true);
  assert.deepEqual([actor.looks, faces.length], [2, 1]);
});

test("a photo's stages are timed apart", async () => {
  const actor = new Actor();
  actor.play(golden.frames.find((frame) => frame.faces.length > 0));
  const { faces, ms } = await new Tracker(contract, actor, actor).photo(image);
  assert.equal(faces.length, 1);
  assert.deepEqual(Object.keys(ms), ["detect", "crop", "network"]);
  assert.ok(ms.crop > 0);
});
