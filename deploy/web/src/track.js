/**
 * Faces over frames, as in toolkit/detect/tracking.py and by the contract's `tracking`: found once, then followed by their
 * own landmarks, with a crop that moves on as the face does.
 */

import { calibrate, cropOfBox, cut, hasExtent, longerSide, partInside, settled, shared, similar, toImage } from "./geometry.js";
import { Smoother } from "./smoothing.js";
import { cropAround, facesAnyWayUp, firstCrop } from "./turned.js";

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
  #eyes;
  #tracks = [];
  #lost = [];
  #seconds = -Infinity;
  #looked = -Infinity;
  #numbers = 0;
  #quarters = 0;

  /** `eyes`: the points of the model's scheme that tell how a face is turned, right and left. */
  constructor(contract, detector, landmarker, eyes) {
    this.#contract = contract;
    this.#rule = contract.tracking;
    this.#detector = detector;
    this.#landmarker = landmarker;
    this.#eyes = eyes;
  }

  /** Start anew, as after another camera or a pause. */
  reset() {
    this.#tracks = [];
    this.#lost = [];
    this.#seconds = this.#looked = -Infinity;
  }

  /**
   * Every face of a photo: `{faces, ms}`, a face being `{points, confidence, sure, box, rollDeg}` in image pixels, the box
   * as cropped by before it was turned; where it is not `sure`, its points may be nonsense.
   */
  async photo(image) {
    const clock = new Clock();
    const faces = [];
    const find = (picture) => this.#detector.find(picture, { finest: null });
    for (const views of await this.#anyWayUp(image, find, this.#turning.quarters, clock)) {
      const face = await this.#surest(image, views, clock);
      faces.push({ ...face, sure: mean(face.confidence) >= this.#floor });
    }
    return { faces, ms: clock.ms };
  }

  /** The faces of the next, later frame, as for a photo and with their numbers; smoothed if asked for. */
  async frame(image, seconds, smooth) {
    if (!(seconds > this.#seconds)) throw new RangeError(`a frame at ${seconds} s cannot follow ${this.#seconds} s`);
    this.#seconds = seconds;
    const clock = new Clock();
    const followed = [];
    for (const track of this.#tracks) {
      const next = await this.#follow(track, image, seconds, clock);
      if (next !== null) followed.push(next);
    }
    const kept = this.#distinct(followed);
    const last = this.#tracks.map((track) => followed.find(({ number }) => number === track.number) ?? track);
    const gone = last.filter((track) => !kept.includes(track));
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
    const before = track.around;
    const ahead = Math.min(seconds - track.seconds, this.#rule.ahead_s);
    const box = moved(before.box, track.speed, ahead);
    const found = await this.#predict(image, { box, rollDeg: before.rollDeg }, clock);
    if (!this.#isFace(found, image)) return null;
    const along = shift(before.box, found.around.box, this.#rule.leeway);
    return { ...track, ...found, seconds, speed: along.map((px) => px / (seconds - track.seconds)) };
  }

  #isFace({ confidence, box, around }, image) {
    return (
      mean(confidence) >= this.#floor &&
      partInside(around.box, image) >= this.#rule.min_inside &&
      longerSide(around.box) < this.#rule.largest * Math.max(image.width, image.height) &&
      similar(around.box, box, this.#rule.farthest)
    );
  }

  #shouldLook(seconds) {
    if (this.#tracks.length >= this.#rule.faces) return false;
    const urgent = this.#tracks.length === 0 || this.#lost.length > 0;
    return urgent || seconds - this.#looked >= this.#rule.look_again_s;
  }

  /** Begin a track for every face that is not followed yet, the largest first. */
  async #look(image, seconds, clock) {
    const known = this.#tracks.map((track) => track.around.box);
    const find = (picture, quarter) => this.#detector.find(picture, { known: quarter === 0 ? known : [] });
    for (const views of await this.#anyWayUp(image, find, this.#nextQuarter(), clock)) {
      const box = calibrate(views[0].box, this.#contract.detector.calibration, 0);
      if (this.#tracks.length >= this.#rule.faces || this.#at(box, this.#tracks)) continue;
      const found = await this.#surest(image, views, clock);
      if (!this.#isFace(found, image) || this.#at(found.around.box, this.#tracks)) continue;
      const smoother = new Smoother(this.#contract.smoothing);
      this.#tracks.push({ ...found, number: this.#number(found.around.box, seconds), seconds, speed: [0, 0], smoother });
    }
  }

  /** Where no face is followed, one of the picture's other sides, another one each time. */
  #nextQuarter() {
    const { quarters } = this.#turning;
    return this.#tracks.length > 0 ? [] : [quarters[this.#quarters++ % quarters.length]];
  }

  /** What `find` sees from some sides, but for boxes that cannot be cropped. */
  #anyWayUp(image, find, quarters, clock) {
    const isFace = (face) => hasExtent(face.box) && hasExtent(this.#firstCrop(face).box);
    const seen = async (...given) => (await find(...given)).filter(isFace);
    const look = () => facesAnyWayUp(image, seen, quarters, this.#turning, this.#rule.same_face);
    return clock.time("detect", look);
  }

  #firstCrop(face) {
    return firstCrop(face, this.#contract.detector, this.#turning.level_deg, this.#rule.farthest);
  }

  get #floor() {
    return this.#landmarker.confidenceFloor ?? this.#rule.min_confidence;
  }

  get #turning() {
    return this.#contract.turning;
  }

  /** The landmarks of a face seen from some sides, by the view where they are surest. */
  async #surest(image, views, clock) {
    let best = null;
    for (const view of views) {
      const found = await this.#settle(image, this.#firstCrop(view), clock);
      if (best === null || mean(found.confidence) > mean(best.confidence)) best = found;
    }
    return best;
  }

  /** A new face's predictions: each after the first crops around the points of the one before. */
  async #settle(image, place, clock) {
    let found = await this.#predict(image, place, clock);
    for (let pass = 1; pass < this.#rule.passes; pass++) {
      if (settled(found.around.box, found.box, this.#rule.settled)) break;
      if (!similar(found.around.box, found.box, this.#rule.farthest)) break;
      found = await this.#predict(image, found.around, clock);
    }
    return found;
  }

  /** The landmarks in a box turned by `rollDeg`, and `around`: the box and the roll of the points. */
  async #predict(image, { box, rollDeg }, clock) {
    const { sizePx } = this.#landmarker;
    const crop = cropOfBox(box, sizePx, this.#contract.crop.box_scale, rollDeg);
    const pixels = await clock.time("crop", () => cut(image, crop));
    const { points: inCrop, confidence } = await clock.time("network", () => this.#landmarker.run(pixels));
    const points = toImage(inCrop, crop);
    return { points, confidence, box, rollDeg, around: cropAround(points, this.#eyes, this.#turning.level_deg) };
  }

  /** The track whose face is where the box is. */
  #at(box, tracks) {
    return tracks.find((track) => shared(track.around.box, box) > this.#rule.same_face);
  }

  /** That of the face that was lost there, or the next one. */
  #number(box, seconds) {
    const again = this.#lost.find((track) => this.#mayBeAt(track, box, seconds));
    if (again === undefined) return ++this.#numbers;
    this.#lost = this.#lost.filter((track) => track !== again);
    return again.number;
  }

  /** Whether a lost face can be there: where it was, or where it was going. */
  #mayBeAt(lost, box, seconds) {
    const places = [lost.around.box, moved(lost.around.box, lost.speed, seconds - lost.seconds)];
    return places.some((place) => shared(place, box) > this.#rule.same_face);
  }

  /** Those that follow a face of their own: of two on one face, the surer one. */
  #distinct(tracks) {
    const kept = [];
    for (const track of tracks.sort((a, b) => mean(b.confidence) - mean(a.confidence))) {
      const { box } = track.around;
      if (kept.every((other) => shared(other.around.box, box) <= this.#rule.same_track)) kept.push(track);
    }
    return kept;
  }
}

/** A box after some seconds at a speed in pixels a second. */
function moved([left, top, right, bottom], speed, seconds) {
  const [dx, dy] = speed.map((px) => px * seconds);
  return [left + dx, top + dy, right + dx, bottom + dy];
}

/** How far the centre of a box has moved, less the part that may be trembling. */
function shift(before, box, leeway) {
  const along = [0, 1].map((axis) => (box[axis] + box[axis + 2] - before[axis] - before[axis + 2]) / 2);
  const length = Math.hypot(...along);
  const still = leeway * longerSide(box);
  return along.map((px) => (length > still ? px * (1 - still / length) : 0));
}

function shown({ points, confidence, box, rollDeg, number, seconds, smoother }, smooth) {
  const smoothed = smoother.smooth(points, seconds); // kept warm, so that the switch takes effect at once
  return { points: smooth ? smoothed : points, confidence, sure: true, box, rollDeg, number };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
