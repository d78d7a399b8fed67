"use strict";
/* The figure of Surface: its panels as one mosaic over one pair of axes, counted in pixels. Subplots
   of their own would cost the page 130 elements each. */
((sepconv) => {
  const { doc, dom, cases, units, panels } = sepconv;
  const { inert } = dom;
  const LEAST_WIDTH = 230, HEIGHT = 190, ROW_HEIGHT = 34; // px of a panel, and of a row of cells
  const TEXT_WIDTH = 40, TEXT_HEIGHT = 16; // px that a number needs in its cell
  const MOST_TEXTS = 180; // cells with a number each: more make the page heavy
  const MOST_SIGNS = 120; // of one kind: more are told by their colour and the list alone
  const CORNER = 0.32; // of a cell, from its middle to where a sign stands
  const REACH = [1, 4]; // of the colours, in powers of two: at least and at most
  const NBSP = "\u00a0";

  const list = (cells, tell) =>
    cells.flatMap((line, y) => line.flatMap((cell, x) => (cell ? tell(cell, x, y) : [])));
  const matrix = (cells, tell, none = null) =>
    cells.map((line) => line.map((cell) => (cell?.estimate ? tell(cell) : none)));
  const edges = (count, place) => Array.from({ length: count + 1 }, (_, i) => place(i - 0.5));
  const centres = (count, place) => Array.from({ length: count }, (_, i) => place(i));

  /* Undecided cells have the colour of 1×: they are no win, and no loss. */
  const shade = ({ side, estimate }) => (side ? Math.log2(estimate.value) : 0);

  /* How far the colours reach on both sides of 1×. */
  function reachOf(model) {
    const all = model.panels.flatMap(({ cells }) => list(cells, (cell) => (cell.side ? [Math.abs(shade(cell))] : [])));
    return Math.min(Math.max(REACH[0], ...all), REACH[1]);
  }

  /* ---- geometry ---------------------------------------------------------------------------------- */

  /* Whole conv types in a row, or whole parts of them, wherever as many panels fit. */
  function gridOf(model, width) {
    const count = model.panels.length, forms = new Set(model.panels.map(({ rows }) => cases.lineIndex(rows[0].case)));
    const perForm = count / forms.size, tall = model.y.texts.length;
    return panels.grid(count, width, { least: LEAST_WIDTH, height: Math.max(HEIGHT * (tall > 1), ROW_HEIGHT * tall),
      rowOf: Number.isInteger(perForm) && perForm > 1 ? perForm : count });
  }

  /* Where the middle of a cell is, from the lower left corner of the whole; places may lie between cells. */
  function placer(place, grid, { x, y }) {
    const size = { x: grid.cell / x.texts.length, y: grid.tall / y.texts.length };
    return { size, left: place.x[0] * grid.inner, top: place.y[1] * grid.whole,
      x: (at) => place.x[0] * grid.inner + (at + 0.5) * size.x,
      y: (at) => place.y[0] * grid.whole + (at + 0.5) * size.y };
  }

  /* ---- traces -------------------------------------------------------------------------------------- */

  function cellsTrace({ cells }, to, { x, y }, hasText, say) {
    const isTall = to.size.y >= 2 * TEXT_HEIGHT; // an empty line lifts the number off the crossover
    const text = ({ estimate }) => `${units.significant(estimate.value, 2)}×${isTall ? `<br>${NBSP}` : ""}`;
    const hasRoom = hasText && to.size.x >= TEXT_WIDTH && to.size.y >= TEXT_HEIGHT;
    return { role: "cells", numbers: { x: edges(x.texts.length, to.x), y: edges(y.texts.length, to.y),
      z: matrix(cells, shade), hovertext: matrix(cells, say.cell, ""), customdata: matrix(cells, ({ row }) => row.case),
      ...(hasRoom ? { text: matrix(cells, text, ""), texttemplate: "%{text}" } : {}) } };
  }

  /* plotly's line is linear between the middles of cells, as `crossovers` is. */
  function contourTrace({ cells }, to, { x, y }) {
    const sides = new Set(list(cells, ({ estimate }) => (estimate ? [estimate.value < 1] : [])));
    if (!x.isOrdered || !y.isOrdered || x.texts.length < 2 || y.texts.length < 2 || sides.size < 2) return [];
    return [{ role: "contour", numbers: { x: centres(x.texts.length, to.x), y: centres(y.texts.length, to.y),
      z: matrix(cells, ({ estimate }) => Math.log2(estimate.value)) } }];
  }

  const crossingSigns = ({ crossings }, to, model, say) => crossings.flatMap((line, row) => line.map((one) => ({
    x: to.x(one.at), y: to.y(row), text: say.crossing(one), case: null,
    more: to.x(one.high) - to.x(one.at), less: to.x(one.at) - to.x(one.low) })));

  const SIGNS = {
    undecided: ({ side }, x, y) => (side === 0 ? [x - CORNER, y - CORNER, ""] : null),
    failed: ({ estimate, ...cell }, x, y, say) => (estimate ? null : [x, y, say.cell(cell)]),
    regression: ({ row }, x, y, say) => (say.regression(row.case) ? [x + CORNER, y + CORNER, say.regression(row.case)] : null),
  };

  function signs(role, { cells }, to, say) {
    return list(cells, (cell, i, j) => {
      const found = SIGNS[role](cell, i, j, say);
      return found ? [{ x: to.x(found[0]), y: to.y(found[1]), text: found[2], case: cell.row.case }] : [];
    });
  }

  const column = (found, name) => found.map((one) => one[name]);

  const isDrawn = (count) => count > 0 && count <= MOST_SIGNS;

  function signTrace(role, found) {
    if (!isDrawn(found.length)) return [];
    const numbers = { x: column(found, "x"), y: column(found, "y"), text: column(found, "text"), customdata: column(found, "case") };
    const bars = role === "crossover" ? { error_x: { array: column(found, "more"), arrayminus: column(found, "less") } } : {};
    return [{ role, numbers: { ...numbers, ...bars } }];
  }

  /* ---- the whole ------------------------------------------------------------------------------------- */

  /* The conv type above the rest. */
  function heading({ labels: [form, ...rest] }, to) {
    return { ...doc.figures.surface.panel, x: to.left, y: to.top, xref: "x", yref: "y", yshift: 4,
      text: [form, rest.join(" · ")].filter(Boolean).map(inert).join("<br>") };
  }

  /* Labels along the outer edge: of every column of panels, or of every row of them. */
  function sideOf(name, places, axis, length) {
    const shown = panels.shownTicks(axis.texts, length);
    const starts = new Map(places.map((to) => [Math.round(to[name](0)), to]));
    const all = [...starts.values()].flatMap((to) => shown.map((i) => [to[name](i), inert(axis.texts[i])]));
    return { title: { ...doc.figures.surface.layout[`${name}axis`].title, text: inert(axis.title) },
      tickvals: all.map(([at]) => at), ticktext: all.map(([, text]) => text), tickangle: 0 };
  }

  function content(model, width, say) {
    const grid = gridOf(model, width), reach = reachOf(model);
    const places = model.panels.map((_, number) => placer(grid.place(number), grid, model));
    const hasText = model.panels.reduce((sum, { rows }) => sum + rows.length, 0) <= MOST_TEXTS;
    const each = (tell) => model.panels.flatMap((panel, number) => tell(panel, places[number]));
    return {
      traces: [
        ...each((panel, to) => [cellsTrace(panel, to, model, hasText, say)]),
        ...each((panel, to) => contourTrace(panel, to, model)),
        ...signTrace("crossover", each((panel, to) => crossingSigns(panel, to, model, say))),
        ...Object.keys(SIGNS).flatMap((role) => signTrace(role, each((panel, to) => signs(role, panel, to, say)))),
      ],
      axes: {
        coloraxis: { cmin: -reach, cmax: reach }, margin: grid.margin,
        xaxis: { range: [0, grid.inner], ...sideOf("x", places, model.x, grid.cell) },
        yaxis: { range: [0, grid.whole], ...sideOf("y", places, model.y, Infinity) },
      },
      annotations: each((panel, to) => [heading(panel, to)]),
      height: grid.height,
      reach,
    };
  }

  sepconv.mosaic = Object.freeze({ content, list, isDrawn });
})(window.sepconv ??= {});
