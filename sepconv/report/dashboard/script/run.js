"use strict";
/* One run: what it was, where its time went, what it measured, and how to go on with it. */
((sepconv) => {
  const { doc, dom, units, cases, runs } = sepconv;
  const { make } = dom;
  const MOST_LABELS = 6;
  let shown = null, wanted = 0;

  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const card = (id, title, ...children) =>
    make("section", { class: "card", "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), children);

  /* ---- the run itself --------------------------------------------------------------------------- */

  function groupsOf(run) {
    const groups = new Map(), own = doc.run.facts[run];
    for (let i = 0; i < own.length; i += 2) {
      const [group, label] = doc.run.labels[own[i]];
      groups.set(group, [...(groups.get(group) ?? []), [label, doc.run.texts[own[i + 1]]]]);
    }
    return [...groups];
  }

  const facts = (run) => make("div", { class: "facts" }, groupsOf(run).map(([name, own]) =>
    make("div", {}, make("h3", {}, name), make("dl", {}, own.map(([label, text]) => [make("dt", {}, label), make("dd", {}, text)])))), timing(run));

  function timing(run) {
    const spent = doc.run.timing[run], total = spent.reduce((sum, [, seconds]) => sum + seconds, 0);
    if (!total) return null;
    return make("div", {}, make("h3", {}, "Where the time went"), make("dl", { class: "timing" }, spent.map(([name, seconds]) => {
      const part = make("span", { class: "part" });
      part.style.width = `${(100 * seconds) / total}%`;
      return [make("dt", {}, name), make("dd", {}, `${units.significant(seconds)} s`, make("span", { class: "share-bar", "aria-hidden": "true" }, part))];
    })));
  }

  function header(run) {
    const own = runs.ofClass(doc.runs.class[run]), place = own.indexOf(run), before = sepconv.compared.runBefore(run);
    const link = (to, text) => (to === undefined ? null : make("a", { class: "button", href: sepconv.href({ run: to }) }, text));
    const { number, state, count, failed } = doc.runs;
    return make("section", { class: "card", "aria-labelledby": "run-title" },
      make("div", { class: "bar-row" }, make("h1", { id: "run-title" }, `Run ${number[run] ?? run + 1}: ${doc.runs.suite[run]}, ${state[run]}`),
        make("span", { class: "controls" }, link(own[place - 1], "← earlier"), link(own[place + 1], "later →"),
          before === null ? null : make("a", { class: "button", href: sepconv.href({ view: "compare", base: before, head: run }) }, "Compare with the run before"))),
      make("p", { class: "note" }, [runs.started(run), runs.commit(run) && `${runs.commit(run)} ${runs.subject(run) ?? ""}`,
        plural(count[run], "case"), failed[run] ? `${failed[run]} failed` : null, runs.className(doc.runs.class[run])].filter(Boolean).join(" · ")),
      doc.run.commands[run].map(([what, command]) => [make("p", { class: "note" }, `${what}:`), dom.command(command)]));
  }

  /* ---- what went less than well ----------------------------------------------------------------- */

  const reason = (row) => `${row.status.replaceAll("_", " ")}${row.error ? `: ${row.error}` : ""}`;

  function failures(run, rows) {
    const [bad, toCome] = sepconv.news.sift(run, rows);
    const groups = [...Map.groupBy(bad, reason)].sort(([, a], [, b]) => b.length - a.length);
    const measuredItems = groups.map(([text, own]) => [text, own.length, own.slice(0, MOST_LABELS).map((row) => [row.case, cases.label(row.case)])]);
    const unsupported = (doc.run.unsupported[run] ?? []).map(([text, count, labels]) => [text, count, labels.map((label) => [null, label])]);
    const items = [...measuredItems, ...unsupported];
    return card("less", "What went less than well", items.length ? make("ul", { class: "reasons" }, items.map(reasonItem))
      : make("p", { class: "muted" }, toCome ? "Nothing so far." : rows.length ? "Nothing: every case is ok." : "It has no case."),
    sepconv.news.toComeNote(toCome));
  }

  function reasonItem([text, count, labels]) {
    return make("li", {}, make("b", {}, text), ` (${plural(count, "case")}): `, labels.map(([index, label], i) => [i ? ", " : "",
      index === null ? label : make("a", { href: sepconv.href({ view: "case", case: index }) }, label)]), count > labels.length ? ", …" : "");
  }

  /* ---- what the allocator costs ------------------------------------------------------------------ */

  function allocatorContent(found) {
    const members = doc.lines.map((line, i) => [line, found.case.flatMap((index, n) => (cases.lineIndex(index) === i ? [n] : []))]);
    const traces = members.filter(([, own]) => own.length).map(([line, own]) => {
      const ratios = own.map((n) => ({ value: found.ratio[n], low: found.low[n], high: found.high[n] }));
      return { role: "cases", line, numbers: {
        x: own.map((n) => found.bytes[n]), y: ratios.map(({ value }) => value),
        error_y: { array: ratios.map(({ value, high }) => (high === null ? null : high - value)),
          arrayminus: ratios.map(({ value, low }) => (low === null ? null : value - low)) },
        text: own.map((n, i) => `${dom.inert(cases.label(found.case[n]))}<br>${units.spell(ratios[i], "realised_speedup")}<br>` +
          `${units.formatSeconds(found.tuned[n])} tuned, ${units.formatSeconds(found.default[n])} default`),
        customdata: own.map((n) => found.case[n]),
      } };
    });
    return { traces, label: "Latency with the default allocator by that with the tuned one, of every case, by the size of its output" };
  }

  const openCase = (point) => sepconv.go({ view: "case", case: point.customdata }, { push: true });

  /* ---- everything measured ----------------------------------------------------------------------- */

  const ideal = (row) => cases.work(row.case, "ideal");
  const share = (row) => (row.speedup && ideal(row) && !cases.line(row.case).standard ? row.speedup.value / ideal(row) : null);
  const dash = () => make("span", { class: "muted" }, "–");

  const COLUMNS = [
    { key: "case", title: "case", width: 42, read: (row) => row.case, link: (row) => sepconv.href({ view: "case", case: row.case }),
      cell: (row) => [dom.marker(cases.line(row.case)), cases.label(row.case)], text: (row) => cases.label(row.case) },
    { key: "latency", title: "latency", width: 21, numeric: true, read: (row) => row.latency?.value ?? null,
      cell: (row) => dom.estimateCell(row.latency, "latency_s"), text: (row) => (row.latency ? units.spell(row.latency, "latency_s") : "–") },
    { key: "speedup", title: "speed-up", width: 19, numeric: true, read: (row) => row.speedup?.value ?? null,
      cell: (row) => dom.estimateCell(row.speedup, "realised_speedup"), text: (row) => (row.speedup ? units.spell(row.speedup, "realised_speedup") : "–") },
    { key: "ideal", title: "ideal", width: 8, numeric: true, read: ideal, cell: (row) => (ideal(row) === null ? dash() : units.formatRatio(ideal(row))),
      text: (row) => (ideal(row) === null ? "–" : units.formatRatio(ideal(row))) },
    { key: "share", title: "share", hint: "of the ideal speed-up that is real", width: 8, numeric: true, read: share,
      cell: (row) => (share(row) === null ? dash() : `${Math.round(100 * share(row))} %`), text: (row) => (share(row) === null ? "–" : `${Math.round(100 * share(row))} %`) },
    { key: "status", title: "status", width: 32, read: (row) => doc.statuses.indexOf(row.status), text: reason,
      cell: (row) => [dom.statusBadge(row.status), " ", row.error ?? ""] },
  ];

  const SAVED = ["case", "latency / s", "low / s", "high / s", "speed-up", "low", "high", "ideal", "status", "error"];
  const saved = (row) => [cases.label(row.case), ...[row.latency, row.speedup].flatMap((found) => ["value", "low", "high"].map((end) => found?.[end] ?? null)),
    ideal(row), row.status, row.error ?? null];

  function sorted(rows, sort) {
    const read = COLUMNS.find(({ key }) => key === sort.replace(/^-/, ""))?.read, sign = sort.startsWith("-") ? -1 : 1;
    if (!read) return rows;
    return [...rows].sort((a, b) => {
      const [first, second] = [read(a), read(b)];
      if (first === null || second === null) return (first === null) - (second === null);
      return sign * (first - second);
    });
  }

  function found(rows, find) {
    const words = find.toLowerCase().split(/\s+/).filter(Boolean);
    return words.length ? rows.filter((row) => words.every((word) => row.words.includes(word))) : rows;
  }

  const button = (text, onclick) => make("button", { type: "button", class: "quiet", onclick }, text);

  const exports = (run) => make("span", { class: "controls" },
    button("CSV", () => sepconv.download(`run-${doc.runs.number[run] ?? run + 1}.csv`, sepconv.csv(SAVED, shown.visible.map(saved)), "text/csv")),
    button("Copy as Markdown", (event) => dom.confirm(event.target, sepconv.copy(sepconv.markdown(COLUMNS.map(({ title }) => title),
      shown.visible.map((row) => COLUMNS.map(({ text }) => text(row))))))),
    button("Copy link", (event) => dom.confirm(event.target, sepconv.copy(sepconv.link()))));

  /* ---- the view ----------------------------------------------------------------------------------- */

  const nextSort = (sort, key) => (sort === key ? `-${key}` : sort === `-${key}` ? "" : key);

  function build(root, run, rows) {
    const allocator = doc.run.allocator[run], figure = make("div", { class: "figure" });
    const note = make("p", { class: "note", role: "status" }), holder = make("div");
    const search = make("input", { type: "search", placeholder: "depthwise 64 noisy", autocomplete: "off", spellcheck: "false",
      oninput: (event) => sepconv.go({ find: event.target.value }) });
    root.replaceChildren(...[header(run), failures(run, rows), card("facts", "What it was", facts(run)),
      allocator ? card("allocator", "What the allocator costs here", make("p", {}, allocator.sentence),
        make("p", { class: "note" }, "Every case that was measured under both policies, by the size of what one call returns. The two runs followed each other, so the machine's drift is in the ratio too."), figure) : null,
      make("section", { class: "card", "aria-labelledby": "measured-title" }, make("div", { class: "bar-row" },
        make("h2", { id: "measured-title" }, "Everything measured"), make("label", {}, "Search ", search), exports(run)), note, holder)].filter(Boolean));
    const table = sepconv.table(holder, COLUMNS, { caption: "Every case of the run",
      onSort: (key) => sepconv.go({ sort: nextSort(sepconv.state.sort, key) }),
      onOpen: (row) => sepconv.go({ view: "case", case: row.case }, { push: true }) });
    const drawn = allocator ? sepconv.plot(figure, "allocator", allocatorContent(allocator), { onClick: openCase }) : null;
    return { root, run, rows, search, note, table, drawn, visible: [] };
  }

  function fill(state) {
    const { rows, search, note, table } = shown, asked = JSON.stringify([state.find, state.sort]);
    if (search.value !== state.find) search.value = state.find;
    if (shown.asked === asked) return;
    shown.asked = asked;
    shown.visible = sorted(found(rows, state.find), state.sort);
    table.update({ rows: shown.visible, sort: state.sort });
    note.textContent = shown.visible.length || !rows.length ? `${shown.visible.length.toLocaleString("en")} of ${plural(rows.length, "case")}.`
      : "No case has all of these words. Try fewer, such as: depthwise 64";
  }

  async function show(root, state) {
    const ticket = ++wanted;
    if (shown?.root !== root || shown.run !== state.run) {
      const rows = await sepconv.measured(state.run);
      if (ticket !== wanted) return;
      for (const row of rows) row.words = `${cases.label(row.case)} ${cases.line(row.case).name} ${reason(row)}`.toLowerCase();
      shown = build(root, state.run, rows);
    }
    fill(sepconv.state);
    await shown.drawn;
  }

  function leave() {
    wanted += 1;
    shown = null;
  }

  sepconv.view({ name: "run", title: "Run", keys: { sort: { default: "" } }, show, leave });
})(window.sepconv ??= {});
