/**
 * Keeps the page for use without a network, and isolates it, so that threads work on any host.
 *
 * The build puts in SHELL (what the page itself is made of, kept at once), HASHES and VERSION. Engines, networks and
 * pictures are kept when they are used, so that a first visit fetches nothing in vain. A newer build waits, with a cache of
 * its own, until the page asks for it; of what the server then has, only files that are the same in this build are taken.
 */

import { sha256 } from "./digest.js";

const HERE = new URL("./", self.location.href).href;
const SHELL = __SHELL__;
/** The SHA-256 of the build's files by name; the page itself has the name "". */
const HASHES = new Map(__HASHES__);
const CACHE = `sdhrnet-${__VERSION__}`;
/** What may change on the server without a new build: asked for first, and taken from the cache without a network. */
const LIVELY = /^(models\/[^/]*|server\.json)$/;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};
/** Of what came without one: a server's own may be stricter. */
const POLICY = __CSP__;
/** Of what came over the network; the body that is passed on is unpacked. */
const PACKED = ["Content-Encoding", "Content-Length"];

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell());
});

self.addEventListener("message", ({ data }) => {
  if (data === "skipWaiting") self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(event));
});

async function keepShell() {
  const cache = await caches.open(CACHE);
  const keep = async (name) => {
    const response = await fetched(name);
    if (!response.ok || !(await isOurs(name, response))) throw new Error(`${name} is not there, or another build's`);
    await cache.put(HERE + name, response);
  };
  await Promise.all(SHELL.map(keep));
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE && name.startsWith("sdhrnet-")).map((name) => caches.delete(name)));
}

async function answer(event) {
  const { request } = event;
  const name = nameOf(request);
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreSearch: true });
  if (known && !LIVELY.test(name)) return isolated(known);
  let fresh;
  try {
    fresh = await (HASHES.has(name) ? fetched(name) : fetch(request));
  } catch (error) {
    if (known) return isolated(known);
    throw error;
  }
  if (!fresh.ok) return isolated(fresh);
  if (!(await isOurs(name, fresh))) return isolated(refused(event));
  event.waitUntil(cache.put(request, fresh.clone()).catch(() => {})); // kept where there is room for it
  return isolated(fresh);
}

/** What the build calls a file. */
function nameOf({ url }) {
  const [path] = url.split(/[?#]/);
  return path.startsWith(HERE) ? path.slice(HERE.length) : null;
}

/** A file as the server has it now: the browser may still have an older one. */
const fetched = (name) => fetch(HERE + name, { cache: "no-cache" });

/** Whether a file is this build's, as far as that can be told. */
async function isOurs(name, response) {
  if (LIVELY.test(name) || !HASHES.has(name)) return true;
  return (await sha256(await response.clone().arrayBuffer())) === HASHES.get(name);
}

/** In place of another build's file; the page will hear of that build. */
function refused(event) {
  event.waitUntil(self.registration.update().catch(() => {}));
  return new Response("this file is of another version: load the page again", { status: 409 });
}

function isolated(response) {
  const headers = new Headers(response.headers);
  for (const name of PACKED) headers.delete(name);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", POLICY);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
