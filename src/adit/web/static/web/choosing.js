// The search page: series unfold, images are drawn when they come into view, ticks are counted.

(() => {
  const table = document.getElementById("studies");
  const bar = document.getElementById("chosen-bar");
  const count = document.getElementById("chosen-count");
  const panel = document.getElementById("send");
  if (!table || !bar) {
    return;
  }

  // Series.
  table.addEventListener("click", (event) => {
    const button = event.target.closest("[data-unfold]");
    if (button) {
      unfold(button);
    }
  });

  async function unfold(button) {
    const study = button.closest("tbody");
    const row = study.querySelector(".series-of");
    const open = row.hidden;
    row.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    const place = study.querySelector(".series-place");
    if (!open) {
      study.asking?.abort();
      return;
    }
    if (place.querySelector("table")) {
      return;
    }
    const asking = document.createElement("progress");
    asking.className = "bar";
    asking.setAttribute("aria-label", table.dataset.asking);
    place.replaceChildren(asking);
    study.asking = new AbortController();
    try {
      const answer = await fetch(button.dataset.unfold, { signal: study.asking.signal });
      if (isPage(answer) || answer.status === 404) {
        place.textContent = table.dataset.gone;
      } else if (answer.ok || answer.status === 502) {
        place.innerHTML = await answer.text();
      } else {
        place.textContent = table.dataset.wrong;
      }
    } catch (error) {
      place.textContent = error.name === "AbortError" ? "" : table.dataset.away;
      return;
    }
    if (study.querySelector("input[name=study]").checked) {
      place.querySelectorAll("input[name=series]").forEach((each) => (each.checked = true));
    }
    place.querySelectorAll("[data-image]").forEach((each) => watched.observe(each));
  }

  // Whoever is not logged in any more is sent to the door, which is no fragment.
  function isPage(answer) {
    return answer.redirected;
  }

  // Images: two at a time, so that the server keeps places for others.
  const waiting = [];
  let drawing = 0;
  const watched = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        watched.unobserve(entry.target);
        waiting.push(entry.target);
      }
    }
    next();
  });

  function next() {
    while (drawing < 2 && waiting.length) {
      drawing += 1;
      draw(waiting.shift()).finally(() => {
        drawing -= 1;
        next();
      });
    }
  }

  async function draw(place) {
    if (!place.isConnected || place.closest("[hidden]")) {
      watched.observe(place);
      return;
    }
    place.toggleAttribute("data-busy", true);
    try {
      const answer = await fetch(place.dataset.image);
      if (isPage(answer)) {
        undrawn(place, table.dataset.gone);
      } else if (!answer.ok) {
        const words = new DOMParser().parseFromString(await answer.text(), "text/html").body.textContent.trim();
        undrawn(place, answer.status === 502 ? words : table.dataset.wrong);
      } else {
        show(place, await answer.blob());
      }
    } catch {
      undrawn(place, table.dataset.away);
    } finally {
      place.removeAttribute("data-busy");
    }
  }

  function show(place, blob) {
    const image = document.createElement("img");
    image.alt = "";
    const url = URL.createObjectURL(blob);
    image.addEventListener("load", () => URL.revokeObjectURL(url));
    image.src = url;
    place.replaceChildren(image);
  }

  function undrawn(place, reason) {
    place.textContent = table.dataset.undrawn;
    place.title = reason;
  }

  // Ticks: a study stands for all of its series.
  table.addEventListener("change", (event) => {
    const box = event.target;
    const study = box.closest("tbody.study");
    if (!study) {
      return;
    }
    const whole = study.querySelector("input[name=study]");
    const series = [...study.querySelectorAll("input[name=series]")];
    if (box === whole) {
      series.forEach((each) => (each.checked = whole.checked));
    } else {
      const ticked = series.filter((each) => each.checked).length;
      whole.checked = ticked === series.length;
      whole.indeterminate = ticked > 0 && !whole.checked;
    }
    told(true);
  });

  document.getElementById("choose-none").addEventListener("click", () => {
    table.querySelectorAll("input:checked, input[name=study]").forEach((each) => {
      each.checked = false;
      each.indeterminate = false;
    });
    told(true);
  });

  document.addEventListener("adit:studies", () => told(false));

  // There is nothing to submit here: Enter on a tick must not load the page anew.
  document.getElementById("chosen").addEventListener("submit", (event) => event.preventDefault());

  function told(changed) {
    const chosen = [...table.querySelectorAll("tbody.study")].filter((each) => each.querySelector("input:checked")).length;
    bar.hidden = !chosen && !panel.firstElementChild;
    count.textContent = !chosen ? count.dataset.none : chosen === 1 ? count.dataset.one : count.dataset.many.replace("{n}", chosen);
    const stale = panel.querySelector("[data-when-stale]");
    if (changed && stale) {
      stale.textContent = panel.dataset.stale;
      stale.hidden = false;
    }
  }

  // What is to be sent comes into view, and a download begins without leaving the page.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== panel) {
      return;
    }
    const wrong = panel.querySelector(".is-invalid, .alert-danger");
    if (wrong) {
      wrong.scrollIntoView({ block: "center" });
      wrong.focus();
    } else if (bar.contains(event.detail.requestConfig?.elt)) {
      panel.scrollIntoView({ block: "start" });
      panel.querySelector("[data-begin]")?.focus({ preventScroll: true });
    }
  });

  panel.addEventListener("change", (event) => {
    if (event.target.matches("[data-only-changed]")) {
      panel.querySelector(".preview-table").toggleAttribute("data-changed-only", event.target.checked);
    }
  });

  document.body.addEventListener("adit:download", (event) => {
    const link = document.createElement("a");
    link.href = event.detail.url;
    link.download = "";
    link.click();
  });
})();
