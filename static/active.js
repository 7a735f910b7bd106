// The sign in the navigation: the page's title follows it, and what has ended is told once, on whatever page.
(() => {
  "use strict";

  const REMEMBERED_MS = 24 * 3600 * 1000;
  const MOST_AT_ONCE = 3;
  const KEY = "told-imports";

  const sign = () => document.getElementById("imports-active");

  // While all imports that run are on this page, and ask for themselves, the sign rests until one of them has moved.
  const LONGEST_REST_MS = 10_000;
  let isBehind = true;
  let asked = 0;

  function isCovered() {
    return document.querySelectorAll("[hx-trigger='every 1s']").length >= Number(sign().dataset.count ?? 0);
  }

  function rest(event) {
    if (event.target !== sign() || isBehind || !isCovered()) return;
    if (performance.now() - asked < LONGEST_REST_MS) event.preventDefault();
  }

  // Before polling.js takes it for one that asks.
  document.addEventListener("htmx:confirm", rest, true);

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target !== sign()) return;
    isBehind = false;
    asked = performance.now();
  });

  function refresh() {
    const shown = sign();
    isBehind = true;
    // A refusal to ask, or to answer, is the business of polling.js.
    htmx.ajax("GET", shown.dataset.url, { source: shown, target: shown, swap: "outerHTML" }).catch(() => {});
  }

  function entitle() {
    const bare = document.title.replace(/^\d+ % · /, "");
    const { percent } = sign().dataset;
    document.title = percent === undefined ? bare : `${percent} % · ${bare}`;
  }

  // The storage is shared by all tabs; without one, this page at least does not repeat itself.
  let told = {};

  function recall() {
    try {
      told = { ...told, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
    } catch {
      return;
    }
  }

  function remember() {
    const oldest = Date.now() - REMEMBERED_MS;
    told = Object.fromEntries(Object.entries(told).filter(([, moment]) => moment > oldest));
    try {
      localStorage.setItem(KEY, JSON.stringify(told));
    } catch {
      return;
    }
  }

  // Who looks at a preview knows that it is ready.
  function isShown({ content }) {
    return content.querySelector("a").pathname === location.pathname && document.getElementById("preview-confirm");
  }

  function tell() {
    recall();
    const news = [...sign().querySelectorAll("template[data-news]")].filter(({ dataset }) => !(dataset.news in told));
    if (!news.length) return;
    for (const { dataset } of news) told[dataset.news] = Date.now();
    remember();
    for (const { content } of news.filter((item) => !isShown(item)).slice(-MOST_AT_ONCE)) {
      const note = content.firstElementChild.cloneNode(true);
      document.dispatchEvent(new CustomEvent("toast", { detail: { note } }));
    }
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== sign()) {
      isBehind = true;
      return;
    }
    entitle();
    tell();
  });

  document.addEventListener("imports:changed", refresh);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
})();
