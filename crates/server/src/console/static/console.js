// What plain HTML cannot do: copying, printing, dialogs above the page, passkeys, and times in the reader's zone. Everything here only adds
// to pages that work without it.
"use strict";

(() => {
  const all = (root, selector) => [
    ...(root.matches?.(selector) ? [root] : []),
    ...root.querySelectorAll(selector),
  ];

  const localTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

  function showLocalTimes(root) {
    for (const time of all(root, "time[datetime]:not([title])")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.getTime())) {
        time.title = time.textContent;
        time.textContent = localTime.format(moment);
      }
    }
  }

  // <button data-copy="id of a field" data-copied="Copied">: hidden until this script is there.
  function offerCopying(root) {
    for (const button of all(root, "button[data-copy]")) {
      button.hidden = false;
    }
  }

  async function copy(button) {
    const field = document.getElementById(button.dataset.copy);
    const text = field.value ?? field.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      field.focus();
      field.select?.();
      document.execCommand("copy");
      button.focus();
    }
    const before = button.textContent;
    button.textContent = button.dataset.copied;
    button.setAttribute("aria-live", "polite");
    setTimeout(() => { button.textContent = before; }, 2000);
  }

  // <dialog data-open>: came with the page as one that is open; above the page it takes the keyboard too.
  function raiseDialogs(root) {
    for (const dialog of all(root, "dialog[data-open]")) {
      dialog.removeAttribute("open");
      dialog.showModal();
    }
  }

  // <button data-print>: hidden until this script is there.
  function offerPrinting(root) {
    for (const button of all(root, "button[data-print]")) {
      button.hidden = false;
    }
  }

  // <form data-passkey="get" or "create" data-options="…">: its field `answer` is filled by the browser's passkey. It
  // is hidden until it is known that the browser has some.
  const passkeys = window.PublicKeyCredential;
  const havePasskeys = Boolean(
    passkeys?.parseRequestOptionsFromJSON && passkeys.parseCreationOptionsFromJSON && navigator.credentials,
  );

  function offerPasskeys(root) {
    if (!havePasskeys) {
      return;
    }
    for (const form of all(root, "form[data-passkey]")) {
      form.hidden = false;
    }
    for (const note of all(root, "[data-passkey-missing]")) {
      note.hidden = true;
    }
  }

  async function askForPasskey(form) {
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    try {
      const options = JSON.parse(form.dataset.options);
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: passkeys.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: passkeys.parseRequestOptionsFromJSON(options) });
      form.elements.answer.value = JSON.stringify(credential.toJSON());
    } catch {
      // The person said no, there is none, or it took too long: browsers do not tell which.
      failed.hidden = false;
      return;
    }
    form.submit();
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.matches?.("form[data-passkey]") && !form.elements.answer.value) {
      event.preventDefault();
      event.stopImmediatePropagation();
      askForPasskey(form);
    }
  }, true);

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("button[data-print]")) {
      window.print();
    }
    const button = event.target.closest?.("button[data-copy]");
    if (button) {
      event.preventDefault();
      copy(button);
    }
  });

  // Escape leaves a dialog the way its own link does, so that the page below it is the right one.
  document.addEventListener("cancel", (event) => {
    const way = event.target.querySelector?.("a[data-close]");
    if (way) {
      event.preventDefault();
      way.click();
    }
  }, true);

  function attend(root) {
    showLocalTimes(root);
    offerCopying(root);
    offerPrinting(root);
    offerPasskeys(root);
    raiseDialogs(root);
  }

  // The script is deferred and holds back the first drawing, so that nothing moves afterwards.
  attend(document.body);
  document.addEventListener("htmx:load", (event) => attend(event.detail.elt));
  // After a page was exchanged, the keyboard and screen readers begin at its content.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "page" && !document.querySelector("dialog[open], [autofocus]")) {
      document.getElementById("main").focus({ preventScroll: true });
    }
  });
})();
