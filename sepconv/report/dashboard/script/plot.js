"use strict";
/* Figures: content put into a frame, in the reader's colours. The look comes with the data. */
((sepconv) => {
  const { doc, dom } = sepconv;
  const { paint, plotly, theme } = sepconv.look;
  const NARROW = 420;
  const TICK = 110; // px that the name of a run takes up on an axis
  const LETTER = 6.6, KEY_MARGIN = 120; // px of a letter of a key, and of what stands around it
  const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: "reset" };
  const shown = new Map(); // element → what it shows
  const widths = new WeakMap();

  /* What an event is called beside its line: several have to fit next to each other. */
  const eventName = (names, count = 1) => (innerWidth < NARROW ? names : `event${count === 1 ? "" : "s"} ${names}`);

  /* One level deep: what the content says of a trace or an axis adds to what the frame says. */
  function merge(base, added) {
    const merged = { ...base };
    for (const [name, value] of Object.entries(added ?? {})) {
      const nested = name in base && value !== null && typeof value === "object" && !Array.isArray(value);
      merged[name] = nested ? { ...base[name], ...value } : value;
    }
    return merged;
  }

  function fillTrace({ role, line, numbers }, frame, words) {
    const own = line
      ? { "@line": words[line.color], "@symbol": line.symbol, "@name": dom.inert(line.name) } : {};
    const all = { ...words, ...own };
    return merge(paint(frame.traces[role], all), paintLook(numbers, all));
  }

  /* Only what is nested can hold a colour: columns of texts and numbers are left as they are. */
  const paintLook = (numbers, words) => Object.fromEntries(Object.entries(numbers)
    .map(([name, value]) => [name, Array.isArray(value) ? value : paint(value, words)]));

  function draw(name, content, scheme = theme()) {
    const frame = doc.figures[name], words = doc.themes[scheme];
    const layout = merge(paint(frame.layout, words), paint(content.axes, words));
    if (content.shapes) layout.shapes = [...(layout.shapes ?? []), ...paint(content.shapes, words)];
    if (content.annotations) layout.annotations = paint(content.annotations, words);
    if (content.height) layout.height = content.height;
    if (!content.traces.length && frame.empty) layout.annotations = [paint(frame.empty, words)];
    return { data: content.traces.map((trace) => fillTrace(trace, frame, words)), layout };
  }

  /* ---- drawing --------------------------------------------------------------------------------- */

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const { clientWidth } = target;
      if (!shown.has(target) || !clientWidth || widths.get(target) === clientWidth) continue;
      if (widths.has(target)) requestAnimationFrame(() => redraw(target));
    }
  });

  async function plot(element, name, content, options = {}) {
    if (!element.classList.contains("figure")) element.classList.add("figure");
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", content.label ?? doc.figures[name].title);
    const isNew = !shown.has(element);
    const own = { name, content, options };
    shown.set(element, own);
    await plotly();
    if (shown.get(element) !== own) return;
    if (!element.isConnected) {
      shown.delete(element);
      return;
    }
    await redraw(element);
    if (isNew) resized.observe(element);
  }

  async function redraw(element) {
    const own = shown.get(element);
    if (!own || !element.isConnected || !window.Plotly) return;
    const { data, layout } = draw(own.name, own.content);
    layout.width = element.clientWidth || 640;
    layout.height ??= element.clientHeight || 320;
    if (layout.width < NARROW) {
      layout.margin = { ...layout.margin, l: 44, r: 8 };
      if (layout.xaxis?.nticks) layout.xaxis.nticks = Math.floor(layout.width / TICK);
    }
    for (const trace of data) trace.name = shorten(trace.name, layout.width);
    widths.set(element, element.clientWidth);
    const isFirst = !element.on;
    await window.Plotly.react(element, data, layout, CONFIG);
    if (isFirst) element.on?.("plotly_click", (event) => {
      shown.get(element)?.options.onClick?.(event.points[0], event);
    });
  }

  /* Names of lines that are wider than the figure would be cut by its edge; never within an entity. */
  function shorten(name, width) {
    const most = Math.floor((width - KEY_MARGIN) / LETTER);
    return typeof name !== "string" || name.length <= most ? name : `${name.slice(0, most - 1).replace(/&[^;]*$/, "")}…`;
  }

  /* A view that leaves takes its figures along. */
  function sweep() {
    for (const element of shown.keys()) {
      if (element.isConnected) continue;
      resized.unobserve(element);
      shown.delete(element);
      if (element.on) window.Plotly.purge(element);
    }
  }

  sepconv.look.onChange(() => [...shown.keys()].forEach((element) => redraw(element)));

  sepconv.plot = Object.assign(plot, { draw, sweep, theme, eventName });
})(window.sepconv ??= {});
