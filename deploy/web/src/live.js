/** The screen of camera and photos. */

import { Camera, cameras } from "./camera.js";
import { Client } from "./client.js";
import { drawFace } from "./overlay.js";
import { paint } from "./paint.js";
import { Speed } from "./speed.js";
import { cameraFailure, cameraObstacle, engineObstacle, failure, pictureFailure } from "./words.js";

const HOW = { accelerator: "wasm", threads: 1 }; // one small network gains nothing from more
const LARGEST_PX = 4096; // of a photo's longer side: what canvases take everywhere
const [CRISP_PX, FINEST] = [1280, 4]; // of the canvas, so that lines over a small picture are sharp; times the picture

/** What asks for something that takes time. */
const CONTROLS = ["start", "switch", "choose", "example", "model"];
const LOOKING = "Looking for a face…";
const LEFT = "another screen was opened";

const element = (id) => document.getElementById(id);

/** Owns the worker, the camera and everything under #live. */
export class Live {
  #camera = null;
  #facing = "user";
  #client = null;
  #ready = null;
  #speed = new Speed();
  /** Raised by #stop; work that waited meanwhile is of no use any more. */
  #turn = 0;
  #working = 0;

  /** `models` are file names, the first one chosen. */
  constructor(models) {
    element("model").replaceChildren(...models.map((name) => new Option(name.replace(/\.tflite$/, ""), name)));
    element("start").onclick = () => (this.#camera === null ? this.#guarded(() => this.#start()) : this.#stop());
    element("switch").onclick = () => this.#guarded(() => this.#switch());
    element("choose").onclick = () => element("photo").click();
    element("photo").onchange = ({ target }) => this.#guarded(() => this.#chosen(target));
    element("example").onclick = () => this.#guarded(() => this.#example());
    element("mirror").onchange = () => this.#mirror();
    element("model").onchange = () => this.#guarded(() => this.#changeModel());
    document.addEventListener("visibilitychange", () => this.#visibility());
  }

  enter() {
    const obstacle = engineObstacle();
    if (obstacle !== null) {
      enable(false);
      say(obstacle, true);
    }
  }

  /** Another screen is shown: the camera goes off, and the processor is left to it. */
  leave() {
    if (this.#camera !== null || this.#working > 0) this.#stop();
    this.#drop();
  }

  async #guarded(work) {
    if (engineObstacle() !== null) return; // as enter() has said
    const { activeElement: focused } = document;
    enable(false);
    this.#working += 1;
    try {
      await work();
    } catch (error) {
      if (error.message !== LEFT) say(failure("That did not work", error), true);
    } finally {
      this.#working -= 1;
      if (this.#working === 0) enable(true);
      if (document.activeElement === document.body) focused?.focus({ preventScroll: true }); // lost by being disabled
    }
  }

  /** Ends work of an earlier turn, and closes what came too late for it. */
  #check(turn, late) {
    if (turn === this.#turn) return;
    late?.close();
    throw new Error(LEFT);
  }

  /** The worker with its networks; loaded once, and again for another model. */
  async #worker(turn) {
    if (this.#ready === null) {
      this.#client = new Client();
      const ready = this.#client.call("open", { model: element("model").value, how: HOW });
      ready.catch(() => this.#ready === ready && this.#drop());
      this.#ready = ready;
    }
    const client = this.#client;
    const waits = setTimeout(() => turn === this.#turn && say("Loading the networks…"), 200);
    try {
      const { scheme } = await this.#ready;
      this.#check(turn);
      return { client, scheme };
    } finally {
      clearTimeout(waits);
    }
  }

  #drop() {
    this.#client?.close(LEFT);
    this.#client = this.#ready = null;
  }

  async #start() {
    const obstacle = cameraObstacle();
    if (obstacle !== null) return say(obstacle, true);
    const turn = this.#stop("Waiting for the camera…");
    let camera;
    try {
      camera = await Camera.open(this.#facing);
    } catch (error) {
      this.#check(turn);
      return say(cameraFailure(error), true);
    }
    this.#check(turn, camera);
    this.#camera = camera;
    camera.onEnded(() => {
      if (this.#camera === camera) this.#stop("The camera was taken away by the system or another app.", true);
    });
    element("start").textContent = "Stop camera";
    element("start").disabled = false; // networks may load for long
    element("mirror").checked = camera.front;
    this.#speed = new Speed();
    try {
      await this.#begin(camera, turn);
    } catch (error) {
      if (this.#camera === camera) this.#stop();
      throw error;
    }
  }

  /** With the camera open: what its frames need, and the first of them. */
  async #begin(camera, turn) {
    const count = await cameras();
    this.#check(turn);
    element("switch").hidden = count < 2;
    const { client, scheme } = await this.#worker(turn);
    await client.call("reset");
    this.#check(turn);
    say(LOOKING);
    this.#follow(camera, client, scheme).catch((error) => {
      if (this.#camera === camera) this.#stop(failure("The camera was stopped", error), true);
    });
  }

  /** Ends what is under way; gives the turn of what comes next. */
  #stop(text = "", bad = false) {
    this.#camera?.close();
    this.#camera = null;
    element("start").textContent = "Start camera";
    element("switch").hidden = true;
    say(text, bad);
    return ++this.#turn;
  }

  async #switch() {
    this.#facing = this.#facing === "user" ? "environment" : "user";
    await this.#start();
  }

  /** Frame after frame, one at a time, as long as this camera is on. */
  async #follow(camera, client, scheme) {
    let last = -Infinity;
    while (this.#camera === camera) {
      await camera.next();
      if (this.#camera !== camera) break;
      const started = performance.now();
      if (started <= last) continue; // some browsers round their clocks to 100 ms
      last = started;
      const bitmap = await createImageBitmap(camera.video);
      const given = { bitmap, seconds: started / 1000, smooth: element("smooth").checked };
      const found = await client.call("frame", given, { transfer: [bitmap] });
      if (this.#camera !== camera || document.hidden) {
        found.bitmap.close(); // it was under way when the camera went off, or the tab to the background
        continue;
      }
      this.#show(found, scheme);
      this.#speed.frame(found.ms, started);
    }
  }

  async #chosen(input) {
    const [file] = input.files;
    input.value = "";
    if (file !== undefined) await this.#photo(this.#stop(), file, file.name);
  }

  async #example() {
    const turn = this.#stop();
    const response = await fetch("golden/front.png");
    if (!response.ok) throw new Error(`golden/front.png is not there (status ${response.status})`);
    await this.#photo(turn, await response.blob(), "the example");
  }

  async #photo(turn, blob, name) {
    let bitmap;
    try {
      bitmap = await readPicture(blob);
    } catch {
      const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
      this.#check(turn);
      return say(pictureFailure(name, head), true);
    }
    this.#check(turn, bitmap);
    const { client, scheme } = await this.#worker(turn);
    say("Looking for faces…");
    const found = await client.call("photo", { bitmap }, { transfer: [bitmap] });
    this.#check(turn, found.bitmap);
    element("mirror").checked = false;
    this.#show(found, scheme);
    this.#speed = new Speed();
    this.#speed.photo(found.ms);
    if (found.faces.length === 0) say("No face found. Try a larger or more frontal face, or better light.");
  }

  async #changeModel() {
    const running = this.#camera !== null;
    this.#stop();
    this.#drop();
    if (running) await this.#start();
  }

  #show({ bitmap, faces }, scheme) {
    const canvas = element("picture");
    const finer = Math.min(Math.max(Math.round(CRISP_PX / Math.max(bitmap.width, bitmap.height)), 1), FINEST);
    const [width, height] = [finer * bitmap.width, finer * bitmap.height];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.setTransform(finer, 0, 0, finer, 0, 0);
    paint(context, bitmap);
    bitmap.close();
    for (const face of faces) drawFace(context, face, scheme);
    canvas.hidden = false;
    element("empty").hidden = true;
    this.#mirror();
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    const doubts = faces.filter(({ sure }) => !sure).length;
    say(faces.length === 0 ? LOOKING : doubts === 0 ? count : `${count}; ${doubts} not sure, drawn gray`);
    canvas.setAttribute("aria-label", `Picture with ${count}`);
    // for tests, and for whoever embeds this page
    canvas.dispatchEvent(new CustomEvent("landmarks", { detail: { faces, scheme: scheme.name } }));
  }

  #mirror() {
    element("picture").classList.toggle("mirrored", element("mirror").checked);
  }

  #visibility() {
    if (this.#camera === null) return;
    if (document.hidden) say("Paused while this tab is in the background.");
    else this.#client?.call("reset").catch(() => {});
  }
}

/** A photo the right way up, at most LARGEST_PX large. */
async function readPicture(blob) {
  const bitmap = await createImageBitmap(blob);
  const longer = Math.max(bitmap.width, bitmap.height);
  if (longer <= LARGEST_PX) return bitmap;
  const resizeWidth = Math.round((bitmap.width * LARGEST_PX) / longer);
  try {
    return await createImageBitmap(bitmap, { resizeWidth, resizeQuality: "high" });
  } finally {
    bitmap.close();
  }
}

function enable(enabled) {
  for (const id of CONTROLS) element(id).disabled = !enabled;
}

function say(text, bad = false) {
  const status = element("status");
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("bad", bad);
}
