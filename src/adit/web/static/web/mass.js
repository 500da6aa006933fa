// The page of mass transfers: asking for an estimate can be stopped.

(() => {
  const ask = document.getElementById("mass-ask");
  const stop = document.getElementById("mass-stop");
  if (!ask || !stop) {
    return;
  }
  ask.addEventListener("htmx:beforeRequest", () => {
    document.getElementById("estimate").replaceChildren();
    stop.hidden = false;
  });
  ask.addEventListener("htmx:afterRequest", () => {
    stop.hidden = true;
  });
  stop.addEventListener("click", () => htmx.trigger(ask, "htmx:abort"));
})();
