import assert from "node:assert/strict";
import test from "node:test";

import { Tracker } from "../src/track.js";
import { contract } from "./golden.js";

const SIZE = 64;
const image = { data: new Uint8ClampedArray(4 * 320 * 240), width: 320, height: 240 };

/** A detector that finds the given boxes, and counts how often it is asked. */
class Detector {
  asked = 0;
  constructor(boxes) {
    this.boxes = boxes;
  }
  find(picture, { known = [] } = {}) {
    this.asked += 1;
    return this.boxes.slice(known.length).map((box) => ({ box, score: 1 }));
  }
}

/** A network that sees a face filling the crop as training's faces do, as sure as it is told. */
class Network {
  sizePx = SIZE;
  sure = 1;
  run() {
    const [low, high] = [SIZE * 0.1 - 0.5, SIZE * 0.9 - 0.5];
    return Promise.resolve({ points: [low, low, high, high], confidence: [this.sure, this.sure] });
  }
}

const tracker = (detector, network) => new Tracker(contract, detector, network);

test("a followed face is looked for again only after a while", async () => {
  const detector = new Detector([[100, 60, 200, 160]]);
  const following = tracker(detector, new Network());
  for (let frame = 0; frame < 10; frame++) {
    const { faces } = await following.frame(image, frame / 30, true);
    assert.equal(faces.length, 1);
  }
  assert.equal(detector.asked, 1);
  await following.frame(image, 2, true);
  assert.equal(detector.asked, 2);
});

test("a face that the network is unsure of is lost, and looked for at once", async () => {
  const [detector, network] = [new Detector([[100, 60, 200, 160]]), new Network()];
  const following = tracker(detector, network);
  await following.frame(image, 0, true);
  network.sure = contract.tracking.min_confidence - 0.01;
  detector.boxes = [];
  const { faces } = await following.frame(image, 0.03, true);
  assert.deepEqual([faces.length, detector.asked], [0, 2]);
});

test("several faces are followed, each once", async () => {
  const following = tracker(new Detector([[20, 60, 100, 140], [200, 60, 290, 150]]), new Network());
  for (let frame = 0; frame < 3; frame++) {
    const { faces } = await following.frame(image, frame / 30, false);
    assert.equal(faces.length, 2);
  }
});

test("stages are timed apart", async () => {
  const { ms } = await tracker(new Detector([[100, 60, 200, 160]]), new Network()).photo(image);
  assert.deepEqual(Object.keys(ms), ["detect", "crop", "network"]);
  assert.ok(Object.values(ms).every((value) => value >= 0));
});
