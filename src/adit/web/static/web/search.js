// The search page: fields go out over a WebSocket, rows come in.

(() => {
  const form = document.getElementById("search");
  if (!form) {
    return;
  }
  const state = document.getElementById("search-state");
  const problem = document.getElementById("search-problem");
  const cancel = document.getElementById("search-cancel");
  const table = document.getElementById("studies");
  const results = document.getElementById("results");
  const nothing = document.getElementById("nothing");
  let socket = null;
  let current = null; // the id of the search whose answers count
  let clock = null;
  let order = { key: "date", down: true };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    start();
  });

  cancel.addEventListener("click", () => {
    say(state.dataset.canceling);
    send({ type: "cancel" });
  });

  function start() {
    complain({});
    problem.hidden = true;
    current = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`;
    const fields = Object.fromEntries(new FormData(form));
    clear(fields.source);
    nothing.hidden = true;
    busy(true);
    say(state.dataset.waiting);
    send({ type: "search", id: current, fields });
  }

  // Studies that are ticked stay for the next search of the same server.
  function clear(source) {
    const same = results.dataset.source === source;
    for (const study of table.querySelectorAll("tbody.study")) {
      if (!same || !study.querySelector("input:checked")) {
        study.remove();
      }
    }
    results.dataset.source = source;
    results.hidden = !table.querySelector("tbody.study");
    document.dispatchEvent(new CustomEvent("adit:studies"));
  }

  function send(message) {
    if (socket && socket.readyState === WebSocket.OPEN) {
      socket.send(JSON.stringify(message));
      return;
    }
    if (message.type === "cancel") {
      return;
    }
    const opened = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${form.dataset.socket}`);
    socket = opened;
    opened.addEventListener("open", () => opened.send(JSON.stringify(message)));
    opened.addEventListener("message", (event) => receive(JSON.parse(event.data)));
    opened.addEventListener("close", () => {
      if (socket === opened) {
        socket = null;
        if (clock) {
          end("failed", state.dataset.cut);
        }
      }
    });
  }

  function receive(message) {
    if (message.id !== current) {
      return; // an answer to a search that nobody waits for any more
    }
    if (message.type === "rows") {
      message.rows.forEach(add);
    } else if (message.type === "state") {
      say(message.sentence);
    } else if (message.type === "errors") {
      complain(message.errors);
      end("failed", "");
    } else if (message.type === "ended") {
      end(message.outcome, message.sentence);
    }
  }

  function end(outcome, sentence) {
    busy(false);
    const wrong = outcome === "failed" || outcome === "refused";
    problem.hidden = !wrong || !sentence;
    problem.textContent = wrong ? sentence : "";
    say(wrong ? "" : sentence);
  }

  function busy(on) {
    cancel.hidden = !on;
    form.toggleAttribute("data-busy", on);
    clearInterval(clock);
    clock = null;
    if (on) {
      const began = Date.now();
      clock = setInterval(() => (state.dataset.seconds = `${Math.round((Date.now() - began) / 1000)} s`), 1000);
    } else {
      delete state.dataset.seconds;
    }
  }

  function say(sentence) {
    state.textContent = sentence;
  }

  // Errors stand below their fields, and the first wrong field gets the focus.
  function complain(errors) {
    form.querySelectorAll(".search-error").forEach((each) => each.remove());
    form.querySelectorAll(".is-invalid").forEach((each) => each.classList.remove("is-invalid"));
    let first = null;
    for (const [name, sentences] of Object.entries(errors)) {
      const field = form.elements[name];
      const box = document.createElement("div");
      box.className = "search-error invalid-feedback d-block";
      box.setAttribute("role", "alert");
      box.textContent = sentences.join(" ");
      if (field) {
        field.classList.add("is-invalid");
        field.parentElement.append(box);
        first = first || field;
      } else {
        form.querySelector(".search-fields").after(box);
      }
    }
    (first || { focus() {} }).focus();
  }

  function add(row) {
    if (table.querySelector(`tbody[data-study="${CSS.escape(row.study)}"]`)) {
      return;
    }
    const place = document.createElement("template");
    place.innerHTML = `<table>${row.html}</table>`;
    const study = place.content.querySelector("tbody");
    const behind = [...table.tBodies].find((other) => compare(study, other) < 0);
    table.insertBefore(study, behind || null);
    results.hidden = false;
  }

  function compare(one, other) {
    const difference = one.dataset[order.key].localeCompare(other.dataset[order.key], undefined, { numeric: true });
    return order.down ? -difference : difference;
  }

  table.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (!button) {
      return;
    }
    const key = button.dataset.sort;
    order = { key, down: order.key === key ? !order.down : key === "date" };
    table.querySelectorAll("[aria-sort]").forEach((each) => each.setAttribute("aria-sort", "none"));
    button.closest("th").setAttribute("aria-sort", order.down ? "descending" : "ascending");
    // Moved, not made anew: ticks, unfolded series and images stay.
    [...table.tBodies].sort(compare).forEach((study) => table.append(study));
  });
})();
