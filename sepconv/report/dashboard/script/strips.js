"use strict";
/* All cases of two runs at once: a strip per conv type, and a table of them. */
((sepconv) => {
  const { doc, dom, units, cases } = sepconv;
  const { make } = dom;
  const CHANGED = ["slower", "faster"];
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  const changeText = ({ ratio, low, high }) => `${units.formatChange(ratio)} [${units.formatChange(low)}, ${units.formatChange(high)}]`;

  /* ---- the figure ------------------------------------------------------------------------------- */

  function strips(rows, isNarrow) {
    const name = (line) => dom.inert(isNarrow ? line.name.replace("separable", "sep.") : line.name);
    const frame = doc.figures.compare, divided = rows.filter((row) => row.quotient);
    const lines = [...new Set(divided.map((row) => cases.lineIndex(row.case)))].sort((a, b) => a - b);
    const place = new Map(lines.map((line, i) => [line, i]));
    const shapes = lines.flatMap((line) => {
      const own = divided.filter((row) => cases.lineIndex(row.case) === line);
      return own.length < frame.least_shape ? [] : [{ role: "shape", line: doc.lines[line],
        numbers: { x: own.map((row) => row.quotient.ratio), y0: place.get(line) } }];
    });
    const points = ["undecided", "not_comparable", "faster", "slower"].flatMap((outcome) => {
      const isDecided = CHANGED.includes(outcome), own = divided.filter((row) => row.outcome === outcome);
      if (!own.length || (!isDecided && own.length > frame.most_points)) return [];
      return [pointTrace(outcome, isDecided ? own.slice(0, frame.most_decided) : own, place, isDecided)];
    });
    const yaxis = { range: [lines.length - 0.4, -0.6], tickvals: lines.map((_, i) => i), ticktext: lines.map((line) => name(doc.lines[line])) };
    const band = undecidedBand(divided), xaxis = ticksFor(divided, band, isNarrow);
    return { traces: [...shapes, ...points], axes: { xaxis, yaxis }, shapes: band ? [band] : [], height: 120 + 84 * Math.max(1, lines.length),
      label: `Latency of head by base of ${plural(divided.length, "case")}, a strip per conv type; the table has the same numbers` };
  }

  /* Changes that half of the cases could not have shown. */
  function undecidedBand(divided) {
    if (!divided.length || divided[0].outcome === "not_comparable") return null;
    const reach = 1 + middle(divided.map(({ quotient }) => quotient.detectable));
    return { ...doc.figures.compare.band, x0: 1 / reach, x1: reach };
  }

  function ticksFor(divided, band, isNarrow) {
    const reach = Math.max(band?.x1 ?? 1, ...divided.map(({ quotient }) => Math.max(quotient.ratio, 1 / quotient.ratio)));
    const axis = doc.figures.compare.ticks.find((ticks) => reach <= ticks.reach)?.axis ?? {};
    if (!isNarrow) return axis;
    const one = axis.tickvals.indexOf(1), isKept = (_, i) => (i - one) % 3 === 0;
    return { tickvals: axis.tickvals.filter(isKept), ticktext: axis.ticktext.filter(isKept) };
  }

  function pointTrace(outcome, own, place, isDecided) {
    const { spread, golden } = doc.figures.compare;
    const aside = (index) => spread * (2 * ((index * golden) % 1) - 1);
    const numbers = {
      x: own.map((row) => row.quotient.ratio),
      y: own.map((row) => place.get(cases.lineIndex(row.case)) + aside(row.case)),
      text: own.map((row) => [cases.label(row.case), changeText(row.quotient),
        `${units.spell(row.base.latency, "latency_s")} → ${units.spell(row.head.latency, "latency_s")}`].map(dom.inert).join("<br>")),
      customdata: own.map((row) => row.case),
    };
    if (isDecided) numbers.error_x = {
      array: own.map(({ quotient }) => quotient.high - quotient.ratio),
      arrayminus: own.map(({ quotient }) => quotient.ratio - quotient.low) };
    return { role: outcome, numbers };
  }

  const middle = (values) => {
    const sortedValues = [...values].sort((a, b) => a - b), half = sortedValues.length >> 1;
    return sortedValues.length % 2 ? sortedValues[half] : Math.sqrt(sortedValues[half - 1] * sortedValues[half]);
  };

  function byForm(rows) {
    const groups = [...Map.groupBy(rows.filter((row) => row.quotient), (row) => cases.lineIndex(row.case))].sort(([a], [b]) => a - b);
    if (!groups.length) return null;
    const line = (name, own) => make("tr", {}, make("th", { scope: "row" }, name),
      make("td", { class: "number" }, String(own.length)),
      make("td", { class: "number" }, units.formatChange(middle(own.map(({ quotient }) => quotient.ratio)))),
      CHANGED.map((outcome) => make("td", { class: "number" }, String(own.filter((row) => row.outcome === outcome).length))));
    return make("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "By conv type" }, make("table", { class: "plain-table forms" },
      make("caption", {}, "Where all forms moved alike, it was hardly the code"),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "conv type"), ["cases", "median change", "slower", "faster"].map((text) =>
        make("th", { scope: "col", class: "number" }, text)))),
      make("tbody", {}, groups.map(([index, own]) => line([dom.marker(doc.lines[index]), " ", doc.lines[index].name], own)),
        groups.length > 1 ? line("all", groups.flatMap(([, own]) => own)) : null)));
  }

  sepconv.strips = Object.freeze({ content: strips, byForm, changeText });
})(window.sepconv ??= {});
