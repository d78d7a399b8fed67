"use strict";
/* The document: cases, runs and series by index, and the histories, unpacked when first looked at. */
((sepconv) => {
  const { bytes, gunzip } = sepconv.packed;
  const doc = sepconv.doc = JSON.parse(document.getElementById("document").textContent);
  const { axes, lines, runs, cases, series, statuses, errors, parts } = doc;
  const FULL = 65535, STEPS = 60000;
  const MEASURED = new Set(["ok", "noisy", "faulting", "throttled"]);
  const FAILED = new Set(["failed", "crashed", "timed_out", "out_of_memory"]);
  const AXIS_NAMES = Object.keys(axes);

  /* ---- cases -------------------------------------------------------------------------------- */

  const byIdentity = new Map(cases.identity.map((identity, i) => [identity, i]));

  const axisValue = (index, name) => axes[name].values[cases[name][index]];

  /* What people call an axis where there is little room. */
  const axisTitle = (name) => (name === "resolution" ? "resolution" : axes[name].title.split(" / ")[0]);

  /* The axes on which these cases differ. */
  function varying(indices) {
    return AXIS_NAMES.filter((name) => {
      const column = cases[name];
      return indices.some((index) => column[index] !== column[indices[0]]);
    });
  }

  const shapeOf = (index, without = null) =>
    AXIS_NAMES.filter((name) => name !== without).map((name) => cases[name][index]).join(",");

  let byShape = null;
  function sameShape(index) {
    byShape ??= Map.groupBy(cases.identity.keys(), (each) => shapeOf(each));
    return byShape.get(shapeOf(index));
  }

  sepconv.cases = Object.freeze({
    count: cases.identity.length,
    label: (index) => cases.label[index],
    line: (index) => lines[cases.line[index]],
    lineIndex: (index) => cases.line[index],
    axis: axisValue,
    axisIndex: (index, name) => cases[name][index],
    axisTitle,
    axisNames: AXIS_NAMES,
    varying,
    shapeOf,
    sameShape,
    identity: (index) => cases.identity[index],
    byIdentity: (text) => byIdentity.get(text) ?? null,
    standard: (index) => cases.standard?.[index] ?? null,
    work: (index, name) => doc.works[name]?.[index] ?? null,
    commandFor: (index, run = null) => `sepconv run ${quote(suiteOf(index, run))} --where ${quote(selection(index))}`,
    selection,
  });

  const size = (text) => String(text).replace("×", "x");
  const pair = (value, sign, names, both) => {
    const sides = String(value).split(sign);
    return sides.length === 1 ? [`${both}=${value}`] : sides.map((side, i) => `${names[i]}=${side}`);
  };
  const word = (text) => (/^[A-Za-z_][\w.:]*$/.test(text) ? text : `'${text.replaceAll("'", "")}'`);
  const AXIS_WORDS = {
    channels: (value) => pair(value, "→", ["in_channels", "out_channels"], "channels"),
    resolution: (value) => pair(value, "×", ["height", "width"], "resolution"),
    compiled: (value) => [`compiled=${value === "compiled"}`],
    bias: (value) => [`bias=${value === "with bias"}`],
    padding: (value) => [String(value).includes("+") ? null : value === "auto" ? "padding in (auto, same)" : `padding=${size(value)}`],
  };

  /* A page of a part of the store: what all of its cases have in common. */
  const pageWords = () => (!doc.selection ? [] : / or /.test(doc.selection) ? [`(${doc.selection})`] : [doc.selection]);

  /* What tells the case from the others, in the grammar of --where: sepconv/selection.py. */
  const ALWAYS = new Set(["channels", "resolution"]);
  let differ = null;
  function selection(index) {
    differ ??= new Set(varying([...cases.identity.keys()]));
    const named = AXIS_NAMES.filter((name) => ALWAYS.has(name) || differ.has(name));
    const parts = named.flatMap((name) => {
      const value = axisValue(index, name);
      if (AXIS_WORDS[name]) return AXIS_WORDS[name](value);
      return [`${name}=${typeof value === "number" || /^\d+×\d+$/.test(value) ? size(value) : word(value)}`];
    });
    return [...pageWords(), ...formWords(index), ...parts.filter(Boolean)].join(" and ");
  }

  function formWords(index) {
    const said = doc.case?.forms?.[cases.line[index]];
    if (said) return [said];
    return [`conv_type=${word(lines[cases.line[index]].name.replace(/ \(.*/, "").replaceAll(" ", "_"))}`];
  }

  /* For a shell, as Python's shlex does: a name may hold what a shell would run. */
  const quote = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\"'\"'")}'`);

  function suiteOf(index, run) {
    const found = run ?? series.newest[series.case.indexOf(index)];
    return runs.suite[found] || "quick";
  }

  /* ---- runs --------------------------------------------------------------------------------- */

  const runCount = runs.uid.length;
  const byUid = new Map(runs.uid.map((uid, i) => [uid, i]));
  const day = (run) => runs.started[run].slice(0, 16).replace("T", " ");
  const commitOf = (run) => runs.commit[run]?.slice(0, 10) ?? null;

  function runTitle(run) {
    const dirty = runs.dirty?.[run] ? "+" : "";
    const commit = runs.commit[run] ? `${runs.commit[run].slice(0, 7)}${dirty} · ` : "";
    return `${runs.number?.[run] ?? run + 1}: ${commit}${day(run)} · ${runs.suite[run]}`;
  }

  const ofClass = doc.classes.map((_, place) =>
    runs.uid.map((_, run) => run).filter((run) => runs.class[run] === place));

  sepconv.runs = Object.freeze({
    count: runCount,
    title: runTitle,
    commit: commitOf,
    subject: (run) => runs.subject?.[run] ?? null,
    started: (run) => `${day(run)} UTC`,
    tick: (run) => `${runs.number?.[run] ?? run + 1}${runs.commit[run] ? `: ${runs.commit[run].slice(0, 7)}` : ""}`,
    byUid: (text) => byUid.get(text) ?? null,
    ofClass: (place) => ofClass[place] ?? [],
    newestOf: (place) => ofClass[place]?.at(-1) ?? null,
    /* What sets a class apart from another: its environment on the same machine, else both. */
    className(place, from = null) {
      const { machine, machine_label, environment_label } = doc.classes[place];
      const alike = from !== null && doc.classes[from].machine === machine;
      return alike ? environment_label : `${machine_label} · ${environment_label}`;
    },
  });

  /* ---- series: the newest point of each is at hand ------------------------------------------ */

  const place = (index, group) => group * cases.identity.length + index;
  const seriesAt = new Map(series.case.map((index, i) => [place(index, series.class[i]), i]));
  const classMembers = doc.classes.map(() => []);
  series.class.forEach((group, i) => classMembers[group].push(i));

  function columnEstimate(name, index) {
    const value = series[name][index];
    if (value === null || value === undefined) return null;
    return { value, low: series[`${name}_low`][index], high: series[`${name}_high`][index] };
  }

  function newest(index) {
    const error = series.error[index];
    return {
      run: series.newest[index],
      status: statuses[series.status[index]],
      error: error === null || error === undefined ? null : errors[error],
      latency: columnEstimate("latency", index),
      speedup: columnEstimate("speedup", index),
    };
  }

  const SPARK = 24;
  const sparks = bytes(series.spark ?? "");

  /* How many of the class were measured twice: the odds of a false alarm are shared by all. */
  const compared = doc.classes.map(() => 0);
  series.change?.forEach((ratio, index) => { if (ratio !== null) compared[series.class[index]] += 1; });

  /* What happened since the point before, by runs alone: a word, never an alarm. The interval of a
     change is one of 95 %; to be decided, a wider one has to leave the margin behind. */
  function outcome(index) {
    const status = statuses[series.status[index]];
    if (series.newest[index] !== sepconv.runs.newestOf(series.class[index])) return "missing";
    if (FAILED.has(status)) return "failed";
    if (!MEASURED.has(status)) return "not tried";
    const change = columnEstimate("change", index);
    if (!change) return "new";
    const centre = Math.log(change.value), half = Math.log(change.high / change.low) / 2;
    if (!(Math.abs(centre) - half * widened(series.class[index]) > Math.log1p(doc.compare?.margin ?? 0))) return "undecided";
    return centre > 0 ? "slower" : "faster";
  }

  function widened(group) {
    const { unpaired } = sepconv;
    if (!unpaired || !doc.compare) return 1;
    return -unpaired.normalQuantile(unpaired.level(compared[group]) / 2) / doc.compare.normal_quantile;
  }

  sepconv.series = Object.freeze({
    case: series.case, // the case of each
    of: (index, group) => seriesAt.get(place(index, group)) ?? null,
    inClass: (group) => classMembers[group] ?? [],
    newest,
    change: (index) => columnEstimate("change", index),
    outcome,
    isMeasured: (status) => MEASURED.has(status),
    spark: (index) => sparks.subarray(SPARK * index, SPARK * (index + 1)),
  });

  /* ---- histories: parts are unpacked once, when first looked at ------------------------------ */

  const awaited = new Map();
  function arrive(part, base64, sum) {
    awaited.get(part)?.(base64, sum);
    awaited.delete(part);
  }

  const partError = (message) => Object.assign(new Error(message), { isOfPart: true });

  /* A script element is the only thing that a page from a disk may load. */
  function load(src, part) {
    return new Promise((resolve, reject) => {
      awaited.set(part, (base64, sum) => (src.endsWith(`?${sum}`) ? resolve(base64)
        : reject(partError("A newer report lies where this page came from: load the page again"))));
      const script = document.createElement("script");
      script.src = src;
      script.onload = () => script.remove();
      script.onerror = () => reject(partError(`${src.replace(/\?.*/, "")} is missing beside this page`));
      document.head.append(script);
    });
  }

  const WIDTHS = [["run", Uint16Array], ["status", Uint8Array],
    ["latency", Float32Array], ["latency_low", Uint16Array], ["latency_high", Uint16Array],
    ["speedup", Float32Array], ["speedup_low", Uint16Array], ["speedup_high", Uint16Array],
    ["error", Uint16Array]];

  function split(buffer, points, widths = WIDTHS) {
    const columns = {};
    let offset = 0;
    for (const [name, Column] of widths) {
      const end = offset + points * Column.BYTES_PER_ELEMENT;
      columns[name] = new Column(buffer.slice(offset, end));
      offset = end;
    }
    return columns;
  }

  async function unpack(index) {
    const { points, packed, src } = parts[index];
    const base64 = packed ?? await load(src, index);
    return split(await gunzip(bytes(base64)), points);
  }

  const opened = new Map();
  function open(index) {
    if (!opened.has(index)) {
      opened.set(index, unpack(index));
      opened.get(index).catch(() => opened.delete(index));
    }
    return opened.get(index);
  }

  const lower = (value, steps) => (steps === FULL ? null : value * (1 - steps / STEPS));
  const upper = (value, steps) => (steps === FULL ? null : value / (1 - steps / STEPS));

  function estimateAt(columns, name, row) {
    const value = columns[name][row];
    if (Number.isNaN(value)) return null;
    return { value, low: lower(value, columns[`${name}_low`][row]), high: upper(value, columns[`${name}_high`][row]) };
  }

  const pointAt = (columns, row) => ({
    run: columns.run[row],
    status: statuses[columns.status[row]],
    error: columns.error[row] === FULL ? null : errors[columns.error[row]],
    latency: estimateAt(columns, "latency", row),
    speedup: estimateAt(columns, "speedup", row),
  });

  sepconv.history = async (index) => {
    if (!series.count[index]) return [];
    const columns = await open(series.part[index]);
    const first = series.first[index];
    return Array.from({ length: series.count[index] }, (_, i) => pointAt(columns, first + i));
  };

  /* The row of a run in a series' history: its runs ascend. */
  function rowOf(columns, index, run) {
    let low = series.first[index], high = low + series.count[index];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (columns.run[middle] < run) low = middle + 1;
      else high = middle;
    }
    return low < series.first[index] + series.count[index] && columns.run[low] === run ? low : null;
  }

  sepconv.measured = async (run) => {
    const members = classMembers[runs.class[run]].filter((index) => series.newest[index] >= run);
    const older = members.filter((index) => series.newest[index] !== run);
    const columns = new Map(await Promise.all([...new Set(older.map((index) => series.part[index]))]
      .map(async (part) => [part, await open(part)])));
    return members.flatMap((index) => {
      if (series.newest[index] === run) return [{ case: series.case[index], series: index, ...newest(index) }];
      const own = columns.get(series.part[index]), row = rowOf(own, index, run);
      return row === null ? [] : [{ case: series.case[index], series: index, ...pointAt(own, row) }];
    });
  };

  /* Whether an event is one of this machine, or of the machines that share its ratios. */
  sepconv.concerns = ({ machine, kind }, group) => kind === "environment"
    || [doc.classes[group].machine, doc.classes[group].ratio_machine].includes(machine);

  /* What `load` promises, asked for once; again only after it failed. */
  sepconv.once = (load) => {
    let asked = null;
    return () => {
      asked ??= load();
      asked.catch(() => { asked = null; });
      return asked;
    };
  };

  sepconv.arrive = arrive;
  sepconv.packedColumns = Object.freeze({ split, estimateAt });
  /* What Python packed: a part of histories, or the blocks of blocks.js; `key` is what it arrives by. */
  sepconv.unpack = async ({ packed, src }, key) => gunzip(bytes(packed ?? await load(src, key)));
})(window.sepconv ??= {});
