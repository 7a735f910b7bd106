// Uploads: each file, and pasted links, goes by itself, one after another, with a bar and a way to stop it. Files may
// be dropped anywhere on the page.
(() => {
  "use strict";

  const REFUSED = [413, 422, 429, 507];
  const LANGUAGE = document.documentElement.lang;
  const find = (id) => document.getElementById(id);
  const list = () => find("import-uploads");

  // ---- What is waiting and what is on its way. A piece: {row, name, size, fields, text}

  const waiting = [];
  let sending = null;
  let isStopped = false;

  function pieceOf(source, fields) {
    const isFile = source instanceof File;
    const own = new FormData();
    for (const [name, value] of fields) own.append(name, value);
    own.append(isFile ? "file" : "links", source);
    const [name, size] = isFile ? [source.name, source.size] : [list().dataset.pasted, new Blob([source]).size];
    const row = find("import-upload-row").content.firstElementChild.cloneNode(true);
    const piece = { row, name, size, fields: own, text: isFile ? null : source };
    row.querySelector(".import-upload-name").textContent = name;
    for (const part of row.querySelectorAll("[data-names]")) part.append(` ${name}`);
    row.querySelector("progress").setAttribute("aria-label", `${row.dataset.label} ${name}`);
    row.querySelector("[data-stop]").addEventListener("click", () => stop(piece));
    row.querySelector("[data-again]").addEventListener("click", () => again(piece));
    return piece;
  }

  function take(sources) {
    find("import-problems").replaceChildren();
    const input = find("import-form").querySelector("input[type=file]");
    const fields = [...new FormData(find("import-form"))].filter(([name]) => !["file", "links"].includes(name));
    for (const source of sources) {
      const piece = pieceOf(source, fields);
      if (piece.size > Number(input.dataset.maxBytes)) {
        problem(piece.name, list().dataset.tooLarge.replace("%size%", sizes(piece.size)[0]));
        continue;
      }
      list().append(piece.row);
      htmx.process(piece.row);
      wait(piece);
    }
    next();
  }

  function wait(piece) {
    waiting.push(piece);
    piece.row.querySelector("[data-again]").hidden = true;
    say(piece, list().dataset.waiting);
  }

  function again(piece) {
    wait(piece);
    piece.row.querySelector("[data-stop]").focus();
    next();
  }

  function next() {
    if (sending || !waiting.length) return;
    sending = waiting.shift();
    progress(sending, 0);
    htmx.trigger(sending.row, "send");
  }

  function stop(piece) {
    if (piece === sending) {
      isStopped = true;
      htmx.trigger(piece.row, "htmx:abort");
      return;
    }
    if (waiting.includes(piece)) waiting.splice(waiting.indexOf(piece), 1);
    remove(piece, find("import-form").querySelector("input[type=file]"));
  }

  function remove(piece, focused) {
    const hadFocus = piece.row.contains(document.activeElement);
    piece.row.remove();
    if (hadFocus) focused?.focus({ preventScroll: true });
  }

  // ---- The request

  document.addEventListener("htmx:configRequest", ({ target, detail }) => {
    if (target !== sending?.row) return;
    for (const [name, value] of sending.fields) detail.formData.append(name, value);
    // Logging in again in another tab changes the token.
    const token = /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];
    if (token) detail.formData.set("csrfmiddlewaretoken", token);
  });

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.requestConfig.elt === sending?.row && REFUSED.includes(detail.xhr.status)) {
      detail.shouldSwap = true;
      detail.isError = false;
    }
  });

  document.addEventListener("htmx:xhr:progress", ({ target, detail }) => {
    // The same event tells how the answer comes in; that is shorter than the file.
    if (target === sending?.row && detail.total >= sending.size) progress(sending, detail.loaded);
  });

  document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
    if (target !== sending?.row) return;
    const piece = sending;
    const { status } = detail.xhr;
    sending = null;
    if (status >= 200 && status < 300) arrived(piece);
    else if (REFUSED.includes(status)) refused(piece);
    else if (isStopped) remove(piece, find("import-form").querySelector("input[type=file]"));
    else failed(piece);
    isStopped = false;
    next();
  });

  function arrived(piece) {
    const row = find("import-rows").querySelector("tr");
    remove(piece, row);
    find("import-news").textContent = `${piece.name}: ${row?.querySelector(".import-status").textContent.trim()}`;
    document.dispatchEvent(new Event("imports:changed"));
  }

  function refused(piece) {
    const links = find("import-form").querySelector("textarea");
    if (piece.text !== null && !links.value) links.value = piece.text;
    remove(piece, find("import-form").querySelector("input[type=file]"));
  }

  function failed(piece) {
    say(piece, list().dataset.failed);
    piece.row.querySelector("progress").value = 0;
    piece.row.querySelector("[data-again]").hidden = false;
  }

  addEventListener("beforeunload", (event) => {
    if (sending || waiting.length) event.preventDefault();
  });

  // ---- What is shown

  function sizes(...bytes) {
    const isSmall = Math.max(...bytes) < 1048576;
    const format = new Intl.NumberFormat(LANGUAGE, {
      style: "unit",
      unit: isSmall ? "kilobyte" : "megabyte",
      minimumFractionDigits: 1,
      maximumFractionDigits: 1,
    });
    return bytes.map((number) => format.format(number / (isSmall ? 1024 : 1048576)));
  }

  function say(piece, text) {
    piece.row.querySelector(".import-upload-state").textContent = text;
  }

  function progress(piece, sent) {
    const bar = piece.row.querySelector("progress");
    const loaded = Math.min(sent, piece.size);
    bar.max = piece.size || 1;
    if (loaded >= piece.size) {
      bar.removeAttribute("value");
      say(piece, list().dataset.storing);
    } else {
      bar.value = loaded;
      const [so, whole] = sizes(loaded, piece.size);
      say(piece, list().dataset.bytes.replace("%sent%", so).replace("%size%", whole));
    }
  }

  function problem(name, text) {
    const note = find("toast").content.firstElementChild.cloneNode(true);
    note.dataset.level = "error";
    note.querySelector(".note-text").textContent = `${name}: ${text}`;
    find("import-problems").append(note);
  }

  // ---- Where files come from: the form, or dropped

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (form.id !== "import-form") return;
      const input = form.querySelector("input[type=file]");
      const links = form.querySelector("textarea");
      const sources = [...input.files, ...(links.value.trim() ? [links.value.trim()] : [])];
      // An empty form goes its usual way, and the server says what is missing.
      if (!sources.length) return;
      event.preventDefault();
      event.stopPropagation();
      take(sources);
      input.value = "";
      links.value = "";
    },
    true,
  );

  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");

  document.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) find("import-drop").hidden = false;
  });
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) find("import-drop").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    find("import-drop").hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    const dropped = [...event.dataTransfer.items].filter(({ kind }) => kind === "file");
    const folders = dropped.map((item) => item.webkitGetAsEntry()).filter((entry) => entry?.isDirectory);
    const names = new Set(folders.map(({ name }) => name));
    take([...event.dataTransfer.files].filter(({ name }) => !names.has(name)));
    for (const name of names) problem(name, list().dataset.folder);
  });
})();
