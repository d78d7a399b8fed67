"use strict";
/* What was promised and what is real: the table at a glance, and the figures' content. */
((sepconv) => {
  const { doc, dom, units, cases, runs, series } = sepconv;
  const { make } = dom;
  const AXES = cases.axisNames;
  const MOST_POINTS = 240; // of a figure; more are drawn together

  /* ---- at a glance ---------------------------------------------------------------------------- */

  function glance(section, headline) {
    const several = section.headlines.length > 1 || headline.device !== "cpu";
    const group = doc.runs.class[section.run];
    return make("table", { class: "glance" },
      make("caption", {}, `At ${headline.shape}${several ? `, on ${headline.device}` : ""}; in brackets the 95 % interval`),
      make("thead", {}, make("tr", {}, ["conv type", "one call", "speed-up", "share of the promise"]
        .map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, headline.cases.map((index) => glanceRow(index, group, headline.leaders))));
  }

  function glanceRow(index, group, leaders) {
    const found = series.newest(series.of(index, group)), line = cases.line(index);
    const isSole = leaders.length === 1;
    const badge = leaders.includes(index)
      ? make("span", { class: isSole ? "badge good" : "badge" }, isSole ? "fastest" : "maybe fastest") : null;
    const name = make("th", { scope: "row" },
      make("a", { class: "name", href: sepconv.href({ view: "case", case: index }) }, dom.marker(line), line.name), badge);
    if (!found.latency) return make("tr", {}, name, make("td", { colspan: 3, class: "muted" }, reason(found)));
    return make("tr", {}, name,
      make("td", {}, stacked(found.latency, "latency_s")),
      make("td", {}, line.standard ? make("span", { class: "muted" }, "1×")
        : found.speedup ? stacked(found.speedup, "realised_speedup") : make("span", { class: "muted" }, "not measured")),
      make("td", {}, share(index, found.speedup)));
  }

  const stacked = (found, metric) => [make("strong", {}, units.formatValue(found, metric)),
    make("small", {}, units.formatBounds(found, metric))];

  const reason = ({ status, error }) => `${status.replaceAll("_", " ")}${error ? `: ${error}` : ""}`;

  function share(index, speedup) {
    const ideal = cases.work(index, "ideal"), line = cases.line(index);
    if (!speedup || !ideal || line.standard) return null;
    const percent = (value) => (100 * value) / ideal, room = (value) => `${Math.min(percent(value), 100)}%`;
    const part = make("span", { class: "part" });
    part.style.width = room(speedup.value);
    part.style.background = `var(--${line.color.slice(1)})`;
    const bar = make("span", { class: "share-bar", "aria-hidden": "true" }, part);
    if (speedup.low !== null) {
      const whisker = make("span", { class: "whisker" });
      whisker.style.left = room(speedup.low);
      whisker.style.right = `calc(100% - ${room(speedup.high)})`;
      bar.append(whisker);
    }
    return make("span", {}, bar, make("small", {}, make("b", {}, `${Math.round(percent(speedup.value))} %`), ` of ${units.formatRatio(ideal)}`));
  }

  /* ---- is the promise kept? Along one axis, and everywhere ------------------------------------ */

  const errorBars = (estimates) => ({
    array: estimates.map(({ value, high }) => (high === null ? null : high - value)),
    arrayminus: estimates.map(({ value, low }) => (low === null ? null : value - low)),
  });

  const promised = (seen) => seen.filter((each) => each.speedup && cases.work(each.case, "ideal") && !cases.line(each.case).standard);

  const byLine = (seen) => [...Map.groupBy(seen, (each) => cases.lineIndex(each.case))].sort(([a], [b]) => a - b);

  const at = (index, axis) => doc.cases[axis][index];

  /* The cases that differ from the headline's along that axis alone. */
  function along(seen, section, axis) {
    const anchor = section.headlines[0].cases[0];
    const held = AXES.filter((name) => name !== axis);
    return promised(seen).filter((each) => held.every((name) => at(each.case, name) === at(anchor, name)))
      .sort((a, b) => at(a.case, axis) - at(b.case, axis));
  }

  function axisOf(members, axis) {
    const values = [...new Set(members.map((each) => at(each.case, axis)))].sort((a, b) => a - b).map((i) => doc.axes[axis].values[i]);
    const title = { ...doc.figures.speedup.layout.xaxis.title, text: doc.axes[axis].title };
    if (values.some((value) => typeof value === "string"))
      return { title, type: "category", categoryarray: values.map(String) };
    return { title, type: "log", ...(values.length <= 10 ? { tickvals: values, ticktext: values.map(String) } : {}) };
  }

  function speedupContent(seen, section, axis) {
    const members = along(seen, section, axis), xaxis = axisOf(members, axis);
    const x = (own) => own.map((each) => cases.axis(each.case, axis)).map((value) => (xaxis.type === "category" ? String(value) : value));
    const traces = byLine(members).flatMap(([line, own]) => [
      { role: "ideal", line: doc.lines[line], numbers: { x: x(own), y: own.map((each) => cases.work(each.case, "ideal")) } },
      { role: "realised", line: doc.lines[line], numbers: { x: x(own), y: own.map((each) => each.speedup.value),
        error_y: errorBars(own.map((each) => each.speedup)),
        customdata: own.map((each) => units.spell(each.speedup, "realised_speedup")) } },
    ]);
    if (traces.length) traces.push({ role: "key", numbers: {} });
    const label = `Realised speed-up over standard along ${cases.axisTitle(axis)}, with intervals, and the ideal speed-up dashed`;
    return { traces, axes: { xaxis }, label };
  }

  /* Points that would lie on each other are one, the coarser the more there are. */
  function gathered(own, most) {
    if (own.length <= most) return own.map((each) => [each]);
    for (let steps = 40; ; steps = Math.floor(steps / 1.5)) {
      const cell = (value) => Math.round(Math.log10(value) * Math.max(steps, 1));
      const groups = [...Map.groupBy(own, (each) => `${cell(cases.work(each.case, "ideal"))} ${cell(each.speedup.value)}`).values()];
      if (groups.length <= most || steps <= 1) return groups;
    }
  }

  const mean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

  function pointText(group) {
    const [first] = group, ideal = cases.work(first.case, "ideal");
    if (group.length > 1) return `${group.length} cases, such as<br>${dom.inert(cases.label(first.case))}`;
    return `${dom.inert(cases.label(first.case))}<br>${units.spell(first.speedup, "realised_speedup")} of an ideal ${units.formatRatio(ideal)}`;
  }

  function promiseContent(seen) {
    const lines = byLine(promised(seen));
    if (!lines.length) return { traces: [] };
    const traces = lines.map(([line, own]) => {
      const groups = gathered(own, Math.floor(MOST_POINTS / lines.length));
      const isWhole = groups.length === own.length;
      const y = groups.map((group) => mean(group.map((each) => each.speedup.value)));
      return { role: "cases", line: doc.lines[line], numbers: {
        x: groups.map((group) => mean(group.map((each) => cases.work(each.case, "ideal")))), y,
        ...(isWhole ? { error_y: errorBars(groups.map(([each]) => each.speedup)) } : { error_y: { visible: false },
          marker: { size: groups.map((group) => Math.min(26, 7 + 2 * Math.log2(group.length))) } }),
        text: groups.map(pointText),
        customdata: groups.map(([each]) => each.case),
      } };
    });
    const ideals = traces.flatMap(({ numbers }) => numbers.x);
    const ends = [Math.min(1, ...ideals), Math.max(1, ...ideals)];
    return { label: "Realised against ideal speed-up of every separable case of the run", traces: [
      { role: "kept", numbers: { x: ends, y: ends } },
      { role: "even", numbers: { x: [ends[0], Math.sqrt(ends[0] * ends[1]), ends[1]], y: [1, 1, 1] } },
      ...traces] };
  }

  sepconv.promise = Object.freeze({ glance, promised, speedupContent, promiseContent });
})(window.sepconv ??= {});
