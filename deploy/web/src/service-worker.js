/**
 * Keeps the page for use without a network, and isolates it, so that threads work on any host.
 *
 * The build puts in SHELL (what the page itself is made of, kept at once) and VERSION. Engines, networks and pictures are
 * kept when they are used, so that a first visit fetches nothing in vain.
 */

const SHELL = __SHELL__;
const CACHE = `sdhrnet-${__VERSION__}`;
/** What may change on the server without a new build: asked for first, and taken from the cache without a network. */
const LIVELY = /\/(models\/[^/]*|server\.json)$/;
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
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(SHELL)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(event));
});

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE && name.startsWith("sdhrnet-")).map((name) => caches.delete(name)));
}

async function answer(event) {
  const { request } = event;
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreSearch: true });
  const lively = LIVELY.test(new URL(request.url).pathname);
  if (known && !lively) return isolated(known);
  let fresh;
  try {
    fresh = await fetch(request);
  } catch (error) {
    if (known) return isolated(known);
    throw error;
  }
  if (fresh.ok) event.waitUntil(cache.put(request, fresh.clone()).catch(() => {})); // kept where there is room for it
  return isolated(fresh);
}

function isolated(response) {
  const headers = new Headers(response.headers);
  for (const name of PACKED) headers.delete(name);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  if (!headers.has("Content-Security-Policy")) headers.set("Content-Security-Policy", POLICY);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
