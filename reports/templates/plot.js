// Puts a plot that answers the pointer in the place of each drawn one. Without this script (or
// without uPlot) the drawing stays, and says the same.
(() => {
  if (!window.uPlot) return;
  const turnedOff = new Set();
  const plots = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const short = (value) => value == null ? "–" : value >= 100 || value === Math.round(value) ? Math.round(value).toLocaleString("en")
    : value >= 10 ? value.toFixed(1) : value.toFixed(2);
  const make = (tag, attributes, text) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    if (text != null) node.textContent = text;
    return node;
  };

  // On a logarithmic axis: of the places that were measured those whose labels do not meet.
  const apart = (xs) => xs.reduce((kept, x) => (kept.length && x < kept[kept.length - 1] * 1.25 ? kept : [...kept, x]), []);

  // Parts of a whole are drawn from the whole stack down to its first layer, each over the last.
  const stacked = (series) => {
    const sums = series[0].ys.map(() => 0);
    return series.map((one) => one.ys.map((y, at) => (sums[at] += y || 0)));
  };

  function whiskers(chart, shown, data) {
    const ctx = chart.ctx;
    ctx.save();
    shown.forEach((one, at) => {
      if (!one.low || !chart.series[at + 1].show) return;
      ctx.strokeStyle = colour(`--curve-${one.colour % 12}`);
      ctx.lineWidth = devicePixelRatio * 1.5;
      data.xs.forEach((x, place) => {
        if (one.low[place] == null) return;
        const left = chart.valToPos(x, "x", true);
        ctx.beginPath();
        ctx.moveTo(left, chart.valToPos(one.low[place], "y", true));
        ctx.lineTo(left, chart.valToPos(one.high[place], "y", true));
        ctx.stroke();
      });
    });
    ctx.restore();
  }

  function bound(chart, data) {
    if (!data.bound) return;
    const ctx = chart.ctx, box = chart.bbox, y = chart.valToPos(data.bound.y, "y", true);
    if (y < box.top || y > box.top + box.height) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour("--muted");
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(box.left, y);
    ctx.lineTo(box.left + box.width, y);
    ctx.stroke();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = "left";
    ctx.fillText(data.bound.words, box.left + 5 * devicePixelRatio, y - 5 * devicePixelRatio);
    ctx.restore();
  }

  function tip(plot) {
    const { chart, data, shown, box } = plot;
    const at = chart.cursor.idx;
    if (at == null || chart.cursor.left < 0) { box.hidden = true; return; }
    const rows = data.series.filter((one) => one.ys[at] != null && !(turnedOff.has(one.name) && !data.area));
    if (!data.area) rows.sort((a, b) => b.ys[at] - a.ys[at]);
    const x = data.x.names.length ? data.x.names[data.xs[at]] : `${short(data.xs[at])} ${data.x.label}`;
    box.replaceChildren(make("b", {}, x), ...rows.map((one) => {
      const line = make("div", { class: "tip-row" });
      const spread = one.low && one.low[at] != null ? ` (${short(one.low[at])} to ${short(one.high[at])})` : "";
      line.append(make("i", { style: `background: var(--curve-${one.colour % 12})` }), make("span", {}, one.words),
        make("b", {}, `${short(one.ys[at])} ${data.y.unit}${spread}`));
      return line;
    }));
    box.hidden = !rows.length;
    const room = chart.over.clientWidth, left = chart.cursor.left;
    // At the far side of the plot, so that it covers as little as can be of what is pointed at.
    box.style.left = left < room / 2 ? `${room - box.offsetWidth + 20}px` : "-44px";
    box.style.top = `${Math.max(0, Math.min(chart.cursor.top - 20, chart.over.clientHeight - box.offsetHeight))}px`;
  }

  // From zero (on a logarithmic scale: from the least) to the most that is shown, spreads included.
  function reach(plot, chart, least, most) {
    if (least == null) return [plot.log ? 1 : 0, 10];
    plot.shown.forEach((one) => {
      if (plot.data.area || turnedOff.has(one.name)) return;
      for (const end of [...(one.low || []), ...(one.high || [])]) {
        if (end == null || (plot.log && !(end > 0))) continue;
        least = Math.min(least, end);
        most = Math.max(most, end);
      }
    });
    if (plot.data.top != null) most = plot.data.top;
    if (plot.data.bound && plot.data.bound.y < most * 3) most = Math.max(most, plot.data.bound.y);
    return plot.log ? [step(least, Math.floor), step(most, Math.ceil)] : [0, most * 1.06 || 1];
  }

  // The next of 1, 2, 5, 10, 20, 50 … below or above: a whole decade may be mostly empty.
  function step(value, way) {
    const decade = 10 ** Math.floor(Math.log10(value));
    const steps = [1, 2, 5, 10].map((one) => one * decade);
    return way === Math.floor ? steps.filter((one) => one <= value * 1.0001).pop() : steps.find((one) => one >= value * 0.9999);
  }

  function options(plot, width) {
    const { data } = plot, small = data.area;
    const quiet = colour("--muted"), grid = { stroke: colour("--line"), width: 1 };
    const font = "11px system-ui, -apple-system, 'Segoe UI', sans-serif";
    const axis = (label, more) => ({ label, labelFont: font, labelSize: 20, font, stroke: quiet, grid, ticks: { ...grid, size: 5 }, ...more });
    const names = data.x.names;
    const paths = uPlot.paths.linear();
    const drawn = small ? plot.shown.slice().reverse() : plot.shown;
    return {
      width, height: small ? 190 : Math.max(300, Math.min(420, width * 0.5)),
      legend: { show: false },
      focus: { alpha: small ? 1 : 0.25 },
      cursor: { focus: { prox: small ? -1 : 22 }, drag: { x: false, y: false }, points: { show: !small } },
      scales: {
        x: { time: false, distr: data.x.log ? 3 : 1,
          range: names.length ? [-0.15, names.length - 0.85] : data.x.log ? [data.xs[0] * 0.9, data.xs[data.xs.length - 1] * 1.1] : undefined },
        y: { distr: plot.log ? 3 : 1,
          range: (chart, least, most) => reach(plot, chart, least, most) },
      },
      axes: [
        axis(data.x.label, names.length ? { size: 34, splits: () => names.map((_, at) => at), values: () => names }
          : data.x.log ? { size: 34, splits: () => apart(data.xs), filter: (_, splits) => splits, values: (_, ticks) => ticks.map(short) }
          : { size: 34, values: (_, ticks) => ticks.map((t) => t == null ? "" : t.toLocaleString("en")) }),
        axis(data.y.label, { size: 58, values: (_, ticks) => ticks.map((t) => t == null ? "" : t.toLocaleString("en", { maximumSignificantDigits: 3 })) }),
      ],
      series: [{}, ...drawn.map((one) => ({
        label: one.name, show: small || !turnedOff.has(one.name), spanGaps: true, paths,
        stroke: colour(`--curve-${one.colour % 12}`), width: small ? 1 : 2,
        fill: small ? colour(`--curve-${one.colour % 12}`) : undefined,
        dash: one.below ? [7, 5] : undefined, points: { show: !small, size: 7, fill: colour("--surface"), width: 2 },
      }))],
      hooks: {
        draw: [(chart) => { whiskers(chart, plot.shown, data); bound(chart, data); }],
        setCursor: [() => plot.chart && tip(plot)],
      },
    };
  }

  function values(plot) {
    const { data } = plot;
    if (data.area) return [data.xs, ...stacked(data.series).reverse()];
    // What is not above zero has no place on a logarithmic scale.
    return [data.xs, ...plot.shown.map((one) => one.ys.map((y) => plot.log && !(y > 0) ? null : y))];
  }

  function draw(plot) {
    const width = plot.figure.clientWidth;
    if (!width) return;
    if (plot.chart) plot.chart.destroy();
    plot.chart = null;
    plot.width = width;
    plot.chart = new uPlot(options(plot, width), values(plot), plot.place);
    plot.box = make("div", { class: "tip" });
    plot.box.hidden = true;
    plot.chart.over.append(plot.box);
    plot.figure.classList.add("live");
  }

  function turn(name) {
    if (!turnedOff.delete(name)) turnedOff.add(name);
    for (const plot of plots) {
      if (plot.data.area) continue;
      plot.shown.forEach((one, at) => {
        if (one.name === name && plot.chart) plot.chart.setSeries(at + 1, { show: !turnedOff.has(name) });
      });
      for (const button of plot.figure.querySelectorAll("button[data-curve]"))
        button.setAttribute("aria-pressed", String(!turnedOff.has(button.dataset.curve)));
    }
  }

  function buttons(plot) {
    const bar = make("div", { class: "plot-bar", role: "group", "aria-label": `What ${plot.data.title} shows` });
    for (const one of plot.shown) {
      const button = make("button", { type: "button", "data-curve": one.name, "aria-pressed": "true" });
      button.append(make("i", { style: `background: var(--curve-${one.colour % 12})` }), one.words);
      button.addEventListener("click", () => turn(one.name));
      bar.append(button);
    }
    const log = make("button", { type: "button", class: "log", "aria-pressed": String(plot.log) }, "log scale");
    log.addEventListener("click", () => {
      plot.log = !plot.log;
      log.setAttribute("aria-pressed", String(plot.log));
      draw(plot);
    });
    bar.append(log);
    return bar;
  }

  for (const figure of document.querySelectorAll("figure.plot")) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const place = make("div", { class: "drawn", role: "img" });
    const said = figure.querySelector("svg desc");
    place.setAttribute("aria-label", data.title + (said ? `. ${said.textContent}` : ""));
    const plot = { figure, place, data, shown: data.series, log: data.y.log, chart: null, box: null, width: 0 };
    plots.push(plot);
    figure.querySelector(".static").after(place);
    if (!data.area) place.before(buttons(plot));
    new ResizeObserver(() => { if (figure.clientWidth !== plot.width) draw(plot); }).observe(figure);
    draw(plot);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.forEach(draw));
})();
