// Files dropped on a page of batches, and the others that come back when the good rows go on. All of it works without.
(() => {
  const AFTERWARDS = "adit-download";

  // A file that misses the place shall not replace the page.
  for (const name of ["dragover", "drop"]) {
    document.addEventListener(name, (event) => {
      const place = document.querySelector("[data-drop]");
      if (!place || !event.dataTransfer?.types.includes("Files")) {
        return;
      }
      event.preventDefault();
      place.dataset.drop = name === "dragover" ? "over" : "";
      if (name === "drop" && event.dataTransfer.files.length) {
        place.closest("details")?.setAttribute("open", "");
        const input = place.querySelector("input[type=file]");
        const one = new DataTransfer();
        one.items.add(event.dataTransfer.files[0]);
        input.files = one.files;
        input.focus();
      }
    });
  }
  document.addEventListener("dragleave", (event) => {
    const place = document.querySelector("[data-drop]");
    if (place && !event.relatedTarget) {
      place.dataset.drop = "";
    }
  });

  document.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-send-good]");
    if (chosen) {
      sessionStorage.setItem(AFTERWARDS, chosen.dataset.sendGood);
    }
  });
  const others = document.querySelector("[data-others]");
  if (others && sessionStorage.getItem(AFTERWARDS) === others.getAttribute("href")) {
    others.setAttribute("download", "");
    others.click();
  }
  sessionStorage.removeItem(AFTERWARDS);
})();
