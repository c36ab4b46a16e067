/** A .tflite on LiteRT.js. One worker loads one build of it, and can run several models. */

import { loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";

import { channelsLast, decode } from "./heatmap.js";

/**
 * Load LiteRT's WebAssembly from this page's own folder.
 *
 * @param folder its address, ending in a slash.
 * @param how `{accelerator: "wasm" | "webgpu", threads}`.
 */
export async function loadEngine(folder, { accelerator, threads }) {
  const threaded = accelerator === "wasm" && threads > 1;
  const jspi = accelerator === "webgpu" && (await supportsFeature("jspi")) && (await supportsFeature("relaxedSimd"));
  // Emscripten looks beside the worker, and starts its threads from the worker's own script, unless it is told.
  self.Module = {
    locateFile: (name) => folder + name,
    mainScriptUrlOrBlob: `${folder}litert_wasm_threaded_internal.js`,
    print: () => {},
    printErr: () => {},
  };
  await loadLiteRt(folder, { threads: threaded, jspi });
}

/** Any .tflite of one input and float tensors, ready to run. */
export class Network {
  #model;
  #input;

  constructor(model, input) {
    this.#model = model;
    this.#input = input;
  }

  /**
   * @param bytes the .tflite file.
   * @param how as for loadEngine.
   * @param input the input's name; null where the file has no signature.
   */
  static async open(bytes, { accelerator, threads }, input = null) {
    // float32 on the GPU too: half precision moves heatmap peaks
    const options = { accelerator, cpuOptions: { numThreads: threads }, gpuOptions: { precision: "fp32" } };
    const model = await loadAndCompile(bytes, options);
    if (accelerator === "webgpu" && model.options.accelerator !== "webgpu") {
      model.delete();
      throw new Error("not every operation of it runs on this GPU");
    }
    return new Network(model, input);
  }

  /** Whether every operation ran where it was asked to. */
  get whole() {
    return this.#model.isFullyAccelerated;
  }

  /** The outputs of one call by name, or by number where the file has no signature. */
  async run(values, shape) {
    const tensor = new Tensor(values, shape);
    let outputs = {};
    try {
      outputs = await this.#model.run(this.#input === null ? [tensor] : { [this.#input]: tensor });
      const found = {};
      for (const [name, output] of Object.entries(outputs)) found[name] = await output.data();
      return found;
    } finally {
      tensor.delete();
      for (const output of Object.values(outputs)) output.delete();
    }
  }

  close() {
    this.#model.delete();
  }
}

/** A converted landmark network with its sidecar. */
export class Landmarker {
  #network;
  #about;
  #terms;

  constructor(network, about, terms) {
    this.#network = network;
    this.#about = about;
    this.#terms = { ...terms, decoder: about.decoder, sigma_px: about.sigma_px };
  }

  /**
   * @param bytes the .tflite file.
   * @param about its sidecar.
   * @param how as for loadEngine.
   * @param terms the contract's `heatmaps`.
   */
  static async open(bytes, about, how, terms) {
    if (about.input_layout !== "NHWC") throw new Error(`${about.model} takes ${about.input_layout}, expected NHWC`);
    return new Landmarker(await Network.open(bytes, how, "image"), about, terms);
  }

  get sizePx() {
    return this.#about.size_px;
  }

  /** Mean confidence below which the points may be nonsense; undefined where the sidecar does not say. */
  get confidenceFloor() {
    return this.#about.confidence_floor;
  }

  get whole() {
    return this.#network.whole;
  }

  /** Points [x0, y0, ...] in crop pixels and confidences of one crop from `cut`. */
  async run(pixels) {
    const { size_px: size, points: count, output, model } = this.#about;
    const values = await this.#network.run(pixels, [1, size, size, 3]);
    if (output === "heatmaps") {
      const side = size / this.#terms.stride;
      return decode(channelsLast(values.heatmaps, side, side, count), this.#terms);
    }
    if (values.points?.length !== 2 * count || !values.points.every(Number.isFinite)) {
      throw new Error(`${model} should give ${count} finite points`);
    }
    return { points: Float64Array.from(values.points, (p) => p * size - 0.5), confidence: [...values.confidence] };
  }
}
