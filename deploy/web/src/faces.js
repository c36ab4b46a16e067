/**
 * Faces in a picture: MediaPipe's short-range detector over the whole of it and over tiles, with a second look at each
 * face, close up. The numbers are those of toolkit/detect/detector.py, where their reasons stand.
 */

import { FaceDetector as MediaPipe } from "@mediapipe/tasks-vision";

import { area, longerSide, shared } from "./geometry.js";
import { enlarged, showsWhole, tiles, view } from "./views.js";

const MIN_SCORE = 0.7;
const CLOSE_UP = 2;
const SMALLEST_TILE_PX = 192;
const MARGIN = 0.25;
const SAME_FACE = 0.4;
/** MediaPipe's boxes come in whole pixels here, too coarse to crop by: the close-up is shown to it so much larger. */
const FINER = 2;

const isNew = (box, others) => others.every((other) => shared(box, other) <= SAME_FACE);

/** Looks for faces; a face is `{box, eyes, score}`: MediaPipe's box, right and left eye in image pixels. */
export class FaceDetector {
  #network;

  constructor(network) {
    this.#network = network;
  }

  /**
   * Start MediaPipe from this page's own files, on the CPU as in Python.
   *
   * @param files `{wasmLoaderPath, wasmBinaryPath, model}`.
   * @param minScore the contract's `detector.min_score`: what deserves a second look.
   */
  static async open({ model, ...files }, minScore) {
    const network = await MediaPipe.createFromOptions(files, {
      baseOptions: { modelAssetPath: model, delegate: "CPU" },
      runningMode: "IMAGE",
      minDetectionConfidence: minScore,
    });
    return new FaceDetector(network);
  }

  /**
   * The faces in an image, largest first; with `finest` above 0 small ones too, on tiles halved so many times.
   *
   * Faces in the `known` boxes are not found again.
   */
  find(image, { finest = 0, known = [] } = {}) {
    const { width, height } = image;
    const longer = Math.max(width, height);
    const seen = (faces) => faces.filter(({ box }) => isNew(box, known));
    let faces = this.#confirmed(image, seen(this.#look(image, [0, 0, width, height])), []);
    if (faces.length === 0 && known.length === 0) {
      const margin = Math.round(MARGIN * longer);
      faces = this.#confirmed(image, this.#look(image, [-margin, -margin, width + margin, height + margin]), []);
    }
    for (let step = 1; step <= finest; step++) {
      const side = Math.ceil(longer / 2 ** step);
      if (side < SMALLEST_TILE_PX) break;
      const whole = tiles(width, height, side).flatMap((tile) =>
        this.#look(image, tile).filter(({ box }) => showsWhole(box, tile, image)),
      );
      faces = this.#confirmed(image, seen(whole), faces);
    }
    return faces.sort((a, b) => area(b.box) - area(a.box));
  }

  /** The known faces, and the candidates that show another face which stands a second look. */
  #confirmed(image, candidates, known) {
    const faces = [...known];
    const fresh = ({ box }) => isNew(box, faces.map((face) => face.box));
    for (const candidate of candidates.sort((a, b) => b.score - a.score)) {
      if (!fresh(candidate)) continue;
      const closer = this.#lookCloser(image, candidate.box);
      if (closer !== null && closer.score >= MIN_SCORE && fresh(closer)) faces.push(closer);
    }
    return faces;
  }

  /** The same face, seen in a square of CLOSE_UP times its box; null where no face is seen there. */
  #lookCloser(image, box) {
    const half = (CLOSE_UP * longerSide(box)) / 2;
    const middle = (low, high, length) => Math.min(Math.max((low + high) / 2, 0), length);
    const left = Math.floor(middle(box[0], box[2], image.width) - half);
    const top = Math.floor(middle(box[1], box[3], image.height) - half);
    const side = Math.ceil(2 * half) + 1;
    return this.#look(image, [left, top, left + side, top + side], FINER)
      .filter((face) => shared(face.box, box) > SAME_FACE)
      .reduce((best, face) => (best === null || shared(face.box, box) > shared(best.box, box) ? face : best), null);
  }

  /** The faces in a part of the image, which may reach beyond it; shown `times` larger for finer boxes. */
  #look(image, window, times = 1) {
    const { pixels, scale } = view(image, window);
    const large = times === 1 ? pixels : enlarged(pixels, times);
    const { detections } = this.#network.detect(new ImageData(large.data, large.width, large.height));
    return detections.map(({ boundingBox: { originX, originY, width, height }, keypoints, categories }) => {
      // whole numbers, rounded down: half a pixel more is right on average
      const x = (value) => ((value + 0.5) / times) * scale[0] + window[0] - 0.5;
      const y = (value) => ((value + 0.5) / times) * scale[1] + window[1] - 0.5;
      const box = [x(originX), y(originY), x(originX + width + 0.5), y(originY + height + 0.5)];
      const part = ({ x, y }) => [
        x * pixels.width * scale[0] + window[0] - 0.5,
        y * pixels.height * scale[1] + window[1] - 0.5,
      ];
      return { box, eyes: keypoints.slice(0, 2).map(part), score: categories[0].score };
    });
  }
}
