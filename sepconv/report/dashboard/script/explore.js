"use strict";
/* Explore: every case of the class, to search, filter, sort and draw. */
((sepconv) => {
  const { doc, cases, series, units, dom } = sepconv;
  const { make } = dom;
  const { modelOf, filter, share, facetKeys } = sepconv.filter;
  const COUNT_MS = 90; // after the last key: how many cases each choice would leave
  const DRAW_MS = 120; // after the last key, so that who types or steps through rows does not wait
  const REST_MS = 400; // without a figure drawn, the next one is drawn at once
  const SPARK_WIDTH = 92, SPARK_HEIGHT = 22;
  let shown = null; // what is on the page: {group, model, table, parts, …}

  /* ---- cells ------------------------------------------------------------------------------------------ */

  const plusMinus = ({ value, low, high }) => (low === null || high === null ? "" : ` ±${units.significant((50 * (high - low)) / value, 2)} %`);

  function estimate(found, metric) {
    if (!found) return make("span", { class: "muted" }, "–");
    return make("span", { title: units.spell(found, metric) }, units.formatValue(found, metric), make("small", {}, plusMinus(found)));
  }

  const CLASSES = { slower: "slower", faster: "faster" };
  function change(each) {
    const found = series.change(each);
    if (!found) return make("span", { class: "muted" }, series.outcome(each));
    const outcome = series.outcome(each);
    return make("span", { class: CLASSES[outcome], title: `${outcome}: ${units.spell(found, "realised_speedup")} of the point before` },
      outcome === "slower" ? "▲ " : outcome === "faster" ? "▼ " : null, units.formatChange(found.value), make("small", {}, plusMinus(found)));
  }

  const sparks = new Map();
  function sparkPath(each) {
    if (sparks.has(each)) return sparks.get(each);
    const all = series.spark(each), slots = Math.min(all.length, sepconv.runs.ofClass(shown.group).length);
    const heights = all.subarray(all.length - slots); // no room for runs that there never were
    const step = SPARK_WIDTH / (slots - 1 || 1);
    let path = "", isOpen = false;
    heights.forEach((height, i) => {
      if (!height) { isOpen = false; return; }
      const y = (SPARK_HEIGHT - 2 - ((SPARK_HEIGHT - 4) * (height - 1)) / 254).toFixed(1), x = (i * step).toFixed(1);
      path += `${isOpen ? "L" : "M"}${x} ${y}`;
      if (!isOpen && !heights[i + 1]) path += "h0";
      isOpen = true;
    });
    sparks.set(each, path);
    return path;
  }

  function sparkline(each) {
    const path = sparkPath(each);
    if (!path) return "";
    return dom.draw("svg", { class: "spark", viewBox: `-2 0 ${SPARK_WIDTH + 4} ${SPARK_HEIGHT}`, width: SPARK_WIDTH, height: SPARK_HEIGHT, "aria-hidden": "true" },
      dom.draw("path", { d: path }));
  }

  const shareText = (each) => (share(each) === null ? "–" : `${Math.round(100 * share(each))} %`);
  const idealText = (each) => {
    const ideal = cases.work(series.case[each], "ideal");
    return ideal === null || cases.line(series.case[each]).standard ? "–" : units.formatRatio(ideal);
  };

  function status(each) {
    const { status: word, error } = series.newest(each);
    return make("span", { class: series.isMeasured(word) ? "muted" : "slower", title: error }, word.replaceAll("_", " "));
  }

  function columnsOf({ axes }) {
    const caseOf = (each) => series.case[each];
    return [
      { key: "form", title: "conv type", width: 23,
        link: (each) => sepconv.caseHref(caseOf(each)),
        cell: (each) => [dom.marker(cases.line(caseOf(each))), make("span", { class: "cut" }, cases.line(caseOf(each)).name)] },
      ...axes.map((axis) => ({ key: axis, title: cases.axisTitle(axis), width: widthOf(axis), numeric: isNumeric(axis),
        cell: (each) => String(cases.axis(caseOf(each), axis)) })),
      { key: "latency", title: "latency", width: 15, numeric: true, cell: (each) => estimate(series.newest(each).latency, "latency_s") },
      { key: "change", title: "change", hint: "against the point before, by runs alone", width: 14, numeric: true, cell: change },
      { key: "spark", title: "history", width: 15, sortable: false, cell: sparkline },
      { key: "speedup", title: "speed-up", hint: "over standard at the same shape", width: 14, numeric: true, cell: (each) => estimate(series.newest(each).speedup, "realised_speedup") },
      { key: "ideal", title: "ideal", hint: "by multiply-adds", width: 7, numeric: true, cell: idealText },
      { key: "share", title: "share", hint: "of the ideal speed-up that is realised", width: 7, numeric: true, cell: shareText },
      { key: "status", title: "status", width: 10, cell: status },
    ];
  }

  const isNumeric = (axis) => doc.axes[axis].values.every((value) => typeof value === "number");
  const widthOf = (axis) => Math.max(cases.axisTitle(axis).length + 2, ...doc.axes[axis].values.map((value) => String(value).length + 3));

  /* ---- what leaves the page: all that was found ---------------------------------------------------------- */

  const EXPORTED = ["case", "conv type", "status", "latency_s", "latency_s_low", "latency_s_high", "change", "change_low", "change_high",
    "speedup", "speedup_low", "speedup_high", "ideal_speedup", "params", "macs", "flops", "run", "commit"];

  function exported() {
    const { axes } = shown.model;
    const three = (found) => [found?.value ?? null, found?.low ?? null, found?.high ?? null];
    const rows = shown.table.rows.map((each) => {
      const index = series.case[each], { run, status: word, latency, speedup } = series.newest(each);
      return [...axes.map((axis) => cases.axis(index, axis)), cases.label(index), cases.line(index).name, word,
        ...three(latency), ...three(series.change(each)), ...three(speedup),
        ...["ideal", "params", "macs", "flops"].map((name) => cases.work(index, name)), doc.runs.uid[run], doc.runs.commit[run]];
    });
    return [[...axes, ...EXPORTED], rows];
  }

  function readable() {
    const columns = columnsOf(shown.model).filter(({ key }) => key !== "spark");
    const text = (content) => [content].flat().map((part) => (typeof part === "string" ? part : part.textContent)).join("");
    return [columns.map(({ title }) => title), shown.table.rows.map((each) => columns.map(({ cell }) => text(cell(each))))];
  }

  const exports = () => [
    make("button", { type: "button", onclick: () => sepconv.download("cases.csv", sepconv.csv(...exported()), "text/csv") }, "CSV"),
    make("button", { type: "button", onclick: () => sepconv.download("cases.md", sepconv.markdown(...readable()), "text/markdown") }, "Markdown"),
    make("button", { type: "button", onclick: (event) => dom.confirm(event.target, sepconv.copy(sepconv.link())) }, "Copy link"),
  ];

  /* ---- facets ----------------------------------------------------------------------------------------------- */

  function toggle(key, value) {
    const chosen = sepconv.state[key];
    sepconv.go({ [key]: chosen.includes(value) ? chosen.filter((each) => each !== value) : [...chosen, value] });
  }

  let counting = null;
  function showCounts(state, counts) {
    clearTimeout(counting);
    const own = shown, choices = JSON.stringify(facetKeys.map((key) => state[key]));
    if (own.choices !== choices) own.facets.show(state, counts);
    else counting = setTimeout(() => own.facets.show(state, counts), COUNT_MS);
    own.choices = choices;
  }

  const NOTHING = Object.fromEntries(["find", ...facetKeys].map((key) => [key, key === "find" ? "" : []]));
  const isFiltered = (state) => state.find !== "" || facetKeys.some((key) => state[key].length);

  /* ---- the graph's controls ----------------------------------------------------------------------------------- */

  function graphControls(state, axes) {
    const along = [["runs", "runs"], ...axes.map((axis) => [axis, cases.axisTitle(axis)])];
    const set = (key) => (value) => sepconv.go({ [key]: value });
    return [
      dom.choice("what is drawn", [["case", "chosen case"], ["found", "all found"]], state.of, set("of")),
      dom.selector("along", along, state.x, set("x")),
      dom.choice("of what", [["latency", "latency"], ["speedup", "speed-up"]], state.y, set("y")),
      dom.selector("as", [["raw", "measured"], ["first", "% of the first"], ["previous", "% of the one before"]], state.as, set("as")),
      dom.choice("scale", [["linear", "linear"], ["log", "log"]], scaleOf(state), set("scale")),
    ];
  }

  /* Sizes double from one to the next: along an axis, equal ratios are equal steps. */
  const scaleOf = (state) => state.scale || (state.x === "runs" ? "linear" : "log");

  function showControls(state) {
    const wanted = [state.of, state.x, state.y, state.as, scaleOf(state)].join();
    if (shown.controlled === wanted) return;
    shown.controlled = wanted;
    const { controls } = shown.parts, at = [...controls.querySelectorAll("button, select")].indexOf(document.activeElement);
    controls.replaceChildren(...graphControls(state, shown.model.axes));
    if (at >= 0) controls.querySelectorAll("button, select")[at]?.focus();
  }

  let waiting = null, drawnAt = -REST_MS, superseded = () => {};
  const isResting = () => performance.now() - drawnAt > REST_MS;

  function drawSoon(delay) {
    clearTimeout(waiting);
    superseded();
    return new Promise((resolve, reject) => {
      superseded = resolve;
      waiting = setTimeout(() => draw().then(resolve, reject), delay);
    });
  }

  const chosenCase = (state) => state.case ?? (shown.table.rows.length ? series.case[shown.table.rows[0]] : null);

  async function draw() {
    const { state } = sepconv, own = shown;
    if (!own || state.view !== "explore") return;
    const x = state.x === "runs" || own.model.axes.includes(state.x) ? state.x : "runs";
    const view = { group: state.class, case: chosenCase(state), of: state.of, found: own.table.rows, x, y: state.y, scale: scaleOf(state), as: state.as };
    const content = await sepconv.graph.content(view);
    if (own !== shown || sepconv.state !== state) return;
    own.parts.title.textContent = state.of === "case" && view.case !== null ? cases.label(view.case) : units.formatNumber(own.table.rows.length, "case");
    own.parts.note.textContent = content.note;
    drawnAt = performance.now();
    await sepconv.plot(own.parts.figure, "graph", content, { onClick: (point) => follow(point.customdata) });
    own.drawn = drawnKey(state);
  }

  const drawnKey = (state) => JSON.stringify([state.case, state.of, state.x, state.y, scaleOf(state), state.as]);

  function follow([each, run]) {
    if (each < 0) return;
    if (sepconv.state.x === "runs") sepconv.go({ view: "run", run }, { push: true });
    else sepconv.go({ case: series.case[each] });
  }

  /* ---- the whole ------------------------------------------------------------------------------------------------ */

  const nextSort = (sort, key) => (sort === key ? `-${key}` : sort === `-${key}` ? "" : key);

  function build(root, state) {
    const model = modelOf(state.class);
    const facets = sepconv.facets(model.facets, toggle);
    const search = make("input", { type: "search", value: state.find, placeholder: "depthwise 64 noisy", autocomplete: "off", spellcheck: "false",
      oninput: (event) => sepconv.go({ find: event.target.value }) });
    const [count, title, note, controls, figure, holder] = [
      make("p", { class: "muted", role: "status" }), make("h2", {}), make("p", { class: "note" }),
      make("div", { class: "controls" }), make("div", { class: "figure graph" }), make("div", { class: "table-holder" })];
    const clear = make("button", { type: "button", class: "quiet", onclick: () => { sepconv.go(NOTHING); search.focus(); } }, "Clear filters");
    const side = make("details", { class: "facets", open: matchMedia("(min-width: 900px)").matches }, make("summary", {}, "Filters"), facets.blocks);
    const table = sepconv.table(holder, columnsOf(model), {
      caption: "Cases that were found",
      onSort: (key) => sepconv.go({ sort: nextSort(sepconv.state.sort, key) }),
      onMove: (each) => sepconv.go({ case: series.case[each] }),
      onOpen: (each) => sepconv.go({ view: "case", case: series.case[each] }, { push: true }),
    });
    root.replaceChildren(
      make("h1", { class: "hidden" }, "Explore"),
      make("div", { class: "find" }, make("label", { class: "search" }, make("span", { class: "hidden" }, "Search cases"), search), count, clear, make("span", { class: "exports" }, exports())),
      make("div", { class: "explore" }, side,
        make("div", { class: "found" },
          make("section", { class: "card", "aria-label": "Graph" }, make("div", { class: "bar-row" }, title, controls), figure, note),
          holder, make("div", { class: "nothing", hidden: true }))));
    const nothing = root.querySelector(".nothing");
    return { group: state.class, model, facets, table, parts: { search, count, title, note, controls, figure, holder, nothing, clear } };
  }

  function showFound(state) {
    const { model, table, parts } = shown;
    const { found, counts } = filter(model, state);
    const isSame = shown.filtered === filterKey(state);
    shown.filtered = filterKey(state);
    const chosen = series.of(chosenIn(state, found), state.class);
    if (isSame) table.choose(chosen);
    else {
      table.update({ rows: found, sort: state.sort, chosen });
      showCounts(state, counts);
    }
    parts.count.textContent = `${found.length.toLocaleString("en")} of ${units.formatNumber(model.members.length, "case")}`;
    parts.clear.hidden = !isFiltered(state);
    parts.holder.hidden = !found.length;
    parts.nothing.hidden = found.length > 0;
    if (!found.length) parts.nothing.replaceChildren(emptyState(state));
    if (parts.search.value !== state.find) parts.search.value = state.find;
    return isSame;
  }

  const chosenIn = (state, found) => state.case ?? (found.length ? series.case[found[0]] : null);
  const filterKey = (state) => JSON.stringify([state.find, state.sort, ...facetKeys.map((key) => state[key])]);

  function emptyState(state) {
    if (!shown.model.members.length) return dom.empty("Nothing was tried on this machine in this environment. To measure something, type:", "sepconv quick");
    return state.find ? dom.empty("No case has all of these words and choices. Try fewer, such as: depthwise 64")
      : dom.empty("No case has all of these choices: clear some.");
  }

  const keys = { sort: { default: "" }, of: { default: "case", parse: (text) => (["case", "found"].includes(text) ? text : undefined) },
    x: { default: "runs", parse: (text) => (text === "runs" || cases.axisNames.includes(text) ? text : undefined) },
    y: { default: "latency", parse: (text) => (["latency", "speedup"].includes(text) ? text : undefined) },
    as: { default: "raw", parse: (text) => (["raw", "first", "previous"].includes(text) ? text : undefined) },
    scale: { default: "", parse: (text) => (["linear", "log"].includes(text) ? text : undefined) } };
  for (const key of facetKeys) keys[key] = { default: [] };

  sepconv.view({
    name: "explore",
    title: "Explore",
    picks: ["class"],
    keys,
    async show(root, state) {
      const isNew = !shown || shown.group !== state.class || !shown.parts.search.isConnected;
      if (isNew) shown = build(root, state);
      showControls(state);
      const isSame = showFound(state);
      if (isNew && state.case !== null) shown.table.reveal(series.of(state.case, state.class));
      const needsNothing = state.of === "case" && state.case !== null && shown.drawn === drawnKey(state);
      if (!needsNothing) await drawSoon(isNew || (isSame && isResting()) ? 0 : DRAW_MS);
    },
    leave() {
      clearTimeout(waiting);
      clearTimeout(counting);
      superseded();
      shown = null;
    },
  });
})(window.sepconv ??= {});
