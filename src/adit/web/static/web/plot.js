// Draws what [data-plot] names, and says it in words below, for whoever cannot see it.
(() => {
  const COLOUR = "#0b6e75";

  const bytes = (value) => {
    for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
      if (value < 1000 || unit === "TB") {
        return `${value < 100 && unit !== "B" ? value.toFixed(1) : Math.round(value)} ${unit}`;
      }
      value /= 1000;
    }
    return "";
  };

  const clock = (_, times) => times.map((time) => (
    new Date(time * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
  ));

  async function draw(place) {
    const words = place.parentElement.querySelector("[data-plot-says]");
    try {
      const answer = await fetch(place.dataset.plot, { headers: { Accept: "application/json" } });
      const told = await answer.json();
      const step = told.times[1] - told.times[0];
      const size = told.speed.reduce((sum, each) => sum + each * step, 0);
      const instances = told.instances.reduce((sum, each) => sum + each, 0);
      words.textContent = words.dataset.plotSays
        .replace("{size}", bytes(size)).replace("{instances}", instances.toLocaleString());
      const speeds = told.speed.map((each) => each / 1e6);
      const width = () => place.clientWidth;
      const colour = () => getComputedStyle(document.body).color;
      const axis = { stroke: colour, grid: { stroke: "rgba(128, 128, 128, .25)", width: 1 }, ticks: { show: false } };
      const plot = new uPlot({
        width: width(),
        height: 160,
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 0.1)] } },
        axes: [{ ...axis, values: clock }, { ...axis, size: 56, label: place.dataset.axis, labelSize: 18 }],
        series: [{}, { stroke: COLOUR, fill: `${COLOUR}33`, width: 2, points: { show: false } }],
      }, [told.times, speeds], place);
      new MutationObserver(() => plot.redraw(false, true))
        .observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
      new ResizeObserver(() => plot.setSize({ width: width(), height: 160 })).observe(place);
    } catch {
      words.textContent = words.dataset.plotFails;
    }
  }

  document.querySelectorAll("[data-plot]").forEach(draw);
})();
