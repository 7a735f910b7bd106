// The import page beyond what htmx does by itself: what is open or focused in a row survives its refresh,
// an upload shows its progress and can be stopped, cancelling an import asks first, and dates stay right.
"use strict";

(() => {
  const find = (id) => document.getElementById(id);
  const isUploadForm = (element) => element.id === "import-form";

  // A form that was refused comes back with its problems and is shown like any other answer.
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (isUploadForm(detail.target) && [413, 422, 507].includes(detail.xhr.status)) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });

  // ---- What was open, scrolled or focused stays so when a row or the form is replaced

  const remembered = new Map();

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const part = detail.target;
    if (!part.matches("tr[data-status], #import-form")) return;
    remembered.set(part.id, {
      open: [...part.querySelectorAll("details[open]")].map((details) => details.id),
      scrolled: [...part.querySelectorAll("[tabindex='0']")].map((list) => [list.id, list.scrollTop]),
      focused: part.contains(document.activeElement) ? document.activeElement.id : null,
      status: part.dataset.status,
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
    if (before.status !== part.dataset.status) {
      announce(part);
      // Only a worker brings a row into one of these states, so there is one.
      if (["processing", "completed"].includes(part.dataset.status)) find("worker-notice").replaceChildren();
    }
  }

  function announce(row) {
    const text = (selector) => row.querySelector(selector)?.textContent.trim() ?? "";
    find("import-news").textContent = `${text(".import-file-name")}: ${text(".import-status")}. ${text(".import-error")}`;
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

  // ---- The upload

  const megabytes = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;

  function showProblem(form, text) {
    const problem = document.createElement("p");
    problem.className = "note";
    problem.dataset.level = "error";
    problem.textContent = text;
    form.querySelector("#import-problems").replaceChildren(problem);
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const form = event.target;
    if (!isUploadForm(form)) return;
    const input = form.querySelector("input[type=file]");
    const size = input.files[0]?.size ?? 0;
    if (size > Number(input.dataset.maxBytes)) {
      event.preventDefault();
      showProblem(form, form.dataset.tooLarge.replace("%size%", megabytes(size)));
      return;
    }
    form.querySelector("#import-problems").replaceChildren();
    showUpload(form, 0, size);
  });

  function showUpload(form, loaded, total) {
    const bar = form.querySelector("progress");
    const isStoring = total > 0 && loaded >= total;
    form.querySelector("#import-upload-progress").hidden = false;
    bar.max = total || 1;
    if (isStoring) bar.removeAttribute("value");
    else bar.value = loaded;
    form.querySelector("#import-upload-bytes").textContent = isStoring
      ? form.dataset.storing
      : `${megabytes(loaded)} / ${megabytes(total)}`;
  }

  document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
    // The same event tells how the answer comes in; that is shorter than the file.
    const size = isUploadForm(target) ? (target.querySelector("input[type=file]").files[0]?.size ?? 0) : 0;
    if (size && detail.total >= size) showUpload(target, detail.loaded, detail.total);
  });

  document.addEventListener("htmx:afterRequest", ({ target }) => {
    if (isUploadForm(target)) target.querySelector("#import-upload-progress").hidden = true;
  });

  document.addEventListener("click", ({ target }) => {
    if (target.id === "import-abort") htmx.trigger(find("import-form"), "htmx:abort");
  });
})();
