/** Newer builds of the page, which the service worker keeps beside this one until they are asked for. */

const element = (id) => document.getElementById(id);

/** Loads the page again once another build has taken over, here or from another tab: builds never mix. */
export function reloadWhenReplaced(container) {
  let controlled = container.controller !== null;
  container.addEventListener("controllerchange", () => {
    if (controlled) location.reload();
    controlled = true;
  });
}

/** Offers a newer build as soon as it is there. */
export function offerNewer(container, registration) {
  const offer = () => (element("newer").hidden = registration.waiting === null || container.controller === null);
  element("reload").onclick = () => registration.waiting?.postMessage("skipWaiting");
  const watch = () => registration.installing?.addEventListener("statechange", offer);
  registration.addEventListener("updatefound", watch);
  watch();
  offer();
}
