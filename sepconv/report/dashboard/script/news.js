"use strict";
/* What happened since the last time: how old it is, outcomes by runs alone, events, failures. */
((sepconv) => {
  const { doc, dom, units, cases, runs, outcomes } = sepconv;
  const { make } = dom;
  const MOST_EVENTS = 5; // open ones that are seen at once
  const MOST_FOLDED = 60;
  const MOST_REASONS = 12, MOST_LABELS = 6;

  const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const reason = ({ status, error }) => `${status.replaceAll("_", " ")}${error ? `: ${error}` : ""}`;

  /* ---- freshness, and what became of the cases ------------------------------------------------ */

  const startOf = (run) => Date.parse(doc.runs.started[run]);
  const startsOn = (machine) => doc.runs.started.filter((_, run) => doc.classes[doc.runs.class[run]].machine === machine);

  /* The run that began last of all: where this one is not it, nothing is late here. */
  const lastOfAll = () => doc.runs.uid.map((_, run) => run).reduce((last, run) => (startOf(run) >= startOf(last) ? run : last));

  function newerElsewhere(run) {
    const last = lastOfAll(), group = doc.runs.class[last];
    if (group === doc.runs.class[run]) return null;
    return [" · newer: ", make("a", { href: sepconv.href({ view: "overview", class: group }) }, runs.className(group, doc.runs.class[run]))];
  }

  function freshness(run) {
    const group = doc.runs.class[run], elsewhere = newerElsewhere(run), commit = runs.commit(run);
    const found = sepconv.fresh.look(startsOn(doc.classes[group].machine), Date.now());
    const age = sepconv.fresh.ago((Date.now() - startOf(run)) / 1000);
    return make("p", { class: "which" },
      make("a", { href: sepconv.href({ view: "run", run }) }, `Run ${doc.runs.number[run] ?? run + 1}`),
      ` of ${doc.runs.suite[run]}`, commit && [" at ", make("code", {}, commit)],
      commit && runs.subject(run) && ` “${runs.subject(run)}”`,
      ", ", make("time", { datetime: doc.runs.started[run], title: runs.started(run) }, found ? age : runs.started(run)),
      doc.runs.state[run] === "done" ? null : [" · ", make("b", { class: "slower" }, doc.runs.state[run])],
      " · ", runs.className(group), elsewhere,
      (found && !elsewhere ? sepconv.fresh.warnings(found) : []).map((text) => make("strong", { class: "late" }, ` ${text}`)));
  }

  function tile(run, base, outcome, count) {
    return make("li", {}, make("a", { class: `tile is-${outcome}`,
      href: sepconv.href({ view: "compare", base, head: run, show: outcome }) }, outcomes.badge(outcome, count)));
  }

  function since(run, { base, same_code: isSame, counts, untried, detectable }) {
    const tiles = Object.entries(counts).map(([outcome, count]) => tile(run, base, outcome, count));
    const caveat = detectable === null ? "" : ` On a shared machine that is noise mostly: alone, two runs decide changes of more than about ${units.formatPercent(detectable)} here, and never that nothing changed.`;
    return make("section", { class: "card", "aria-labelledby": "since-title" },
      make("h2", { id: "since-title" }, "Since the run before, by runs alone"),
      tiles.length ? make("ul", { class: "tiles" }, tiles) : dom.empty("The two runs have no case in common."),
      make("p", { class: "note" }, "Against ", make("a", { href: sepconv.href({ view: "run", run: base }) }, runs.title(base)), ".",
        isSame ? " Both measured the same commit: whatever differs is noise." : "", untried ? ` ${plural(untried, "case")} not tried.` : "", caveat, " What counts is in the events."));
  }

  /* ---- events --------------------------------------------------------------------------------- */

  const DECIDED = new Set(["acknowledged", "fixed", "ignored"]);
  const isOpen = ({ state }) => state === "suspicious" || state === "confirmed";
  const rank = (event) => (event.alarm ? 0 : isOpen(event) ? 1 : DECIDED.has(event.state) ? 2 : 3);

  /* The most urgent first; of one urgency, in the order of the data. */
  const inOrder = (events) => [...events].sort((a, b) => rank(a) - rank(b));

  /* Where there is a ratio, the event rests on it. */
  const evidence = (index) => (sepconv.nights.has(index) ? { y: "ratio" } : {});

  function eventItem(event) {
    const own = event.cases.slice(0, 4);
    const rest = event.cases.length - own.length + event.strangers[0];
    return make("li", { class: `event ${event.alarm ? "alarm" : ""}` },
      make("p", {}, event.alarm ? make("b", { class: "slower" }, "Alarm · ") : null, make("b", {}, event.title), " ",
        event.change, " ", make("span", { class: "state" }, event.standing)),
      own.length ? make("p", { class: "note" }, own.length + rest === 1 ? "Case: " : "Cases: ",
        own.map((index, i) => [i ? ", " : "", make("a", { href: sepconv.href({ view: "case", case: index, ...evidence(index) }) }, cases.label(index))]),
        rest > 0 ? ` and ${rest} more` : "") : null,
      event.commits.length + event.hidden_commits > 1 ? commitList(event) : null,
      event.notes?.length ? noteList(event.notes) : null);
  }

  function commitList({ commits, hidden_commits: hidden }) {
    return make("details", {}, make("summary", { class: "note" }, `${commits.length + hidden} commits, one of which it is`),
      make("ul", {}, hidden ? make("li", {}, `${hidden} earlier ones`) : null,
        commits.map(([commit, subject]) => make("li", {}, make("code", {}, commit.slice(0, 10)), " ", subject))));
  }

  function noteList(notes) {
    return make("details", {}, make("summary", { class: "note" }, plural(notes.length, "note")),
      make("ul", {}, notes.map((note) => make("li", {}, noteText(note)))));
  }

  const noteText = ({ state, author, reason, at }) =>
    `${at ? `${at.slice(0, 10)} ` : ""}${state}${author && author !== "sepconv" ? ` by ${author}` : ""}${reason ? `: ${reason}` : ""}`;

  function events() {
    const all = inOrder(doc.events);
    const first = all.filter(isOpen).slice(0, MOST_EVENTS), others = all.filter((each) => !first.includes(each));
    if (!all.length) {
      return make("section", { class: "card", "aria-labelledby": "events-title" }, make("h2", { id: "events-title" }, "Events"),
        dom.empty("No event in this history. Nightly runs are looked through by sepconv nightly, or now by:", "sepconv events --update"));
    }
    const counts = Map.groupBy(others, ({ state }) => state);
    return make("section", { class: "card", "aria-labelledby": "events-title" },
      make("h2", { id: "events-title" }, "Events"),
      doc.overview.balance ? make("p", { class: "note" }, `${doc.overview.balance}.`) : null,
      first.length ? make("ul", { class: "events" }, first.map(eventItem)) : make("p", {}, "No event is open."),
      others.length ? make("details", { class: "others" },
        make("summary", {}, `Others: ${[...counts].map(([state, own]) => `${own.length} ${state}`).join(", ")}`),
        make("ul", { class: "events" }, others.slice(0, MOST_FOLDED).map(eventItem)),
        others.length > MOST_FOLDED ? make("p", { class: "note" }, `${others.length - MOST_FOLDED} older ones are not here; all of them: `, make("code", {}, "sepconv events --all")) : null) : null);
  }

  /* ---- failures ------------------------------------------------------------------------------- */

  /* What a run that goes on has not measured went not badly: [what did, how many are to come]. */
  function sift(run, seen) {
    const isToCome = ({ status }) => status === "missing" && doc.runs.state[run] === "running";
    return [seen.filter((each) => each.status !== "ok" && !isToCome(each)), seen.filter(isToCome).length];
  }

  const toComeNote = (count) =>
    (count ? make("p", { class: "note" }, `${plural(count, "case")} ${count === 1 ? "is" : "are"} still to come.`) : null);

  function failures(run, seen) {
    const [bad, toCome] = sift(run, seen);
    const reasons = [...Map.groupBy(bad, reason)].sort(([, a], [, b]) => b.length - a.length);
    return make("section", { class: "card", "aria-labelledby": "failures-title" },
      make("h2", { id: "failures-title" }, "What went less than well"),
      reasons.length ? make("ul", { class: "reasons" }, reasons.slice(0, MOST_REASONS).map(reasonItem))
        : make("p", { class: "muted" }, toCome ? "Nothing so far." : `Nothing: ${plural(seen.length, "case")}, every one ok.`),
      toComeNote(toCome),
      reasons.length > MOST_REASONS ? make("p", { class: "note" }, `${reasons.length - MOST_REASONS} more reasons: `,
        make("a", { href: sepconv.href({ view: "run", run }) }, "the whole run")) : null);
  }

  function reasonItem([text, own]) {
    const labels = own.slice(0, MOST_LABELS).map((each, i) => [i ? ", " : "",
      make("a", { href: sepconv.href({ view: "case", case: each.case }) }, cases.label(each.case))]);
    return make("li", {}, make("b", {}, text), ` (${plural(own.length, "case")}): `, labels, own.length > MOST_LABELS ? ", …" : "");
  }

  sepconv.news = Object.freeze({ freshness, since, events, failures, sift, toComeNote });
})(window.sepconv ??= {});
