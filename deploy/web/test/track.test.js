import assert from "node:assert/strict";
import test from "node:test";

import { Tracker } from "../src/track.js";
import { close, contract, read } from "./golden.js";

const golden = read("golden/tracking.json");
const [width, height] = golden.size_wh;
const image = { data: new Uint8ClampedArray(4 * width * height), width, height };
image.data[0] = golden.mark;

/** Stands for the detector and for the network: says of every frame what the script does, whatever it shows. */
class Actor {
  sizePx = golden.size_px;
  looks = 0;

  play(frame) {
    this.frame = frame;
    this.said = 0;
  }

  find(picture) {
    this.looks += 1;
    const at = (x, y) => picture.data[4 * (y * picture.width + x)] === golden.mark;
    const [right, bottom] = [picture.width - 1, picture.height - 1];
    const from = [at(0, 0), at(0, bottom), at(right, bottom), at(right, 0)].indexOf(true);
    const seen = this.frame.seen.filter(({ quarter }) => quarter === from);
    return seen.map(({ box_xyxy: box, keypoints_xy: keypoints, score }) => ({ box, keypoints, score }));
  }

  run() {
    const { crop_points_xy: points, confidence } = this.frame;
    const sure = confidence[Math.min(this.said++, confidence.length - 1)];
    return Promise.resolve({ points: points.flat(), confidence: points.map(() => sure) });
  }
}

const started = (actor) => new Tracker(contract, actor, actor, golden.eyes);
const [first] = golden.frames.filter((frame) => frame.faces.length > 0);

test("a scripted film gives Python's faces, numbers and looks", async () => {
  const actor = new Actor();
  const tracker = started(actor);
  for (const frame of golden.frames) {
    actor.play(frame);
    const before = actor.looks;
    const { faces } = await tracker.frame(image, frame.seconds, true);
    const what = `at ${frame.seconds} s`;
    assert.equal(actor.looks > before, frame.looked, `looked ${what}`);
    assert.deepEqual(faces.map((face) => face.number), frame.faces.map((face) => face.number), `numbers ${what}`);
    for (const [i, expected] of frame.faces.entries()) {
      close([...faces[i].box, faces[i].rollDeg], [...expected.box_xyxy, expected.roll_deg], 1e-4, `the crop ${what}`);
      close(faces[i].points, expected.points_xy.flat(), 1e-4, `points ${what}`);
    }
  }
});

test("without smoothing the network's own points are shown", async () => {
  const actor = new Actor();
  const tracker = started(actor);
  actor.play(first);
  await tracker.frame(image, 0, false);
  actor.play({ ...first, crop_points_xy: first.crop_points_xy.map(([x, y]) => [x + 2, y]) });
  const [raw] = (await tracker.frame(image, 0.03, false)).faces;
  const [next] = (await tracker.frame(image, 0.06, true)).faces;
  const zoom = (box) => golden.size_px / (contract.crop.box_scale * Math.max(box[2] - box[0], box[3] - box[1]));
  const left = (box) => (box[0] + box[2]) / 2 - (golden.size_px - 1) / 2 / zoom(box);
  const expected = ({ box }) => left(box) + actor.frame.crop_points_xy[0][0] / zoom(box);
  assert.ok(Math.abs(raw.points[0] - expected(raw)) < 1e-9);
  assert.notEqual(next.points[0], expected(next));
});

test("a frame that is not later is refused and changes nothing", async () => {
  const frames = [[0, 0], [0.03, 4], [0.06, 8]];
  const follow = async (again) => {
    const actor = new Actor();
    const tracker = started(actor);
    const found = [];
    for (const [seconds, x] of frames) {
      actor.play({ ...first, crop_points_xy: first.crop_points_xy.map(([left, y]) => [left + x / 8, y]) });
      found.push((await tracker.frame(image, seconds, true)).faces[0].points);
      for (const wrong of again) {
        await assert.rejects(tracker.frame(image, seconds + wrong, true), /cannot follow/);
      }
    }
    return found;
  };
  assert.deepEqual(await follow([0, -1, NaN]), await follow([]));
});

test("after a reset faces are looked for anew", async () => {
  const actor = new Actor();
  const tracker = started(actor);
  actor.play(first);
  await tracker.frame(image, 5, true);
  tracker.reset();
  const { faces } = await tracker.frame(image, 5.01, true);
  assert.deepEqual([actor.looks, faces.length], [2, 1]);
});

test("a detection that cannot be cropped is no face", async () => {
  const [face] = first.seen;
  const [left, top, right, bottom] = face.box_xyxy;
  const nowhere = [[right, top, left, bottom], [left, top, left, top], [NaN, top, right, bottom]];
  for (const box of nowhere) {
    const actor = new Actor();
    actor.play({ ...first, seen: [face, { ...face, box_xyxy: box }] });
    const { faces } = await started(actor).frame(image, 0, true);
    assert.equal(faces.length, 1, `in a frame, beside ${box}`);
    assert.equal((await started(actor).photo(image)).faces.length, 1, `in a photo, beside ${box}`);
    for (const quarter of [0, contract.turning.quarters[0]]) {
      actor.play({ ...first, seen: [{ ...face, box_xyxy: box, quarter }] });
      assert.deepEqual((await started(actor).frame(image, 0, true)).faces, [], `${box} alone, after ${quarter} quarter turns`);
    }
  }
});

test("a photo's stages are timed apart", async () => {
  const actor = new Actor();
  actor.play(first);
  const { faces, ms } = await started(actor).photo(image);
  assert.deepEqual(faces.map(({ sure }) => sure), [true]);
  assert.deepEqual(Object.keys(ms), ["detect", "crop", "network"]);
  assert.ok(ms.crop > 0);
});

test("a photo's face with little confidence is told as unsure", async () => {
  const actor = new Actor();
  actor.play({ ...first, confidence: [contract.tracking.min_confidence - 0.01] });
  const { faces } = await started(actor).photo(image);
  assert.deepEqual(faces.map(({ sure }) => sure), [false]);
});

test("the network's own floor of confidence goes before the contract's", async () => {
  for (const [floor, sure] of [[undefined, true], [0.95, false]]) {
    const actor = new Actor();
    actor.confidenceFloor = floor;
    actor.play({ ...first, confidence: [0.9] });
    const { faces } = await started(actor).photo(image);
    assert.deepEqual(faces.map((face) => face.sure), [sure]);
    assert.equal((await started(actor).frame(image, 0, true)).faces.length, Number(sure));
  }
});

test("of two tracks that met, the lost one is remembered where it was last seen", async () => {
  const actor = new Actor();
  const tracker = started(actor);
  const faceAt = (dx) => {
    const [face] = first.seen;
    const [left, top, right, bottom] = face.box_xyxy;
    const keypoints = face.keypoints_xy.map(([x, y]) => [x + dx, y]);
    return { ...face, box_xyxy: [left + dx, top, right + dx, bottom], keypoints_xy: keypoints };
  };
  const numbers = async (seconds) => (await tracker.frame(image, seconds, false)).faces.map(({ number }) => number);
  actor.play({ ...first, seen: [faceAt(0), faceAt(42)] });
  assert.deepEqual(await numbers(0), [1, 2]);
  const points = actor.frame.crop_points_xy;
  const answers = [[points, 0.9], [points.map(([x, y]) => [x - 0.35 * golden.size_px, y]), 0.8]]; // the second face is the first
  actor.run = () => {
    const [moved, sure] = answers.shift() ?? [points, 0.9];
    return Promise.resolve({ points: moved.flat(), confidence: moved.map(() => sure) });
  };
  actor.play({ ...first, seen: [] });
  assert.deepEqual(await numbers(0.1), [1]);
  actor.play({ ...first, seen: [faceAt(70)] });
  assert.deepEqual(await numbers(0.13), [1, 3]);
});
