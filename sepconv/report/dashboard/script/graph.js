"use strict";
/* What the graph of Explore shows: one case's shape, or all that were found, along runs or an axis. */
((sepconv) => {
  const { doc, cases, runs, series, units, dom } = sepconv;
  const METRIC = { latency: "latency_s", speedup: "realised_speedup" };
  const DASHES = ["solid", "dot", "dash", "longdash", "dashdot", "longdashdot"];
  const MOST_HISTORIES = 400; // of a mean over runs: more are sampled evenly, and the note says so
  const MOST_TICKS = 9; // of runs: more would stand on end
  const ROUNDS = 12; // of fitting a mean: a grid without holes needs one
  const frame = () => doc.figures.graph;

  /* ---- which series ----------------------------------------------------------------------------- */

  const inClass = (group, found) => found.map((index) => series.of(index, group)).filter((each) => each !== null);

  /* The conv types at the shape of the case; along an axis, at all its values. */
  function around(index, group, axis) {
    if (!axis) return inClass(group, cases.sameShape(index));
    const shape = cases.shapeOf(index, axis);
    return series.inClass(group).filter((each) => cases.shapeOf(series.case[each], axis) === shape);
  }

  function sample(members) {
    if (members.length <= MOST_HISTORIES) return members;
    const step = members.length / MOST_HISTORIES;
    return Array.from({ length: MOST_HISTORIES }, (_, i) => members[Math.floor(i * step)]);
  }

  /* ---- their points: {series, x, run, estimate} -------------------------------------------------- */

  async function alongRuns(members, metric) {
    const found = [];
    for (const each of members)
      for (const point of await sepconv.history(each))
        if (point[metric]) found.push({ series: each, x: point.run, run: point.run, estimate: point[metric] });
    return found;
  }

  const alongAxis = (members, metric, axis) => members.flatMap((each) => {
    const { run, [metric]: estimate } = series.newest(each);
    return estimate ? [{ series: each, x: cases.axisIndex(series.case[each], axis), run, estimate }] : [];
  });

  const halfWidth = ({ value, low, high }) => (low > 0 && high !== null ? Math.log(high / low) / 2 : null);

  /* Geometric mean at each x. Every case (at all its x) has a level of its own, so that one that is
     missing somewhere moves nothing: least squares of log(value) = level of the case + level of x. */
  function meanOf(points, unitOf) {
    const units = new Map(), places = new Map();
    const entries = points.map((point) => {
      const unit = unitOf(point);
      if (!units.has(unit)) units.set(unit, { level: 0, sum: 0, count: 0 });
      if (!places.has(point.x)) places.set(point.x, { level: 0, sum: 0, count: 0, squares: 0, bounded: 0 });
      return { unit: units.get(unit), place: places.get(point.x), log: Math.log(point.estimate.value),
        half: halfWidth(point.estimate), run: point.run };
    });
    const settle = (groups, which, other) => {
      for (const group of groups.values()) group.sum = group.count = 0;
      for (const entry of entries) {
        entry[which].sum += entry.log - entry[other].level;
        entry[which].count += 1;
      }
      for (const group of groups.values()) group.level = group.sum / group.count;
    };
    for (let round = 0; round < ROUNDS; round++) {
      settle(units, "unit", "place");
      settle(places, "place", "unit");
    }
    const centre = [...units.values()].reduce((sum, unit) => sum + unit.level, 0) / units.size;
    for (const { place, half } of entries) {
      if (half === null) continue;
      place.squares += half * half;
      place.bounded += 1;
    }
    return [...places].map(([x, { level, count, squares, bounded }]) => {
      const value = Math.exp(level + centre);
      const half = bounded === count ? Math.sqrt(squares) / count : null;
      return { x, count, estimate: { value, low: half === null ? null : value * Math.exp(-half),
        high: half === null ? null : value * Math.exp(half) } };
    });
  }

  /* ---- lines: {line, name, dash, points} ------------------------------------------------------------ */

  const lineOf = (each) => cases.lineIndex(series.case[each]);
  const byX = (one, other) => one.x - other.x;

  function singleLines(points) {
    const used = new Map();
    return [...Map.groupBy(points, (point) => point.series)].map(([each, own]) => {
      const line = lineOf(each), seen = used.get(line) ?? 0;
      used.set(line, seen + 1);
      return { line, name: cases.label(series.case[each]), dash: DASHES[seen % DASHES.length], points: own.sort(byX) };
    }).sort((one, other) => one.line - other.line);
  }

  /* Along an axis every conv type is one line already, if all else is held. */
  function formLines(points, unitOf) {
    return [...Map.groupBy(points, (point) => lineOf(point.series))].sort(([one], [other]) => one - other)
      .map(([line, own]) => {
        const isSingle = new Set(own.map((point) => point.x)).size === own.length;
        return { line, name: doc.lines[line].name, dash: "solid", isMean: !isSingle,
          points: (isSingle ? own : meanOf(own, unitOf)).sort(byX) };
      });
  }

  /* ---- as what: raw, or in per cent of a point of the same line -------------------------------------- */

  function relative(points, as) {
    if (as === "raw") return points;
    return points.flatMap((point, i) => {
      const base = as === "first" ? points[0] : points[i - 1];
      if (!base) return [];
      const part = (value) => (value === null ? null : (100 * value) / base.estimate.value);
      const { value, low, high } = point.estimate;
      return [{ ...point, was: point.estimate, estimate: { value: part(value), low: part(low), high: part(high) } }];
    });
  }

  /* ---- content of the figure ------------------------------------------------------------------------ */

  function spellPoint(point, line, view) {
    const metric = METRIC[view.y];
    const percent = view.as === "raw" ? "" : `${units.significant(point.estimate.value)} % of ${view.as === "first" ? "the first" : "the one before"}, `;
    const place = view.x === "runs"
      ? `${dom.inert(runs.tick(point.x))}<br>${dom.inert(runs.subject(point.x) ?? "")}`
      : dom.inert(`${cases.axisTitle(view.x)} ${doc.axes[view.x].values[point.x]}`);
    const mean = point.count ? `<br>mean of ${units.formatNumber(point.count, "case")}` : "";
    return `${dom.inert(line.name)}<br>${percent}${units.spell(point.was ?? point.estimate, metric)}<br>${place}${mean}`;
  }

  const xText = (view, x) => (view.x === "runs" ? dom.inert(runs.tick(x)) : dom.inert(doc.axes[view.x].values[x]));
  const isCategory = (view) => view.x === "runs" || doc.axes[view.x].values.some((value) => typeof value === "string");
  const xOf = (view, x) => (isCategory(view) ? xText(view, x) : doc.axes[view.x].values[x]);

  function lineTrace(line, view, hasBars, size, hasMarkers) {
    const estimates = line.points.map((point) => point.estimate);
    const numbers = {
      name: dom.inert(line.name),
      x: line.points.map((point) => xOf(view, point.x)),
      y: estimates.map((each) => each.value),
      text: line.points.map((point) => spellPoint(point, line, view)),
      customdata: line.points.map((point) => [point.series ?? -1, point.run ?? point.x]),
      line: { dash: line.dash },
      marker: { size },
      ...(hasMarkers || line.points.length === 1 ? {} : { mode: "lines" }),
    };
    if (hasBars) numbers.error_y = {
      array: estimates.map((each) => (each.high === null ? null : each.high - each.value)),
      arrayminus: estimates.map((each) => (each.low === null ? null : each.value - each.low)),
    };
    return { role: "line", line: doc.lines[line.line], numbers };
  }

  function bandTrace(line, view) {
    const bounded = line.points.filter(({ estimate }) => estimate.low !== null && estimate.high !== null);
    const xs = bounded.map((point) => xOf(view, point.x));
    return { role: "band", line: doc.lines[line.line], numbers: {
      x: [...xs, ...xs.toReversed()],
      y: [...bounded.map((p) => p.estimate.high), ...bounded.map((p) => p.estimate.low).toReversed()] } };
  }

  function xAxis(view, places) {
    const title = { ...frame().layout.xaxis.title, text: view.x === "runs" ? "run and commit" : doc.axes[view.x].title };
    if (isCategory(view))
      return { title, type: "category", tickangle: 0, nticks: MOST_TICKS, categoryorder: "array", categoryarray: places.map((x) => xOf(view, x)) };
    const values = places.map((x) => xOf(view, x));
    const few = values.length <= 10 ? { tickvals: values, ticktext: values.map(String) } : {};
    return { title, type: view.scale, ...few };
  }

  function yAxis(view) {
    const percent = view.as !== "raw";
    const title = percent ? `${view.y === "latency" ? "latency" : "speed-up"} / % of ${view.as === "first" ? "the first" : "the one before"}`
      : frame().titles[view.y];
    return { ...frame().scales[percent ? "percent" : view.y][view.scale], title: { ...frame().layout.yaxis.title, text: title } };
  }

  /* A dashed line at the first shown run that came after each event; several there share a label.
     What happened before all that is shown has no place in it. */
  function marks(view, places, shownCases) {
    if (view.x !== "runs") return {};
    const own = new Set(shownCases), { line, label } = frame().event;
    const near = doc.events.filter((event) => event.marked && event.run !== null && event.run >= places[0] && sepconv.concerns(event, view.group) && event.cases.some((index) => own.has(index)));
    const byPlace = Map.groupBy(near, (event) => places.find((x) => x >= event.run) ?? null);
    byPlace.delete(null);
    return {
      shapes: [...byPlace.keys()].map((x) => ({ type: "line", xref: "x", yref: "paper", x0: xOf(view, x), x1: xOf(view, x), y0: 0, y1: 1, line })),
      annotations: [...byPlace].map(([x, events]) => ({ ...label, x: xOf(view, x), text: dom.inert(eventLabel(events)),
        hovertext: events.map((event) => dom.inert(`${event.sentence}; ${event.state}`)).join("<br>") })),
    };
  }

  const eventName = ({ number, uid }) => String(number ?? uid.slice(0, 7));
  const eventLabel = (events) => sepconv.plot.eventName(`${events.slice(0, 3).map(eventName).join(", ")}${events.length > 3 ? ", …" : ""}`, events.length);

  const count = units.formatNumber;
  function describe(lines, view, members, sampled) {
    const means = lines.some((line) => line.isMean);
    const parts = [view.x === "runs" ? "Over runs" : `Along ${cases.axisTitle(view.x)}, newest of each case`];
    if (means) parts.push(`geometric mean of ${count(members.length, "case")} by conv type, each with a level of its own, so that a missing one moves nothing`);
    else parts.push(count(lines.length, "line"));
    if (sampled < members.length) parts.push(`of ${sampled} sampled evenly`);
    if (view.as !== "raw") parts.push("the interval is that of the point itself");
    return `${parts.join("; ")}.`;
  }

  /* view: {group, case, of, found, x, y, scale, as}; found are series. */
  async function content(view) {
    const axis = view.x === "runs" ? null : view.x;
    const ofCase = view.of === "case" && view.case !== null;
    const members = ofCase ? around(view.case, view.group, axis) : view.found;
    const used = axis ? members : sample(members);
    const points = axis ? alongAxis(used, view.y, axis) : await alongRuns(used, view.y);
    const unitOf = axis ? (point) => cases.shapeOf(series.case[point.series], axis) : (point) => point.series;
    const isFew = !axis && used.length <= frame().most_lines;
    const lines = (isFew ? singleLines(points) : formLines(points, unitOf))
      .map((line) => ({ ...line, points: relative(line.points, view.as) })).filter((line) => line.points.length);
    if (ofCase && isFew) for (const line of lines) line.name = doc.lines[line.line].name;
    const places = [...new Set(lines.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b);
    const total = lines.reduce((sum, line) => sum + line.points.length, 0);
    const hasBars = total <= frame().most_bars, hasMarkers = total <= frame().most_markers;
    const size = places.length > 60 ? 4 : places.length > 25 ? 6 : 8;
    const traces = [...(hasBars ? [] : lines.map((line) => bandTrace(line, view))),
      ...lines.map((line) => lineTrace(line, view, hasBars, size, hasMarkers))];
    const note = describe(lines, view, members, used.length);
    return { traces, note, axes: { xaxis: xAxis(view, places), yaxis: yAxis(view) },
      label: `${view.y === "latency" ? "Latency" : "Speed-up"} of ${lines.map((line) => line.name).slice(0, 6).join(", ") || "nothing"}. ${note}`,
      ...marks(view, places, used.map((each) => series.case[each])) };
  }

  sepconv.graph = Object.freeze({ content, meanOf });
})(window.sepconv ??= {});
