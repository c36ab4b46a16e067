/** Builds the page into dist/: bundles the sources, and puts beside them what assets.py gathered and the engines' WebAssembly. */

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const ROOT = import.meta.dirname;
const OUT = path.join(ROOT, "dist");
const NEW = path.join(ROOT, ".dist");
const GATHERED = path.join(ROOT, "build");
const MODULES = path.join(ROOT, "node_modules");

/** What the page may do. WebAssembly is compiled, scripts are its own files, and nothing comes from or goes elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob: mediastream:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
/** As a header, where this directive counts, it also keeps the page out of frames; as `sdhrnet serve` sends it. */
const SENT = `${POLICY}; frame-ancestors 'none'`;

const MANIFEST = {
  name: "Face landmarks",
  short_name: "Landmarks",
  description: "Face landmarks by SD-HRNet, found on this device.",
  start_url: "./",
  scope: "./",
  display: "standalone",
  background_color: "#14171b",
  theme_color: "#14171b",
  icons: [
    { src: "icon-192.png", sizes: "192x192", type: "image/png" },
    { src: "icon-512.png", sizes: "512x512", type: "image/png", purpose: "any" },
    { src: "icon-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
  ],
};

/** What is kept when it is used, and not at the first visit; the service worker itself never is. */
const LATER = /^(litert|golden)\/|\.tflite|^policy\.txt$|^index\.html$/;
/** A file is gzipped where that leaves at most this share of it. */
const WORTH = 0.9;

async function main() {
  await rm(NEW, { recursive: true, force: true });
  await mkdir(NEW);
  const litert = JSON.parse(await readFile(path.join(MODULES, "@litertjs/core/package.json"), "utf8"));
  await bundle(["page.js", "worker.js", "page.css"], { __LITERT_VERSION__: JSON.stringify(litert.version) });
  await copyEngines();
  for (const name of await readdir(path.join(GATHERED, "site"))) {
    await cp(path.join(GATHERED, "site", name), path.join(NEW, name), { recursive: true });
  }
  const html = await readFile(path.join(ROOT, "index.html"), "utf8");
  await writeFile(path.join(NEW, "index.html"), html.replace("__CSP__", POLICY));
  await writeFile(path.join(NEW, "manifest.webmanifest"), JSON.stringify(MANIFEST, null, 2));
  await writeFile(path.join(NEW, "server.json"), JSON.stringify({ collect: false }));
  await writeFile(path.join(NEW, "policy.txt"), POLICY);
  await bundleServiceWorker();
  await compress();
  await rm(OUT, { recursive: true, force: true });
  await rename(NEW, OUT);
}

async function bundle(names, define) {
  await build({
    entryPoints: names.map((name) => path.join(ROOT, "src", name)),
    outdir: NEW,
    bundle: true,
    minify: true,
    format: "iife", // a classic worker, as LiteRT.js needs
    target: ["es2022"],
    legalComments: "none",
    define,
    logLevel: "warning",
  });
}

async function copyEngines() {
  const litert = path.join(MODULES, "@litertjs/core/wasm");
  await cp(litert, path.join(NEW, "litert"), { recursive: true });
}

/** Beside every file that shrinks by it the same gzipped, which `sdhrnet serve` sends to browsers that take it. */
async function compress() {
  for (const file of await filesOf(NEW)) {
    const bytes = await readFile(file);
    const packed = gzipSync(bytes, { level: 9 });
    if (packed.length <= WORTH * bytes.length) await writeFile(`${file}.gz`, packed);
  }
}

async function filesOf(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort();
}

/** The service worker knows the page's files by name and content, and changes when any file does. */
async function bundleServiceWorker() {
  const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const hashes = new Map();
  for (const file of await filesOf(NEW)) {
    hashes.set(path.relative(NEW, file).split(path.sep).join("/"), hash(await readFile(file)));
  }
  hashes.set("", hashes.get("index.html"));
  const known = JSON.stringify([...hashes]);
  await bundle(["service-worker.js"], {
    __SHELL__: JSON.stringify([...hashes.keys()].filter((name) => !LATER.test(name))),
    __HASHES__: known,
    __VERSION__: JSON.stringify(hash(known).slice(0, 16)),
    __CSP__: JSON.stringify(SENT),
  });
}

await main();
