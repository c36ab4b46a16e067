/** The page: two screens, one shown at a time, and what both need of the server. */

import { Bench } from "./bench.js";
import { Live } from "./live.js";

const screens = {};

async function start() {
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("service-worker.js").catch(() => {});
  const [models, server] = await Promise.all([json("models/index.json"), json("server.json")]);
  screens.live = new Live(models);
  screens.bench = new Bench(models, server);
  window.addEventListener("hashchange", show);
  show();
}

async function json(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path} is missing (status ${response.status}): build the page again`);
  return response.json();
}

function show() {
  const name = location.hash.slice(1) in screens ? location.hash.slice(1) : "live";
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
