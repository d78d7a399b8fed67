"use strict";
/* Surface: where fewer multiplications pay, over any two swept axes. */
((sepconv) => {
  const { doc, dom, cases, units, panels, mosaic } = sepconv;
  const { make, inert } = dom;
  const { crossovers, sideOf, sizeAt } = sepconv.crossover;
  const MOST_PANELS = 24;
  const SIDE_BY_SIDE = ["form", "stride", "batch_size", "device"];
  const ERROR_LENGTH = 120;

  /* Both are ratios of which 1 is the turning point; `words` by the side of it. */
  const QUANTITIES = {
    speedup: { title: "realised speed-up", choice: "speed-up over standard", of: (row) => row.speedup,
      words: { 1: "faster", 0: "undecided", [-1]: "slower" }, where: "Faster than standard", even: "as fast as standard" },
    share: { title: "realised ÷ ideal", choice: "realised ÷ ideal", of: share,
      words: { 1: "above its promise", 0: "undecided", [-1]: "below its promise" }, where: "Above the promise",
      even: "exactly as promised" },
  };

  function share({ case: index, speedup }) {
    const ideal = cases.work(index, "ideal");
    if (!speedup || !ideal) return null;
    const part = (bound) => (bound === null ? null : bound / ideal);
    return { value: speedup.value / ideal, low: part(speedup.low), high: part(speedup.high) };
  }

  /* ---- the axes, and what is at each place of them ----------------------------------------------- */

  /* The wanted axes where the rows differ along them, else what comes next. */
  function chooseAxes(state, varying) {
    const ordered = ["channels", "resolution", ...varying];
    const x = [state.x, ...ordered].find((name) => varying.includes(name)) ?? "channels";
    const others = [state.y, "resolution", ...ordered].filter((name) => name !== x);
    return { x, y: others.find((name) => varying.includes(name)) ?? others[0] };
  }

  const FIRST_SIDES = { channels: "input channels", resolution: "input height / pixels" };

  /* Places along an axis: by the first side of pairs, or by the order of words. */
  function axisOf(name, rows) {
    const { values, title } = doc.axes[name];
    const indices = panels.ascending(rows, (row) => doc.cases[name][row.case]);
    const isOrdered = indices.every((index) => panels.sidesOf(values[index]));
    const keyOf = (index) => (isOrdered ? panels.sidesOf(values[index])[0] : index);
    const keys = [...new Set(indices.map(keyOf))].sort((a, b) => a - b);
    const texts = keys.map((key) => indices.filter((index) => keyOf(index) === key).map((index) => String(values[index])));
    const isMixed = texts.some((own) => own.length > 1);
    return { name, isOrdered, sizes: keys, place: new Map(indices.map((index) => [index, keys.indexOf(keyOf(index))])),
      texts: isMixed ? keys.map(String) : texts.flat(), title: isMixed ? FIRST_SIDES[name] ?? title : title };
  }

  function cellsOf(rows, x, y, quantity) {
    const cells = y.texts.map(() => x.texts.map(() => null));
    const placeOf = (axis, row) => axis.place.get(doc.cases[axis.name][row.case]);
    for (const row of rows) {
      const estimate = quantity.of(row);
      cells[placeOf(y, row)][placeOf(x, row)] = { row, estimate, side: estimate && sideOf(estimate) };
    }
    return cells;
  }

  /* A panel says whose it is, also where there is only one conv type. */
  function withForm({ rows, labels }) {
    const { name } = cases.line(rows[0].case);
    return labels[0] === name ? labels : [name, ...labels];
  }

  function build(state, rows) {
    const varying = cases.varying(rows.map((row) => row.case));
    const names = chooseAxes(state, varying), quantity = QUANTITIES[state.show];
    const arranged = panels.arrange(rows, { free: [names.x, names.y], side: SIDE_BY_SIDE, held: state.held, most: MOST_PANELS });
    const x = axisOf(names.x, arranged.rows), y = axisOf(names.y, arranged.rows);
    const crossed = (line) => (x.isOrdered ? crossovers(line.map((cell) => cell?.estimate ?? null)) : []);
    return { run: state.run, quantity, x, y, varying, arranged, regressions: openRegressions(state.run),
      panels: arranged.panels.map((panel) => {
        const cells = cellsOf(panel.rows, x, y, quantity);
        return { ...panel, labels: withForm(panel), cells, crossings: cells.map(crossed) };
      }) };
  }

  const cellsIn = (model) => model.panels.flatMap(({ cells }) => mosaic.list(cells, (cell) => [cell]));

  /* Confirmed slowdowns of latency on this machine that nobody has closed, by their cases. */
  function openRegressions(run) {
    const found = new Map();
    for (const event of doc.events ?? []) {
      if (event.kind !== "latency" || event.direction !== "slower" || event.state !== "confirmed") continue;
      if (event.run === null || event.run > run || !sepconv.concerns(event, doc.runs.class[run])) continue;
      for (const index of event.cases) found.set(index, event);
    }
    return found;
  }

  /* ---- words ------------------------------------------------------------------------------------------ */

  function reason({ status, error }) {
    if (sepconv.series.isMeasured(status)) return "no speed-up: standard was not measured with it";
    const said = error ? `: ${error.slice(0, ERROR_LENGTH)}` : "";
    return status.replaceAll("_", " ") + said;
  }

  const outcome = (cell, { words }) => (cell.estimate ? words[cell.side] : reason(cell.row));

  function hover(cell, { quantity }) {
    const { row, estimate } = cell, ideal = cases.work(row.case, "ideal");
    const spell = (ratio) => units.spell(ratio, "realised_speedup");
    return [
      cases.label(row.case),
      estimate ? `${spell(estimate)} ${quantity.title}: ${outcome(cell, quantity)}` : reason(row),
      quantity !== QUANTITIES.speedup && row.speedup && `${spell(row.speedup)} realised speed-up`,
      ideal && `${units.formatRatio(ideal)} ideal speed-up`,
      row.latency && `${units.spell(row.latency, "latency_s")} per call`,
    ].filter(Boolean).map(inert).join("<br>");
  }

  function sizeText({ sizes }, { at, low, high }) {
    const [middle, first, last] = [at, low, high].map((place) => sizeAt(sizes, place))
      .map((size) => units.significant(size, size < 100 ? 2 : 3));
    return first === last ? `about ${middle}` : `about ${middle} [${first}, ${last}]`;
  }

  /* One row of a panel: "faster from about 28 [24, 31] on". */
  function rowText(line, crossings, { x, quantity: { words } }) {
    const sides = [...new Set(line.flatMap((cell) => (cell?.side ? [cell.side] : [])))];
    if (!sides.length) return words[0];
    if (!x.isOrdered) return sides.map((side) =>
      `${words[side]} at ${x.texts.filter((_, i) => line[i]?.side === side).join(", ")}`).join("; ");
    const texts = crossings.map((one) => sizeText(x, one)), [first] = crossings;
    if (!first) return `${words[sides[0]]} ${line.some((cell) => cell?.side === 0) ? "where it is decided" : "everywhere"}`;
    if (texts.length === 1) return first.rises ? `${words[1]} from ${texts} on` : `${words[1]} up to ${texts}`;
    if (texts.length === 2) return `${words[first.rises ? 1 : -1]} from ${texts.join(" to ")}`;
    return `crosses at ${texts.join(", ")}`;
  }

  /* [where, text] of the rows of a panel: those that say the same, together. */
  function panelText({ cells, crossings }, model) {
    const rows = cells.map((line, i) => [line, i]).filter(([line]) => line.some((cell) => cell?.estimate));
    const byText = Map.groupBy(rows, ([line, i]) => rowText(line, crossings[i], model));
    const where = (own) => `${cases.axisTitle(model.y.name)} ${own.map(([, i]) => model.y.texts[i]).join(", ")}: `;
    return [...byText].map(([text, own]) => [byText.size > 1 ? where(own) : "", text]);
  }

  /* What is the same in all panels, or in all of a conv type, is said once. */
  function crossoverTexts(model) {
    const told = model.panels.map((panel) => ({ panel, text: panelText(panel, model) })).filter(({ text }) => text.length);
    const isSame = (all) => all.length > 1 && new Set(all.map(({ text }) => JSON.stringify(text))).size === 1;
    if (isSame(told)) return [["all panels", told[0].text]];
    return [...Map.groupBy(told, ({ panel }) => panel.labels[0])].flatMap(([name, own]) => (isSame(own)
      ? [[`${name} · all`, own[0].text]]
      : own.map(({ panel, text }) => [panel.labels.join(" · "), text])));
  }

  function sentence(model) {
    const sides = cellsIn(model).filter((cell) => cell.estimate).map((cell) => cell.side);
    const count = (side) => sides.filter((each) => each === side).length;
    const { where, words } = model.quantity;
    return `${where} in ${count(1)} of ${units.formatNumber(sides.length, "cell")}, ` +
      `${words[-1].replace(/ .*/, "")} in ${count(-1)}, undecided in ${count(0)}.`;
  }

  /* What the figure says when something in it is pointed at. */
  const sayings = (model) => ({
    cell: (cell) => hover(cell, model),
    crossing: (one) => inert(`${model.quantity.even} at ${sizeText(model.x, one)} ${model.x.title}`),
    regression: (index) => {
      const event = model.regressions.get(index);
      return event ? inert(`${event.title}: ${event.change}`) : null;
    },
  });

  function held({ arranged: { dimensions, left } }) {
    const told = (all) => all.map((one) => one.label(one.at)).join(", ");
    const fixed = dimensions.filter((one) => one.at !== null && !left.includes(one));
    return [fixed.length && `Only ${told(fixed)}.`,
      left.length && `Of more than ${MOST_PANELS} panels those are here that are ${told(left)}; choose others above.`,
    ].filter(Boolean).join(" ");
  }

  /* ---- around the figure --------------------------------------------------------------------------------- */

  /* An axis that is chosen for both swaps them. */
  function turn(model, key, name) {
    const { x, y } = model, isOther = name === (key === "x" ? y : x).name;
    return sepconv.go(isOther ? { x: y.name, y: x.name } : { x: x.name, y: y.name, [key]: name });
  }

  function controls(model, state) {
    const { x, y, varying, arranged } = model;
    const options = varying.map((name) => [name, cases.axisTitle(name)]);
    const axis = (key, title, one) => panels.picker(key, title, options, one.name, (name) => turn(model, key, name));
    return [
      dom.choice("What is shown", Object.entries(QUANTITIES).map(([name, { choice }]) => [name, choice]), state.show,
        (show) => sepconv.go({ show })),
      ...(varying.length > 1 ? [axis("x", "across", x), axis("y", "up", y)] : []),
      ...panels.pickers(arranged, () => "side by side",
        (name, value) => sepconv.go({ held: panels.hold(state.held, name, value) })),
    ];
  }

  const sign = (symbol, text) => make("li", {}, make("span", { class: "sign", "aria-hidden": "true" }, symbol), text);

  function ramp(reach) {
    const steps = [-reach, -reach / 2, 0, reach / 2, reach];
    return make("span", { class: "ramp" }, steps.map((step) => make("span", {}, units.formatRatio(2 ** step))));
  }

  const SIGNS = [
    ["◆", "crosses 1×, with the range of its intervals", "places where it crosses 1× are too many to mark: see the list below",
      (model) => model.panels.flatMap(({ crossings }) => crossings.flat())],
    ["○", "undecided: the interval includes 1×, or there is none", "undecided cells have the colour of 1×",
      (model) => cellsIn(model).filter((cell) => cell.side === 0)],
    ["×", "not known", "empty cells are not known", (model) => cellsIn(model).filter((cell) => !cell.estimate)],
    ["▲", "open latency regression", "open latency regressions are too many to mark: see the table below",
      (model) => cellsIn(model).filter((cell) => model.regressions.has(cell.row.case))],
  ];

  function key(model, reach) {
    const { words } = model.quantity;
    return make("ul", { class: "key", "aria-label": "Key" },
      make("li", { class: "scale" }, words[-1], ramp(reach), words[1]),
      SIGNS.map(([symbol, text, many, of]) => {
        const count = of(model).length;
        return mosaic.isDrawn(count) ? sign(symbol, text) : count > 0 && make("li", {}, many);
      }));
  }

  function crossoverList(model) {
    const line = ([where, text]) => make("p", {}, make("span", { class: "muted" }, where), text);
    return make("dl", { class: "crossings" },
      crossoverTexts(model).flatMap(([name, told]) => [make("dt", {}, name), make("dd", {}, told.map(line))]));
  }

  /* ---- the same numbers as a table, made when it is opened -------------------------------------------------- */

  function ideal({ row }) {
    const found = cases.work(row.case, "ideal");
    return found ? units.formatRatio(found) : "–";
  }

  const columns = ({ quantity, regressions }) => [
    { key: "case", title: "case", width: 44, cell: ({ row }) => [dom.marker(cases.line(row.case)), cases.label(row.case)],
      link: ({ row }) => sepconv.href({ view: "case", case: row.case }) },
    { key: "value", title: quantity.title, width: 22, numeric: true,
      cell: ({ estimate }) => dom.estimateCell(estimate, "realised_speedup") },
    { key: "ideal", title: "ideal", width: 9, numeric: true, cell: ideal },
    { key: "outcome", title: "outcome", width: 22, cell: (cell) => outcome(cell, quantity) },
    { key: "regression", title: "regression", width: 14, cell: ({ row }) => regressions.get(row.case)?.title ?? "" },
  ];

  const plainColumns = ({ quantity }) => ["case", quantity.title, "low", "high", "ideal", "outcome", "regression"];
  const plainRow = ({ quantity, regressions }) => (cell) => {
    const { row, estimate } = cell;
    return [cases.label(row.case), estimate?.value ?? null, estimate?.low ?? null, estimate?.high ?? null,
      cases.work(row.case, "ideal"), outcome(cell, quantity), regressions.get(row.case)?.title ?? null];
  };

  function showTable() {
    const { model } = parts;
    if (!model || !parts.details.open) return;
    const { quantity, run } = model;
    if (parts.made?.quantity !== quantity || parts.made.run !== run)
      parts.made = { quantity, run, rows: sepconv.table(parts.table, columns(model), { caption: "Every cell of the surface",
        onOpen: ({ row }) => toCase(row.case) }) };
    parts.made.rows.update({ rows: cellsIn(model) });
  }

  const exported = (model) => panels.exports("surface", plainColumns(model), () => cellsIn(model).map(plainRow(model)));

  /* ---- the view ------------------------------------------------------------------------------------------------ */

  let parts = null;

  function skeleton(root) {
    const made = { sentence: make("p", { class: "sentence" }), controls: make("div", { class: "controls" }), key: make("div"),
      note: make("p", { class: "note" }), figure: make("div", { class: "figure" }), title: make("h2"), list: make("div"),
      exports: make("div"), table: make("div"), empty: make("div") };
    made.details = make("details", { ontoggle: showTable }, make("summary", {}, "The same cells as a table"), made.exports, made.table);
    made.body = make("div", { class: "view" },
      make("section", { class: "card", "aria-label": "Surface" }, made.controls, made.key, made.note, made.figure),
      make("section", { class: "card", "aria-label": "Crossovers" }, made.title, made.list, made.details));
    root.replaceChildren(make("h1", { class: "hidden" }, "Surface"), made.sentence, made.body, made.empty);
    made.stop = panels.followWidth(made.figure, () => sepconv.go({}));
    return made;
  }

  const toCase = (index) => sepconv.go({ view: "case", case: index }, { push: true });

  const nothing = () => dom.empty("No speed-up was measured in this run: it needs the standard form and a separable one " +
    "of the same shape. To measure both, type:", "sepconv quick");

  function pick({ pointNumber: at, data }) {
    const index = Array.isArray(at) ? data.customdata[at[0]][at[1]] : data.customdata[at];
    if (Number.isInteger(index)) toCase(index);
  }

  async function draw(model) {
    const content = mosaic.content(model, parts.figure.clientWidth || 640, sayings(model));
    const label = `Heatmaps of ${model.quantity.title} over ${model.x.title} and ${model.y.title}, ` +
      `${units.formatNumber(model.panels.length, "panel")}. ${sentence(model)} A table of the same cells is below.`;
    parts.key.replaceChildren(key(model, content.reach));
    parts.figure.style.height = `${content.height}px`;
    await sepconv.plot(parts.figure, "surface", { ...content, label }, { onClick: pick });
  }

  async function show(root, state) {
    if (!parts || !root.contains(parts.body)) parts = skeleton(root);
    const measured = await sepconv.measured(state.run);
    if (sepconv.state !== state) return;
    const rows = measured.filter((row) => !cases.line(row.case).standard);
    const isEmpty = !rows.some(QUANTITIES[state.show].of);
    parts.body.hidden = isEmpty;
    parts.empty.replaceChildren(...(isEmpty ? [nothing()] : []));
    const model = parts.model = isEmpty ? null : build(state, rows);
    parts.sentence.textContent = isEmpty ? "" : sentence(model);
    if (isEmpty) return;
    panels.refill(parts.controls, ...controls(model, state));
    parts.note.textContent = held(model);
    parts.title.textContent = `Where it crosses 1×, along ${cases.axisTitle(model.x.name)}`;
    parts.list.replaceChildren(crossoverList(model));
    parts.exports.replaceChildren(exported(model));
    showTable();
    await draw(model);
  }

  sepconv.view({
    name: "surface",
    title: "Surface",
    keys: { x: { default: "channels" }, y: { default: "resolution" }, held: { default: "" },
      show: { default: "speedup", parse: (text) => (Object.hasOwn(QUANTITIES, text) ? text : undefined) } },
    show,
    leave() {
      parts?.stop();
      parts = null;
    },
  });
})(window.sepconv ??= {});
