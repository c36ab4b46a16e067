/**
 * Keeps the page for use without a network, and isolates it, so that threads work on any host.
 *
 * The build puts in FILES (what every device needs), ENGINES (LiteRT with and without relaxed SIMD) and VERSION. Larger
 * builds of the engine, with threads or a graphics processor, are kept once they were used.
 */

const FILES = __FILES__;
const ENGINES = __ENGINES__;
const CACHE = `sdhrnet-${__VERSION__}`;
/** What may change on the server without a new build: asked for first, and taken from the cache without a network. */
const LIVELY = /\/(models\/[^/]*|server\.json)$/;
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy": __CSP__,
};
/** A function that uses relaxed SIMD. */
const RELAXED = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253,
  128, 2, 11,
]);

self.addEventListener("install", (event) => {
  const files = [...FILES, ...(WebAssembly.validate(RELAXED) ? ENGINES.relaxed : ENGINES.plain)];
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files)));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forgetOthers().then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(request));
});

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE && name.startsWith("sdhrnet-")).map((name) => caches.delete(name)));
}

async function answer(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreSearch: true });
  const lively = LIVELY.test(new URL(request.url).pathname);
  if (known && !lively) return isolated(known);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return isolated(fresh);
  } catch (error) {
    if (known) return isolated(known);
    throw error;
  }
}

function isolated(response) {
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
