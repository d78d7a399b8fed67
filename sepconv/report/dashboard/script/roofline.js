"use strict";
/* Roofline: what a call reaches of what the machine can do, and which of its limits it is under. */
((sepconv) => {
  const { doc, dom, cases, runs, units, panels } = sepconv;
  const { make, inert } = dom;
  const SIDE_BY_SIDE = ["device", "threads", "dtype"]; // what has a roof of its own
  const MOST_PANELS = 12, MOST_POINTS = 600;
  const LEAST_WIDTH = 380, HEIGHT = 360; // px of a panel
  const TEXT_WIDTH = 520; // px of a panel from which on there is room for words at its roofs
  const ROOM = 1.6; // by which the axes go beyond what is drawn
  const TRAFFIC = {
    unfused: { choice: "every convolution through memory", column: "bytes_unfused",
      words: "if each of its convolutions reads and writes memory, as eager execution does" },
    fused: { choice: "fused, at least", column: "bytes_fused",
      words: "if only input, output and weights move, and nothing in between: the least that is possible" },
  };

  /* ---- points ------------------------------------------------------------------------------------ */

  const roofs = doc.roofline?.roofs ?? [];

  /* An accelerator's roof does not depend on the threads of its host. */
  const roofOf = (group, { device, dtype, threads }) => roofs.find((roof) => roof.class === group &&
    roof.device === device && roof.dtype === dtype && (device !== "cpu" || roof.threads === threads)) ?? null;

  function pointOf(row, group, traffic) {
    const flops = doc.roofline?.flops[row.case], bytes = doc.roofline?.[traffic.column][row.case];
    if (!flops || !bytes || !row.latency) return null;
    const place = Object.fromEntries(SIDE_BY_SIDE.map((name) => [name, cases.axis(row.case, name)]));
    const { value, low, high } = row.latency, per = (seconds) => (seconds === null ? null : flops / seconds);
    return { ...row, ...place, intensity: flops / bytes, roof: roofOf(group, place),
      achieved: { value: per(value), low: per(high), high: per(low) } };
  }

  /* FLOP/s at best, with operands that come from memory. */
  const attainable = (roof, intensity) => Math.min(roof.flop_per_s, intensity * roof.memory_bytes_per_s);
  const isMemoryBound = ({ roof, intensity }) => intensity < roof.ridge;

  function shareOf({ roof, intensity, achieved }) {
    if (!roof) return null;
    const most = attainable(roof, intensity), part = (rate) => (rate === null ? null : rate / most);
    return { value: part(achieved.value), low: part(achieved.low), high: part(achieved.high) };
  }

  /* ---- words ----------------------------------------------------------------------------------------- */

  const rate = (flops) => units.formatRate(flops, "FLOP/s");
  const bandwidth = (bytes) => `${units.formatBytes(bytes)}/s`;
  const intensityText = (intensity) => `${units.significant(intensity, 3)} FLOP/B`;
  const bound = (point) => (isMemoryBound(point) ? "memory" : "arithmetic");

  function rateText({ value, low, high }) {
    if (low === null) return `${rate(value)} (no interval)`;
    const scale = value / Number.parseFloat(units.formatCount(value));
    return `${rate(value)} [${units.significant(low / scale)}, ${units.significant(high / scale)}]`;
  }

  function shareText({ value, low, high }) {
    const [one, first, last] = [value, low, high].map((part) => (part === null ? null : units.significant(100 * part, 2)));
    return first === null ? `${one} % (no interval)` : `${one} % [${first}, ${last}]`;
  }

  function hover(point) {
    const share = shareOf(point);
    return [inert(cases.label(point.case)), rateText(point.achieved), `at ${intensityText(point.intensity)}`,
      ...(share ? [`${shareText(share)} of the roof there`, `the limit is ${bound(point)}`] : []),
      `${units.spell(point.latency, "latency_s")} per call`].join("<br>");
  }

  const panelTitle = ([{ device, threads, dtype }]) =>
    `${device} · ${device === "cpu" ? `${units.formatNumber(threads, "thread")} · ` : ""}${dtype}`;

  function median(numbers) {
    const ordered = [...numbers].sort((a, b) => a - b), middle = ordered.length >> 1;
    return ordered.length % 2 ? ordered[middle] : (ordered[middle - 1] + ordered[middle]) / 2;
  }

  function sentence(points) {
    const roofed = points.filter((point) => point.roof);
    if (!roofed.length) return `${units.formatNumber(points.length, "case")}; the best one reaches ${rate(Math.max(...points.map((point) => point.achieved.value)))}.`;
    const bounded = roofed.filter(isMemoryBound).length;
    return `Of ${units.formatNumber(roofed.length, "case")}, memory is the limit of ${bounded} and arithmetic that of ${roofed.length - bounded}; ` +
      `in the median they reach ${units.formatPercent(median(roofed.map((point) => shareOf(point).value)))} of it.`;
  }

  /* ---- the figure ---------------------------------------------------------------------------------------- */

  function extent(points) {
    const own = [...new Set(points.map((point) => point.roof).filter(Boolean))];
    const x = [...points.map((point) => point.intensity), ...own.map((roof) => roof.ridge),
      ...own.flatMap((roof) => (roof.cache_bytes_per_s ? [roof.flop_per_s / roof.cache_bytes_per_s / 2] : []))];
    const y = [...points.map((point) => point.achieved.value), ...own.map((roof) => roof.flop_per_s)];
    const ends = (numbers) => [numbers.reduce((a, b) => Math.min(a, b)) / ROOM, numbers.reduce((a, b) => Math.max(a, b)) * ROOM];
    return { x: ends(x), y: ends(y) };
  }

  function roofTraces(roof, { x, y }, here, hasText) {
    if (!roof) return [];
    const mode = hasText ? "lines+text" : "lines";
    const [from, to] = x, { ridge, flop_per_s: top, memory_bytes_per_s: memory, cache_bytes_per_s: cache } = roof;
    const corner = Math.min(Math.max(ridge, from), to), start = Math.max(from, y[0] / memory);
    const middle = Math.sqrt(start * corner);
    const traces = [{ role: "roof", numbers: { ...here, mode, x: [start, middle, corner, to], y: [start * memory, middle * memory, Math.min(top, corner * memory), top],
      text: ["", `memory ${bandwidth(memory)}`, `arithmetic ${rate(top)}`, ""], textposition: "top left" } },
    { role: "ridge", numbers: { ...here, x: [ridge, ridge], y: [y[0], top] } }];
    if (!cache || cache <= memory) return traces;
    const low = Math.max(from, y[0] / cache), high = top / cache;
    if (low < high) traces.push({ role: "cache", numbers: { ...here, mode, x: [low, Math.sqrt(low * high), high],
      y: [low * cache, Math.sqrt(low * high) * cache, top], text: ["", "", `cache ${bandwidth(cache)}`], textposition: "bottom right" } }); // above, the roof has its name
    return traces;
  }

  const byLine = (points) =>
    [...Map.groupBy(points, (point) => cases.lineIndex(point.case))].sort(([a], [b]) => a - b);

  function caseTraces(points, here) {
    return byLine(points).map(([line, own]) => ({ role: "cases", line: doc.lines[line], numbers: { ...here,
      x: own.map((point) => point.intensity), y: own.map((point) => point.achieved.value),
      text: own.map(hover), customdata: own.map((point) => point.case) } }));
  }

  function content(model, chosen, width) {
    const { arranged } = model, all = extent(arranged.rows);
    const shape = panels.grid(arranged.panels.length, width, { least: LEAST_WIDTH, height: HEIGHT, margin: { t: 30 } });
    const [x, y] = ["xaxis", "yaxis"].map((name) => ({ title: doc.figures.roofline.layout[name].title.text,
      axis: { range: all[name[0]].map(Math.log10) } }));
    const made = { traces: [], axes: { margin: shape.margin }, annotations: [], height: shape.height };
    arranged.panels.forEach(({ rows }, number) => {
      const place = shape.place(number), here = panels.on(number);
      made.traces.push(...roofTraces(rows[0].roof, all, here, shape.cell >= TEXT_WIDTH), ...caseTraces(rows, here));
      const found = rows.filter((point) => point.case === chosen);
      if (found.length) made.traces.push({ role: "chosen", numbers: { ...here, x: [found[0].intensity], y: [found[0].achieved.value] } });
      Object.assign(made.axes, panels.axes("roofline", number, place, x, y));
      made.annotations.push(panels.heading("roofline", place, [panelTitle(rows)]));
    });
    made.label = `Roofline of ${units.formatNumber(arranged.rows.length, "case")} in ${units.formatNumber(arranged.panels.length, "panel")}. ${sentence(arranged.rows)}`;
    return made;
  }

  /* ---- around it -------------------------------------------------------------------------------------------- */

  function controls(model, state) {
    return [
      dom.choice("Bytes that are moved", Object.entries(TRAFFIC).map(([name, { choice }]) => [name, choice]), state.traffic, (traffic) => sepconv.go({ traffic })),
      ...panels.pickers(model.arranged, (name) => (SIDE_BY_SIDE.includes(name) ? "side by side" : "all"),
        (name, value) => sepconv.go({ held: panels.hold(state.held, name, value) })),
    ];
  }

  function notes({ points, arranged, unknown, traffic }) {
    const told = (one) => one.label(one.at);
    const parts = [`Arithmetic intensity is FLOPs ÷ bytes ${traffic.words}.`];
    if (arranged.left.length) parts.push(`Of ${units.formatNumber(points.length, "point")} only those with ${arranged.left.map(told).join(", ")} are drawn: more than ${MOST_POINTS} could not be told apart.`);
    if (unknown) parts.push(`${units.formatNumber(unknown, "case")} without a closed form of the cost ${unknown === 1 ? "is" : "are"} not here.`);
    const above = arranged.rows.filter((point) => shareOf(point)?.value > 1);
    if (above.some(isMemoryBound)) parts.push("Above the memory's roof: the operands came from a cache.");
    if (!above.every(isMemoryBound)) parts.push("Above the roof of arithmetic: an algorithm that multiplies less than the formula says, such as Winograd's, or peaks from a slower hour.");
    return parts.join(" ");
  }

  /* What to type for the roofs that are not known; those of other numbers of threads never are. */
  function missing({ arranged }) {
    const bare = new Map(arranged.rows.filter((point) => !point.roof).map((point) => [panelTitle([point]), point]));
    return [...bare].map(([title, { device }]) => dom.empty(
      `The peaks of this machine for ${title} are not in the store, so there is no roof. To measure them in half a minute${device === "cpu" ? ", with one thread and with all" : ""}, type:`,
      device === "cpu" ? "sepconv doctor" : `sepconv doctor --device ${device}`));
  }

  /* The roofs in words, as a figure tells them to nobody who cannot see it. */
  function roofList({ arranged }) {
    const roofed = arranged.panels.filter(({ rows }) => rows[0].roof);
    return make("dl", { class: "roofs" }, roofed.flatMap(({ rows }) => {
      const { flop_per_s: top, memory_bytes_per_s: memory, cache_bytes_per_s: cache, ridge, measured_at: at } = rows[0].roof;
      return [make("dt", {}, panelTitle(rows)), make("dd", {}, `arithmetic ${rate(top)}, memory ${bandwidth(memory)}` +
        `${cache ? `, cache ${bandwidth(cache)}` : ""}; ridge at ${intensityText(ridge)}; measured ${at.slice(0, 10)}`)];
    }));
  }

  const key = ({ arranged }) => make("ul", { class: "key", "aria-label": "Key" },
    byLine(arranged.rows).map(([line]) => make("li", {}, dom.marker(doc.lines[line]), doc.lines[line].name)));

  function summary({ arranged }) {
    const head = ["conv type", "cases", "limited by memory", "of the roof, median", "least", "most", "fastest"];
    const rows = byLine(arranged.rows).map(summaryRow);
    return make("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "By conv type" }, make("table", { class: "plain-table" },
      make("caption", {}, "By conv type, of the points that are drawn"),
      make("thead", {}, make("tr", {}, head.map((text, i) => make("th", { scope: "col", class: i ? "number" : null }, text)))),
      make("tbody", {}, rows)));
  }

  function summaryRow([line, points]) {
    const roofed = points.filter((point) => point.roof), shares = roofed.map((point) => shareOf(point).value);
    const percent = (pick) => (shares.length ? units.formatPercent(pick(shares)) : "–");
    const best = points.reduce((a, b) => (b.achieved.value > a.achieved.value ? b : a));
    const texts = [String(points.length), roofed.length ? String(roofed.filter(isMemoryBound).length) : "–", percent(median),
      percent((all) => Math.min(...all)), percent((all) => Math.max(...all))];
    return make("tr", {}, make("th", { scope: "row" }, make("span", { class: "name" }, dom.marker(doc.lines[line]), doc.lines[line].name)),
      texts.map((text) => make("td", { class: "number" }, text)),
      make("td", { class: "number" }, make("a", { href: sepconv.href({ view: "case", case: best.case }) }, rate(best.achieved.value))));
  }

  /* ---- the table of all ---------------------------------------------------------------------------------------- */

  const SORTS = {
    case: (point) => point.case,
    intensity: (point) => point.intensity,
    achieved: (point) => point.achieved.value,
    share: (point) => shareOf(point)?.value ?? Infinity,
    bound: (point) => (point.roof ? point.intensity / point.roof.ridge : Infinity),
  };

  const number = { numeric: true, width: 20 };
  const COLUMNS = [
    { key: "case", title: "case", width: 46, cell: (point) => [dom.marker(cases.line(point.case)), cases.label(point.case)],
      link: (point) => sepconv.href({ view: "case", case: point.case }) },
    { key: "intensity", title: "intensity", ...number, width: 14, cell: (point) => intensityText(point.intensity) },
    { key: "achieved", title: "achieved", ...number, width: 28, cell: (point) => rateText(point.achieved) },
    { key: "share", title: "of the roof", ...number, cell: (point) => (point.roof ? shareText(shareOf(point)) : "–") },
    { key: "bound", title: "limit", width: 12, cell: (point) => (point.roof ? bound(point) : "–") },
  ];

  function sorted(points, sort) {
    const by = SORTS[sort.replace(/^-/, "")], sign = sort.startsWith("-") ? -1 : 1;
    return [...points].sort((a, b) => sign * (by(a) - by(b)) || a.case - b.case);
  }

  function sortBy(name) {
    const { sort } = sepconv.state;
    return sepconv.go({ sort: sort === name ? `-${name}` : name });
  }

  const PLAIN = ["case", "FLOP/B", "FLOP/s", "low", "high", "share of the roof", "share low", "share high", "limit"];

  function plainRows(points) {
    return points.map((point) => {
      const { achieved } = point, share = shareOf(point);
      return [cases.label(point.case), point.intensity, achieved.value, achieved.low, achieved.high,
        share?.value ?? null, share?.low ?? null, share?.high ?? null, point.roof ? bound(point) : null];
    });
  }

  /* ---- the view ---------------------------------------------------------------------------------------------------- */

  let parts = null;

  function skeleton(root) {
    const made = { sentence: make("p", { class: "sentence" }), controls: make("div", { class: "controls" }),
      note: make("p", { class: "note" }), missing: make("div"), figure: make("div", { class: "figure" }),
      key: make("div"), summary: make("div"), exports: make("div"), table: make("div"), empty: make("div") };
    made.body = make("div", { class: "view" },
      make("section", { class: "card", "aria-label": "Roofline" }, made.controls, made.key, made.note, made.missing, made.figure, made.summary),
      make("section", { class: "card" }, make("div", { class: "bar-row" }, make("h2", {}, "Every case under its roof"), made.exports), made.table));
    root.replaceChildren(make("h1", { class: "hidden" }, "Roofline"), made.sentence, made.body, made.empty);
    made.rows = sepconv.table(made.table, COLUMNS, { caption: "Cases with what they achieve of the roof above them", onSort: sortBy,
      onOpen: (point) => toCase(point.case) });
    made.stop = panels.followWidth(made.figure, () => sepconv.go({}));
    return made;
  }

  /* Of an incomplete sweep, not every choice is a case. */
  function showNone() {
    parts.note.textContent = "No case of this run is all of these: choose others above.";
    for (const each of [parts.missing, parts.key, parts.summary, parts.exports]) each.replaceChildren();
    parts.rows.update({ rows: [] });
  }

  const toCase = (index) => sepconv.go({ view: "case", case: index }, { push: true });

  async function show(root, state) {
    if (!parts || !root.contains(parts.body)) parts = skeleton(root);
    const measured = await sepconv.measured(state.run);
    if (sepconv.state !== state) return;
    const traffic = TRAFFIC[state.traffic], timed = measured.filter((row) => row.latency);
    const points = timed.map((row) => pointOf(row, state.class, traffic)).filter(Boolean);
    parts.body.hidden = !points.length;
    parts.sentence.textContent = points.length ? sentence(points) : "";
    parts.empty.replaceChildren(...(points.length ? [] : [dom.empty("No latency of a case whose work is known was measured in this run. To measure some, type:", "sepconv quick")]));
    if (!points.length) return;
    const over = ["form", ...cases.axisNames.filter((name) => !SIDE_BY_SIDE.includes(name))];
    const arranged = panels.arrange(points, { side: SIDE_BY_SIDE, over, held: state.held, most: MOST_PANELS, mostRows: MOST_POINTS });
    const model = { points, arranged, traffic, unknown: timed.length - points.length };
    panels.refill(parts.controls, ...controls(model, state));
    parts.figure.hidden = !arranged.rows.length;
    if (!arranged.rows.length) return showNone();
    parts.note.textContent = notes(model);
    parts.missing.replaceChildren(...missing(model));
    parts.key.replaceChildren(key(model));
    parts.summary.replaceChildren(roofList(model), summary(model));
    parts.exports.replaceChildren(panels.exports("roofline", PLAIN, () => plainRows(sorted(arranged.rows, state.sort))));
    parts.rows.update({ rows: sorted(arranged.rows, state.sort), sort: state.sort });
    const drawn = content(model, state.case, parts.figure.clientWidth || 640);
    parts.figure.style.height = `${drawn.height}px`;
    await sepconv.plot(parts.figure, "roofline", drawn, { onClick: ({ customdata }) => Number.isInteger(customdata) && toCase(customdata) });
  }

  sepconv.roofline = Object.freeze({ attainable, shareOf, isMemoryBound });

  sepconv.view({
    name: "roofline",
    title: "Roofline",
    keys: { held: { default: "" },
      traffic: { default: "unfused", parse: (text) => (Object.hasOwn(TRAFFIC, text) ? text : undefined) },
      sort: { default: "share", parse: (text) => (Object.hasOwn(SORTS, text.replace(/^-/, "")) ? text : undefined) } },
    show,
    leave() {
      parts?.stop();
      parts = null;
    },
  });
})(window.sepconv ??= {});
