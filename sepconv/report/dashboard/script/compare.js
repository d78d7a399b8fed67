"use strict";
/* Any two runs, case by case. They took no turns, so only large changes are decided. */
((sepconv) => {
  const { doc, dom, units, cases, runs, outcomes, unpaired, strips } = sepconv;
  const { make } = dom;
  const MOST_RUNS = 60; // of each class, in a picker
  const NARROW = 560; // px
  const MOST_KEPT = 4; // runs whose measurements stay at hand
  const CHANGED = ["slower", "faster"];
  const ORDER = { failed: 0, missing: 2, new: 3, untried: 4 }; // 1: what has a ratio
  const SHOWS = ["all", "changed", ...outcomes.names];
  let shown = null, wanted = 0;

  const runKey = { default: null, parse: (text) => runs.byUid(text) ?? undefined, print: (run) => doc.runs.uid[run] };
  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  /* ---- which two ------------------------------------------------------------------------------ */

  /* The last run before it of its class; of the same suite if there is one. */
  function runBefore(run) {
    const own = runs.ofClass(doc.runs.class[run]).filter((each) => each < run);
    return own.findLast((each) => doc.runs.suite[each] === doc.runs.suite[run]) ?? own.at(-1) ?? null;
  }

  function pairOf(state) {
    const head = state.head ?? state.run;
    return { head, base: state.base ?? runBefore(head) };
  }

  function picker(label, chosen, onchange) {
    const groups = doc.classes.map((_, place) => {
      const own = runs.ofClass(place).slice(-MOST_RUNS).reverse();
      if (chosen !== null && doc.runs.class[chosen] === place && !own.includes(chosen)) own.push(chosen);
      return make("optgroup", { label: runs.className(place) },
        own.map((run) => make("option", { value: run, selected: run === chosen }, runs.title(run))));
    });
    const select = make("select", { "data-pick": label, onchange: (event) => onchange(Number(event.target.value)) },
      chosen === null ? make("option", { value: "", selected: true, disabled: true }, "choose a run") : null, groups);
    return make("label", {}, make("span", { class: "hidden" }, label), select);
  }

  /* ---- what differs between them -------------------------------------------------------------- */

  function factsOf(run) {
    const found = new Map(), own = doc.run.facts[run];
    for (let i = 0; i < own.length; i += 2) found.set(own[i], doc.run.texts[own[i + 1]]);
    return found;
  }

  /* [group, label, base, head] of every fact that is not the same. */
  function differences(base, head) {
    const [before, after] = [base, head].map(factsOf);
    return doc.run.labels.flatMap(([group, label], i) =>
      (group === "Run" || before.get(i) === after.get(i) ? [] : [[group, label, before.get(i) ?? "–", after.get(i) ?? "–"]]));
  }

  function differenceTable(caption, rows) {
    return make("div", { class: "table-wrap", tabindex: "0", role: "region", "aria-label": caption }, make("table", { class: "plain-table" }, make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ["what", "base", "head"].map((text) => make("th", { scope: "col" }, text)))),
      make("tbody", {}, rows.map(([, label, before, after]) => make("tr", {}, make("th", { scope: "row" }, label),
        make("td", {}, before), make("td", {}, after))))));
  }

  const isComparable = (base, head) => doc.runs.class[base] === doc.runs.class[head];

  function kinship(base, head) {
    const found = differences(base, head);
    const weighty = found.filter(([group]) => group !== "Conditions"), light = found.filter(([group]) => group === "Conditions");
    const same = isComparable(base, head);
    const commits = [base, head].map((run) => doc.runs.commit[run]);
    const alike = commits[0] && commits[0] === commits[1] && !doc.runs.dirty[base] && !doc.runs.dirty[head];
    return [
      make("p", { class: same ? "kinship" : "kinship warned" }, same
        ? ["Same machine, same environment. ", alike ? "The same commit, too: whatever differs is noise." : "The code may differ, and the hour does."]
        : [make("b", {}, "Not comparable as a change of the code: "), "the machine or the environment is another one. The ratios are shown, and none is judged."]),
      weighty.length ? differenceTable("What differs", weighty) : null,
      light.length ? make("details", {}, make("summary", { class: "note" }, `${plural(light.length, "condition")} of the hour differ`), differenceTable("Conditions", light)) : null,
    ];
  }

  function side(name, run, onchange) {
    const holder = make("div", { class: "side" }, make("h2", {}, name), picker(name, run, onchange));
    if (run === null) return holder;
    const commit = runs.commit(run);
    holder.append(make("dl", {},
      make("dt", {}, "commit"), make("dd", {}, commit ? [make("code", {}, commit), doc.runs.dirty[run] ? " with uncommitted changes" : "", ` ${runs.subject(run) ?? ""}`] : "none"),
      make("dt", {}, "measured"), make("dd", {}, `${runs.started(run)}, ${doc.runs.suite[run]}, ${doc.runs.state[run]}`),
      make("dt", {}, "on"), make("dd", {}, runs.className(doc.runs.class[run]))));
    return holder;
  }

  /* ---- a paired comparison, which is worth more ------------------------------------------------ */

  const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

  function pairedCommand(base, head, where = null) {
    const commits = [base, head].map((run) => runs.commit(run));
    if (doc.synthetic || !commits[0] || !commits[1] || commits[0] === commits[1]) return null;
    const suite = doc.runs.suite[head];
    return ["sepconv", "compare", ...commits, ...(suite ? ["--suite", suite] : []), ...(where ? ["--where", where] : [])].map(quoted).join(" ");
  }

  function advice(base, head) {
    const command = isComparable(base, head) ? pairedCommand(base, head) : null;
    return [make("p", { class: "note" }, "Unpaired: the two runs did not take turns, so the drift of the machine is in every interval, which is why they are wide.",
      command ? " To measure both in turns, which decides changes of a few per cent:" : ""), command ? dom.command(command) : null];
  }

  /* ---- all cases ------------------------------------------------------------------------------- */

  const kept = new Map();
  function measuredIn(run) {
    if (!kept.has(run)) {
      kept.set(run, sepconv.measured(run));
      kept.get(run).catch(() => kept.delete(run));
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    }
    return kept.get(run);
  }

  const rankOf = ({ outcome, quotient }) => (quotient ? 1 : ORDER[outcome ?? "untried"]);

  /* Failures, then ratios, the surest change first, then what has none. */
  const bySurety = (a, b) => rankOf(a) - rankOf(b) || (b.quotient?.surety ?? 0) - (a.quotient?.surety ?? 0) || a.case - b.case;

  async function comparison(base, head) {
    const [before, after] = await Promise.all([measuredIn(base), measuredIn(head)]);
    const rows = unpaired.standings(before, after, isComparable(base, head)).sort(bySurety);
    for (const row of rows)
      row.words = `${cases.label(row.case)} ${cases.line(row.case).name} ${outcomes.word(row.outcome)}`.toLowerCase();
    return rows;
  }

  const isShown = (show) => ({ outcome }) => show === "all" || (show === "changed" ? CHANGED.includes(outcome) : (outcome ?? "untried") === show);

  function found(rows, { show, find }) {
    const words = find.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter((row) => isShown(show)(row) && words.every((word) => row.words.includes(word)));
  }

  const KEYS = {
    case: (row) => row.case,
    base: (row) => row.base?.latency?.value ?? null,
    head: (row) => row.head?.latency?.value ?? null,
    change: (row) => row.quotient?.ratio ?? null,
    outcome: (row) => outcomes.names.indexOf(row.outcome ?? "untried"),
  };

  function sorted(rows, sort) {
    const key = KEYS[sort.replace(/^-/, "")], sign = sort.startsWith("-") ? -1 : 1;
    if (!key) return rows;
    return [...rows].sort((a, b) => {
      const [first, second] = [key(a), key(b)];
      if (first === null || second === null) return (first === null) - (second === null);
      return sign * (first - second);
    });
  }


  const latencyCell = (sight) => (sight?.latency ? dom.estimateCell(sight.latency, "latency_s")
    : make("span", { class: "muted" }, sight ? sight.status.replaceAll("_", " ") : "–"));

  function columns() {
    return [
      { key: "case", title: "case", width: 44, link: (row) => sepconv.href({ view: "case", case: row.case }),
        cell: (row) => [dom.marker(cases.line(row.case)), cases.label(row.case)] },
      { key: "change", title: "change", width: 23, numeric: true, hint: "latency of head by base, unpaired, with its interval",
        cell: (row) => (row.quotient ? make("span", { class: `estimate is-${row.outcome}` }, make("b", { class: "sign" }, units.formatChange(row.quotient.ratio)),
          make("small", {}, ` [${units.formatChange(row.quotient.low)}, ${units.formatChange(row.quotient.high)}]`)) : make("span", { class: "muted" }, "–")) },
      { key: "outcome", title: "outcome", width: 17, cell: (row) => outcomes.badge(row.outcome) },
      { key: "base", title: "base", width: 20, numeric: true, cell: (row) => latencyCell(row.base) },
      { key: "head", title: "head", width: 20, numeric: true, cell: (row) => latencyCell(row.head) },
    ];
  }

  /* ---- what is kept of it ---------------------------------------------------------------------- */

  const COLUMNS = ["case", "base / s", "head / s", "head ÷ base", "low", "high", "outcome"];
  const valuesOf = ({ case: index, base, head, quotient, outcome }) => [cases.label(index), base?.latency?.value ?? null,
    head?.latency?.value ?? null, ...["ratio", "low", "high"].map((name) => (quotient ? Number(quotient[name].toPrecision(5)) : null)),
    outcomes.word(outcome)];
  const TOLD = ["case", "base", "head", "change", "outcome"];
  const wordsOf = ({ case: index, base, head, quotient, outcome }) => [cases.label(index),
    ...[base, head].map((sight) => (sight?.latency ? units.spell(sight.latency, "latency_s") : sight?.status ?? "–")),
    quotient ? strips.changeText(quotient) : "–", outcomes.word(outcome)];

  const button = (text, onclick) => make("button", { type: "button", class: "quiet", onclick }, text);

  function exports({ base, head }, rows) {
    const name = `compare-${[base, head].map((run) => doc.runs.number[run] ?? run + 1).join("-")}`;
    return make("span", { class: "controls" },
      button("CSV", () => sepconv.download(`${name}.csv`, sepconv.csv(COLUMNS, rows().map(valuesOf)), "text/csv")),
      button("Copy as Markdown", (event) => dom.confirm(event.target, sepconv.copy(sepconv.markdown(TOLD, rows().map(wordsOf))))),
      button("Copy link", (event) => dom.confirm(event.target, sepconv.copy(sepconv.link()))));
  }

  /* ---- the view --------------------------------------------------------------------------------- */

  function filters(rows, state) {
    const counts = new Map(SHOWS.map((show) => [show, rows.filter(isShown(show)).length]));
    return make("div", { class: "filters", role: "group", "aria-label": "Show" }, SHOWS
      .filter((show) => ["all", "changed"].includes(show) || counts.get(show) || show === state.show)
      .map((show) => make("button", { type: "button", "data-show": show, "aria-pressed": String(show === state.show),
        onclick: () => sepconv.go({ show }) },
      outcomes.names.includes(show) ? outcomes.badge(show === "untried" ? null : show, counts.get(show)) : `${counts.get(show).toLocaleString("en")} ${show === "all" ? "in all" : "changed"}`)));
  }

  function chosenCase(rows, pair, index) {
    const row = rows.find((each) => each.case === index);
    if (!row) return [];
    const { quotient, outcome } = row;
    const paired = isComparable(pair.base, pair.head) ? pairedCommand(pair.base, pair.head, cases.selection(index)) : null;
    return [
      make("h2", {}, make("a", { href: sepconv.href({ view: "case", case: index }) }, cases.label(index))),
      make("dl", {},
        make("dt", {}, "base"), make("dd", {}, latencyCell(row.base)), make("dt", {}, "head"), make("dd", {}, latencyCell(row.head)),
        make("dt", {}, "change"), make("dd", {}, quotient ? strips.changeText(quotient) : "–", " ", outcomes.badge(outcome)),
        quotient ? [make("dt", {}, "could show"), make("dd", {}, `changes of more than ${units.formatPercent(quotient.detectable)}`)] : null),
      paired ? [make("p", { class: "note" }, "This case alone, in turns:"), dom.command(paired)] : null,
    ];
  }

  function build(root, pair, rows) {
    const parts = { filters: make("div"), figure: make("div", { class: "figure" }), chosen: make("section", { class: "card", "aria-label": "The chosen case", hidden: true }),
      note: make("p", { class: "note", role: "status" }), table: make("div") };
    const search = make("input", { type: "search", placeholder: "depthwise 64", autocomplete: "off", spellcheck: "false",
      oninput: (event) => sepconv.go({ find: event.target.value }) });
    const openPoint = (point) => { if (Number.isInteger(point.customdata)) sepconv.go({ case: point.customdata }); };
    root.replaceChildren(header(pair), ...(rows ? [
      make("section", { class: "card", "aria-labelledby": "strips-title" }, make("h2", { id: "strips-title" }, "Every case"), parts.filters, parts.figure, strips.byForm(rows)),
      parts.chosen,
      make("section", { class: "card", "aria-labelledby": "compared-title" },
        make("div", { class: "bar-row" }, make("h2", { id: "compared-title" }, "Case by case"), make("label", {}, "Search ", search), exports(pair, () => shown.visible)),
        parts.note, parts.table)] : []));
    const table = rows && sepconv.table(parts.table, columns(), { caption: "All cases of both runs, the surest change first",
      onSort: (key) => sepconv.go({ sort: nextSort(sepconv.state.sort, key) }),
      onMove: (row) => sepconv.go({ case: row.case }),
      onOpen: (row) => sepconv.go({ view: "case", case: row.case }, { push: true }) });
    const drawn = rows ? sepconv.plot(parts.figure, "compare", strips.content(rows, root.clientWidth < NARROW), { onClick: openPoint }) : null;
    return { pair, rows, parts, search, table, drawn, visible: [], root };
  }

  const nextSort = (sort, key) => (sort === `-${key}` ? key : sort === key ? "" : `-${key}`);

  function header({ base, head }) {
    return make("section", { class: "card", "aria-labelledby": "compare-title" },
      make("div", { class: "bar-row" }, make("h1", { id: "compare-title" }, "Two runs"),
        base === null ? null : make("button", { type: "button", "data-swap": true, onclick: () => sepconv.go({ base: head, head: base }) }, "Swap")),
      make("div", { class: "sides" }, side("base", base, (run) => sepconv.go({ base: run, head })),
        side("head", head, (run) => sepconv.go({ head: run, base }))),
      base === null ? dom.empty("There is no run before this one on the same machine in the same environment. Choose any other as base, or measure once more:", `sepconv run ${quoted(doc.runs.suite[head])}`)
        : [kinship(base, head), advice(base, head)]);
  }

  function fill(state) {
    const { rows, parts, search, table, pair } = shown;
    if (!rows) return;
    if (search.value !== state.find) search.value = state.find;
    const focus = parts.filters.contains(document.activeElement) ? document.activeElement.dataset.show : null;
    parts.filters.replaceChildren(filters(rows, state));
    if (focus) parts.filters.querySelector(`[data-show="${focus}"]`)?.focus();
    const chosen = rows.find((row) => row.case === state.case) ?? null;
    const asked = JSON.stringify([state.show, state.find, state.sort]);
    if (shown.asked !== asked) {
      shown.asked = asked;
      shown.visible = sorted(found(rows, state), state.sort);
      table.update({ rows: shown.visible, sort: state.sort, chosen });
      parts.note.textContent = shown.visible.length ? `${shown.visible.length.toLocaleString("en")} of ${plural(rows.length, "case")}. Choose a row to see more of it.`
        : rows.length ? "No case is like that: try fewer words, or all outcomes." : "Neither run has a case.";
    } else table.choose(chosen);
    if (shown.chosen !== chosen) {
      shown.chosen = chosen;
      parts.chosen.hidden = !chosen;
      const sides = make("div");
      parts.chosen.replaceChildren(...[chosenCase(rows, pair, state.case), sides].flat(Infinity).filter(Boolean));
      if (chosen) shown.drawn = Promise.all([shown.drawn, sepconv.showSides(sides, pair, chosen.case)]);
    }
  }

  async function show(root, state) {
    const pair = pairOf(state), ticket = ++wanted;
    if (shown?.root !== root || shown.pair.base !== pair.base || shown.pair.head !== pair.head) {
      const rows = pair.base === null ? null : await comparison(pair.base, pair.head);
      if (ticket !== wanted) return;
      const pick = root.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
      shown = build(root, pair, rows);
      if (pick) root.querySelector(`[data-pick="${pick}"]`)?.focus();
      shown.chosen = undefined;
    }
    fill(sepconv.state);
    await shown.drawn;
  }

  function leave() {
    wanted += 1;
    shown = null;
  }

  sepconv.compared = Object.freeze({ comparison, runBefore });
  sepconv.view({ name: "compare", title: "Compare", picks: [],
    keys: { base: runKey, head: runKey, show: { default: "all", parse: (text) => (SHOWS.includes(text) ? text : undefined) }, sort: { default: "" } },
    show, leave });
})(window.sepconv ??= {});
