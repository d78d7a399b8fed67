"use strict";
/* The first view: which form is faster here, and what happened since the last time. */
((sepconv) => {
  const { doc, dom, units, cases, runs, series, news, promise } = sepconv;
  const { make } = dom;
  const BEYOND = 1.3; // times what the intervals explain: there is more to it
  const MINUTE_MS = 60_000;
  let shown = null, clock = null;

  const sectionOf = (group) => doc.overview.runs.find(({ run }) => run === runs.newestOf(group)) ?? null;

  /* ---- what the newest run saw: the newest points of its series ------------------------------- */

  function seenBy(run) {
    return series.inClass(doc.runs.class[run]).flatMap((index) => {
      const found = series.newest(index);
      return found.run === run ? [{ case: doc.series.case[index], series: index, ...found }] : [];
    });
  }

  /* ---- noise ---------------------------------------------------------------------------------- */

  function noiseText({ floor: { within, between, explained, runs: count } }, seen) {
    const isFew = seen.some(({ latency }) => latency && latency.low !== null);
    const inside = within === null ? isFew ? "Fewer than three cases have an interval here: that is too few to tell the noise of the machine."
      : "No interval is known here: one pass cannot show its own noise."
      : `Within a run a latency is known to ±${units.formatPercent(within)} (half the 95 % interval, median over cases).`;
    if (between === null) return isFew && within === null ? inside : `${inside} A second run will show what runs differ by.`;
    const much = `From one run to the next the same case differs by ${units.formatPercent(between)} (median over cases and the newest ${count} pair${count === 1 ? "" : "s"} of runs)`;
    const why = explained === null ? "." : between > BEYOND * explained
      ? `; those intervals explain ${units.formatPercent(explained)} of it, and the rest is what this machine does from hour to hour.`
      : `, which those intervals explain.`;
    return `${inside} ${much}${why} Speed-ups do not suffer from it: both sides take turns within a run.`;
  }

  function noiseContent(noise) {
    const trace = (role) => {
      const known = noise[role].flatMap((value, i) => (value === null ? [] : [i]));
      return { role, numbers: { x: known.map((i) => dom.inert(runs.tick(noise.run[i]))),
        y: known.map((i) => 100 * noise[role][i]), customdata: known.map((i) => noise.run[i]) } };
    };
    const traces = ["between", "within"].map(trace).filter(({ numbers }) => numbers.x.length);
    const categoryarray = noise.run.map((run) => dom.inert(runs.tick(run)));
    return { traces, axes: { xaxis: { categoryorder: "array", categoryarray } },
      label: "Noise of this machine, run by run: within a run, and from the run before" };
  }

  /* ---- the view ------------------------------------------------------------------------------- */

  const openCase = (point) => {
    if (Number.isInteger(point.customdata)) sepconv.go({ view: "case", case: point.customdata }, { push: true });
  };

  function figureCard(id, title, ...children) {
    return make("section", { class: "card", "aria-labelledby": `${id}-title` }, make("h2", { id: `${id}-title` }, title), children);
  }

  function build(root, section) {
    const { run } = section, seen = seenBy(run);
    const varied = section.headlines.length ? cases.varying(promise.promised(seen).map((each) => each.case)) : [];
    const parts = {
      speedup: make("div", { class: "figure" }),
      controls: make("div", { class: "controls" }),
      promise: make("div", { class: "figure" }),
      noise: make("div", { class: "figure low" }),
    };
    const hasHistory = runs.count > 1, hasPromise = promise.promised(seen).length > 0;
    const alarms = doc.events.filter(({ alarm }) => alarm).length;
    const events_ = hasHistory || doc.events.length ? news.events() : null;
    root.replaceChildren(...[
      make("h1", { class: "hidden" }, "Overview"),
      news.freshness(run),
      make("div", {}, make("p", { class: "sentence" }, section.sentence),
        make("p", { class: "trust muted" }, `How sure: ${section.trust}.`)),
      alarms ? events_ : null,
      sepconv.nights.card(doc.classes[doc.runs.class[run]].machine),
      section.since ? news.since(run, section.since) : null,
      make("div", { class: "pair" },
        figureCard("glance", "At a glance", section.headlines.length ? section.headlines.map((each) => promise.glance(section, each))
          : make("p", { class: "muted" }, "Nothing was measured in this run.")),
        hasPromise ? figureCard("speedup", "Is the promise kept?", parts.controls, parts.speedup) : null),
      alarms ? null : events_,
      make("div", { class: "pair" },
        hasPromise ? figureCard("promise", "Realised against ideal",
          make("p", { class: "note" }, "Every separable case of the run. On the diagonal the promise of the multiply-adds is kept; below the line at 1× the separable form is slower than standard. Choose a point to see its case."),
          parts.promise) : null,
        figureCard("noise", "Noise of this machine", make("p", { class: "note" }, noiseText(section.noise, seen)),
          section.noise.run.length > 1 ? parts.noise : null)),
      news.failures(run, seen),
    ].filter(Boolean));
    return { section, seen, varied, parts, hasPromise };
  }

  function showAlong({ section, seen, varied, parts }, state) {
    const axis = varied.includes(state.along) ? state.along : varied.includes("channels") ? "channels" : varied[0] ?? "channels";
    const hadFocus = parts.controls.contains(document.activeElement);
    parts.controls.replaceChildren(varied.length > 1 ? dom.selector("along", varied.map((name) => [name, cases.axisTitle(name)]), axis,
      (value) => sepconv.go({ along: value })) : "");
    if (hadFocus) parts.controls.querySelector("select")?.focus();
    return sepconv.plot(parts.speedup, "speedup", promise.speedupContent(seen, section, axis));
  }

  /* Not under the reader's fingers. */
  function refresh(which, run) {
    if (which && !which.contains(document.activeElement)) which.replaceWith(news.freshness(run));
  }

  /* Nights and their events may be all that there is. */
  function showWithoutRun(root) {
    const nights = sepconv.nights.cards();
    root.replaceChildren(make("h1", { class: "hidden" }, "Overview"),
      nights.length ? dom.empty("This store has nights by a reference and no run: latencies were never measured here. To see every night, type:", "sepconv history")
        : sepconv.noRun(),
      ...nights, doc.events.length ? news.events() : "");
  }

  async function show(root, state) {
    if (!runs.count) return showWithoutRun(root);
    const section = sectionOf(state.class);
    if (!section) return root.replaceChildren(dom.empty("Nothing is known of this machine's newest run. Type:", "sepconv quick"));
    const isNew = shown?.section !== section || !root.firstChild;
    if (isNew) {
      shown = build(root, section);
      clearInterval(clock);
      clock = setInterval(() => refresh(root.querySelector(".which"), section.run), MINUTE_MS);
    }
    const drawn = [];
    if (shown.hasPromise) drawn.push(showAlong(shown, state));
    if (isNew && shown.hasPromise) drawn.push(sepconv.plot(shown.parts.promise, "promise", promise.promiseContent(shown.seen), { onClick: openCase }));
    if (isNew && section.noise.run.length > 1)
      drawn.push(sepconv.plot(shown.parts.noise, "noise", noiseContent(section.noise),
        { onClick: (point) => sepconv.go({ view: "run", run: point.customdata }, { push: true }) }));
    return Promise.all(drawn);
  }

  function leave() {
    clearInterval(clock);
    shown = null;
  }

  sepconv.view({ name: "overview", title: "Overview", isFree: true, picks: ["class"], keys: { along: { default: "" } }, show, leave });
})(window.sepconv ??= {});
