// Keeps a page up to date over the WebSocket that [data-live] names, and says when it cannot.
(() => {
  const SILENCE = 20000; // A sign of life comes every few seconds.
  const LONGEST_PAUSE = 10000;
  const FOR_GOOD = { 4401: "over", 4404: "gone", 4500: "broken" };
  const SCROLLING = ".table-responsive, .scroll-box";
  const waiting = new Map(); // What could not be shown yet, because somebody types there.

  function follow(place) {
    let pause = 500;
    let silence;

    const say = (state) => {
      if (state === "cut" && place.dataset.state !== "cut") {
        place.querySelector("time").textContent = new Date().toLocaleTimeString();
      }
      place.dataset.state = state;
    };

    const open = () => {
      const scheme = location.protocol === "https:" ? "wss:" : "ws:";
      const socket = new WebSocket(`${scheme}//${location.host}${place.dataset.live}`);
      const watch = () => {
        clearTimeout(silence);
        silence = setTimeout(() => { say("cut"); socket.close(); }, SILENCE);
      };
      watch();
      socket.addEventListener("message", (event) => {
        watch();
        pause = 500;
        const said = JSON.parse(event.data);
        say(said.away ? "away" : "live");
        for (const [id, html] of Object.entries(said.fragments || {})) {
          show(id, html);
        }
      });
      socket.addEventListener("close", (event) => {
        clearTimeout(silence);
        if (FOR_GOOD[event.code]) {
          say(FOR_GOOD[event.code]);
          return;
        }
        say("cut");
        setTimeout(open, pause * (0.7 + 0.6 * Math.random()));
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      });
    };
    say("connecting");
    open();
  }

  function show(id, html) {
    const old = document.getElementById(id);
    if (!old) {
      return;
    }
    const active = document.activeElement;
    if (old.contains(active) && active.matches("input, textarea, select")) {
      waiting.set(id, html);
      return;
    }
    waiting.delete(id);
    const template = document.createElement("template");
    template.innerHTML = html;
    const fresh = template.content.firstElementChild;
    if (!fresh) {
      return;
    }
    for (const opened of old.querySelectorAll("details[open][id]")) {
      fresh.querySelector(`#${CSS.escape(opened.id)}`)?.setAttribute("open", "");
    }
    for (const field of old.querySelectorAll("input[id], textarea[id], select[id]")) {
      keep(field, fresh.querySelector(`#${CSS.escape(field.id)}`));
    }
    const focused = old.contains(active) ? active.id : "";
    const shifts = [...old.querySelectorAll(SCROLLING)].map((each) => [each.scrollLeft, each.scrollTop]);
    old.replaceWith(fresh);
    fresh.querySelectorAll(SCROLLING).forEach((each, place) => each.scrollTo(...(shifts[place] || [0, 0])));
    if (focused) {
      document.getElementById(focused)?.focus({ preventScroll: true });
    }
    window.htmx?.process(fresh);
    fresh.dispatchEvent(new CustomEvent("live:shown", { bubbles: true }));
  }

  // What somebody has typed or ticked, and not sent yet, stays.
  function keep(field, fresh) {
    if (!fresh || fresh.disabled || fresh.type !== field.type || field.type === "hidden" || field.type === "file") {
      return;
    }
    if (field.type === "checkbox" || field.type === "radio") {
      fresh.checked = field.checked === field.defaultChecked ? fresh.checked : field.checked;
    } else if (field.matches("select") ? [...field.options].some((each) => each.selected !== each.defaultSelected) : field.value !== field.defaultValue) {
      fresh.value = field.value;
    }
  }

  // Later: who leaves a field for a button must find the button where it was.
  document.addEventListener("focusout", () => setTimeout(() => {
    for (const [id, html] of [...waiting]) {
      show(id, html);
    }
  }, 1500));

  document.querySelectorAll("[data-live]").forEach(follow);
})();
