"use strict";
/* Reads the data document, keeps what is looked at in the address, and refills the figures'
   frames. It decides nothing of the look: colours, titles and templates come with the data. */
window.sepconv = (() => {
  const doc = JSON.parse(document.getElementById("document").textContent);
  const { axes, lines, runs, cases, works, rows, statuses, errors, marks, figures, themes } = doc;
  const AXIS_NAMES = Object.keys(axes);
  const METRICS = { latency_s: "latency", realised_speedup: "speedup" };
  const FIRST_ROWS = 50, MORE_ROWS = 150;
  const element = (id) => document.getElementById(id);

  /* ---- numbers as people read them: units.py, letter for letter ---------------------------- */

  function roundHalfEven(value, digits) {
    const magnitude = Math.abs(value);
    const exact = magnitude.toPrecision(60).replace(/e.*$/, "").replace(".", "").replace(/^0+/, "");
    const exponent = Number(magnitude.toExponential().split("e")[1]);
    let head = exact.slice(0, digits);
    const tail = exact.slice(digits);
    if (/^50*$/.test(tail) ? Number(head.at(-1)) % 2 : tail[0] >= "5") head = String(Number(head) + 1);
    return Math.sign(value) * Number(`${head}e${exponent - digits + 1}`);
  }

  function significant(value, digits = 3) {
    if (value === 0) return "0";
    const rounded = roundHalfEven(value, digits);
    const exponent = Number(Math.abs(rounded).toExponential().split("e")[1]);
    return rounded.toFixed(Math.max(digits - 1 - exponent, 0));
  }

  function secondScale(seconds) {
    const scales = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
    return scales.find(([scale]) => Math.abs(seconds) >= 0.9995 * scale) ?? scales[3];
  }

  function formatSeconds(seconds) {
    const [scale, unit] = secondScale(seconds);
    return `${significant(seconds / scale)} ${unit}`;
  }

  function formatCount(count) {
    const scales = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
    const found = scales.find(([s]) => Math.abs(count) >= 0.9995 * s);
    return found ? `${significant(count / found[0])} ${found[1]}` : String(count);
  }

  const formatRatio = (ratio) => `${significant(ratio, 2)}×`;

  function bounds({ value, low, high }, metric) {
    if (low === null || high === null) return "(no interval)";
    const [scale, digits] = metric === "realised_speedup"
      ? [1, speedupDigits({ value, low, high })] : [secondScale(value)[0], 3];
    return `[${significant(low / scale, digits)}, ${significant(high / scale, digits)}]`;
  }

  /* As many digits as tell the ends of an interval apart: 1.22× [1.19, 1.25]. */
  function speedupDigits({ value, low, high }) {
    const apart = (digits) => new Set([value, low, high].map((x) => significant(x, digits))).size === 3;
    return low === null || high === null ? 2 : [2, 3].find(apart) ?? 4;
  }

  const formatValue = (estimate, metric) => metric === "realised_speedup"
    ? `${significant(estimate.value, speedupDigits(estimate))}×` : formatSeconds(estimate.value);

  const spell = (estimate, metric) =>
    `${formatValue(estimate, metric)} ${bounds(estimate, metric)}`;

  const inert = (text) =>
    text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("$", "&#36;");

  /* ---- the table -------------------------------------------------------------------------- */

  const rowsOfRun = runs.map(() => []);
  rows.run.forEach((run, row) => rowsOfRun[run].push(row));

  function estimate(row, metric) {
    const column = METRICS[metric];
    const value = rows[column][row];
    if (value === null) return null;
    return { value, low: rows[`${column}_low`][row], high: rows[`${column}_high`][row] };
  }

  const exact = (row, name) => works[name][rows.work[row]];
  const axisIndex = (row, axis) => cases[axis][rows.case[row]];
  const axisValue = (row, axis) => axes[axis].values[axisIndex(row, axis)];
  const lineOf = (row) => lines[cases.line[rows.case[row]]];
  const usedIndices = (run, axis) =>
    [...new Set(rowsOfRun[run].map((row) => axisIndex(row, axis)))].sort((a, b) => a - b);
  const varying = (run) => AXIS_NAMES.filter((axis) => usedIndices(run, axis).length > 1);

  function select(view, metric) {
    const held = varying(view.run).filter((axis) => axis !== view.over);
    const byLine = lines.map(() => []);
    for (const row of rowsOfRun[view.run]) {
      if (estimate(row, metric) && held.every((axis) => axisIndex(row, axis) === view.held[axis]))
        byLine[cases.line[rows.case[row]]].push(row);
    }
    for (const members of byLine)
      members.sort((a, b) => axisIndex(a, view.over) - axisIndex(b, view.over));
    return byLine;
  }

  /* ---- figures: content by name, then the frame filled in ---------------------------------- */

  function xAxis(view) {
    const values = usedIndices(view.run, view.over).map((i) => axes[view.over].values[i]);
    const font = figures.speedup.layout.xaxis.title;
    const axis = { title: { ...font, text: axes[view.over].title } };
    if (!values.length || values.some((value) => typeof value === "string"))
      return { ...axis, type: "category", categoryarray: values.map(String) };
    axis.type = view.scale;
    if (values.length <= 10) Object.assign(axis, { tickvals: values, ticktext: values.map(String) });
    return axis;
  }

  function spellOut(view, values) {
    return xAxis(view).type === "category" ? values.map(String) : values;
  }

  const errorBars = (estimates) => ({
    array: estimates.map((e) => (e.high === null ? null : e.high - e.value)),
    arrayminus: estimates.map((e) => (e.low === null ? null : e.value - e.low)),
  });

  function points(view, members, metric) {
    const estimates = members.map((row) => estimate(row, metric));
    return {
      x: spellOut(view, members.map((row) => axisValue(row, view.over))),
      y: estimates.map((e) => e.value),
      error_y: errorBars(estimates),
      customdata: estimates.map((e) => spell(e, metric)),
    };
  }

  const CONTENT = {
    speedup(view) {
      const traces = [];
      select(view, "realised_speedup").forEach((members, i) => {
        if (lines[i].standard || !members.length) return;
        const promised = members.filter((row) => exact(row, "ideal") !== null);
        const ideal = {
          x: spellOut(view, promised.map((row) => axisValue(row, view.over))),
          y: promised.map((row) => exact(row, "ideal")),
        };
        traces.push({ role: "ideal", line: lines[i], numbers: ideal });
        traces.push({ role: "realised", line: lines[i], numbers: points(view, members, "realised_speedup") });
      });
      if (traces.length) traces.push({ role: "key", numbers: {} });
      return { traces, axes: { xaxis: xAxis(view) } };
    },

    latency(view) {
      const traces = [];
      select(view, "latency_s").forEach((members, i) => {
        if (members.length)
          traces.push({ role: "latency", line: lines[i], numbers: points(view, members, "latency_s") });
      });
      return { traces, axes: { xaxis: xAxis(view), yaxis: figures.latency.scales[view.scale] } };
    },

    promise(view) {
      const byLine = lines.map(() => []);
      for (const row of rowsOfRun[view.run])
        if (estimate(row, "realised_speedup") && exact(row, "ideal") !== null)
          byLine[cases.line[rows.case[row]]].push(row);
      const traces = [];
      byLine.forEach((members, i) => {
        if (!members.length || lines[i].standard) return;
        const realised = members.map((row) => estimate(row, "realised_speedup"));
        const numbers = {
          x: members.map((row) => exact(row, "ideal")),
          y: realised.map((e) => e.value),
          error_y: errorBars(realised),
          text: members.map((row, n) => `${inert(cases.label[rows.case[row]])}<br>` +
            `${spell(realised[n], "realised_speedup")} of an ideal ${formatRatio(exact(row, "ideal"))}`),
          customdata: members.map((row) => rows.case[row]),
        };
        traces.push({ role: "cases", line: lines[i], numbers });
      });
      if (!traces.length) return { traces, axes: {} };
      const promises = traces.flatMap((trace) => trace.numbers.x);
      const ends = [1, 1];
      for (const ideal of promises) ends.splice(0, 2, Math.min(ends[0], ideal), Math.max(ends[1], ideal));
      const chosen = byLine.flat().filter((row) => rows.case[row] === view.case).map((row) => ({
        role: "chosen",
        numbers: { x: [exact(row, "ideal")], y: [estimate(row, "realised_speedup").value] },
      }));
      const guides = [
        { role: "kept", numbers: { x: ends, y: ends } },
        { role: "even", numbers: { x: [ends[0], Math.sqrt(ends[0] * ends[1]), ends[1]], y: [1, 1, 1] } },
      ];
      return { traces: [...guides, ...traces, ...chosen], axes: {} };
    },

    allocator(view) {
      const found = runs[view.run].allocator;
      const traces = [];
      lines.forEach((line, i) => {
        const members = (found?.case ?? []).flatMap((index, n) => (cases.line[index] === i ? [n] : []));
        if (!members.length) return;
        const ratios = members.map((n) => ({ value: found.ratio[n], low: found.low[n], high: found.high[n] }));
        const numbers = {
          x: members.map((n) => found.bytes[n]),
          y: ratios.map((e) => e.value),
          error_y: errorBars(ratios),
          text: members.map((n, m) => `${inert(cases.label[found.case[n]])}<br>` +
            `${spell(ratios[m], "realised_speedup")}<br>` +
            `${formatSeconds(found.tuned[n])} tuned, ${formatSeconds(found.default[n])} default`),
        };
        traces.push({ role: "cases", line, numbers });
      });
      return { traces, axes: {} };
    },

    history(view) {
      const members = [];
      rows.case.forEach((found, row) => {
        if (found === view.case && estimate(row, "latency_s")) members.push(row);
      });
      if (!members.length) return { traces: [], axes: {} };
      const byClass = new Map();
      for (const row of members) {
        const key = runs[rows.run[row]].class;
        byClass.set(key, [...(byClass.get(key) ?? []), row]);
      }
      const traces = [...byClass].map(([key, group]) => ({
        role: key === runs[view.run].class ? "here" : "elsewhere",
        line: lines[cases.line[view.case]],
        numbers: { name: className(runs[rows.run[group[0]]], runs[view.run]), ...historyNumbers(group) },
      }));
      const top = figures.history.above * Math.max(...members.map((row) => {
        const found = estimate(row, "latency_s");
        return found.high ?? found.value;
      }));
      for (const mark of marks.filter(({ cases: own }) => own.includes(view.case))) {
        const next = members.find((row) => rows.run[row] >= mark.run);
        if (next === undefined) continue;
        const x = tick(rows.run[next]), text = inert(mark.text);
        traces.push({ role: "event", numbers: { x: [x, x], y: [0, top],
          text: ["", inert(mark.label)], hovertext: [text, text] } });
      }
      const categoryarray = members.map((row) => tick(rows.run[row]));
      return { traces, axes: { xaxis: { categoryorder: "array", categoryarray } } };
    },
  };

  function tick(run) {
    const commit = runs[run].commit;
    return inert(commit ? `${run + 1}: ${commit.slice(0, 7)}` : `${run + 1}`);
  }

  function className(run, here) {
    if (run.class === here.class) return "this machine and environment";
    if (run.machine_class === here.machine_class) return inert(run.environment);
    return inert(`${run.machine} · ${run.environment}`);
  }

  function historyNumbers(members) {
    const estimates = members.map((row) => estimate(row, "latency_s"));
    return {
      x: members.map((row) => tick(rows.run[row])),
      y: estimates.map((e) => e.value),
      error_y: errorBars(estimates),
      text: members.map((row, i) => {
        const run = runs[rows.run[row]];
        return `${spell(estimates[i], "latency_s")}<br>${inert(run.subject ?? "no commit")}` +
          `<br>${inert(run.started)}`;
      }),
      customdata: members.map((row) => rows.run[row]),
    };
  }

  function paint(spec, words) {
    if (typeof spec === "string") return Object.hasOwn(words, spec) ? words[spec] : spec;
    if (Array.isArray(spec)) return spec.map((value) => paint(value, words));
    if (spec === null || typeof spec !== "object") return spec;
    return Object.fromEntries(Object.entries(spec).map(([k, v]) => [k, paint(v, words)]));
  }

  /* One level deep: what the content says of a trace or an axis adds to what the frame says. */
  function merge(base, added) {
    const merged = { ...base };
    for (const [name, value] of Object.entries(added)) {
      const nested = name in base && value !== null && typeof value === "object" && !Array.isArray(value);
      merged[name] = nested ? { ...base[name], ...value } : value;
    }
    return merged;
  }

  function draw(name, view, theme) {
    const frame = figures[name], words = themes[theme];
    const content = CONTENT[name](view);
    const layout = merge(paint(frame.layout, words), paint(content.axes, words));
    if (!content.traces.length) layout.annotations = [paint(frame.empty, words)];
    const data = content.traces.map(({ role, line, numbers }) => {
      const own = line
        ? { "@line": words[line.color], "@symbol": line.symbol, "@name": inert(line.name) } : {};
      return merge(paint(frame.traces[role], { ...words, ...own }), numbers);
    });
    return { data, layout };
  }

  /* ---- state: the address is the only place where it is kept ------------------------------- */

  const state = { run: 0, over: "", along: "", scale: "log", held: {}, case: null, find: "", sort: "", shown: FIRST_ROWS };

  function caseOf(identity) {
    const found = cases.identity.indexOf(identity);
    return found < 0 ? null : found;
  }

  function readAddress() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const run = runs.findIndex((entry) => entry.uid === wanted.get("run"));
    state.run = run < 0 ? runs.length - 1 : run;
    const view = runs[state.run].view;
    const allowed = (axis) => (varying(state.run).includes(axis) ? axis : view.over);
    state.over = allowed(wanted.get("over"));
    state.along = allowed(wanted.get("along"));
    state.scale = wanted.get("scale") === "linear" ? "linear" : "log";
    state.case = caseOf(wanted.get("case")) ?? view.case;
    state.find = wanted.get("find") ?? "";
    state.sort = wanted.get("sort") ?? "";
    state.held = { ...view.held };
    for (const axis of varying(state.run)) {
      const index = axes[axis].values.findIndex((value) => String(value) === wanted.get(axis));
      if (index >= 0) state.held[axis] = index;
    }
  }

  function writeAddress() {
    const view = runs[state.run].view;
    const said = new URLSearchParams();
    if (state.run !== runs.length - 1) said.set("run", runs[state.run].uid);
    if (state.over !== view.over) said.set("over", state.over);
    if (state.along !== view.over) said.set("along", state.along);
    if (state.scale !== "log") said.set("scale", state.scale);
    for (const axis of varying(state.run))
      if (state.held[axis] !== view.held[axis]) said.set(axis, axes[axis].values[state.held[axis]]);
    if (state.case !== view.case && state.case !== null) said.set("case", cases.identity[state.case]);
    if (state.find) said.set("find", state.find);
    if (state.sort) said.set("sort", state.sort);
    const hash = said.size ? `#${said}` : "";
    if (hash !== location.hash) history.replaceState(null, "", hash || "#");
  }

  const viewOf = (name) => ({
    run: state.run,
    over: name === "latency" ? state.along : state.over,
    held: state.held,
    case: state.case,
    scale: name === "latency" ? state.scale : "log",
  });

  function change(what) {
    Object.assign(state, what);
    writeAddress();
    show();
  }

  /* ---- the page's parts -------------------------------------------------------------------- */

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  const PATHS = {
    square: "M3 3h10v10H3z",
    circle: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z",
    diamond: "M8 1.5 14.5 8 8 14.5 1.5 8z",
    "triangle-up": "M8 2 14.5 13.5h-13z",
    cross: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
    star: "m8 1.5 1.9 4.4 4.7.4-3.6 3.1 1.1 4.6L8 11.6 3.9 14 5 9.4 1.4 6.3l4.7-.4z",
    hexagon: "M8 1.5 13.6 4.8v6.4L8 14.5 2.4 11.2V4.8z",
  };

  function marker(line) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const path = document.createElementNS(space, "path");
    const [, shape, open] = line.symbol.match(/^(.*?)((?:-open)?)(?:-dot)?$/);
    svg.setAttribute("viewBox", "0 0 16 16");
    svg.setAttribute("class", "marker");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", PATHS[shape]);
    path.style.color = `var(--${line.color.slice(1)})`;
    path.setAttribute("class", open ? "open" : "full");
    svg.append(path);
    return svg;
  }

  function selector(label, options, chosen, onchange) {
    const select = make("select", { onchange: (event) => onchange(event.target.value) },
      ...options.map(([value, text]) => make("option", { value, selected: value === chosen }, text)));
    select.name = label;
    return make("label", {}, `${label} `, select);
  }

  const plainTitle = (axis) => (axis === "resolution" ? "resolution" : axes[axis].title.split(" / ")[0]);

  function heldSelectors(over) {
    return varying(state.run).filter((axis) => axis !== over).map((axis) =>
      selector(plainTitle(axis),
        usedIndices(state.run, axis).map((i) => [String(i), String(axes[axis].values[i])]),
        String(state.held[axis]),
        (value) => change({ held: { ...state.held, [axis]: Number(value) } })));
  }

  function overSelector(key) {
    const options = varying(state.run).map((axis) => [axis, plainTitle(axis)]);
    if (!options.length) return null;
    return selector("along", options, state[key], (axis) => change({ [key]: axis }));
  }

  function showControls() {
    const keep = document.activeElement?.closest?.(".controls");
    const kept = keep && [keep.id, document.activeElement.name];
    const fill = (id, ...children) =>
      element(id).replaceChildren(...children.filter((child) => child !== null));
    fill("speedup-controls", overSelector("over"), ...heldSelectors(state.over));
    const scale = selector("scale", [["log", "logarithmic"], ["linear", "linear"]], state.scale,
      (value) => change({ scale: value }));
    fill("latency-controls", overSelector("along"), ...heldSelectors(state.along), scale);
    if (kept) element(kept[0]).querySelector(`select[name="${kept[1]}"]`)?.focus();
  }

  function showRun() {
    const run = runs[state.run];
    element("which").textContent = `${run.title} · ${run.machine} · ${run.environment}`;
    element("sentence").textContent = run.sentence;
    element("trust").textContent = `How sure: ${run.trust}.`;
    element("run-picker").replaceChildren(...(runs.length < 2 ? [] : [
      selector("run", runs.map((entry, i) => [String(i), `${i + 1}: ${entry.title}`]).reverse(),
        String(state.run), chooseRun)]));
    element("glance").replaceChildren(...run.headlines.map(glance));
    if (!run.headlines.length)
      element("glance").append(make("p", { class: "muted" }, "Nothing was measured in this run."));
    element("allocator-sentence").textContent = run.allocator?.sentence ?? "";
    element("allocator-card").hidden = !run.allocator;
    showFacts(run);
  }

  function chooseRun(index) {
    const run = Number(index);
    const { over, held, case: chosen } = runs[run].view;
    change({ run, over, along: over, held: { ...held }, case: chosen, shown: FIRST_ROWS });
  }

  /* ---- at a glance ------------------------------------------------------------------------- */

  function glance(headline) {
    const several = runs[state.run].headlines.length > 1 || headline.device !== "cpu";
    const caption = `At ${headline.shape}${several ? `, on ${headline.device}` : ""}; ` +
      "in brackets the 95 % interval";
    const found = headline.cases.map((wanted) =>
      rowsOfRun[state.run].find((row) => rows.case[row] === wanted));
    return make("table", { class: "glance" },
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...["conv type", "one call", "speed-up", "share of the promise"]
        .map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, ...found.map((row) => glanceRow(row, headline.leaders))));
  }

  function glanceRow(row, leaders) {
    const latency = estimate(row, "latency_s"), speedup = estimate(row, "realised_speedup");
    const leads = leaders.includes(rows.case[row]);
    const badge = leads ? make("span", { class: leaders.length === 1 ? "badge won" : "badge" },
      leaders.length === 1 ? "fastest" : "maybe fastest") : null;
    const name = make("th", { scope: "row" },
      make("span", { class: "name" }, marker(lineOf(row)), lineOf(row).name), badge);
    if (!latency) return make("tr", {}, name, make("td", { colspan: 3, class: "muted" }, reason(row)));
    return make("tr", {}, name,
      make("td", {}, ...stacked(latency, "latency_s")),
      make("td", {}, ...(lineOf(row).standard ? [make("span", { class: "muted" }, "1×")]
        : speedup ? stacked(speedup, "realised_speedup") : [make("span", { class: "muted" }, "not measured")])),
      make("td", {}, share(row, speedup)));
  }

  const stacked = (found, metric) => [
    make("strong", {}, formatValue(found, metric)), make("small", {}, bounds(found, metric))];

  function share(row, speedup) {
    const ideal = exact(row, "ideal");
    if (!speedup || !ideal || lineOf(row).standard) return "";
    const percent = (value) => (100 * value) / ideal;
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    const part = make("span", { class: "part" });
    part.style.width = `${Math.min(percent(speedup.value), 100)}%`;
    part.style.background = `var(--${lineOf(row).color.slice(1)})`;
    bar.append(part);
    if (speedup.low !== null) {
      const whisker = make("span", { class: "whisker" });
      whisker.style.left = `${Math.min(percent(speedup.low), 100)}%`;
      whisker.style.right = `${100 - Math.min(percent(speedup.high), 100)}%`;
      bar.append(whisker);
    }
    return make("span", { class: "share" }, bar,
      make("small", {}, make("b", {}, `${Math.round(percent(speedup.value))} %`), ` of ${formatRatio(ideal)}`));
  }

  /* ---- all cases --------------------------------------------------------------------------- */

  const orNull = (row, metric) => estimate(row, metric)?.value ?? null;
  const shareOf = (row) => {
    const speedup = orNull(row, "realised_speedup"), ideal = exact(row, "ideal");
    return speedup === null || !ideal || lineOf(row).standard ? null : speedup / ideal;
  };
  const reason = (row) => {
    const error = rows.error[row];
    const status = statuses[rows.status[row]].replaceAll("_", " ");
    return error === null ? status : `${status}: ${errors[error]}`;
  };

  function columns() {
    const value = (key, title, read, text, numeric = true) => ({ key, title, read, text, numeric });
    const swept = varying(state.run).map((axis) =>
      value(axis, plainTitle(axis), (row) => axisIndex(row, axis), (row) => String(axisValue(row, axis)),
        typeof axes[axis].values[0] !== "string"));
    const timed = (key, title, metric) => value(key, title, (row) => orNull(row, metric), (row) => {
      const found = estimate(row, metric);
      return found ? stacked(found, metric) : "–";
    });
    const work = (key, title, format) => value(key, title, (row) => exact(row, key),
      (row) => (exact(row, key) === null ? "–" : format(exact(row, key))));
    return [
      value("line", "conv type", (row) => cases.line[rows.case[row]], null, false),
      ...swept,
      timed("latency", "latency", "latency_s"),
      timed("speedup", "speed-up", "realised_speedup"),
      work("ideal", "ideal", formatRatio),
      value("share", "share", shareOf, (row) => (shareOf(row) === null ? "–" : `${Math.round(100 * shareOf(row))} %`)),
      work("params", "params", formatCount),
      work("flops", "FLOPs", formatCount),
      value("status", "status", (row) => rows.status[row], reason, false),
    ];
  }

  function searched() {
    const words = state.find.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [...rowsOfRun[state.run]];
    return rowsOfRun[state.run].filter((row) => {
      const parts = AXIS_NAMES.map((axis) => `${axis} ${axisValue(row, axis)}`);
      const text = [cases.label[rows.case[row]], lineOf(row).name, reason(row), ...parts].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
  }

  function sorted(members, shownColumns) {
    const descending = state.sort.startsWith("-");
    const column = shownColumns.find(({ key }) => key === state.sort.replace(/^-/, ""));
    if (!column) {
      const order = [...varying(state.run), "line"];
      const keys = new Map(members.map((row) => [row, order.map((key) => cases[key][rows.case[row]])]));
      return members.sort((a, b) => {
        const [first, second] = [keys.get(a), keys.get(b)];
        const i = first.findIndex((key, n) => key !== second[n]);
        return i < 0 ? 0 : first[i] - second[i];
      });
    }
    const keys = new Map(members.map((row) => [row, column.read(row)]));
    return members.sort((a, b) => {
      const [first, second] = [keys.get(a), keys.get(b)];
      if (first === null || second === null) return (first === null) - (second === null);
      return descending ? second - first : first - second;
    });
  }

  function headerCell({ key, title, numeric }) {
    const [descending, sortedBy] = [state.sort === `-${key}`, state.sort.replace(/^-/, "") === key];
    const next = state.sort === key ? `-${key}` : descending ? "" : key;
    const button = make("button", { type: "button", "data-sort": key, onclick: () => {
      change({ sort: next, shown: FIRST_ROWS });
      element("table").querySelector(`[data-sort="${key}"]`).focus();
    } }, title, make("span", { class: "arrow", "aria-hidden": "true" }, sortedBy ? (descending ? "▼" : "▲") : ""));
    return make("th", { scope: "col", class: numeric ? "number" : null,
      "aria-sort": sortedBy ? (descending ? "descending" : "ascending") : null }, button);
  }

  function tableRow(row, shownColumns, isReachable) {
    const chosen = rows.case[row] === state.case;
    const status = statuses[rows.status[row]];
    const button = make("button", { type: "button", class: "pick", "data-case": rows.case[row],
      "aria-pressed": String(chosen), tabindex: isReachable ? "0" : "-1" },
    marker(lineOf(row)), lineOf(row).name);
    const cells = shownColumns.slice(1).map(({ key, text, numeric }) => {
      const content = text(row);
      return make("td", { class: numeric ? "number" : key === "status" ? `status ${status}` : null },
        ...(Array.isArray(content) ? content : [content]));
    });
    return make("tr", { class: chosen ? "chosen" : null }, make("th", { scope: "row" }, button), ...cells);
  }

  function showTable() {
    const shownColumns = columns();
    const found = sorted(searched(), shownColumns);
    const shown = found.slice(0, state.shown);
    const reachable = shown.find((row) => rows.case[row] === state.case) ?? shown[0];
    const fixed = AXIS_NAMES.filter((axis) => !varying(state.run).includes(axis) && rowsOfRun[state.run].length)
      .slice(0, 7).map((axis) => `${plainTitle(axis)} ${axisValue(rowsOfRun[state.run][0], axis)}`);
    element("cases-note").textContent =
      `${found.length} of ${rowsOfRun[state.run].length} cases. In all of them: ${fixed.join(", ")}. ` +
      "Choose a case to see its history.";
    element("table").replaceChildren(found.length
      ? make("table", { class: "cases" },
        make("thead", {}, make("tr", {}, ...shownColumns.map(headerCell))),
        make("tbody", {}, ...shown.map((row) => tableRow(row, shownColumns, row === reachable))))
      : make("p", { class: "muted empty" }, state.find
        ? "No case has all of these words. Try fewer, such as: depthwise 64"
        : "This run has no cases. Type: sepconv quick"));
    const rest = found.length - shown.length;
    element("more").hidden = rest <= 0;
    element("more").textContent = `Show ${Math.min(rest, MORE_ROWS)} more of ${rest}`;
    if (element("search").value !== state.find) element("search").value = state.find;
  }

  function choose(index, isFocused = false) {
    state.case = index;
    writeAddress();
    for (const button of element("table").querySelectorAll(".pick")) {
      const isChosen = Number(button.dataset.case) === index;
      button.setAttribute("aria-pressed", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
      button.closest("tr").classList.toggle("chosen", isChosen);
      if (isChosen && isFocused) button.focus();
    }
    showHistoryNote();
    redraw("promise", "history");
  }

  function moveInTable(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (!(event.key in steps) || !event.target.classList.contains("pick")) return;
    const buttons = [...element("table").querySelectorAll(".pick")];
    const next = buttons[buttons.indexOf(event.target) + steps[event.key]];
    if (!next) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  /* ---- history, facts ---------------------------------------------------------------------- */

  function showHistoryNote() {
    const label = state.case === null ? "" : cases.label[state.case];
    const seen = new Set(rows.run.filter((_, row) => rows.case[row] === state.case && estimate(row, "latency_s")));
    const alike = [...seen].filter((run) => runs[run].class === runs[state.run].class).length;
    const counted = `${alike} run${alike === 1 ? "" : "s"} on this machine in this environment` +
      (seen.size > alike ? `, ${seen.size - alike} in others (dotted)` : "");
    const few = seen.size === 1 ? "one run: no history yet; run `sepconv quick` again after a change" : counted;
    element("history-note").textContent = seen.size
      ? `${label}: ${few}.`
      : `${label ? `${label}: ` : ""}no run has a latency of it.`;
    element("history").hidden = !seen.size;
  }

  function showFacts(run) {
    const groups = run.facts.filter(([, facts]) => facts.length).map(([name, facts]) =>
      make("div", {}, make("h3", {}, name), make("dl", {},
        ...facts.flatMap(([label, text]) => [make("dt", {}, label), make("dd", {}, text)]))));
    element("run").replaceChildren(make("div", { class: "facts" }, ...groups, timing(run)), failures());
  }

  function timing(run) {
    const total = run.timing.reduce((sum, [, seconds]) => sum + seconds, 0);
    if (!total) return "";
    return make("div", {}, make("h3", {}, "Where the time went"), make("dl", { class: "timing" },
      ...run.timing.flatMap(([name, seconds]) => {
        const bar = make("span", { class: "bar", "aria-hidden": "true" }, make("span", { class: "part" }));
        bar.firstChild.style.width = `${(100 * seconds) / total}%`;
        return [make("dt", {}, name), make("dd", {}, `${significant(seconds)} s`, bar)];
      })));
  }

  function failures() {
    const byReason = new Map();
    for (const row of rowsOfRun[state.run])
      if (statuses[rows.status[row]] !== "ok")
        byReason.set(reason(row), [...(byReason.get(reason(row)) ?? []), cases.label[rows.case[row]]]);
    const reasons = [...byReason].map(([text, labels]) => [text, labels.length, labels.slice(0, 6)]);
    const items = [...reasons, ...runs[state.run].unsupported].map(([text, count, labels]) =>
      make("li", {}, make("b", {}, text), ` (${count} case${count === 1 ? "" : "s"}): `,
        make("span", { class: "muted" }, labels.join(", ") + (count > labels.length ? ", …" : ""))));
    return make("div", { class: "failures" }, make("h3", {}, "What went less than well"),
      items.length ? make("ul", {}, ...items) : make("p", { class: "muted" }, "Nothing: every case is ok."));
  }

  /* ---- drawing ----------------------------------------------------------------------------- */

  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const theme = () => (darkness.matches && !printing.matches ? "dark" : "light");
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: "reset" };

  function redraw(...names) {
    if (!window.Plotly || !runs.length) return;
    for (const name of names) {
      if (element(name).closest("[hidden]")) continue;
      const { data, layout } = draw(name, viewOf(name), theme());
      if (element(name).clientWidth < 420) layout.margin = { ...layout.margin, l: 44, r: 8 };
      Plotly.react(element(name), data, layout, CONFIG);
    }
  }

  const redrawAll = () => redraw("speedup", "latency", "promise", "allocator", "history");

  function show() {
    showRun();
    showControls();
    showTable();
    showHistoryNote();
    redrawAll();
  }

  function listen() {
    element("table").addEventListener("click", (event) => {
      const button = event.target.closest("tr")?.querySelector(".pick");
      if (button && !event.target.closest("thead")) choose(Number(button.dataset.case), true);
    });
    element("table").addEventListener("keydown", moveInTable);
    element("search").addEventListener("input", (event) => {
      Object.assign(state, { find: event.target.value, shown: FIRST_ROWS });
      writeAddress();
      showTable();
    });
    element("more").addEventListener("click", () => {
      state.shown += MORE_ROWS;
      showTable();
    });
    element("events").addEventListener("click", (event) => {
      const found = caseOf(event.target.closest("[data-case]")?.dataset.case);
      if (found === null) return;
      event.preventDefault();
      choose(found);
      element("history-title").scrollIntoView();
    });
    document.querySelector("[data-jump]").addEventListener("click", (event) => {
      event.preventDefault();
      element(event.target.dataset.jump).focus();
    });
    addEventListener("hashchange", () => {
      readAddress();
      show();
    });
    darkness.addEventListener("change", redrawAll);
    printing.addEventListener("change", redrawAll);
  }

  /* The page is painted before 5 MB of plotly are compiled. */
  function loadPlotly() {
    requestAnimationFrame(() => setTimeout(() => {
      const script = document.createElement("script");
      script.textContent = element("plotly-source").textContent;
      element("plotly-source").remove();
      document.body.append(script);
      redrawAll();
      element("promise").on?.("plotly_click", ({ points: [point] }) => {
        if (point.customdata !== undefined) choose(point.customdata);
      });
      document.documentElement.dataset.ready = "yes";
    }));
  }

  if (runs.length) {
    readAddress();
    listen();
    show();
  } else {
    document.body.classList.add("no-runs");
    element("sentence").textContent = "There is no run yet. Type: sepconv quick";
  }

  return { loadPlotly: runs.length ? loadPlotly : () => { document.documentElement.dataset.ready = "yes"; },
    draw: (name) => draw(name, viewOf(name), "light"), significant, formatSeconds, formatRatio };
})();
