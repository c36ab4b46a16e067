/**
 * Faces over frames, as in toolkit/detect/tracking.py and by the contract's `tracking`: found once, then followed by their
 * own landmarks, with a crop that moves on as the face does.
 */

import { boxOfPoints, calibrate, cropOfBox, cut, longerSide, partInside, shared, similar, toImage } from "./geometry.js";
import { Smoother } from "./smoothing.js";

/** Halvings of a photo for the smallest tiles. */
const FINEST = 2;

/** Milliseconds by stage, summed over a frame. */
class Clock {
  ms = { detect: 0, crop: 0, network: 0 };

  async time(stage, work) {
    const started = performance.now();
    const result = await work();
    this.ms[stage] += performance.now() - started;
    return result;
  }
}

/** The landmarks of the faces of photos and of a camera's frames. */
export class Tracker {
  #contract;
  #rule;
  #detector;
  #landmarker;
  #tracks = [];
  #lost = [];
  #looked = -Infinity;
  #numbers = 0;

  constructor(contract, detector, landmarker) {
    this.#contract = contract;
    this.#rule = contract.tracking;
    this.#detector = detector;
    this.#landmarker = landmarker;
  }

  /** Start anew, as after another camera or a pause. */
  reset() {
    this.#tracks = [];
    this.#lost = [];
    this.#looked = -Infinity;
  }

  /** Every face of a photo: `{faces, ms}`, a face being `{points, confidence, box}` in image pixels, as cropped by. */
  async photo(image) {
    const clock = new Clock();
    const faces = [];
    for (const { box } of await clock.time("detect", () => this.#detector.find(image, { finest: FINEST }))) {
      faces.push(await this.#settle(image, this.#calibrated(box), clock));
    }
    return { faces, ms: clock.ms };
  }

  /** The faces of the next frame, as for a photo and with their numbers; smoothed if asked for. */
  async frame(image, seconds, smooth) {
    const clock = new Clock();
    const followed = [];
    for (const track of this.#tracks) {
      const next = await this.#follow(track, image, seconds, clock);
      if (next !== null) followed.push(next);
    }
    const kept = this.#distinct(followed);
    const gone = this.#tracks.filter(({ number }) => !kept.some((track) => track.number === number));
    this.#lost = [...this.#lost, ...gone].filter((track) => seconds - track.seconds <= this.#rule.remember_s);
    this.#tracks = kept;
    if (this.#shouldLook(seconds)) {
      this.#looked = seconds;
      await this.#look(image, seconds, clock);
    }
    this.#tracks.sort((a, b) => a.number - b.number);
    return { faces: this.#tracks.map((track) => shown(track, smooth)), ms: clock.ms };
  }

  /** The track with this frame's landmarks; null where the face is lost. */
  async #follow(track, image, seconds, clock) {
    const before = boxOfPoints(track.points);
    const ahead = Math.min(seconds - track.seconds, this.#rule.ahead_s);
    const [dx, dy] = track.speed.map((speed) => speed * ahead);
    const found = await this.#predict(image, [before[0] + dx, before[1] + dy, before[2] + dx, before[3] + dy], clock);
    if (!this.#isFace(found, image)) return null;
    const moved = shift(before, boxOfPoints(found.points), this.#rule.leeway);
    return { ...track, ...found, seconds, speed: moved.map((px) => px / (seconds - track.seconds)) };
  }

  #isFace({ points, confidence, box }, image) {
    const around = boxOfPoints(points);
    return (
      mean(confidence) >= this.#rule.min_confidence &&
      partInside(around, image) >= this.#rule.min_inside &&
      similar(around, box, this.#rule.farthest)
    );
  }

  #shouldLook(seconds) {
    if (this.#tracks.length >= this.#rule.faces) return false;
    const urgent = this.#tracks.length === 0 || this.#lost.length > 0;
    return urgent || seconds - this.#looked >= this.#rule.look_again_s;
  }

  /** Begin a track for every face that is not followed yet, the largest first. */
  async #look(image, seconds, clock) {
    const known = this.#tracks.map((track) => boxOfPoints(track.points));
    for (const seen of await clock.time("detect", () => this.#detector.find(image, { known }))) {
      const box = this.#calibrated(seen.box);
      if (this.#tracks.length >= this.#rule.faces || this.#at(box, this.#tracks)) continue;
      const found = await this.#settle(image, box, clock);
      const around = boxOfPoints(found.points);
      if (!this.#isFace(found, image) || this.#at(around, this.#tracks)) continue;
      const smoother = new Smoother(this.#contract.smoothing);
      this.#tracks.push({ ...found, number: this.#number(around), seconds, speed: [0, 0], smoother });
    }
  }

  #calibrated(box) {
    return calibrate(box, this.#contract.detector.calibration);
  }

  /** A new face's predictions: each after the first crops around the points of the one before. */
  async #settle(image, box, clock) {
    let found = await this.#predict(image, box, clock);
    for (let pass = 1; pass < this.#rule.passes; pass++) {
      const closer = boxOfPoints(found.points);
      if (!similar(closer, found.box, this.#rule.farthest)) break;
      found = await this.#predict(image, closer, clock);
    }
    return found;
  }

  async #predict(image, box, clock) {
    const { sizePx } = this.#landmarker;
    const crop = cropOfBox(box, sizePx, this.#contract.crop.box_scale);
    const pixels = await clock.time("crop", () => cut(image, crop));
    const { points, confidence } = await clock.time("network", () => this.#landmarker.run(pixels));
    return { points: toImage(points, crop), confidence, box };
  }

  /** The track whose face is where the box is. */
  #at(box, tracks) {
    return tracks.find((track) => shared(boxOfPoints(track.points), box) > this.#rule.same_face);
  }

  /** That of the face that was lost there, or the next one. */
  #number(box) {
    const again = this.#at(box, this.#lost);
    if (again === undefined) return ++this.#numbers;
    this.#lost = this.#lost.filter((track) => track !== again);
    return again.number;
  }

  /** Those that follow a face of their own: of two on one face, the surer one. */
  #distinct(tracks) {
    const kept = [];
    for (const track of tracks.sort((a, b) => mean(b.confidence) - mean(a.confidence))) {
      const box = boxOfPoints(track.points);
      if (kept.every((other) => shared(boxOfPoints(other.points), box) <= this.#rule.same_track)) kept.push(track);
    }
    return kept;
  }
}

/** How far the centre of a box has moved, less the part that may be trembling. */
function shift(before, box, leeway) {
  const moved = [0, 1].map((axis) => (box[axis] + box[axis + 2] - before[axis] - before[axis + 2]) / 2);
  const length = Math.hypot(...moved);
  const still = leeway * longerSide(box);
  return moved.map((px) => (length > still ? px * (1 - still / length) : 0));
}

function shown({ points, confidence, box, number, seconds, smoother }, smooth) {
  const smoothed = smoother.smooth(points, seconds); // kept warm, so that the switch takes effect at once
  return { points: smooth ? smoothed : points, confidence, box, number };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
