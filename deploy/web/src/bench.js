/** The screen of the benchmark: every file on every engine, one engine at a time in a worker of its own. */

import { Client } from "./client.js";
import { deviceName, recordOf } from "./record.js";
import { acceleratorObstacle, engineObstacle, failure } from "./words.js";

const WARMUP = 10;
const STOPPED = "Stopped. What was finished is kept.";
const HIDDEN = "Stopped: this tab went to the background, where browsers slow pages down. Run it again in front.";

const element = (id) => document.getElementById(id);
const title = ({ accelerator, threads }) =>
  accelerator === "webgpu" ? "WebGPU" : `WebAssembly, ${threads === 1 ? "1 thread" : `${threads} threads`}`;

/** What to try: one thread, some, as many as there are cores, and the graphics processor. */
function engines(cores) {
  const threads = [1, 2, 4, cores].filter((count, i, all) => count <= cores && all.indexOf(count) === i);
  return [...threads.map((count) => ({ accelerator: "wasm", threads: count })), { accelerator: "webgpu", threads: 1 }];
}

export class Bench {
  #models;
  #competitors;
  #records = [];
  #client = null;
  #halted = null;
  #prepared = false;

  /**
   * `models` are file names, `competitors` networks of others: `{model, title, file_sha256, precision, size_px}`;
   * `server.collect` says whether the server takes records.
   */
  constructor(models, competitors, server) {
    this.#models = models;
    this.#competitors = competitors;
    element("send").hidden = !server.collect;
    element("plan").onsubmit = (event) => {
      event.preventDefault();
      this.#run();
    };
    element("stop").onclick = () => this.#halt(STOPPED);
    element("save").onclick = () => this.#save();
    element("send").onclick = () => this.#send();
    document.addEventListener("visibilitychange", () => document.hidden && this.#halt(HIDDEN));
  }

  async enter() {
    if (this.#prepared) return;
    this.#prepared = true;
    const others = this.#competitors.map(({ model, title: name }) => choice(model, `${model}, ${name}`, null));
    element("files").replaceChildren(...this.#models.map((name) => choice(name, name, null)), ...others);
    const rows = [];
    for (const how of engines(navigator.hardwareConcurrency ?? 1)) {
      rows.push(choice(JSON.stringify(how), title(how), await acceleratorObstacle(how)));
    }
    element("engines").replaceChildren(...rows);
    const obstacle = engineObstacle();
    element("run").disabled = obstacle !== null;
    if (obstacle !== null) say("bench-status", obstacle, true);
  }

  leave() {
    this.#halt(STOPPED);
  }

  /** End a running benchmark, and say why. */
  #halt(reason) {
    this.#halted = reason;
    this.#client?.close(reason);
  }

  async #run() {
    const files = chosen("files");
    const hows = chosen("engines").map((text) => JSON.parse(text));
    if (files.length === 0 || hows.length === 0) return say("bench-status", "Choose a file and an engine.", true);
    this.#records = [];
    this.#halted = null;
    element("rows").replaceChildren();
    say("sent", "");
    this.#busy(true);
    const device = await deviceName();
    try {
      for (const [turn, how] of hows.entries()) {
        await this.#measure(files, how, device, (share) => (element("progress").value = (turn + share) / hows.length));
      }
      say("bench-status", `Done on ${device}.`);
    } catch (error) {
      say("bench-status", error.message, true);
    } finally {
      this.#client?.close();
      this.#client = null;
      this.#busy(false);
    }
  }

  async #measure(files, how, device, progress) {
    say("bench-status", `${title(how)}…`);
    this.#client = new Client();
    const runs = Number(element("runs").value);
    const models = files.filter((name) => this.#models.includes(name));
    const competitors = this.#competitors.filter(({ model }) => files.includes(model));
    const hear = ({ text, done = 0, total = 1 }) => {
      say("bench-status", `${title(how)}: ${text}…`);
      progress(done / total);
    };
    let results;
    try {
      ({ results } = await this.#client.call("bench", { models, competitors, how, runs, warmup: WARMUP }, { progress: hear }));
    } catch (error) {
      if (this.#halted !== null) throw error; // an engine that does not start is a result, being stopped is none
      results = files.map((model) => ({ model, failure: error.message }));
    }
    this.#client.close();
    for (const result of results) this.#add(result, how, device);
  }

  #add(result, how, device) {
    const row = element("rows").insertRow();
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    const partly = how.accelerator === "webgpu" && result.whole === false ? ", in part on WebAssembly" : "";
    head.append(result.model.replace(/\.tflite$/, ""), note(title(how) + partly));
    if (result.failure !== undefined) {
      const cell = row.insertCell();
      cell.colSpan = 3;
      cell.className = "failed";
      cell.textContent = `Did not run: ${result.failure}`;
    } else {
      const record = recordOf(result, how, device);
      this.#records.push(record);
      const { latency_ms: ms, parity } = record;
      for (const value of [ms.median.toFixed(2), ms.p90.toFixed(2), parity?.mean_px.toFixed(3) ?? "not measured"]) {
        const cell = row.insertCell();
        cell.className = "n";
        cell.textContent = value;
      }
      row.dataset.ms = ms.median;
    }
    element("outcome").hidden = false;
    this.#markBest();
  }

  #markBest() {
    const rows = [...element("rows").rows].filter((row) => row.dataset.ms !== undefined);
    const least = Math.min(...rows.map((row) => Number(row.dataset.ms)));
    for (const row of rows) row.classList.toggle("best", Number(row.dataset.ms) === least);
  }

  #busy(busy) {
    element("run").disabled = busy;
    element("stop").hidden = element("progress").hidden = !busy;
    for (const id of ["save", "send"]) element(id).disabled = busy || this.#records.length === 0;
  }

  /** One record a line, as in the toolkit's results.jsonl. */
  #save() {
    const lines = this.#records.map((record) => `${JSON.stringify(record)}\n`);
    const address = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
    const link = Object.assign(document.createElement("a"), { href: address, download: "sdhrnet-bench.jsonl" });
    link.click();
    URL.revokeObjectURL(address);
  }

  async #send() {
    const request = { method: "POST", headers: { "Content-Type": "application/json" } };
    try {
      const response = await fetch("records", { ...request, body: JSON.stringify(this.#records) });
      say("sent", await response.text(), !response.ok);
    } catch (error) {
      say("sent", failure("The server could not be reached", error), true);
    }
  }
}

/** A labelled box to tick; one that cannot be chosen says why. */
function choice(value, text, obstacle) {
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", value, checked: obstacle === null });
  box.disabled = obstacle !== null;
  const words = document.createElement("span");
  words.append(text);
  if (obstacle !== null) words.append(Object.assign(note(obstacle), { className: "why muted" }));
  label.append(box, words);
  return label;
}

const note = (text) => Object.assign(document.createElement("small"), { textContent: text });
const chosen = (id) => [...element(id).querySelectorAll("input:checked")].map((box) => box.value);

function say(id, text, bad = false) {
  element(id).textContent = text;
  element(id).classList.toggle("bad", bad);
}
