/** Every failure in words: what happened, and what to do. */

const PHOTOS = "Photos work all the same.";

/** Why getUserMedia failed. */
export function cameraFailure(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return `The camera was refused. Allow it in the browser's settings for this page, then start it again. ${PHOTOS}`;
    case "NotFoundError":
    case "OverconstrainedError":
      return `No camera was found on this device. ${PHOTOS}`;
    case "NotReadableError":
    case "AbortError":
      return `The camera could not be opened; another app may be using it. Close that app and start again. ${PHOTOS}`;
    default:
      return `The camera could not be opened (${error.name}: ${error.message}). ${PHOTOS}`;
  }
}

/** How HEIC names itself in bytes 8 to 11. */
const HEIC = ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"];

/** Why a file, whose first 12 bytes are `head`, was no picture for this browser. */
export function pictureFailure(name, head) {
  const text = String.fromCharCode(...head);
  if (text.slice(4, 8) !== "ftyp" || !HEIC.includes(text.slice(8, 12))) return `${name} is no picture that this browser can read.`;
  return (
    `${name} is HEIC, as iPhones take photos, which this browser cannot read. Save it as JPEG ` +
    "(on the phone: Settings, Camera, Formats, Most Compatible), or open this page in Safari."
  );
}

/** Why there cannot be a camera at all; null where there can. */
export function cameraObstacle() {
  if (!window.isSecureContext) {
    return (
      "Browsers give the camera only to pages from https or from the device itself, and this one came over plain http. " +
      "Forward the port with “adb reverse” and open it as localhost, or serve it with a certificate; " +
      `“sdhrnet serve” says how. ${PHOTOS}`
    );
  }
  if (!navigator.mediaDevices?.getUserMedia) return `This browser gives pages no camera. ${PHOTOS}`;
  return null;
}

/** Why nothing can run here; null where it can. */
export function engineObstacle() {
  if (typeof WebAssembly === "undefined") {
    return "This browser has no WebAssembly, which the networks run on. Use a newer one, or leave lockdown mode.";
  }
  if (!WebAssembly.validate(SIMD)) {
    return "WebAssembly in this browser has no SIMD, which the networks need. Use a newer browser or device.";
  }
  if (typeof OffscreenCanvas === "undefined") {
    return "This browser has no OffscreenCanvas, which the networks get their pictures from. Use a newer one.";
  }
  return null;
}

/** Why an engine cannot be benchmarked here; null where it can. */
export async function acceleratorObstacle({ accelerator, threads }) {
  if (accelerator === "webgpu") {
    if (!navigator.gpu) {
      const secure = window.isSecureContext ? "" : ", or only to pages from https or localhost";
      return `No WebGPU: this browser does not offer it${secure}.`;
    }
    const adapter = await navigator.gpu.requestAdapter().catch(() => null);
    return adapter === null ? "No WebGPU: the browser offers it, but has no graphics processor for it here." : null;
  }
  if (threads > 1 && !window.isSecureContext) {
    return "No threads: browsers give them only to pages from https or localhost.";
  }
  if (threads > 1 && !window.crossOriginIsolated) {
    return (
      "No threads: the server does not isolate this page (Cross-Origin-Opener-Policy and -Embedder-Policy). " +
      "“sdhrnet serve” does; elsewhere loading the page again, once it is installed, may help."
    );
  }
  return null;
}

/** Something else that went wrong, for the status line. */
export function failure(what, error) {
  return `${what} (${error.message ?? error}).`;
}

/** A function with a vector in it. */
const SIMD = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);
