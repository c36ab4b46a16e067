/** Builds the page into dist/: bundles the sources, and puts beside them what assets.py gathered and the engines' WebAssembly. */

import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";

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

const LITERT = { relaxed: "litert_wasm_internal", plain: "litert_wasm_compat_internal" };
const DETECTOR = "vision_wasm_internal";

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
  await mkdir(path.join(NEW, "mediapipe"));
  for (const ending of [".js", ".wasm"]) {
    const name = DETECTOR + ending;
    await cp(path.join(MODULES, "@mediapipe/tasks-vision/wasm", name), path.join(NEW, "mediapipe", name));
  }
}

/** The service worker knows every file by name, and changes when one of them does. */
async function bundleServiceWorker() {
  const entries = await readdir(NEW, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name)).sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file.slice(NEW.length)).update(await readFile(file));
  const names = files.map((file) => path.relative(NEW, file).split(path.sep).join("/"));
  const engine = (stem) => [`litert/${stem}.js`, `litert/${stem}.wasm`];
  await bundle(["service-worker.js"], {
    __FILES__: JSON.stringify(["./", ...names.filter((name) => !name.startsWith("litert/") && name !== "index.html")]),
    __ENGINES__: JSON.stringify({ relaxed: engine(LITERT.relaxed), plain: engine(LITERT.plain) }),
    __VERSION__: JSON.stringify(hash.digest("hex").slice(0, 16)),
    __CSP__: JSON.stringify(POLICY),
  });
}

await main();
