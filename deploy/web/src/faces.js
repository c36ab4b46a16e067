/**
 * Faces in a picture: the detector over the whole of it and over tiles, with a second look at each face, close up; by the
 * contract's `detector.search`, as in toolkit/detect/detector.py.
 */

import { area, longerSide, shared } from "./geometry.js";
import { even, showsWhole, tiles, view } from "./views.js";

/** Looks for faces; a face is `{box, keypoints, score}`: the detector's box and keypoints in image pixels. */
export class FaceDetector {
  #look;
  #search;
  #sameFace;

  /**
   * @param blazeface looks at one picture.
   * @param search the contract's `detector.search`.
   * @param sameFace the contract's `tracking.same_face`.
   */
  constructor(blazeface, search, sameFace) {
    this.#look = (image, window) => lookAt(blazeface, image, window, search.view_px);
    this.#search = search;
    this.#sameFace = sameFace;
  }

  /**
   * The faces in an image, largest first; with `finest` above 0 small ones too, on tiles halved so many times, and with
   * null on tiles unless the whole image shows large ones alone.
   *
   * Faces in the `known` boxes are not found again.
   */
  async find(image, { finest = 0, known = [] } = {}) {
    const { width, height } = image;
    const longer = Math.max(width, height);
    const takes = ({ box }, part) => longerSide(box) >= part * longer;
    const seen = (faces) => faces.filter(({ box }) => this.#isNew(box, known));
    const whole = seen(await this.#look(image, [0, 0, width, height]));
    const isCertain = (face) => face.score >= this.#search.certain && takes(face, this.#search.near);
    const certain = whole.filter(isCertain);
    let faces = await this.#confirmed(image, whole.filter((face) => !isCertain(face)), certain);
    if (faces.length === 0 && known.length === 0) {
      const margin = even(this.#search.margin * longer);
      const wider = [-margin, -margin, width + margin, height + margin];
      faces = await this.#confirmed(image, await this.#look(image, wider), []);
    }
    const isEnough = finest === null && faces.length > 0 && faces.every((face) => takes(face, this.#search.large));
    const steps = isEnough ? 0 : (finest ?? this.#search.finest);
    for (let step = 1; step <= steps; step++) {
      const side = Math.ceil(longer / 2 ** step);
      if (side < this.#search.smallest_tile_px) break;
      const inTiles = [];
      for (const tile of tiles(width, height, side)) {
        inTiles.push(...(await this.#look(image, tile)).filter(({ box }) => showsWhole(box, tile, image)));
      }
      faces = await this.#confirmed(image, seen(inTiles), faces);
    }
    return faces.sort((a, b) => area(b.box) - area(a.box));
  }

  #isNew(box, others) {
    return others.every((other) => shared(box, other) <= this.#sameFace);
  }

  /** The known faces, and the candidates that show another face which stands a second look. */
  async #confirmed(image, candidates, known) {
    const faces = [...known];
    const fresh = ({ box }) => this.#isNew(box, faces.map((face) => face.box));
    for (const candidate of candidates.sort((a, b) => b.score - a.score)) {
      if (!fresh(candidate)) continue;
      const closer = await this.#lookCloser(image, candidate.box);
      if (closer !== null && closer.score >= this.#search.min_score && fresh(closer)) faces.push(closer);
    }
    return faces;
  }

  /** The same face, seen in a square of close_up times its box; null where no face is seen there. */
  async #lookCloser(image, box) {
    const half = (this.#search.close_up * longerSide(box)) / 2;
    const middle = (low, high, length) => Math.min(Math.max((low + high) / 2, 0), length);
    const left = Math.floor(middle(box[0], box[2], image.width) - half);
    const top = Math.floor(middle(box[1], box[3], image.height) - half);
    const side = Math.ceil(2 * half) + 1;
    return (await this.#look(image, [left, top, left + side, top + side]))
      .filter((face) => shared(face.box, box) > this.#sameFace)
      .reduce((best, face) => (best === null || shared(face.box, box) > shared(best.box, box) ? face : best), null);
  }
}

/** The faces in a part of the image, which may reach beyond it, in image pixels. */
async function lookAt(blazeface, image, window, viewPx) {
  const { pixels, scale } = view(image, window, viewPx);
  const part = ([x, y]) => [(x + 0.5) * scale + window[0] - 0.5, (y + 0.5) * scale + window[1] - 0.5];
  return (await blazeface.look(pixels)).map(({ box, keypoints, score }) => ({
    box: [...part([box[0], box[1]]), ...part([box[2], box[3]])],
    keypoints: keypoints.map(part),
    score,
  }));
}
