"use strict";
/* Draws the figures and the passes of a comparison from the page's data, opens and filters the
   rows of its table. Every number and word is decided already; it only puts them in place. */
window.comparison = (() => {
  const doc = JSON.parse(document.getElementById("document").textContent);
  const { make, draw: shape, inert } = sepconv.dom;
  const { formatSeconds: seconds } = sepconv.units;
  const { paint, theme } = sepconv.look;
  const { anchors, themes, forest, surface, strips, nulls, margins } = doc;
  const STAGES = ["screen", "confirm", "base against base"];
  const NARROW = 560, NARROW_ROW = 40, ROW = 26, LANE = 30, EDGE = 10;
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false };
  const element = (id) => document.getElementById(id);

  const signed = (change) => (change === null ? "–"
    : `${change < 0 ? "−" : "+"}${Math.abs(change).toFixed(Math.abs(change) < 100 ? 1 : 0)} %`);

  /* ---- passes: a dot each, above one axis -------------------------------------------------- */

  function ticksOf(low, high) {
    const rough = (high - low) / 6;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((n) => n * power).find((size) => size >= rough);
    const ticks = [];
    for (let n = Math.ceil(low / step); n * step <= high; n++) ticks.push(n * step);
    return { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
  }

  function dotStrip(lanes, interval, width, label) {
    const values = [...lanes.flatMap(({ dots }) => dots.map(([change]) => change)), ...(interval ?? []), 0]
      .filter((value) => value !== null);
    const margin = margins[0] ?? 1;
    const [low, high] = [Math.min(...values, -margin), Math.max(...values, margin)];
    const room = 0.06 * (high - low);
    const left = width < 420 ? 60 : 130, right = width - 24;
    const x = (value) => left + ((value - low + room) / (high - low + 2 * room)) * (right - left);
    const rows = lanes.length + (interval ? 1 : 0);
    const bottom = EDGE + rows * LANE;
    const svg = shape("svg", { viewBox: `0 0 ${width} ${bottom + 24}`, width, height: bottom + 24, role: "img", "aria-label": label });
    [...margins.keys()].reverse().filter((i) => margins[i] !== null).forEach((i) => {
      const from = Math.max(x(100 * (1 / (1 + margins[i] / 100) - 1)), left), to = Math.min(x(margins[i]), right);
      svg.append(shape("rect", { class: i ? "band" : "alarm", x: from, width: Math.max(to - from, 0), y: 0, height: bottom }));
    });
    const { ticks, digits } = ticksOf(low - room, high + room);
    let lastLabel = -Infinity;
    for (const tick of ticks) {
      const at = x(tick), text = `${tick < 0 ? "−" : tick > 0 ? "+" : ""}${Math.abs(tick).toFixed(digits)} %`;
      svg.append(shape("line", { class: tick === 0 ? "zero" : "tick", x1: at, x2: at, y1: 0, y2: bottom }));
      if (at - lastLabel < 9 * text.length) continue;
      lastLabel = at;
      svg.append(shape("text", { x: at, y: bottom + 16, "text-anchor": "middle" }, text));
    }
    const heading = (row, text) => svg.append(shape("text", { x: 0, y: EDGE + (row + 0.5) * LANE + 4 }, text));
    if (interval) {
      const [change, from, to] = interval, y = EDGE + LANE / 2;
      heading(0, "interval");
      if (from !== null && to !== null) svg.append(shape("line", { class: "span", x1: x(from), x2: x(to), y1: y, y2: y }));
      svg.append(shape("path", { class: "centre", d: `M${x(change)} ${y - 7}l6 7l-6 7l-6 -7z` }, shape("title", {}, signed(change))));
    }
    lanes.forEach(({ name, isOpen, dots }, n) => {
      const row = n + (interval ? 1 : 0);
      heading(row, width < 420 ? name.split(" ")[0] : name);
      dots.forEach(([change, text], i) => {
        if (change === null) return;
        const y = EDGE + (row + 0.5) * LANE + ((i % 3) - 1) * 6;
        svg.append(shape("circle", { class: isOpen ? "dot open" : "dot", cx: x(change), cy: y, r: 4 }, shape("title", {}, text)));
      });
    });
    return svg;
  }

  function passText(strip, i) {
    return `${STAGES[strip.stage[i]]}, pass ${strip.number[i]}, server ${strip.server[i]}: ${signed(strip.change[i])}` +
      ` (${seconds(strip.base[i])} → ${seconds(strip.head[i])})`;
  }

  function showStrip(box, place) {
    const strip = strips[place];
    if (!strip) {
      box.replaceChildren(make("p", { class: "muted" }, "No pass of this case is stored."));
      return;
    }
    const lanes = [0, 1].map((stage) => ({ name: STAGES[stage], isOpen: stage === 0, dots: strip.stage
      .flatMap((found, i) => (found === stage ? [[strip.change[i], passText(strip, i)]] : [])) }))
      .filter(({ dots }) => dots.length);
    const interval = strip.interval[0] === null ? null : strip.interval;
    const counted = lanes.map(({ name, dots }) => `${dots.length} of ${name}`).join(", ");
    const body = strip.stage.map((stage, i) => make("tr", {},
      ...[STAGES[stage], strip.number[i], strip.server[i]].map((text) => make("td", {}, String(text))),
      ...[seconds(strip.base[i]), seconds(strip.head[i]), signed(strip.change[i])]
        .map((text) => make("td", { class: "number" }, text))));
    const head = ["stage", "pass", "server", "base", "head", "change"].map((text, i) =>
      make("th", { scope: "col", class: i > 2 ? "number" : null }, text));
    box.replaceChildren(
      dotStrip(lanes, interval, widthOf(box), `Change of each pass in per cent: ${counted}`),
      make("details", { class: "quiet" }, make("summary", {}, "The passes as numbers"),
        make("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Passes" },
          make("table", { class: "numbers" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body)))));
  }

  const widthOf = (box) => Math.round(Math.min(Math.max(box.clientWidth || 600, 260), 760));

  function showNulls() {
    if (!nulls.length) return;
    const dots = nulls.map((change, i) => [change, `base against base, pass ${i + 1}: ${signed(change)}`]);
    const lanes = [{ name: STAGES[2], isOpen: true, dots }];
    element("nulls").replaceChildren(dotStrip(lanes, null, widthOf(element("nulls")),
      `Change that base showed against itself in ${nulls.length} passes`));
  }

  /* ---- rows -------------------------------------------------------------------------------- */

  const rows = [...document.querySelectorAll("tr.case")];
  const placeOf = new Map(anchors.map((anchor, place) => [anchor, place]));
  const openedOf = (row) => (row.nextElementSibling?.classList.contains("opened") ? row.nextElementSibling : null);

  function toggle(row, isOpen) {
    const button = row.querySelector("button"), opened = openedOf(row);
    if (!button || !opened) return;
    button.setAttribute("aria-expanded", String(isOpen));
    opened.hidden = !isOpen;
    if (!isOpen || opened.dataset.filled) return;
    opened.dataset.filled = "yes";
    showStrip(opened.querySelector(".strip"), placeOf.get(row.id));
    for (const code of opened.querySelectorAll(".command code")) code.after(copyButton(code));
  }

  function copyButton(code) {
    const button = make("button", { type: "button", onclick: async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected";
      }
    } }, "Copy");
    return button;
  }

  const isOpen = (row) => row.querySelector("button")?.getAttribute("aria-expanded") === "true";

  function goTo(place) {
    const hash = `#${anchors[place]}`;
    if (location.hash === hash) reveal();
    else location.hash = hash;
  }

  /* The row that the address names is opened and shown, whatever hid it. */
  function reveal() {
    const row = element(location.hash.slice(1));
    document.querySelector("tr.target")?.classList.remove("target");
    if (!row?.classList.contains("case")) return;
    if (row.hidden) clearFilters();
    for (let box = row.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    toggle(row, true);
    row.classList.add("target");
    row.scrollIntoView({ block: "center" });
    const button = row.querySelector("button");
    if (!button) row.tabIndex = -1;
    (button ?? row).focus({ preventScroll: true });
  }

  const FILTERS = ["filter-outcome", "filter-form", "search"];

  function clearFilters() {
    for (const id of FILTERS) element(id).value = "";
    filter();
  }

  function filter() {
    const [outcome, form, text] = FILTERS.map((id) => element(id).value);
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0, further = 0;
    for (const row of rows) {
      const ownForm = row.querySelector("th small").textContent;
      const own = words.length ? row.textContent.toLowerCase() : "";
      const isShown = (!outcome || row.dataset.outcome === outcome) && (!form || ownForm === form) &&
        words.every((word) => own.includes(word));
      row.hidden = !isShown;
      const opened = openedOf(row);
      if (opened) opened.hidden = !isShown || !isOpen(row);
      shown += isShown;
      if (isShown && row.closest("#further")) further += 1;
    }
    const isFiltered = outcome || form || words.length;
    element("found").textContent = isFiltered ? `${shown} of ${rows.length} cases` : "";
    if (isFiltered && further && element("further")) element("further").open = true;
  }

  function listen() {
    addEventListener("hashchange", reveal);
    element("cases").addEventListener("click", (event) => {
      const row = event.target.closest("tr.case");
      if (row && !event.target.closest("a") && !String(getSelection())) toggle(row, !isOpen(row));
    });
    if (!rows.length) return;
    element("filters").hidden = false;
    for (const id of FILTERS) element(id).addEventListener("input", filter);
  }

  /* ---- figures ----------------------------------------------------------------------------- */

  /* On a narrow screen the names stand above their rows: beside them nothing else had room. */
  function narrowed(spec, width) {
    if (width >= NARROW) return spec;
    const { xaxis, yaxis } = spec.layout;
    const names = yaxis.ticktext.map((text, row) => ({ text, x: 0, xref: "paper", xanchor: "left", y: row,
      yshift: 13, showarrow: false, borderpad: 0, bgcolor: "@card", font: { size: 12, color: "@muted" } }));
    return { data: spec.data, layout: { ...spec.layout,
      height: spec.layout.height + (NARROW_ROW - ROW) * yaxis.ticktext.length,
      xaxis: { ...xaxis, nticks: 5, title: { ...xaxis.title, text: "change in time per call / %" } },
      yaxis: { ...yaxis, showticklabels: false, range: [yaxis.range[0], yaxis.range[1] - 0.2] },
      annotations: [...names, ...spec.layout.annotations] } };
  }

  function drawForest() {
    if (!forest) return;
    const { data, layout } = paint(narrowed(forest, element("forest").clientWidth), themes[theme()]);
    Plotly.react(element("forest"), data, layout, CONFIG);
  }

  const held = surface ? surface.held.map(() => null) : [];

  function panel(form, wanted) {
    const grid = (value) => Array.from({ length: surface.rows }, () => Array(surface.columns).fill(value));
    const z = grid(null), text = grid(""), customdata = grid(null), framed = [];
    surface.form.forEach((found, i) => {
      const [x, y] = [surface.x[i], surface.y[i]];
      const isWanted = wanted.every((value, n) => value === null || value === surface.at[i][n]);
      if (found !== form || !isWanted || z[y][x] !== null) return;
      [z[y][x], text[y][x], customdata[y][x]] = [surface.change[i], surface.text[i], surface.place[i]];
      if (surface.slower[i]) framed.push([x, y]);
    });
    framed.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const shapes = framed.map(([x, y]) =>
      ({ ...surface.frame, x0: x - 0.5, x1: x + 0.5, y0: y - 0.5, y1: y + 0.5 }));
    const cells = { ...surface.cells, z, text, customdata, zmin: -surface.scale, zmax: surface.scale };
    return { data: [cells], layout: { ...surface.layout, shapes } };
  }

  /* What a cell says when it is pointed at stands in the row of its case. */
  function hoverText(place) {
    const row = place === null ? null : element(anchors[place]);
    if (!row) return "";
    const [name, outcome, change] = row.children;
    const parts = [name.firstElementChild, name.lastElementChild, outcome.firstElementChild, change];
    return parts.map((part) => inert(part.textContent)).join("<br>");
  }

  function drawSurface() {
    if (!surface) return;
    surface.forms.forEach((_, form) => {
      const box = element(`panel-${form}`);
      const { data, layout } = paint(panel(form, held), themes[theme()]);
      data[0].hovertext = data[0].customdata.map((line) => line.map(hoverText));
      if (box.clientWidth < 300 && surface.columns > 5) delete data[0].texttemplate;
      Plotly.react(box, data, layout, CONFIG);
    });
  }

  function showSurface() {
    if (!surface) return;
    const select = ({ title, values }, n) => {
      const chosen = make("select", { onchange: ({ target }) => {
        held[n] = target.value === "" ? null : Number(target.value);
        drawSurface();
      } }, make("option", { value: "" }, "the worst of all"), ...values.map((value, i) => make("option", { value: i }, value)));
      return make("label", {}, `${title.split(" / ")[0]} `, chosen);
    };
    element("surface-controls").replaceChildren(...surface.held.map(select));
    element("surface").replaceChildren(...surface.forms.map((form, n) => make("div", {},
      make("h3", {}, form), make("div", { id: `panel-${n}`, role: "img", "aria-label": `Change in time per call of ${form}; the same numbers are in the table` }))));
    const notes = [];
    if (surface.held.length) notes.push("A cell of several cases shows the worst of them.");
    if (surface.left_out) notes.push(`${surface.left_out} further conv types are in the table only.`);
    notes.push("Click a cell to open its row.");
    element("surface-note").textContent = notes.join(" ");
    element("scale-low").textContent = signed(-surface.scale);
    element("scale-high").textContent = signed(surface.scale);
  }

  function redraw() {
    if (!window.Plotly) return;
    drawForest();
    drawSurface();
  }

  /* The page is painted before 5 MB of plotly are unpacked and compiled. */
  function loadPlotly() {
    if (!element("plotly-packed")) return ready();
    requestAnimationFrame(() => setTimeout(async () => {
      await sepconv.look.plotly();
      redraw();
      const boxes = [...document.querySelectorAll("#forest, #surface [id^=panel-]")];
      for (const box of boxes)
        box.on?.("plotly_click", ({ points: [point] }) => {
          if (point.customdata !== null && point.customdata !== undefined) goTo(point.customdata);
        });
      let width = innerWidth;
      addEventListener("resize", () => {
        if ((width < NARROW + 60) !== (innerWidth < NARROW + 60)) redraw();
        width = innerWidth;
      });
      sepconv.look.onChange(redraw);
      reveal();
      ready();
    }));
  }

  const ready = () => { document.documentElement.dataset.ready = "yes"; };

  function start() {
    listen();
    showSurface();
    showNulls();
    reveal();
    loadPlotly();
  }

  return { start, panel };
})();
