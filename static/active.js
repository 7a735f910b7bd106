// The sign in the navigation: the page's title follows it, and what has ended is told once, on whatever page.
(() => {
  "use strict";

  const REMEMBERED_MS = 24 * 3600 * 1000;
  const MOST_AT_ONCE = 3;
  const KEY = "told-imports";

  const sign = () => document.getElementById("imports-active");

  function refresh() {
    const shown = sign();
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
    if (event.target !== sign()) return;
    entitle();
    tell();
  });

  document.addEventListener("imports:changed", refresh);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
})();
