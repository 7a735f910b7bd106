// What every page shares: theme switch, notes, menus, confirmations, the selection bar, and requests that fail.
(() => {
  "use strict";

  const NOTE_MS = 8000;
  const live = () => document.getElementById("live");

  // Notes: messages of the server, and `toast` events: document.dispatchEvent(new CustomEvent("toast",
  // {detail: {text, level}})), or {detail: {note}} with an element, or the response header HX-Trigger: {"toast": {"text": ..., "level": ...}}.

  function clone(id) {
    return document.getElementById(id).content.firstElementChild.cloneNode(true);
  }

  function expire(note) {
    if (!["success", "info"].includes(note.dataset.level)) return;
    const timer = setInterval(() => {
      // A note that is being read or operated stays.
      if (note.matches(":hover") || note.contains(document.activeElement)) return;
      clearInterval(timer);
      note.remove();
    }, NOTE_MS);
  }

  function show(note) {
    live().append(note);
    expire(note);
  }

  function toast({ text, level = "info", note = null }) {
    if (note) {
      show(note);
      return;
    }
    note = clone("toast");
    note.dataset.level = level;
    note.querySelector(".note-text").textContent = text;
    show(note);
  }

  document.addEventListener("toast", (event) => toast(event.detail));

  document.addEventListener("click", (event) => {
    const close = event.target.closest("[data-dismiss]");
    if (close) close.closest(".note").remove();
  });

  // Theme

  function markTheme() {
    const choice = document.documentElement.dataset.themeChoice;
    for (const button of document.querySelectorAll("[data-theme-choice]:not(html)")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-theme-choice]");
    if (!button) return;
    try {
      localStorage.setItem("theme", button.dataset.themeChoice);
    } catch {
      // Without storage the choice cannot be kept, and the preference of the system stays.
    }
    dispatchEvent(new Event("theme"));
    markTheme();
  });

  // Menus: details elements, which open without this script; it closes them.

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector("summary").focus();
    }
  });

  document.addEventListener("focusout", (event) => {
    const menu = event.target.closest("details.menu[open]");
    if (menu && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });

  // Confirmations: hx-confirm, or data-confirm on a form or on the button that submits it.
  // data-confirm-yes names the button that goes on.

  function ask(question, yes) {
    const dialog = document.getElementById("confirm");
    const button = dialog.querySelector("[value=yes]");
    dialog.querySelector("#confirm-question").textContent = question;
    button.textContent = yes || button.dataset.default;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  function questionOf(form, submitter) {
    const asking = submitter?.dataset.confirm ? submitter : form;
    return [asking.dataset.confirm, asking.dataset.confirmYes];
  }

  // The server asks again, on a page, for what has not been confirmed here.
  function markConfirmed(form) {
    const field = form.elements.namedItem("confirmed");
    if (field) field.value = "1";
  }

  document.addEventListener("htmx:confirm", (event) => {
    const { elt, question, triggeringEvent } = event.detail;
    const [asked, yes] = elt.matches("form")
      ? questionOf(elt, triggeringEvent?.submitter)
      : [question, elt.dataset.confirmYes];
    if (!question && !asked) return;
    event.preventDefault();
    ask(question || asked, yes).then((confirmed) => {
      if (!confirmed) return;
      if (elt.matches("form")) markConfirmed(elt);
      event.detail.issueRequest(true);
    });
  });

  const confirmed = new WeakSet();

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const [question, yes] = questionOf(form, event.submitter);
    if (!question || form.matches("[hx-post], [data-hx-post]") || confirmed.delete(form)) return;
    event.preventDefault();
    ask(question, yes).then((answer) => {
      if (!answer) return;
      confirmed.add(form);
      markConfirmed(form);
      form.requestSubmit(event.submitter);
    });
  });

  // Selection bar: checkboxes anywhere that belong to form[data-selection] by their form attribute.

  function boxesOf(form) {
    return [...form.elements].filter((box) => box.type === "checkbox" && !box.matches("[data-select-all]"));
  }

  function refreshSelection(form) {
    const boxes = boxesOf(form);
    const count = boxes.filter((box) => box.checked).length;
    form.dataset.count = count;
    const number = form.querySelector("[data-selection-count]");
    if (number) number.textContent = count.toLocaleString(document.documentElement.lang);
    const all = form.querySelector("[data-select-all]");
    if (all) {
      all.checked = count > 0 && count === boxes.length;
      all.indeterminate = count > 0 && count < boxes.length;
    }
    for (const control of form.querySelectorAll("[data-needs-selection]")) control.disabled = count === 0;
  }

  function refreshSelections() {
    for (const form of document.querySelectorAll("form[data-selection]")) refreshSelection(form);
  }

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (!form?.matches("[data-selection]")) return;
    if (event.target.matches("[data-select-all]")) {
      for (const box of boxesOf(form)) box.checked = event.target.checked;
    }
    refreshSelection(form);
  });

  // Requests: a failure must be seen. When the session has ended, the answer itself leads to the login page.

  function unreachable(event) {
    // What polls reports its own trouble, once and not at every turn.
    if (event.target.matches?.("[hx-trigger^='every'], #imports-active, [data-stays]")) return;
    toast({ text: document.getElementById("unreachable").content.textContent.trim(), level: "error" });
  }

  document.addEventListener("htmx:sendError", unreachable);
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status >= 500) unreachable(event);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    refreshSelections();
    const target = event.target;
    // The control that was used is gone with what it replaced: keep the keyboard where the person was.
    if (target.matches?.("[data-focus-after-swap]") && document.activeElement === document.body) {
      target.focus({ preventScroll: true });
    }
  });

  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const note of live().querySelectorAll(".note:not([data-timed])")) {
      note.dataset.timed = "";
      expire(note);
    }
  });

  // Started last, so that a screen reader hears notes arrive that were there when the page was loaded.
  markTheme();
  refreshSelections();
  const waiting = [...live().children];
  live().replaceChildren();
  setTimeout(() => waiting.forEach(show), 100);
})();
