/** A measurement as the toolkit keeps it: units in the names, conditions beside the numbers, null for what was not measured. */

import about from "../build/about.json";

/** LiteRT.js's version, put in by the build. */
const VERSION = __LITERT_VERSION__;

/** The record of one file on one engine, from the worker's result. */
export function recordOf({ model, about: sidecar, size, whole, parity, latency }, { accelerator, threads }, device) {
  return {
    kind: "benchmark",
    model,
    file_sha256: sidecar.file_sha256,
    precision: sidecar.precision,
    size_bytes: size,
    seed: null,
    engine: `litertjs-${accelerator} ${VERSION}`,
    data: null,
    split: null,
    n: null,
    nme_mean: null,
    nme_median: null,
    fr10: null,
    auc10: null,
    fully_accelerated: whole,
    parity,
    latency_ms: latency,
    device,
    threads,
    commit: about.commit,
    versions: { "sdhrnet-toolkit": about.version, litertjs: VERSION, browser: browser() },
  };
}

/** The device in words, as far as the browser tells: model, system, cores. */
export async function deviceName() {
  const cores = `${navigator.hardwareConcurrency ?? "unknown number of"} cores`;
  const hints = ["model", "platformVersion", "architecture", "bitness"];
  const more = await navigator.userAgentData?.getHighEntropyValues?.(hints).catch(() => null);
  if (!more) return `${/\(([^)]*)\)/.exec(navigator.userAgent)?.[1] ?? "unknown device"}, ${cores}`;
  const machine = more.model || `${more.architecture} ${more.bitness} bit`;
  return `${machine}, ${`${more.platform} ${more.platformVersion}`.trim()}, ${cores}`;
}

function browser() {
  const brands = navigator.userAgentData?.brands ?? [];
  const known = brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand.replaceAll(/[^a-z]/gi, "")));
  const best = known.find(({ brand }) => brand !== "Chromium") ?? known[0];
  return best ? `${best.brand} ${best.version}` : navigator.userAgent;
}
