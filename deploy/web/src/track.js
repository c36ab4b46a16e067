/** From frame to frame: faces are followed by their own points, and looked for only when one is lost or may be new. */

import { boxOfPoints, calibrate, cropOfBox, cut, isNew, longerSide, toImage } from "./geometry.js";
import { Smoother } from "./smoothing.js";

/** Predictions a still face; each after the first crops around the points of the one before. */
const PASSES = 2;
/** Halvings of a photo for the smallest tiles. */
const FINEST = 2;
/** Seconds between looks for further faces, and for a first one. */
const LOOK_AGAIN_S = { further: 1, first: 0.1 };

/** Milliseconds by stage, summed over a frame. */
class Clock {
  ms = { detect: 0, crop: 0, network: 0 };

  time(stage, work) {
    const started = performance.now();
    const done = (result) => {
      this.ms[stage] += performance.now() - started;
      return result;
    };
    const result = work();
    return result instanceof Promise ? result.then(done) : done(result);
  }
}

/** Whether a box still is the same face: its longer side within `farthest` times, its centre within half a side. */
export function similar(box, before, farthest) {
  const [side, old] = [longerSide(box), longerSide(before)];
  const shift = Math.max(
    Math.abs(box[0] + box[2] - before[0] - before[2]) / 2,
    Math.abs(box[1] + box[3] - before[1] - before[3]) / 2,
  );
  return old / farthest < side && side < old * farthest && shift < old / 2;
}

/** The landmarks of the faces of photos and of a camera's frames. */
export class Tracker {
  #contract;
  #detector;
  #landmarker;
  #tracks = [];
  #looked = -Infinity;

  constructor(contract, detector, landmarker) {
    this.#contract = contract;
    this.#detector = detector;
    this.#landmarker = landmarker;
  }

  /** Start anew, as after another camera or a pause. */
  reset() {
    this.#tracks = [];
    this.#looked = -Infinity;
  }

  /** Every face of a photo: `{faces, ms}`, a face being `{points, confidence, box}` in image pixels, as cropped by. */
  async photo(image) {
    const clock = new Clock();
    const faces = [];
    for (const { box } of clock.time("detect", () => this.#detector.find(image, { finest: FINEST }))) {
      faces.push(await this.#still(image, this.#calibrated(box), clock));
    }
    return { faces, ms: clock.ms };
  }

  /** The faces of the next frame, as for a photo; smoothed if asked for. */
  async frame(image, seconds, smooth) {
    const clock = new Clock();
    const kept = [];
    for (const track of this.#tracks) {
      const found = await this.#predict(image, boxOfPoints(track.points), clock);
      if (this.#holds(found) && isNew(boxOfPoints(found.points), boxesOf(kept))) kept.push({ ...track, ...found });
    }
    const lost = kept.length < this.#tracks.length;
    this.#tracks = kept;
    const wait = kept.length > 0 ? LOOK_AGAIN_S.further : LOOK_AGAIN_S.first;
    if (lost || seconds - this.#looked >= wait) {
      this.#looked = seconds;
      await this.#admit(image, clock);
    }
    return { faces: this.#tracks.map((track) => shown(track, seconds, smooth)), ms: clock.ms };
  }

  /** Look for faces that are not followed yet. */
  async #admit(image, clock) {
    const known = boxesOf(this.#tracks);
    for (const { box } of clock.time("detect", () => this.#detector.find(image, { known }))) {
      const found = await this.#still(image, this.#calibrated(box), clock);
      this.#tracks.push({ ...found, smoother: new Smoother(this.#contract.smoothing) });
    }
  }

  /** Whether what was found in a crop still is the face that was followed there. */
  #holds({ points, confidence, box }) {
    const { min_confidence: least, farthest } = this.#contract.tracking;
    return mean(confidence) >= least && similar(boxOfPoints(points), box, farthest);
  }

  #calibrated(box) {
    return calibrate(box, this.#contract.detector.calibration);
  }

  async #still(image, box, clock) {
    let found = await this.#predict(image, box, clock);
    for (let pass = 1; pass < PASSES; pass++) {
      const closer = boxOfPoints(found.points);
      if (!similar(closer, found.box, this.#contract.tracking.farthest)) break;
      found = await this.#predict(image, closer, clock);
    }
    return found;
  }

  async #predict(image, box, clock) {
    const { sizePx } = this.#landmarker;
    const crop = cropOfBox(box, sizePx, this.#contract.crop.box_scale);
    const pixels = clock.time("crop", () => cut(image, crop));
    const { points, confidence } = await clock.time("network", () => this.#landmarker.run(pixels));
    return { points: toImage(points, crop), confidence, box };
  }
}

function shown({ points, confidence, box, smoother }, seconds, smooth) {
  const smoothed = smoother.smooth(points, seconds); // kept warm, so that the switch takes effect at once
  return { points: smooth ? smoothed : points, confidence, box };
}

const boxesOf = (tracks) => tracks.map((track) => boxOfPoints(track.points));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
