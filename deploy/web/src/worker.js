/**
 * The worker: detection, cropping and the network, off the page's thread. A classic script, since LiteRT.js loads its
 * WebAssembly by importScripts. Requests are `{id, name, given}`, answers `{id, result}` or `{id, error}`.
 */

import contract from "../../contract.json";
import schemes from "../build/schemes.json";

import { BlazeFace } from "./blazeface.js";
import { sha256 } from "./digest.js";
import { loadEngine, Landmarker, Network } from "./engine.js";
import { FaceDetector } from "./faces.js";
import { comparable, goldenFace, parity } from "./golden.js";
import { paint } from "./paint.js";
import { schemeOf } from "./schemes.js";
import { timed } from "./timing.js";
import { Tracker } from "./track.js";

const here = new URL(".", self.location.href).href;
const canvas = new OffscreenCanvas(1, 1);
const context = canvas.getContext("2d", { willReadFrequently: true });
let tracker = null;

const handlers = {
  /** Load detector and network for camera and photos. */
  async open({ model, how }) {
    const { file, file_sha256: hash, search } = contract.detector;
    const [seeing, { bytes, about }] = await Promise.all([
      fetchChecked(file, hash),
      download(model),
      loadEngine(`${here}litert/`, how),
    ]);
    const blazeface = new BlazeFace(await Network.open(seeing, how), contract.detector);
    const detector = new FaceDetector(blazeface, search, contract.tracking.same_face);
    const landmarker = await Landmarker.open(bytes, about, how, contract.heatmaps);
    const scheme = schemeOf(about, schemes);
    tracker = new Tracker(contract, detector, landmarker, scheme.eyes);
    return { scheme };
  },

  reset() {
    tracker.reset();
  },

  /** The faces of a camera's frame; the bitmap goes back to be drawn. */
  async frame({ bitmap, seconds, smooth }) {
    return { ...(await tracker.frame(pixelsOf(bitmap), seconds, smooth)), bitmap };
  },

  async photo({ bitmap }) {
    return { ...(await tracker.photo(pixelsOf(bitmap))), bitmap };
  },

  /**
   * Every model on one engine: how far its points are from Python's, and its latency, all taking turns; networks of
   * others by their latency alone.
   */
  async bench({ models, competitors, how, runs, warmup }, report) {
    report({ text: "loading" });
    await loadEngine(`${here}litert/`, how);
    const faces = await goldenFaces();
    const results = [];
    const calls = [];
    for (const name of models) {
      const entry = { model: name };
      results.push(entry);
      try {
        const { bytes, about } = await download(name);
        const landmarker = await Landmarker.open(bytes, about, how, contract.heatmaps);
        const pixels = faces[0].crop(landmarker.sizePx);
        Object.assign(entry, { about, size: bytes.length, whole: landmarker.whole });
        entry.parity = comparable(about, contract.model) ? await parity(landmarker, faces) : null;
        calls.push({ entry, call: () => landmarker.run(pixels) });
      } catch (error) {
        entry.failure = String(error.message ?? error);
      }
    }
    const progress = (done) => report({ text: "timing", done, total: runs });
    for (const about of competitors) {
      const entry = { model: about.model };
      results.push(entry);
      try {
        const bytes = await fetchChecked(`competitors/${about.model}`, about.file_sha256);
        const network = await Network.open(bytes, how);
        const pixels = faces[0].crop(about.size_px).map((level) => level / 255);
        Object.assign(entry, { about, size: bytes.length, whole: network.whole, parity: null });
        calls.push({ entry, call: () => network.run(pixels, [1, about.size_px, about.size_px, 3]) });
      } catch (error) {
        entry.failure = String(error.message ?? error);
      }
    }
    const latencies = await timed(calls.map(({ call }) => call), runs, warmup, progress);
    calls.forEach(({ entry }, i) => Object.assign(entry, { latency: latencies[i] }));
    return { results };
  },
};

self.onmessage = async ({ data: { id, name, given } }) => {
  try {
    const result = await handlers[name](given, (progress) => self.postMessage({ id, progress }));
    self.postMessage({ id, result }, result?.bitmap ? [result.bitmap] : []);
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
};

function pixelsOf(bitmap) {
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  }
  paint(context, bitmap);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

async function download(name) {
  const about = await (await get(`models/${name}.json`)).json();
  return { bytes: await fetchChecked(`models/${name}`, about.file_sha256), about };
}

/** A file's bytes, which must have this hash where the browser can tell. */
async function fetchChecked(path, hash) {
  const bytes = new Uint8Array(await (await get(path)).arrayBuffer());
  const isOther = self.crypto?.subtle && (await sha256(bytes)) !== hash;
  if (isOther) throw new Error(`${path} is not the file that its description is of`);
  return bytes;
}

async function get(path) {
  const response = await fetch(here + path);
  if (!response.ok) throw new Error(`${path} is not there (status ${response.status})`);
  return response;
}

async function goldenFaces() {
  const { faces } = await (await get("golden/faces.json")).json();
  return Promise.all(
    faces.map(async (face) => {
      const blob = await (await get(`golden/${face.picture}`)).blob();
      const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
      return goldenFace(face, pixelsOf(bitmap), contract.crop.box_scale);
    }),
  );
}
