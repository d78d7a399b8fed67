"use strict";
/* What is looked at; the address is the only place where it is kept. */
((sepconv) => {
  const { doc, cases, runs } = sepconv;
  const WRITE_MS = 200; // history.replaceState takes longer than filtering 10,000 cases
  const VIEWS = [["overview", "Overview"], ["explore", "Explore"], ["surface", "Surface"],
    ["roofline", "Roofline"], ["compare", "Compare"], ["case", "Case"], ["run", "Run"]];
  const NAMES = VIEWS.map(([name]) => name);
  const registered = new Map();
  const kept = new Map(); // a view's own choices, while another one is shown

  sepconv.lost = []; // what the address named and this page does not have: "run", "case", "base", "head"

  const FIND = { default: "" };
  const ownKeys = (view) => ({ find: FIND, ...registered.get(view)?.keys });

  const newestRun = runs.count ? runs.count - 1 : null;
  const firstClass = newestRun === null ? null : doc.runs.class[newestRun];
  const className = ({ machine, environment }) => `${machine}~${environment}`;
  const classOf = (text) => {
    const found = doc.classes.findIndex((each) => className(each) === text);
    return found < 0 ? null : found;
  };

  /* ---- one key: from text, to text, and what it may be --------------------------------------- */

  function parse(spec, texts) {
    const fallback = spec.default;
    if (!texts.length) return fallback;
    if (Array.isArray(fallback)) return spec.parse ? texts.map(spec.parse).filter((v) => v !== undefined) : texts;
    const parsed = spec.parse ? spec.parse(texts[0]) : parseLike(fallback, texts[0]);
    return parsed === undefined ? fallback : parsed;
  }

  function parseLike(fallback, text) {
    if (typeof fallback === "number") return text.trim() && Number.isFinite(Number(text)) ? Number(text) : undefined;
    if (typeof fallback === "boolean") return text === "1" ? true : text === "0" ? false : undefined;
    return text;
  }

  function print(spec, value) {
    const one = (each) => (spec.print ? spec.print(each) : each === true ? "1" : each === false ? "0" : String(each));
    if (value === null || value === undefined) return [];
    return (Array.isArray(value) ? value : [value]).map(one);
  }

  const same = (one, other) => one.length === other.length && one.every((text, i) => text === other[i]);

  /* ---- settling: whatever is wanted becomes a state that can be shown ------------------------ */

  const isIndex = (value, count) => Number.isInteger(value) && value >= 0 && value < count;

  function settle(wanted) {
    const view = NAMES.includes(wanted.view) ? wanted.view : NAMES[0];
    const hasRun = isIndex(wanted.run, runs.count);
    const group = hasRun ? doc.runs.class[wanted.run]
      : isIndex(wanted.class, doc.classes.length) ? wanted.class : firstClass;
    const settled = {
      view,
      class: group,
      run: hasRun ? wanted.run : group === null ? null : runs.newestOf(group),
      case: isIndex(wanted.case, cases.count) ? wanted.case : null,
    };
    for (const [name, spec] of Object.entries(ownKeys(view)))
      settled[name] = Object.hasOwn(wanted, name) ? parse(spec, print(spec, wanted[name])) : spec.default;
    return Object.freeze(settled);
  }

  const pick = (from, names) => Object.fromEntries(names.filter((name) => Object.hasOwn(from, name)).map((name) => [name, from[name]]));

  /* A plain change of view finds it as it was left; one that says more starts from its defaults. */
  function merged(changes) {
    const { state } = sepconv;
    const shared = { ...pick(state, ["view", "class", "run", "case"]), ...changes };
    if ("class" in changes && !("run" in changes) && changes.class !== state.class) delete shared.run;
    const names = Object.keys(ownKeys(shared.view));
    if (shared.view === state.view) return settle({ ...pick(state, names), ...shared });
    const saysMore = names.some((name) => name in changes);
    return settle({ ...(saysMore ? {} : kept.get(shared.view)), ...shared });
  }

  /* ---- the address ---------------------------------------------------------------------------- */

  function address(state) {
    const said = new URLSearchParams();
    if (state.view !== NAMES[0]) said.set("view", state.view);
    if (state.class !== null && state.run !== runs.newestOf(state.class)) said.set("run", doc.runs.uid[state.run]);
    else if (state.class !== firstClass) said.set("class", className(doc.classes[state.class]));
    if (state.case !== null) said.set("case", cases.identity(state.case));
    if (state.case !== null && state.view === NAMES[0]) said.set("view", state.view);
    for (const [name, spec] of Object.entries(ownKeys(state.view))) {
      const texts = print(spec, state[name]);
      if (!same(texts, print(spec, spec.default))) for (const text of texts) said.append(name, text);
    }
    return said.size ? `#${said}` : "#";
  }

  function read(hash) {
    const said = new URLSearchParams(hash.slice(1));
    const wanted = { view: said.get("view") ?? (said.has("case") ? "case" : NAMES[0]) };
    if (!NAMES.includes(wanted.view)) wanted.view = NAMES[0];
    const run = runs.byUid(said.get("run")), group = classOf(said.get("class"));
    if (run !== null) wanted.run = run;
    const ofCompare = wanted.view === "compare" ? ["base", "head"].map((name) => [name, runs.byUid(said.get(name))]) : [];
    sepconv.lost = [["run", run], ["case", cases.byIdentity(said.get("case"))], ...ofCompare]
      .filter(([name, found]) => said.has(name) && found === null).map(([name]) => name);
    if (group !== null) wanted.class = group;
    wanted.case = cases.byIdentity(said.get("case"));
    for (const [name, spec] of Object.entries(ownKeys(wanted.view)))
      if (said.has(name)) wanted[name] = parse(spec, said.getAll(name));
    return settle(wanted);
  }

  let waiting = null;
  function writeSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(write, WRITE_MS);
  }

  /* Also what hangs on the address: whoever copies a link or leaves has the right one. */
  function write() {
    clearTimeout(waiting);
    waiting = null;
    const hash = address(sepconv.state);
    if (hash !== (location.hash || "#")) history.replaceState(null, "", hash);
    sepconv.onaddress?.();
  }

  function become(state) {
    const { state: before } = sepconv;
    if (before) kept.set(before.view, pick(before, Object.keys(ownKeys(before.view))));
    sepconv.state = state;
  }

  sepconv.go = (changes, { push = false } = {}) => {
    const next = merged(changes);
    sepconv.lost = [];
    if (push) write();
    become(next);
    if (push && address(next) !== (location.hash || "#")) history.pushState(null, "", address(next));
    writeSoon();
    return sepconv.show({ moved: push });
  };

  sepconv.href = (changes) => address(merged(changes));

  /* The same for very many cases: only the end of it differs. */
  let prefix = { key: null, text: "" };
  sepconv.caseHref = (index) => {
    const { class: group, run } = sepconv.state, key = `${group} ${run}`;
    if (prefix.key !== key) prefix = { key, text: sepconv.href({ view: "case", case: null }) };
    return `${prefix.text}&case=${encodeURIComponent(cases.identity(index))}`;
  };

  sepconv.link = () => new URL(address(sepconv.state), location.href).href;

  sepconv.view = (view) => {
    if (!NAMES.includes(view.name)) throw new Error(`no view is called ${view.name}`);
    registered.set(view.name, Object.freeze({ picks: ["class", "run"], ...view }));
  };

  sepconv.views = Object.freeze({
    all: VIEWS.map(([name, title]) => Object.freeze({ name, title })),
    get: (name) => registered.get(name),
    readAddress() {
      clearTimeout(waiting);
      become(read(location.hash));
    },
    writeAddress: write,
  });
})(window.sepconv ??= {});
