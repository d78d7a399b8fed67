"use strict";
/* What the views are made of: elements, markers, cells, files to keep. */
((sepconv) => {
  const { units } = sepconv;
  const SVG = "http://www.w3.org/2000/svg";
  const PATHS = {
    square: "M3 3h10v10H3z",
    circle: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z",
    diamond: "M8 1.5 14.5 8 8 14.5 1.5 8z",
    "triangle-up": "M8 2 14.5 13.5h-13z",
    cross: "M6 2h4v4h4v4h-4v4H6v-4H2V6h4z",
    star: "m8 1.5 1.9 4.4 4.7.4-3.6 3.1 1.1 4.6L8 11.6 3.9 14 5 9.4 1.4 6.3l4.7-.4z",
    hexagon: "M8 1.5 13.6 4.8v6.4L8 14.5 2.4 11.2V4.8z",
  };
  const BADGES = { ok: "good", noisy: "so-so", faulting: "so-so", throttled: "so-so" };
  const FORMULA = /^[=+\-@\t\r]/;
  const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

  function fill(made, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false)
        made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  /* Texts become text nodes: nothing that a name says is ever read as HTML. */
  const make = (tag, attributes = {}, ...children) =>
    fill(document.createElement(tag), attributes, children);

  const draw = (tag, attributes = {}, ...children) =>
    fill(document.createElementNS(SVG, tag), attributes, children);

  function marker(line) {
    const [, shape, open] = line.symbol.match(/^(.*?)((?:-open)?)(?:-dot)?$/);
    const path = draw("path", { d: PATHS[shape] ?? PATHS.circle, class: open ? "open" : "full" });
    path.style.color = `var(--${line.color.slice(1)})`;
    return draw("svg", { viewBox: "0 0 16 16", class: "marker", "aria-hidden": "true" }, path);
  }

  /* Text for plotly, which reads some HTML, entities and $…$ in every text that it is given. */
  const inert = (text) => String(text)
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("$", "&#36;");

  const statusBadge = (status) => make("span",
    { class: `badge ${BADGES[status] ?? "bad"}` }, status.replaceAll("_", " "));

  function estimateCell(estimate, metric) {
    if (!estimate) return make("span", { class: "muted" }, "–");
    return make("span", { class: "estimate" }, units.formatValue(estimate, metric),
      make("small", {}, ` ${units.formatBounds(estimate, metric)}`));
  }

  const empty = (text, command = null) => make("p", { class: "empty" }, text,
    command && " ", command && make("code", {}, command));

  function selector(label, options, chosen, onchange) {
    const select = make("select", { onchange: (event) => onchange(event.target.value) },
      options.map(([value, text]) => make("option", { value, selected: String(value) === String(chosen) }, text)));
    return make("label", {}, `${label} `, select);
  }

  /* Two or more buttons of which one is pressed; `options` are [value, text]. */
  function choice(label, options, chosen, onchange) {
    return make("span", { class: "choice", role: "group", "aria-label": label },
      options.map(([value, text]) => make("button", { type: "button", "data-value": value,
        "aria-pressed": String(value === chosen), onclick: () => onchange(value) }, text)));
  }

  function command(text) {
    return make("p", { class: "command" }, make("code", {}, text),
      make("button", { type: "button", class: "quiet", onclick: (event) => confirm(event.target, copy(text)) }, "Copy"));
  }

  /* The button itself says that it worked, to a screen reader too. */
  async function confirm(button, promise) {
    const before = button.textContent;
    button.textContent = (await promise) ? "Copied" : "Not copied";
    setTimeout(() => { button.textContent = before; }, 1500);
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch { /* a page from a disk may not: the old way */ }
    const area = make("textarea", { "aria-hidden": "true", style: "position:fixed;opacity:0" });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    focused?.focus();
    return done;
  }

  function download(name, text, type) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  const flat = (value) => value === null || value === undefined ? "" : String(value).split(/\s+/).join(" ").trim();

  /* A spreadsheet would run a text that begins like a formula: sepconv/cli/table.py. */
  function csvCell(value) {
    if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
    const text = flat(value);
    const said = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(said) ? `"${said.replaceAll('"', '""')}"` : said;
  }

  const csv = (columns, rows) =>
    [columns, ...rows].map((row) => `${row.map(csvCell).join(",")}\n`).join("");

  const markdownCell = (value) => flat(value)
    .replace(/[\\`*_{}[\]<>|#~]/g, "\\$&").replaceAll("@", "@\u200b");

  const markdown = (columns, rows) => [columns, columns.map(() => "---"), ...rows]
    .map((row, i) => `| ${row.map(i === 1 ? String : markdownCell).join(" | ")} |\n`).join("");

  sepconv.dom = Object.freeze({ make, draw, marker, inert, statusBadge, estimateCell, empty, selector,
    choice, command, confirm });
  Object.assign(sepconv, { download, csv, markdown, copy });
})(window.sepconv ??= {});
