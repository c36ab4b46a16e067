/** A converted .tflite on LiteRT.js. One worker loads one build of it, and can run several models. */

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

/** One model, ready to run. */
export class Landmarker {
  #model;
  #about;
  #terms;

  constructor(model, about, terms) {
    this.#model = model;
    this.#about = about;
    this.#terms = { ...terms, decoder: about.decoder, sigma_px: about.sigma_px };
  }

  /**
   * @param bytes the .tflite file.
   * @param about its sidecar.
   * @param how as for loadEngine.
   * @param terms the contract's `heatmaps`.
   */
  static async open(bytes, about, { accelerator, threads }, terms) {
    if (about.input_layout !== "NHWC") throw new Error(`${about.model} takes ${about.input_layout}, expected NHWC`);
    // float32 on the GPU too: half precision moves heatmap peaks
    const options = { accelerator, cpuOptions: { numThreads: threads }, gpuOptions: { precision: "fp32" } };
    const model = await loadAndCompile(bytes, options);
    if (accelerator === "webgpu" && model.options.accelerator !== "webgpu") {
      model.delete();
      throw new Error("not every operation of it runs on this GPU");
    }
    return new Landmarker(model, about, terms);
  }

  get sizePx() {
    return this.#about.size_px;
  }

  /** Whether every operation ran where it was asked to. */
  get whole() {
    return this.#model.isFullyAccelerated;
  }

  /** Points [x0, y0, ...] in crop pixels and confidences of one crop from `cut`. */
  async run(pixels) {
    const size = this.#about.size_px;
    const input = new Tensor(pixels, [1, size, size, 3]);
    let outputs = {};
    try {
      outputs = await this.#model.run({ image: input });
      const values = {};
      for (const [name, tensor] of Object.entries(outputs)) values[name] = await tensor.data();
      return this.#landmarks(values);
    } finally {
      input.delete();
      for (const tensor of Object.values(outputs)) tensor.delete();
    }
  }

  #landmarks(values) {
    const { size_px: size, points: count, output, model } = this.#about;
    if (output === "heatmaps") {
      const side = size / this.#terms.stride;
      return decode(channelsLast(values.heatmaps, side, side, count), this.#terms);
    }
    if (values.points?.length !== 2 * count || !values.points.every(Number.isFinite)) {
      throw new Error(`${model} should give ${count} finite points`);
    }
    return { points: Float64Array.from(values.points, (p) => p * size - 0.5), confidence: [...values.confidence] };
  }

  close() {
    this.#model.delete();
  }
}
