"use strict";
/* Searching, facets and orders of a class' series: all that needs no element, and is quick. */
((sepconv) => {
  const { doc, cases, series } = sepconv;
  const OUTCOMES = ["slower", "faster", "undecided", "new", "missing", "failed", "not tried"];
  const AXIS_KEYS = cases.axisNames;
  const FACET_KEYS = ["form", ...AXIS_KEYS, "outcome", "status"];

  /* ---- a class: its series, and for every facet the place of each one's value ----------------------- */

  function facet(key, title, members, values, placeOf) {
    return { key, title, values, places: Uint16Array.from(members, placeOf) };
  }

  /* Values that are there, in their order, with the place of each member among them. */
  function compact(key, title, members, all, indexOf) {
    const used = [...new Set(members.map(indexOf))].sort((a, b) => a - b);
    const place = new Map(used.map((index, i) => [index, i]));
    return facet(key, title, members, used.map((index) => String(all[index])), (each) => place.get(indexOf(each)));
  }

  function facetsOf(members, axes) {
    const lineNames = doc.lines.map((line) => line.name);
    const outcomes = new Map(members.map((each) => [each, OUTCOMES.indexOf(series.outcome(each))]));
    const statuses = doc.statuses.map((status) => status.replaceAll("_", " "));
    return [
      compact("form", "conv type", members, lineNames, (each) => cases.lineIndex(series.case[each])),
      ...axes.map((axis) => compact(axis, cases.axisTitle(axis), members, doc.axes[axis].values,
        (each) => cases.axisIndex(series.case[each], axis))),
      compact("outcome", "since the point before", members, OUTCOMES, (each) => outcomes.get(each)),
      compact("status", "status", members, statuses, (each) => doc.series.status[each]),
    ].filter(({ key, values }) => values.length > 1 || key === "outcome");
  }

  function haystack(each) {
    const index = series.case[each], { status, error } = series.newest(each);
    const swept = AXIS_KEYS.map((axis) => `${axis} ${cases.axis(index, axis)}`).join(" ");
    return `${cases.label(index)} ${cases.line(index).name} ${status.replaceAll("_", " ")} ${error ?? ""} ${swept}`.toLowerCase();
  }

  const models = new Map();
  function modelOf(group) {
    if (!models.has(group)) models.set(group, build(group));
    return models.get(group);
  }

  function build(group) {
    const members = series.inClass(group);
    const axes = cases.varying(members.map((each) => series.case[each]));
    const model = { group, members, axes, facets: facetsOf(members, axes), orders: new Map() };
    let haystacks = null;
    Object.defineProperty(model, "haystacks", { get: () => haystacks ??= members.map(haystack) });
    return model;
  }

  /* ---- orders: computed once per column ---------------------------------------------------------------- */

  const share = (each) => {
    const { speedup } = series.newest(each), ideal = cases.work(series.case[each], "ideal");
    return !speedup || !ideal || cases.line(series.case[each]).standard ? null : speedup.value / ideal;
  };
  const SORT_VALUES = {
    form: (each) => cases.lineIndex(series.case[each]),
    latency: (each) => doc.series.latency[each],
    speedup: (each) => doc.series.speedup[each],
    ideal: (each) => cases.work(series.case[each], "ideal"),
    change: (each) => doc.series.change[each],
    share,
    status: (each) => doc.statuses[doc.series.status[each]],
  };
  for (const axis of AXIS_KEYS) SORT_VALUES[axis] = (each) => cases.axisIndex(series.case[each], axis);

  function compareValues(one, other) {
    if (one === other) return 0;
    if (one === null || one === undefined) return 1;
    if (other === null || other === undefined) return -1;
    return one < other ? -1 : 1;
  }

  /* Positions of the members; what has no value comes last in either direction. */
  function orderOf(model, sort) {
    if (!model.orders.has(sort)) model.orders.set(sort, sorted(model, sort));
    return model.orders.get(sort);
  }

  function sorted(model, sort) {
    const key = sort.replace(/^-/, ""), direction = sort.startsWith("-") ? -1 : 1;
    const positions = [...model.members.keys()];
    const usual = usualOrder(model);
    if (!Object.hasOwn(SORT_VALUES, key)) return positions.sort(usual);
    const values = model.members.map(SORT_VALUES[key]);
    const isGap = (i) => values[i] === null || values[i] === undefined;
    return positions.sort((i, j) => (isGap(i) || isGap(j) ? compareValues(values[i], values[j])
      : direction * compareValues(values[i], values[j])) || usual(i, j));
  }

  /* By the axes that vary, the conv types of one shape next to each other. */
  function usualOrder({ members, axes }) {
    const keys = members.map((each) => {
      const index = series.case[each];
      return [...axes.map((axis) => cases.axisIndex(index, axis)), cases.lineIndex(index)];
    });
    return (i, j) => {
      const at = keys[i].findIndex((value, n) => value !== keys[j][n]);
      return at < 0 ? i - j : keys[i][at] - keys[j][at];
    };
  }

  /* ---- filtering: one pass, which also counts every facet under the others --------------------------------- */

  function chosenFlags({ key, values }, state) {
    const wanted = state[key] ?? [];
    if (!wanted.length) return null;
    const flags = new Uint8Array(values.length);
    values.forEach((value, i) => { flags[i] = Number(wanted.includes(value)); });
    return flags;
  }

  const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  function filter(model, state) {
    const { members, facets } = model;
    const words = wordsOf(state.find);
    const haystacks = words.length ? model.haystacks : null;
    const flags = facets.map((each) => chosenFlags(each, state));
    const counts = facets.map(({ values }) => new Uint32Array(values.length));
    const found = [];
    for (const i of orderOf(model, state.sort)) {
      if (haystacks && !words.every((word) => haystacks[i].includes(word))) continue;
      let misses = 0, missed = -1;
      for (let f = 0; f < facets.length && misses < 2; f++)
        if (flags[f] && !flags[f][facets[f].places[i]]) {
          misses += 1;
          missed = f;
        }
      if (misses === 0) {
        found.push(members[i]);
        for (let f = 0; f < facets.length; f++) counts[f][facets[f].places[i]] += 1;
      } else if (misses === 1) counts[missed][facets[missed].places[i]] += 1;
    }
    return { found, counts };
  }

  sepconv.filter = Object.freeze({ modelOf, filter, share, facetKeys: FACET_KEYS, sortValues: SORT_VALUES });
})(window.sepconv ??= {});
