/** The page: two screens, one shown at a time, and what both need of the server. */

import { Bench } from "./bench.js";
import { Live } from "./live.js";
import { offerNewer, reloadWhenReplaced } from "./newer.js";

const screens = {};

/** How long the page waits for the service worker, which keeps what it hears of, at a first visit. */
const PATIENCE_MS = 500;

async function start() {
  const lists = ["models/index.json", "competitors/index.json", "server.json"];
  const [models, competitors, server] = await Promise.all([...lists.map(json), serviceWorker()]);
  screens.live = new Live(models);
  screens.bench = new Bench(models, competitors, server);
  window.addEventListener("hashchange", show);
  show();
}

/** Resolves once the service worker hears what this page asks for, or there is none, or it takes too long. */
async function serviceWorker() {
  if (!("serviceWorker" in navigator)) return;
  const { serviceWorker: container } = navigator;
  const taken = new Promise((resolve) => container.addEventListener("controllerchange", resolve, { once: true }));
  reloadWhenReplaced(container);
  try {
    offerNewer(container, await container.register("service-worker.js"));
  } catch {
    return; // as in some private windows: the page works, and is not kept
  }
  if (container.controller === null) await Promise.race([taken, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}

async function json(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is missing (status ${response.status}): build the page again`);
  return response.json();
}

function show() {
  const asked = location.hash.slice(1);
  const name = Object.hasOwn(screens, asked) ? asked : "live";
  for (const [other, screen] of Object.entries(screens)) {
    document.getElementById(other).hidden = other !== name;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === name) link.setAttribute("aria-current", "page");
    else {
      link.removeAttribute("aria-current");
      screen.leave();
    }
  }
  screens[name].enter();
}

start().catch((error) => {
  const status = document.getElementById("status");
  status.textContent = `The page could not start (${error.message}).`;
  status.classList.add("bad");
});
