// What every page can do; nothing here is needed to read one.

// Ask before what cannot be taken back.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
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
