// What asks the server again and again, on every page: it rests while nobody looks, waits longer and longer while the
// server does not answer, and stops with a note when the session has ended.
(() => {
  "use strict";

  const FIRST_WAIT_MS = 1000;
  const LONGEST_WAIT_MS = 30_000;
  const PATIENCE_MS = 15_000;

  let failures = 0;
  let isProbing = false;
  let notBefore = 0;
  let isLoggedOut = false;

  const isPoll = (element) => element.matches?.("[hx-trigger^='every'], #imports-active");
  // What keeps something that would be lost if the page went to the login by itself.
  const stays = (element) => isPoll(element) || element.matches?.("[data-stays]");

  function note(name, shown) {
    const present = document.querySelector(`#live [data-note="${name}"]`);
    if (!shown) present?.remove();
    if (!shown || present) return present;
    const made = document.getElementById(name).content.firstElementChild.cloneNode(true);
    made.dataset.note = name;
    document.getElementById("live").append(made);
    return made;
  }

  document.addEventListener("htmx:confirm", (event) => {
    if (!isPoll(event.target) || event.defaultPrevented) return;
    const now = performance.now();
    if (document.hidden || isLoggedOut || now < notBefore) event.preventDefault();
    else if (failures) {
      // One asks whether the server is back; the others wait for what becomes of it.
      isProbing = true;
      notBefore = now + PATIENCE_MS;
    }
  });

  document.addEventListener("htmx:configRequest", ({ target, detail }) => {
    if (!isPoll(target)) return;
    detail.timeout = PATIENCE_MS;
    // What is shown already is not sent again: the answer is then 204, and nothing is replaced.
    if (target.dataset.seen) detail.headers["X-Seen"] = target.dataset.seen;
  });

  function failed(element) {
    if (!isPoll(element) || (failures && !isProbing)) return;
    failures += 1;
    isProbing = false;
    notBefore = performance.now() + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
    note("lost", true);
  }

  function answered() {
    failures = 0;
    isProbing = false;
    notBefore = 0;
    note("lost", false);
  }

  document.addEventListener("htmx:sendError", (event) => failed(event.target));
  document.addEventListener("htmx:timeout", (event) => failed(event.target));
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr } = event.detail;
    if (xhr.status >= 500) {
      failed(event.target);
      return;
    }
    answered();
    if (xhr.status === 401 && stays(event.target)) {
      event.preventDefault();
      isLoggedOut = true;
      note("logged-out", true).querySelector("a").href = xhr.getResponseHeader("HX-Redirect");
    } else if (xhr.status < 400) {
      isLoggedOut = false;
      note("logged-out", false);
    }
  });

  addEventListener("online", () => {
    if (failures) notBefore = 0;
  });
  document.addEventListener("visibilitychange", () => {
    // Perhaps the person has logged in again, in another tab.
    if (!document.hidden) isLoggedOut = false;
  });
})();
