/** The page's side of the worker: `await worker.call(name, given)`. */

export class Client {
  #worker;
  #waiting = new Map();
  #next = 0;
  #failure = null;

  constructor(script = "worker.js") {
    this.#worker = new Worker(script);
    this.#worker.onmessage = ({ data }) => this.#answer(data);
    this.#worker.onerror = (event) => this.#fail(`the worker stopped: ${event.message ?? "its script did not load"}`);
  }

  /** Ask for something; `transfer` moves bitmaps instead of copying them, `progress` hears of long work. */
  call(name, given = {}, { transfer = [], progress = () => {} } = {}) {
    if (this.#failure !== null) return Promise.reject(new Error(this.#failure));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, name, given }, transfer);
    });
  }

  /** End the worker; what was asked for fails. */
  close(reason = "the worker was closed") {
    this.#worker.terminate();
    this.#fail(reason);
  }

  #answer({ id, result, error, progress }) {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    if (progress !== undefined) return waiting.progress(progress);
    this.#waiting.delete(id);
    if (error !== undefined) waiting.reject(new Error(error));
    else waiting.resolve(result);
  }

  #fail(reason) {
    this.#failure = reason;
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }
}
