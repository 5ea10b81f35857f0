// What plain HTML cannot do: copying, dialogs above the page, and times in the reader's zone. Everything here only adds
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

  document.addEventListener("click", (event) => {
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
    raiseDialogs(root);
  }

  document.addEventListener("DOMContentLoaded", () => attend(document.body));
  document.addEventListener("htmx:load", (event) => attend(event.detail.elt));
  // After a page was exchanged, the keyboard and screen readers begin at its content.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.elt.id === "page" && !document.querySelector("dialog[open], [autofocus]")) {
      document.getElementById("main").focus({ preventScroll: true });
    }
  });
})();
