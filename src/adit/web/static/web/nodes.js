// The connection test of a node: its findings are shown as they come. It ends with the page.

let socket = null;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-test-start], [data-test-find]");
  const card = document.getElementById("test");
  if (button && card) {
    start(card, button.hasAttribute("data-test-find"));
  }
});

window.addEventListener("pagehide", () => socket?.close());

function start(card, find) {
  socket?.close();
  const results = card.querySelector("[data-test-results]");
  results.querySelector("tbody").replaceChildren();
  results.hidden = false;
  card.querySelector("[data-test-before]").hidden = true;
  say(card, "running");
  if (find) {
    card.scrollIntoView({ block: "nearest" });
  }
  const address = new URL(card.dataset.test, window.location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const mine = new WebSocket(address);
  socket = mine;
  const form = document.getElementById("node-form");
  mine.addEventListener("open", () => mine.send(JSON.stringify({
    node: card.dataset.node || null,
    kind: card.dataset.kind,
    form: form ? new URLSearchParams(new FormData(form)).toString() : null,
    find,
  })));
  mine.addEventListener("message", (event) => {
    const told = JSON.parse(event.data);
    if (told.abilities) {
      tick(told.abilities);
    }
    if (told.line) {
      // Rendered by ADIT, which escapes what a PACS said.
      results.querySelector("tbody").insertAdjacentHTML("beforeend", told.line);
    }
    if (told.done) {
      say(card, "done");
      mine.close();
    }
  });
  mine.addEventListener("close", () => {
    if (socket === mine && card.dataset.state === "running") {
      say(card, "broken");
    }
  });
}

function say(card, state) {
  card.dataset.state = state;
  const footer = card.querySelector("[data-test-running]");
  footer.hidden = false;
  const words = footer.querySelector("[data-running]");
  words.textContent = words.dataset[state];
}

function tick(abilities) {
  for (const box of document.querySelectorAll("input[name=abilities]")) {
    box.checked = abilities.includes(box.value);
  }
}
