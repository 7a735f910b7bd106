// The history beyond what htmx does by itself: what is open or focused in a row survives its refresh, its bar moves
// smoothly and its estimate calmly, cancelling an import asks first, and dates stay right.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const isUploadForm = (element) => element.id === "import-form";

  // A form that was refused comes back with its problems and is shown like any other answer.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (isUploadForm(detail.target) && [413, 422, 429, 507].includes(detail.xhr.status)) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });

  // ---- What was open, scrolled or focused stays so when a row or the form is replaced

  const remembered = new Map();

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const part = detail.target;
    if (!detail.shouldSwap || !part.matches("tr[data-status], #import-form")) return;
    remembered.set(part.id, {
      open: [...part.querySelectorAll("details[open]")].map((details) => details.id),
      scrolled: [...part.querySelectorAll("[tabindex='0']")].map((list) => [list.id, list.scrollTop]),
      focused: part.contains(document.activeElement) ? document.activeElement.id : null,
      status: part.dataset.status,
      done: part.querySelector("progress")?.value,
    });
  });

  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, before] of remembered) {
      const part = find(id);
      if (part) restore(part, before);
    }
    remembered.clear();
  });

  function restore(part, before) {
    for (const id of before.open) find(id)?.setAttribute("open", "");
    for (const [id, top] of before.scrolled) if (find(id)) find(id).scrollTop = top;
    // htmx gives the focus back to an element of the same id unless it was inside a closed details element;
    // where the element is gone, the row takes the focus.
    if (before.focused !== null && !part.contains(document.activeElement)) {
      (find(before.focused) ?? part).focus({ preventScroll: true });
    }
    if (!part.matches("tr")) return;
    glide(part.querySelector("progress"), before.done);
    steady(part);
    announce(part, before.status !== part.dataset.status);
    if (before.status === part.dataset.status) return;
    document.dispatchEvent(new Event("imports:changed"));
    // Only a worker brings a row into one of these states, so there is one.
    if (["processing", "completed"].includes(part.dataset.status)) find("worker-notice").replaceChildren();
  }

  // A row that is gone, as the import was removed from the history elsewhere, has nothing more to ask.
  document.addEventListener("htmx:responseError", ({ target, detail }) => {
    if (target.matches("tr[data-status]") && detail.xhr.status === 404) target.remove();
  });

  // ---- What moves, moves calmly

  // The new bar begins where the old one was; the stylesheet does the rest.
  function glide(bar, from) {
    if (!bar?.hasAttribute("value") || from === undefined || from > bar.value) return;
    const to = bar.value;
    bar.value = from;
    bar.getBoundingClientRect();
    bar.value = to;
  }

  const estimates = new Map();
  const SLACK = 1.2;

  // An estimate that grows a little, and only for a moment as a rule, does not change what is shown.
  function steady(row) {
    const pace = row.querySelector("[data-seconds-left]");
    if (!pace) {
      estimates.delete(row.id);
      return;
    }
    const seconds = Number(pace.dataset.secondsLeft);
    const shown = estimates.get(row.id);
    if (shown && seconds > shown.seconds && seconds < SLACK * shown.seconds) pace.textContent = shown.text;
    else if (shown?.text !== pace.textContent) estimates.set(row.id, { seconds, text: pace.textContent });
  }

  // ---- Screen readers hear of progress now and then, and of each change of state

  const PACE_MS = 10_000;
  let announced = Date.now();

  function announce(row, isChange) {
    const isDue = Date.now() - announced >= PACE_MS && row.dataset.status === "processing";
    // The end is told by a note, on every page.
    if (!(isChange ? row.hasAttribute("hx-trigger") || row.dataset.status === "cancelled" : isDue)) return;
    const text = (selector) => row.querySelector(selector)?.textContent.trim().replace(/\s+/g, " ") ?? "";
    const what = isChange ? text(".import-status") : text(".import-figures");
    announced = Date.now();
    find("import-news").textContent = `${text(".import-file-name")}: ${what}`;
  }

  // ---- Cancelling asks first

  // The shared confirmation would go on with a form that a refresh of the row has replaced meanwhile.
  let agreed = null;

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!form.dataset.question || form === agreed) return;
      event.preventDefault();
      event.stopPropagation();
      ask(form, event.submitter);
    },
    true,
  );

  function ask(form, button) {
    const dialog = find("confirm");
    const [no, yes] = [dialog.querySelector("[value=no]"), dialog.querySelector("[value=yes]")];
    const usual = no.textContent;
    find("confirm-question").textContent = form.dataset.question;
    no.textContent = form.dataset.no;
    yes.textContent = form.dataset.yes;
    dialog.returnValue = "no";
    dialog.addEventListener(
      "close",
      () => {
        no.textContent = usual;
        find(button.id)?.focus({ preventScroll: true });
        agreed = find(form.id);
        if (agreed && dialog.returnValue === "yes") agreed.requestSubmit();
        agreed = null;
      },
      { once: true },
    );
    dialog.showModal();
  }

  // ---- Dates of ended imports, whose rows nothing refreshes, keep saying how long ago they are

  const MINUTE_MS = 60_000;
  const UNITS = Object.entries({ year: 31_536_000, month: 2_592_000, week: 604_800, day: 86_400, hour: 3_600, minute: 60 });
  const ago = new Intl.RelativeTimeFormat(document.documentElement.lang);

  function relative(seconds) {
    const [unit, length] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
    return ago.format(-Math.floor(seconds / length), unit);
  }

  setInterval(() => {
    for (const time of document.querySelectorAll("time[data-relative]")) {
      time.textContent = relative(Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000));
    }
  }, MINUTE_MS);
})();
