"use strict";
/* Small multiples: which axes stand side by side, which are held, and where each panel goes. */
((sepconv) => {
  const { doc, dom, cases } = sepconv;
  const { make } = dom;
  const ALL = "*"; // what the address says of an axis that is not held
  const MARGIN = { l: 58, r: 12, t: 46, b: 52 }, NARROW_MARGIN = { ...MARGIN, l: 44, r: 8 };
  const NARROW = 420;

  /* ---- what is held, as the address says it: "batch_size=8&dtype=*" ---------------------------- */

  const readHeld = (text) => Object.fromEntries(new URLSearchParams(text));

  function hold(text, name, value) {
    const said = new URLSearchParams(text);
    said.set(name, value);
    said.sort();
    return said.toString();
  }

  /* ---- dimensions: the conv type, and every axis on which the rows differ ---------------------- */

  const FORM = { name: "form", title: "conv type", of: (row) => cases.lineIndex(row.case),
    text: (index) => doc.lines[index].name, label: (index) => doc.lines[index].name };

  function dimension(name) {
    if (name === "form") return FORM;
    const { values } = doc.axes[name], title = cases.axisTitle(name);
    return { name, title, of: (row) => doc.cases[name][row.case], text: (index) => String(values[index]),
      label: (index) => (typeof values[index] === "number" ? `${title} ${values[index]}` : String(values[index])) };
  }

  /* An axis of pairs is two: its first side, and how the second one relates to it. */
  const PAIR = /^(\d+)[→×](\d+)$/;
  const PAIR_WORDS = { channels: ["in = out", "out", "in"] };
  const SQUARE = ["square", "width", "height"];

  function sidesOf(value) {
    if (typeof value === "number") return [value, value];
    return PAIR.exec(value)?.slice(1).map(Number) ?? null;
  }

  function pairing(name) {
    const ratios = doc.axes[name].values.map(sidesOf).map((sides) => (sides ? sides[1] / sides[0] : 1));
    const known = [...new Set(ratios)].sort((a, b) => a - b);
    const [equal, second, first] = PAIR_WORDS[name] ?? SQUARE;
    const text = (index) => sepconv.units.significant(known[index], 3);
    const own = name === "channels" || name === "resolution" ? "" : `${cases.axisTitle(name)} `;
    return { name: `${name}.pair`, title: `${own}${second} ÷ ${first}`, text,
      of: (row) => known.indexOf(ratios[doc.cases[name][row.case]]),
      label: (index) => own + (known[index] === 1 ? equal : `${second} = ${Number(text(index))} × ${first}`) };
  }

  const ascending = (rows, of) => [...new Set(rows.map(of))].sort((a, b) => a - b);

  /* The value that most rows have; of equals, the first one. */
  function usual(rows, of) {
    const counts = new Map();
    for (const row of rows) counts.set(of(row), (counts.get(of(row)) ?? 0) + 1);
    return [...counts].sort(([a, n], [b, m]) => m - n || a - b)[0][0];
  }

  function settle(one, rows, held, isOpen) {
    const values = ascending(rows, one.of);
    const wanted = values.find((index) => one.text(index) === held[one.name]);
    const most = usual(rows, one.of), opens = held[one.name] === ALL || isOpen;
    return { ...one, values, usual: most, at: wanted ?? (opens ? null : most) };
  }

  const isHere = (dimensions) => (row) => dimensions.every((one) => one.at === null || one.of(row) === one.at);

  /* Rows by panel. `free` are the axes within a panel, `side` those that make panels unless they
     are held, `over` those that are drawn over each other; the rest is held at its usual value.
     What makes more than `most` panels or `mostRows` rows is held too, and told in `left`. */
  function arrange(rows, { free = [], side, over = [], held = "", most, mostRows = Infinity }) {
    const said = readHeld(held);
    const names = ["form", ...cases.varying(rows.map((row) => row.case))].filter((name) => !free.includes(name));
    const pairs = free.filter((name) => name in doc.axes).map(pairing);
    const isOpen = (name) => name.endsWith(".pair") || side.includes(name) || over.includes(name);
    const dimensions = [...names.map(dimension), ...pairs].map((one) => settle(one, rows, said, isOpen(one.name)))
      .filter((one) => one.values.length > 1);
    const splits = () => dimensions.filter((one) => one.at === null && !over.includes(one.name));
    const keyOf = (row) => splits().map((one) => one.of(row)).join();
    const left = [];
    const close = (open) => {
      open.at = open.usual;
      left.push(open);
    };
    let members = rows.filter(isHere(dimensions));
    while (members.length && new Set(members.map(keyOf)).size > most) {
      close(splits().sort((a, b) => rank(side, b) - rank(side, a))[0]);
      members = rows.filter(isHere(dimensions));
    }
    while (members.length > mostRows) {
      const open = dimensions.filter((one) => one.at === null && one.name !== "form" && over.includes(one.name)).at(-1);
      if (!open) break;
      close(open);
      members = rows.filter(isHere(dimensions));
    }
    return { dimensions, left, rows: members, panels: split(members, splits()) };
  }

  /* The first to be given up is what nobody asked to be side by side, then the last of those. */
  const rank = (side, one) => (side.includes(one.name) ? side.indexOf(one.name) : side.length);

  function split(rows, open) {
    const order = (a, b) => open.reduce((found, one) => found || one.of(a[0]) - one.of(b[0]), 0);
    return [...Map.groupBy(rows, (row) => open.map((one) => one.of(row)).join()).values()].sort(order)
      .map((own) => ({ rows: own, labels: open.map((one) => one.label(one.of(own[0]))) }));
  }

  /* One selector for each dimension; `words` say what it means that it is not held. */
  function pickers({ dimensions }, words, onchange) {
    return dimensions.map((one) => picker(one.name, one.title,
      [[ALL, words(one.name)], ...one.values.map((index) => [one.text(index), one.text(index)])],
      one.at === null ? ALL : one.text(one.at), (value) => onchange(one.name, value)));
  }

  function picker(name, title, options, chosen, onchange) {
    const made = dom.selector(title, options, chosen, onchange);
    made.querySelector("select").dataset.pick = name;
    return made;
  }

  /* New controls in the place of the old ones; who was in one of them still is. */
  function refill(holder, ...children) {
    const focused = holder.contains(document.activeElement) ? document.activeElement.dataset : {};
    const [name] = ["pick", "value"].filter((each) => focused[each]);
    const found = name && `[data-${name}="${CSS.escape(focused[name])}"]`;
    holder.replaceChildren(...children);
    if (found) holder.querySelector(found)?.focus();
  }

  /* ---- the grid ---------------------------------------------------------------------------------- */

  /* Panels of one height in as many columns as are `least` wide; `rowOf` panels make a row if
     they fit, so that what belongs together starts on a new line. */
  function grid(count, width, { least, height, gap = [20, 52], rowOf = count, margin = {} }) {
    const around = { ...(width < NARROW ? NARROW_MARGIN : MARGIN), ...margin };
    const inner = Math.max(width - around.l - around.r, 120);
    const fitting = Math.max(1, Math.floor((inner + gap[0]) / (least + gap[0])));
    const columns = Math.min(count, alike(rowOf, fitting));
    const rows = Math.ceil(count / columns);
    const cell = (inner - gap[0] * (columns - 1)) / columns;
    const tall = rows * height + gap[1] * (rows - 1);
    return {
      columns, cell, tall: height, inner, whole: tall, margin: around, height: tall + around.t + around.b,
      place(number) {
        const column = number % columns, row = Math.floor(number / columns);
        const left = (column * (cell + gap[0])) / inner, top = 1 - (row * (height + gap[1])) / tall;
        return { x: [left, left + cell / inner], y: [Math.max(0, top - height / tall), top],
          isLeft: column === 0, isBottom: number + columns >= count };
      },
    };
  }

  /* As many columns as fit, of which whole rows can be made. */
  function alike(rowOf, fitting) {
    if (rowOf <= fitting) return rowOf;
    for (let columns = fitting; columns > 1; columns--) if (rowOf % columns === 0) return columns;
    return fitting;
  }

  const suffix = (number) => (number ? String(number + 1) : "");

  /* The pair of axes of a panel, from the frame's own; `x` and `y` are what they add to it. */
  function axes(figure, number, place, x, y) {
    const { xaxis, yaxis } = doc.figures[figure].layout, end = suffix(number);
    const titled = (axis, text) => ({ ...axis, title: { ...axis.title, text } });
    return {
      [`xaxis${end}`]: { ...titled(xaxis, place.isBottom ? x.title : ""), domain: place.x, anchor: `y${end}`,
        showticklabels: place.isBottom, ...x.axis },
      [`yaxis${end}`]: { ...titled(yaxis, place.isLeft ? y.title : ""), domain: place.y, anchor: `x${end}`,
        showticklabels: place.isLeft, ...y.axis },
    };
  }

  const on = (number) => ({ xaxis: `x${suffix(number)}`, yaxis: `y${suffix(number)}` });

  const heading = (figure, place, lines) => ({ ...doc.figures[figure].panel,
    text: lines.map(dom.inert).join("<br>"), xref: "paper", yref: "paper", x: place.x[0], y: place.y[1], yshift: 4 });

  /* The places whose labels stand beside each other in so many pixels. */
  function shownTicks(texts, width) {
    const longest = Math.max(...texts.map((text) => text.length));
    const step = Math.max(1, Math.ceil((7.5 * longest + 10) / (width / texts.length)));
    return texts.map((_, place) => place).filter((place) => place % step === 0);
  }

  /* ---- keeping what is shown ---------------------------------------------------------------------- */

  function exports(name, columns, rows) {
    const markdown = make("button", { type: "button", class: "quiet",
      onclick: (event) => dom.confirm(event.target, sepconv.copy(sepconv.markdown(columns, rows()))) }, "Copy as Markdown");
    return make("span", { class: "controls" }, make("button", { type: "button", class: "quiet",
      onclick: () => sepconv.download(`${name}.csv`, sepconv.csv(columns, rows()), "text/csv") }, "CSV"), markdown);
  }

  /* Shows a view again if it is so much wider or narrower that its panels want another grid. */
  function followWidth(figure, show) {
    let before = figure.clientWidth, waiting = null;
    const watch = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        if (!figure.isConnected || figure.clientWidth === before) return;
        before = figure.clientWidth;
        show();
      }, 150);
    };
    addEventListener("resize", watch);
    return () => removeEventListener("resize", watch);
  }

  sepconv.panels = Object.freeze({ arrange, ascending, pickers, picker, refill, hold, sidesOf, grid, axes, on,
    heading, shownTicks,
    exports, followWidth });
})(window.sepconv ??= {});
