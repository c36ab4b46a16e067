/** The speed that the page shows: frames a second, and medians by stage. */

import { quantile } from "./timing.js";

const FRAMES = 30;
const EVERY_MS = 250;

export class Speed {
  #starts = [];
  #stages = { detect: [], crop: [], network: [] };
  #shown = -Infinity;

  constructor() {
    for (const id of ["fps", "detect", "crop", "network"]) document.getElementById(id).value = "–";
  }

  /** Count a camera's frame: milliseconds by stage, and when it was begun. Detection counts in the frames that did it. */
  frame(ms, started) {
    this.#starts = [...this.#starts, started].slice(-FRAMES);
    for (const [stage, times] of Object.entries(this.#stages)) {
      if (ms[stage] > 0) this.#stages[stage] = [...times, ms[stage]].slice(-FRAMES);
    }
    if (started - this.#shown < EVERY_MS || this.#starts.length < 2) return;
    this.#shown = started;
    const seconds = (started - this.#starts[0]) / 1000;
    show("fps", (this.#starts.length - 1) / seconds);
    for (const [stage, times] of Object.entries(this.#stages)) {
      if (times.length > 0) show(stage, quantile(times, 0.5));
    }
  }

  /** Show what one photo took. */
  photo(ms) {
    for (const stage of Object.keys(this.#stages)) show(stage, ms[stage]);
  }
}

function show(id, value) {
  document.getElementById(id).value = value < 9.95 ? value.toFixed(1) : Math.round(value);
}
