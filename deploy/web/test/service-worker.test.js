import assert from "node:assert/strict";
import test from "node:test";

const HERE = "https://page.test/face/";
const POLICY = "default-src 'none'; frame-ancestors 'none'";

/** Stands for the browser around the service worker: its caches, and a network that gives what `server` has. */
class Browser {
  server = {};
  kept = new Map();
  full = false;
  #heard = {};
  static #number = 0;

  /** The worker begins anew, and hears what happens. */
  async start() {
    Object.assign(globalThis, { __SHELL__: ["./"], __VERSION__: "new", __CSP__: POLICY });
    globalThis.self = {
      location: new URL("service-worker.js", HERE),
      addEventListener: (name, hear) => (this.#heard[name] = hear),
    };
    globalThis.caches = { open: async () => this.#cache };
    globalThis.fetch = (given) => this.#fetch(given);
    await import(`../src/service-worker.js?${Browser.#number++}`);
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
      match: async ({ url }) => this.kept.get(url)?.clone(),
      put: async ({ url }, response) => {
        if (this.full) throw new DOMException("there is no room", "QuotaExceededError");
        this.kept.set(url, response);
      },
    };
  }

  async #fetch(given) {
    const answer = this.server?.[new Request(given).url.replace(HERE, "")];
    if (this.server === null) throw new TypeError("Failed to fetch");
    return answer === undefined ? new Response("none", { status: 404 }) : new Response(...[answer].flat());
  }
}

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
