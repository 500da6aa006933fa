// What every page can do; nothing here is needed to read one.

// Ask before what cannot be taken back.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

// What was pressed is not sent a second time while it waits for its answer. The server sees to it, too: this spares
// people the question why they land elsewhere.
const WAITING = "aria-busy";
const PATIENCE = 30000; // milliseconds after which nobody waits any more
const underway = new WeakMap(); // request of htmx -> its form

function stopIfWaiting(event, form) {
  if (form?.hasAttribute(WAITING)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}
// Before anybody else hears of it.
document.addEventListener("submit", (event) => stopIfWaiting(event, event.target), true);
document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest("button[hx-post][type=submit]");
    stopIfWaiting(event, button?.form);
  },
  true,
);
// After everybody else: what they kept from being sent does not wait, and a file leaves the page as it stands.
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (!event.defaultPrevented && form.method === "post" && !("file" in form.dataset)) {
    form.setAttribute(WAITING, "true");
    setTimeout(() => form.removeAttribute(WAITING), PATIENCE);
  }
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const { elt, xhr } = event.detail;
  if (elt.type === "submit" && elt.form) {
    elt.form.setAttribute(WAITING, "true");
    underway.set(xhr, elt.form);
  }
});
document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr } = event.detail;
  if (!xhr.getResponseHeader("HX-Redirect")) {
    underway.get(xhr)?.removeAttribute(WAITING);
  }
});
// By the back button a page may come as it was left.
window.addEventListener("pageshow", () => {
  document.querySelectorAll(`form[${WAITING}]`).forEach((form) => form.removeAttribute(WAITING));
});

// Copy a text, such as a UID or a token.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.setAttribute("data-copied", "");
    setTimeout(() => button.removeAttribute("data-copied"), 1500);
  }
});

// A fragment that cannot be had is said, not silently missing.
document.addEventListener("htmx:responseError", (event) => say(event.detail.xhr.status));
document.addEventListener("htmx:sendError", () => say(0));
document.addEventListener("htmx:beforeSwap", (event) => {
  // Whoever is not logged in any more is sent to the door, which fits into no fragment.
  if (new URL(event.detail.xhr.responseURL, location.href).pathname.startsWith("/login/")) {
    event.detail.shouldSwap = false;
    say(401);
  }
});

function say(status) {
  const sentence =
    status === 0 ? "ADIT cannot be reached; what you see may be old."
    : status === 401 || status === 403 ? "You are not logged in any more; load the page again."
    : status === 404 ? "That does not exist (any more)."
    : `Something went wrong (${status}); load the page again, or tell an administrator.`;
  const place = document.getElementById("messages");
  if (place) {
    const box = document.createElement("div");
    box.className = "alert alert-danger";
    box.setAttribute("role", "alert");
    box.textContent = sentence;
    place.replaceChildren(box);
  }
}
