"use strict";
/* Case: everything that is known of one case. */
((sepconv) => {
  const { doc, cases, runs, series, units, dom } = sepconv;
  const { make } = dom;
  const METRIC = { latency: "latency_s", speedup: "realised_speedup" };
  const MOST_NEIGHBOURS = 16; // values of one axis at once
  let parts = null;

  /* Without a choice, the first case of the class that has something to compare. */
  function chosen(state) {
    if (state.case !== null) return state.case;
    const members = series.inClass(state.class);
    const each = members.find((one) => series.newest(one).speedup) ?? members[0];
    return each === undefined ? null : series.case[each];
  }

  /* ---- where it is among the others ----------------------------------------------------------------- */

  const link = (index, text, more = {}) => make("a", { href: sepconv.href({ case: index }), ...more }, text);

  function neighbours(index, group) {
    const model = sepconv.filter.modelOf(group);
    return model.axes.map((axis) => {
      const shape = cases.shapeOf(index, axis), line = cases.lineIndex(index);
      const along = model.members.map((each) => series.case[each])
        .filter((other) => cases.lineIndex(other) === line && cases.shapeOf(other, axis) === shape)
        .sort((one, other) => cases.axisIndex(one, axis) - cases.axisIndex(other, axis));
      return [cases.axisTitle(axis), along.map((other) => [other, String(cases.axis(other, axis))])];
    });
  }

  const formsOf = (index, group) => ["conv type", cases.sameShape(index).filter((other) => series.of(other, group) !== null)
    .sort((one, other) => cases.lineIndex(one) - cases.lineIndex(other)).map((other) => [other, cases.line(other).name])];

  /* Around the case itself, if there are many. */
  function near(entries, index) {
    if (entries.length <= MOST_NEIGHBOURS) return entries;
    const at = entries.findIndex(([other]) => other === index);
    const from = Math.max(0, Math.min(at - MOST_NEIGHBOURS / 2, entries.length - MOST_NEIGHBOURS));
    return entries.slice(from, from + MOST_NEIGHBOURS);
  }

  function place(index, group) {
    const rows = [formsOf(index, group), ...neighbours(index, group)].filter(([, entries]) => entries.length > 1);
    return make("dl", { class: "neighbours" }, rows.map(([title, entries]) => [make("dt", {}, title),
      make("dd", {}, near(entries, index).map(([other, text]) => (other === index
        ? make("b", { "aria-current": "true" }, text) : link(other, text))))]));
  }

  function steps(index, group) {
    const order = sepconv.filter.filter(sepconv.filter.modelOf(group), { find: "", sort: "" }).found.map((each) => series.case[each]);
    const at = order.indexOf(index);
    const step = (to, text, rel) => (order[to] === undefined || at < 0 ? null : link(order[to], text, { class: "button", rel, title: cases.label(order[to]) }));
    return [step(at - 1, "← Previous", "prev"), step(at + 1, "Next →", "next")];
  }

  function elsewhere(index, line) {
    const to = (view, text, more = {}) => make("a", { class: "button", href: sepconv.href({ view, case: index, ...more }) }, text);
    return [to("explore", "In Explore", { find: line.name }), to("surface", "On the surface"), to("roofline", "Under the roof"), to("compare", "Compare runs")];
  }

  function head(index, state) {
    const line = cases.line(index);
    return make("div", { class: "case-head" },
      make("div", { class: "bar-row" }, make("h1", { tabindex: "-1" }, dom.marker(line), " ", cases.label(index)),
        make("nav", { class: "steps", "aria-label": "Other cases" }, steps(index, state.class))),
      place(index, state.class), make("p", { class: "elsewhere" }, elsewhere(index, line)));
  }

  /* ---- the newest values ---------------------------------------------------------------------------------- */

  const tile = (title, content, note = null) => make("div", { class: "tile" }, make("h2", {}, title), make("p", {}, content), note && make("small", {}, note));
  const big = (found, metric) => [make("strong", {}, units.formatValue(found, metric)), " ", make("small", {}, units.formatBounds(found, metric))];

  function tiles(index, each) {
    const { run, status, error, latency, speedup } = series.newest(each);
    const change = series.change(each), ideal = cases.work(index, "ideal"), { standard } = cases.line(index);
    return make("div", { class: "tiles" },
      latency ? tile("latency of one call", big(latency, "latency_s"), "95 % interval") : null,
      speedup && !standard ? tile("speed-up over standard", big(speedup, "realised_speedup"), ideal === null ? null
        : `${Math.round((100 * speedup.value) / ideal)} % of the ideal ${units.formatRatio(ideal)}`) : null,
      change ? tile("against the point before", [make("strong", {}, units.formatChange(change.value)), " ",
        make("small", {}, `[${units.formatChange(change.low)}, ${units.formatChange(change.high)}]`)],
      `${series.outcome(each)}, by runs alone`) : null,
      tile("newest", [dom.statusBadge(status), " ", make("a", { href: sepconv.href({ view: "run", run }) }, runs.tick(run))], runs.started(run)),
      error ? make("p", { class: "slower reason" }, error) : null);
  }

  /* ---- history ---------------------------------------------------------------------------------------------- */

  const seriesOf = (index) => doc.classes.map((_, group) => [group, series.of(index, group)]).filter(([, each]) => each !== null);

  /* One series as the figure takes it: {here, name, points: [{at, x, estimate, about, run?}]}. */
  async function ofRuns(index, group, metric) {
    const found = await Promise.all(seriesOf(index).map(async ([other, each]) => ({
      here: other === group,
      name: other === group ? "this machine and environment" : runs.className(other, group),
      points: (await sepconv.history(each)).filter((point) => point[metric]).map((point) => ({
        at: point.run, x: runs.tick(point.run), estimate: point[metric], run: point.run,
        about: [runs.subject(point.run) ?? "no commit", runs.started(point.run)] })),
    })));
    return found.filter(({ points }) => points.length).sort((one, other) => Number(other.here) - Number(one.here));
  }

  /* Those that hold for this machine and environment are drawn first; else those that go on longest. */
  async function ofNights(index, group) {
    const found = await sepconv.nights.history(index), own = doc.classes[group]?.ratio_group;
    const here = Math.max(0, found.findIndex((each) => each.group === own));
    return found.map((each, i) => nightSeries(each, i === here)).sort((one, other) => Number(other.here) - Number(one.here));
  }

  const nightSeries = ({ name, points }, here) => ({
    here, name,
    points: points.map(({ night, ratio }) => ({ at: night, x: sepconv.nights.tick(night), estimate: ratio, about: sepconv.nights.describe(night) })),
  });

  const spellEstimate = (estimate, y) => (y === "ratio"
    ? `${units.formatChange(estimate.value)}${estimate.low === null ? "" : ` [${units.formatChange(estimate.low)}, ${units.formatChange(estimate.high)}]`} by the reference`
    : units.spell(estimate, METRIC[y]));

  function historyTrace({ here, name, points }, index, y) {
    const estimates = points.map((point) => point.estimate);
    return { role: here ? "here" : "elsewhere", line: cases.line(index), numbers: {
      name: dom.inert(name),
      x: points.map((point) => dom.inert(point.x)),
      y: estimates.map((each) => each.value),
      error_y: { array: estimates.map((each) => (each.high === null ? null : each.high - each.value)),
        arrayminus: estimates.map((each) => (each.low === null ? null : each.value - each.low)) },
      text: points.map(({ estimate, about }) => [spellEstimate(estimate, y), ...about.map(dom.inert)].join("<br>")),
      customdata: points.map((point) => point.run ?? null),
      marker: { size: points.length > 60 ? 5 : 9 },
    } };
  }

  const eventsOf = (index) => doc.events.filter((event) => event.cases.includes(index));

  /* Where events began, as lines from `bottom` to `top`; `places` are [index, tick], ascending. */
  function eventTraces(index, key, places, [bottom, top]) {
    return eventsOf(index).filter((event) => event.marked && event[key] !== null && event[key] >= places[0]?.[0]).flatMap((event) => {
      const next = places.find(([at]) => at >= event[key]);
      if (next === undefined) return [];
      const x = dom.inert(next[1]), text = dom.inert(`${event.title}: ${event.change}; ${event.state}`);
      return [{ role: "event", numbers: { x: [x, x], y: [bottom, top], text: ["", dom.inert(sepconv.plot.eventName(event.number ?? ""))], hovertext: [text, text] } }];
    });
  }

  /* Latencies and speed-ups are seen from zero on; a ratio is seen around its values and 1. */
  function reach(found, y) {
    const all = found.flatMap(({ points }) => points.map(({ estimate: { value, low, high } }) => [low ?? value, high ?? value]));
    const top = Math.max(0, ...all.map(([, high]) => high));
    if (y !== "ratio") return [0, doc.figures.history.above * top];
    const low = Math.min(1, ...all.map(([each]) => each)), high = Math.max(1, top);
    return [low, high + (doc.figures.history.above - 1) * (high - low)];
  }

  const WORDS = { latency: "Latency", speedup: "Speed-up", ratio: "Ratio to the reference" };

  async function historyContent(index, state) {
    const isRatio = state.y === "ratio";
    const found = await (isRatio ? ofNights(index, state.class) : ofRuns(index, state.class, state.y));
    const places = [...new Map(found.flatMap(({ points }) => points.map(({ at, x }) => [at, x])))].sort(([a], [b]) => a - b);
    const traces = [...found.map((each) => historyTrace(each, index, state.y)),
      ...eventTraces(index, isRatio ? "night" : "run", places, reach(found, state.y))];
    return { traces, found,
      axes: { xaxis: { ...doc.figures.history.along[state.y], tickangle: 0, nticks: 9, categoryorder: "array", categoryarray: places.map(([, x]) => dom.inert(x)) },
        yaxis: doc.figures.history.scales[state.y] },
      shapes: isRatio && found.length ? [doc.figures.history.even] : [],
      label: `${WORDS[state.y]} of ${cases.label(index)} over ${units.formatNumber(places.length, isRatio ? "night" : "run")}` };
  }

  function historyNote(found, y) {
    const count = (each) => each.reduce((sum, { points }) => sum + points.length, 0);
    const here = count(found.filter((each) => each.here)), others = count(found.filter((each) => !each.here));
    if (y === "ratio") return `${units.formatNumber(here, "night")}, each in turns with the reference, so that what the machine does is not in it: alarms rest on this.${others ? ` ${others} more on other machines or by another reference (dotted).` : ""}`;
    if (here + others <= 1) return "One run: no history yet. Run sepconv quick again after a change.";
    return `${units.formatNumber(here, "run")} on this machine in this environment${others ? `, ${others} in others (dotted)` : ""}.`;
  }

  async function showHistory(index, state) {
    const own = parts;
    const content = await historyContent(index, state);
    if (own !== parts) return;
    parts.historyNote.textContent = historyNote(content.found, state.y);
    await sepconv.plot(parts.history, "history", content, { onClick: ({ customdata }) => {
      if (Number.isInteger(customdata)) sepconv.go({ view: "run", run: customdata }, { push: true });
    } });
  }

  function historyCard(index, state) {
    const ratio = sepconv.nights.has(index) ? [["ratio", "by the reference"]] : [];
    const [figure, note] = [make("div", { class: "figure" }), make("p", { class: "note" })];
    parts = { history: figure, historyNote: note };
    return make("section", { class: "card", "aria-label": "History" },
      make("div", { class: "bar-row" }, make("h2", {}, "History"), make("div", { class: "controls" },
        dom.choice("of what", [["latency", "latency"], ["speedup", "speed-up"], ...ratio], state.y, (y) => sepconv.go({ y })))), figure, note);
  }

  /* ---- events, costs, place of measurement -------------------------------------------------------------------- */

  function eventItem(event, index) {
    const at = event.cases.indexOf(index), ratio = event.ratios?.[at];
    return make("li", { class: event.alarm ? "event alarm" : "event" },
      make("p", {}, make("b", {}, event.title), " ", event.change, " ", make("span", { class: "muted" }, event.standing ?? event.state)),
      ratio ? make("p", { class: "note" }, `This case: ${units.formatChange(ratio)}`) : null,
      event.commits.length ? make("details", {}, make("summary", { class: "note" }, units.formatNumber(event.commits.length + (event.hidden_commits ?? 0), "commit")),
        make("ul", {}, event.commits.map(([commit, subject]) => make("li", {}, make("code", {}, commit.slice(0, 10)), " ", subject)))) : null,
      (event.notes ?? []).map((note) => make("p", { class: "note" }, `${note.at.slice(0, 10)} ${note.state} by ${note.author}${note.reason ? `: ${note.reason}` : ""}`)));
  }

  function eventCard(index) {
    const found = eventsOf(index);
    return make("section", { class: "card", "aria-label": "Events" }, make("h2", {}, "Events of this case"),
      found.length ? make("ul", { class: "case-events" }, found.map((event) => eventItem(event, index)))
        : dom.empty("None. Histories are looked through by sepconv nightly, or now by:", "sepconv events --update"));
  }

  function layersOf(index) {
    const chain = doc.case?.chains?.[doc.case.chain[index]];
    return chain?.map(([name, params, macs]) => ({ name: doc.case.layer_names[name], params, macs })) ?? [];
  }

  const percent = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");

  function layerTable(layers) {
    const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);
    const row = (cells, tag = "td") => make("tr", {}, cells.map((cell, i) => make(i ? tag : "th",
      { scope: i ? (tag === "th" ? "col" : null) : tag === "th" ? "col" : "row", class: i ? "number" : null }, cell)));
    return make("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": "Layer by layer" }, make("table", { class: "plain-table layer-table" },
      make("caption", {}, "Layer by layer, of the whole batch"),
      make("thead", {}, row(["layer", "params", "MACs", "FLOPs", "share"], "th")),
      make("tbody", {}, layers.map((layer) => row([layer.name, units.formatCount(layer.params), units.formatCount(layer.macs),
        units.formatCount(2 * layer.macs), percent(layer.macs, macs)])))));
  }

  const COSTS = [["params", "parameters", (n) => units.formatCount(n)], ["macs", "multiply-adds", units.formatCount], ["flops", "FLOPs (2 per multiply-add)", units.formatCount],
    ["bytes", "bytes moved", units.formatBytes], ["ideal", "ideal speed-up", units.formatRatio]];

  function costCard(index) {
    const known = COSTS.filter(([name]) => cases.work(index, name) !== null);
    const layers = layersOf(index), each = series.of(index, sepconv.state.class);
    const latency = each === null ? null : series.newest(each).latency, flops = cases.work(index, "flops");
    return make("section", { class: "card", "aria-label": "Cost" }, make("h2", {}, "What it costs on paper"),
      known.length ? make("dl", {}, known.map(([name, title, format]) => [make("dt", {}, title), make("dd", {}, format(cases.work(index, name)))]),
        flops && latency ? [make("dt", {}, "achieved"), make("dd", {}, units.formatRate(flops / latency.value, "FLOP/s"))] : null)
        : layers.length ? null : dom.empty("Nothing is known of its cost: its conv type has no closed form here."),
      layers.length ? layerTable(layers) : null);
  }

  function placeCard(index, each) {
    const { run } = series.newest(each), { machine_label: machine, environment_label: environment } = doc.classes[doc.runs.class[run]];
    const facts = [["machine", machine], ["environment", environment], ["run", make("a", { href: sepconv.href({ view: "run", run }) }, runs.title(run))],
      ["commit", runs.commit(run) ? `${runs.commit(run)} ${runs.subject(run) ?? ""}` : "none"], ["case", cases.identity(index)]];
    return make("section", { class: "card", "aria-label": "Where" }, make("h2", {}, "Where it was measured"),
      make("dl", {}, facts.map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      make("h3", { class: "again" }, "To measure it again"), dom.command(cases.commandFor(index, run)));
  }

  /* ---- the whole --------------------------------------------------------------------------------------------------- */

  const nowhere = (index, group) => dom.empty(`${cases.label(index)} was never tried on this machine in this environment (${runs.className(group)}). To try it, type:`, cases.commandFor(index));

  /* A case without nights is shown by its latency. */
  const shownState = (state, index) => (state.y === "ratio" && !sepconv.nights.has(index) ? { ...state, y: "latency" } : state);

  /* Whoever pressed something finds it again, or the name of the case. */
  function focusedIn(root) {
    const at = document.activeElement;
    if (!root.contains(at)) return null;
    return at.rel ? `a[rel="${at.rel}"]` : at.dataset.value ? `button[data-value="${at.dataset.value}"]` : "h1";
  }

  function build(root, index, state) {
    const focused = focusedIn(root), each = series.of(index, state.class);
    const history = historyCard(index, state);
    root.replaceChildren(head(index, state), each === null ? nowhere(index, state.class) : tiles(index, each), history,
      make("div", { class: "pair" }, eventCard(index), costCard(index)),
      sepconv.rounds?.card(index, state.class) ?? "",
      each === null ? "" : placeCard(index, each));
    if (focused) (root.querySelector(focused) ?? root.querySelector("h1")).focus({ preventScroll: focused !== "h1" });
  }

  sepconv.view({
    name: "case",
    title: "Case",
    picks: ["class"],
    keys: { y: { default: "latency", parse: (text) => (Object.hasOwn(WORDS, text) ? text : undefined) } },
    async show(root, wanted) {
      if (sepconv.lost.includes("case")) {
        root.replaceChildren(dom.empty("The case of this link is not in this page, which may have been made of a part of the store. To make one of all of it, type:", "sepconv report"));
        return;
      }
      const index = chosen(wanted), state = shownState(wanted, index);
      if (index === null) {
        root.replaceChildren(dom.empty("No case was tried on this machine in this environment. To measure something, type:", "sepconv quick"));
        return;
      }
      build(root, index, state);
      sepconv.plot.sweep();
      await Promise.all([showHistory(index, state), sepconv.rounds?.show()]);
    },
    leave() { parts = null; },
  });
})(window.sepconv ??= {});
