/**
 * The One-Euro filter on landmarks (Casiez et al., CHI 2012), as in toolkit/core/smoothing.py: still where a face rests,
 * quick where it moves. Speeds are in face sizes a second, so that one setting suits near and far faces.
 */

import { boxOfPoints, longerSide } from "./geometry.js";

/** The new value's share in a first-order low-pass filter. */
const weight = (interval, cutoff) => 1 / (1 + 1 / (2 * Math.PI * cutoff * interval));

/** The filter of one face. */
export class Smoother {
  #settings;
  #points = null;
  #speeds = null;
  #seconds = 0;

  /** `settings` is the contract's `smoothing`. */
  constructor(settings) {
    this.#settings = settings;
  }

  /** A frame's points [x0, y0, ...], smoothed; those of the first frame come back as they are. */
  smooth(points, seconds) {
    if (this.#points === null) {
      this.#points = Float64Array.from(points);
      this.#speeds = new Float64Array(points.length);
    } else {
      if (!(seconds > this.#seconds)) throw new RangeError(`a frame at ${seconds} s cannot follow ${this.#seconds} s`);
      this.#step(points, seconds - this.#seconds);
    }
    this.#seconds = seconds;
    return this.#points.slice();
  }

  #step(points, interval) {
    const { min_cutoff_hz: cutoff, beta, derivative_cutoff_hz: derivativeCutoff } = this.#settings;
    const size = Math.max(longerSide(boxOfPoints(points)), 1);
    const keep = weight(interval, derivativeCutoff);
    for (let i = 0; i < points.length; i++) {
      const change = points[i] - this.#points[i];
      this.#speeds[i] += keep * (change / size / interval - this.#speeds[i]);
      this.#points[i] += weight(interval, cutoff + beta * Math.abs(this.#speeds[i])) * change;
    }
  }
}
