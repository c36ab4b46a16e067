import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";

const HERE = "https://page.test/face/";
const POLICY = "default-src 'none'; frame-ancestors 'none'";
/** What the build of the worker has; the page itself, a script of it, and what is kept when it is used. */
const BUILD = { "": "<p>page", "page.js": "old();", "engine.wasm": "old engine" };
const SHELL = ["", "page.js", "server.json"];
const hash = (text) => createHash("sha256").update(text).digest("hex");

/** Stands for the browser around the service worker: its cache, and a network that gives what `server` has. */
class Browser {
  server = {};
  kept = new Map();
  full = false;
  did = [];
  #heard = {};
  static #number = 0;

  /** The worker begins anew, and hears what happens. */
  async start() {
    const hashes = Object.entries(BUILD).map(([name, text]) => [name, hash(text)]);
    Object.assign(globalThis, { __SHELL__: SHELL, __HASHES__: hashes, __VERSION__: "1", __CSP__: POLICY });
    globalThis.self = {
      location: new URL("service-worker.js", HERE),
      addEventListener: (name, hear) => (this.#heard[name] = hear),
      registration: { update: async () => this.did.push("update") },
      skipWaiting: () => this.did.push("skipWaiting"),
    };
    globalThis.caches = { open: async () => this.#cache };
    globalThis.fetch = (given, how) => this.#fetch(given, how);
    await import(`../src/service-worker.js?${Browser.#number++}`);
  }

  async install() {
    const event = { waitUntil: (work) => (event.work = work) };
    this.#heard.install(event);
    await event.work;
  }

  say(data) {
    this.#heard.message({ data });
  }

  /** What the page gets that asks for a file, once all that the worker does with it is done. */
  async ask(path) {
    const event = { request: new Request(HERE + path), work: [] };
    event.waitUntil = (work) => event.work.push(work);
    event.respondWith = (answer) => (event.answer = answer);
    this.#heard.fetch(event);
    const response = await event.answer;
    await Promise.all(event.work);
    return response;
  }

  get #cache() {
    return {
      match: async (given) => this.kept.get(nameOf(given))?.clone(),
      put: async (given, response) => {
        if (this.full) throw new DOMException("there is no room", "QuotaExceededError");
        this.kept.set(nameOf(given), response);
      },
    };
  }

  async #fetch(given, { cache } = {}) {
    if (this.server === null) throw new TypeError("Failed to fetch");
    const name = nameOf(given);
    if (Object.hasOwn(BUILD, name)) assert.equal(cache, "no-cache", "the browser's own cache may be of another build");
    if (!Object.hasOwn(this.server, name)) return new Response("none", { status: 404 });
    return new Response(...[this.server[name]].flat());
  }
}

const nameOf = (given) => new Request(given).url.replace(HERE, "");

async function started(server) {
  const browser = new Browser();
  await browser.start();
  browser.server = server;
  return browser;
}

test("what was used is there without a network, and nothing else", async () => {
  const browser = await started({ "a.js": "first" });
  assert.equal(await (await browser.ask("a.js")).text(), "first");
  browser.server = null;
  assert.equal(await (await browser.ask("a.js")).text(), "first");
  await assert.rejects(browser.ask("b.js"), TypeError);
});

test("what cannot be kept is passed on all the same", async () => {
  const browser = await started({ "a.js": "first" });
  browser.full = true;
  const response = await browser.ask("a.js");
  assert.deepEqual([response.status, await response.text()], [200, "first"]);
  assert.equal(browser.kept.size, 0);
});

test("a server's content policy stays, and where it has none the page's is put in", async () => {
  const strict = { headers: { "Content-Security-Policy": "sandbox" } };
  const browser = await started({ "a.js": ["first", strict], "b.js": "second" });
  for (const turn of ["fresh", "kept"]) {
    const policy = async (path) => (await browser.ask(path)).headers.get("Content-Security-Policy");
    assert.deepEqual([await policy("a.js"), await policy("b.js")], ["sandbox", POLICY], turn);
  }
});

test("the page is kept at once, of one build or not at all", async () => {
  const server = { ...BUILD, "server.json": "{}" };
  const browser = await started(server);
  await browser.install();
  assert.deepEqual([...browser.kept.keys()].sort(), SHELL);
  const mixed = await started({ ...server, "page.js": "newer();" });
  await assert.rejects(mixed.install(), /page.js is not there, or another build's/);
});

test("another build's file is not taken beside this one's, and that build is asked for", async () => {
  const browser = await started({ ...BUILD, "engine.wasm": "newer engine", "models/a.tflite": "any" });
  const response = await browser.ask("engine.wasm");
  assert.deepEqual([response.status, browser.did, browser.kept.size], [409, ["update"], 0]);
  assert.equal(await (await browser.ask("models/a.tflite")).text(), "any");
  assert.equal((await browser.ask("constructor")).status, 404);
  browser.server = BUILD;
  assert.equal(await (await browser.ask("engine.wasm?x")).text(), "old engine");
});

test("a newer build waits until the page asks for it", async () => {
  const browser = await started({ ...BUILD, "server.json": "{}" });
  await browser.install();
  browser.say("something else");
  assert.deepEqual(browser.did, []);
  browser.say("skipWaiting");
  assert.deepEqual(browser.did, ["skipWaiting"]);
});
