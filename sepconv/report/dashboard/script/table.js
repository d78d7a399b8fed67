"use strict";
/* A table of any length of which only the rows in sight exist; its keys are those of a list. */
((sepconv) => {
  const { make } = sepconv.dom;
  const ROW = 36; // px: every row has the same height, else none could be found by its number
  const ROOM = 4; // rows above and below what is in sight
  const ROOM_MS = 60; // after other rows are painted: who types waits for those in sight alone
  const MOST_PRINTED = 400;
  const KEPT = 400; // rows that were made: who types a word finds most of them again
  const printing = matchMedia("print");
  const tables = new Map(); // element → what draws it, of those on the page
  printing.addEventListener("change", () => tables.forEach((draw, wrap) => { if (wrap.isConnected) draw(); }));

  /* columns: [{key, title, hint?, width (in ch), numeric?, cell(row) → node or text, link?(row) → href}]
     options: {caption, rowClass?(row), onOpen?(row, event), onSort?(key), onMove?(row)} */
  sepconv.table = (element, columns, options) => {
    let rows = [], active = 0, first = -1, last = -1, chosen = null;
    let top = 0, height = 0, roomy = null; // as the browser last said: asking it would lay out the page
    let pool = new Map(); // row → its element, of those on the page
    const made = new Map(); // the same of those that were there once, too
    const body = make("tbody");
    const above = make("tr", { class: "gap", "aria-hidden": "true" }, make("td", { colspan: columns.length }));
    const below = above.cloneNode(true);
    const heads = columns.map(headCell);
    const table = make("table", { class: "rows", "aria-rowcount": "0" },
      make("caption", { class: "hidden" }, options.caption),
      make("thead", {}, make("tr", { "aria-rowindex": "1" }, heads)), body);
    const wrap = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": options.caption,
      onkeydown: move, onclick: click }, table);
    wrap.addEventListener("scroll", () => {
      top = wrap.scrollTop;
      if (needsDrawing()) draw();
    }, { passive: true });
    const width = columns.reduce((sum, column) => sum + (column.width ?? 9), 0);
    table.style.minWidth = `${width}ch`;
    body.append(above, below);
    element.replaceChildren(wrap);
    new ResizeObserver(([{ contentRect }]) => {
      height = contentRect.height;
      if (needsDrawing()) draw();
    }).observe(wrap);

    function headCell(column) {
      const cell = make("th", { scope: "col", class: column.numeric ? "number" : null, title: column.hint });
      cell.style.width = `${column.width ?? 9}ch`;
      if (!options.onSort || column.sortable === false) cell.append(column.title);
      else cell.append(make("button", { type: "button", "data-sort": column.key,
        onclick: () => options.onSort(column.key) }, column.title,
        make("span", { class: "arrow", "aria-hidden": "true" })));
      return cell;
    }

    function bodyCell(column, row) {
      const content = column.cell(row);
      const href = column.link?.(row);
      if (href) return make("th", { scope: "row" }, make("a", { class: "pick", href, tabindex: "-1" }, content));
      return make("td", { class: column.numeric ? "number" : null }, content);
    }

    /* What was used last is kept; a row that is on the page is never made twice. */
    function rowElement(row) {
      const element = made.get(row) ?? pool.get(row)
        ?? make("tr", { class: options.rowClass?.(row) }, columns.map((column) => bodyCell(column, row)));
      made.delete(row);
      if (made.size >= KEPT) made.delete(made.keys().next().value);
      made.set(row, element);
      return element;
    }

    function number(element, at) {
      if (element.dataset.row !== String(at)) {
        element.setAttribute("aria-rowindex", String(at + 2));
        element.dataset.row = at;
      }
      mark(element, at);
    }

    function mark(element, number) {
      element.classList.toggle("chosen", rows[number] === chosen);
      const link = element.querySelector(".pick");
      if (link) link.tabIndex = number === active ? 0 : -1;
    }

    function sight(room) {
      if (printing.matches) return [0, Math.min(rows.length, MOST_PRINTED)];
      const from = Math.floor(top / ROW), count = Math.ceil((height || wrap.clientHeight || 400) / ROW);
      return [Math.max(0, from - room), Math.min(rows.length, from + count + room)];
    }

    /* Not at every pixel: while there is room on both sides, nothing needs to be drawn. */
    function needsDrawing() {
      const from = Math.floor(top / ROW), to = from + Math.ceil(height / ROW);
      return (from < first + 1 && first > 0) || (to > last - 1 && last < rows.length);
    }

    /* Rows that stay are left alone: laying out a cell costs more than all that was computed. */
    function draw(room = ROOM) {
      clearTimeout(roomy);
      const hadFocus = body.contains(document.activeElement);
      [first, last] = sight(room);
      while (last - sight(0)[1] < ROOM && pool.has(rows[last])) last += 1;
      const wanted = rows.slice(first, last), before = pool;
      pool = new Map(wanted.map((row) => [row, rowElement(row)]));
      for (const [row, element] of before) if (pool.get(row) !== element) element.remove();
      let at = above.nextSibling;
      wanted.forEach((row, i) => {
        const element = pool.get(row);
        number(element, first + i);
        if (element === at) at = at.nextSibling;
        else body.insertBefore(element, at);
      });
      stretch(above, first);
      stretch(below, rows.length - last);
      if (hadFocus && !body.contains(document.activeElement)) wrap.focus({ preventScroll: true });
    }

    function stretch(gap, count) {
      const height = `${count * ROW}px`;
      if (gap.firstChild.style.height !== height) gap.firstChild.style.height = height;
      if (gap.hidden !== (count === 0)) gap.hidden = count === 0;
    }

    const STEPS = {
      ArrowDown: () => active + 1, ArrowUp: () => active - 1,
      PageDown: () => active + page(), PageUp: () => active - page(),
      Home: () => 0, End: () => rows.length - 1,
    };
    const page = () => Math.max(1, Math.floor(height / ROW) - 2);

    function move(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("thead")) return;
      const step = STEPS[event.key];
      if (step && rows.length) {
        event.preventDefault();
        const isFirst = !body.contains(document.activeElement) && event.key === "ArrowDown";
        focus(isFirst ? active : step());
        options.onMove?.(rows[active]);
      } else if (event.key === "Enter" && event.target.closest(".pick, .scroll") && options.onOpen && rows.length) {
        event.preventDefault();
        options.onOpen(rows[active], event);
      }
    }

    function click(event) {
      const element = event.target.closest("tbody tr[data-row]");
      if (!element || event.ctrlKey || event.metaKey || event.shiftKey) return;
      activate(Number(element.dataset.row));
      if (event.target.closest(".pick")) {
        if (!options.onOpen) return;
        event.preventDefault();
        options.onOpen(rows[active], event);
      } else options.onMove?.(rows[active]);
    }

    function activate(number) {
      const before = pool.get(rows[active]);
      active = Math.max(0, Math.min(rows.length - 1, number));
      if (before) mark(before, Number(before.dataset.row));
      if (pool.has(rows[active])) mark(pool.get(rows[active]), active);
    }

    function reveal(number) {
      const from = number * ROW, room = height - table.tHead.offsetHeight;
      if (from < top) scroll(from);
      else if (from + ROW > top + room) scroll(from + ROW - room);
    }

    function scroll(to) {
      wrap.scrollTop = to;
      top = wrap.scrollTop;
    }

    function focus(number) {
      activate(number);
      reveal(active);
      draw();
      (pool.get(rows[active])?.querySelector(".pick") ?? wrap).focus({ preventScroll: true });
    }

    function showSort(sort) {
      const key = sort?.replace(/^-/, ""), descends = sort?.startsWith("-");
      columns.forEach((column, i) => {
        const arrow = heads[i].querySelector(".arrow");
        if (!arrow) return;
        const sign = column.key !== key ? "" : descends ? "▼" : "▲";
        if (arrow.textContent !== sign) arrow.textContent = sign;
        if (column.key === key) heads[i].setAttribute("aria-sort", descends ? "descending" : "ascending");
        else heads[i].removeAttribute("aria-sort");
      });
    }

    for (const each of tables.keys()) if (!each.isConnected) tables.delete(each);
    tables.set(wrap, draw);

    return {
      element: wrap,
      get rows() { return rows; },
      /* Other rows, or another order of them; the place stays if `keepsPlace`. */
      update({ rows: wanted, sort = "", chosen: chosenRow = null, keepsPlace = false }) {
        rows = wanted;
        chosen = chosenRow;
        active = Math.max(0, rows.indexOf(chosen));
        if (!keepsPlace && top) scroll(0);
        table.setAttribute("aria-rowcount", String(rows.length + 1));
        showSort(sort);
        draw(0);
        roomy = setTimeout(() => wrap.isConnected && draw(), ROOM_MS);
      },
      choose(row) {
        chosen = row;
        for (const each of pool.values()) mark(each, Number(each.dataset.row));
      },
      reveal(row) {
        const number = rows.indexOf(row);
        if (number >= 0) reveal(number);
      },
      focus: () => focus(active),
    };
  };
})(window.sepconv ??= {});
