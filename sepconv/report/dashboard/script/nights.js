"use strict";
/* The nights: every case by the pinned reference, in turns; unpacked when first looked at. */
((sepconv) => {
  const { doc, dom, units, cases } = sepconv;
  const { make } = dom;
  const { nights } = doc;
  const COLUMNS = [["night", Uint16Array], ["ratio", Float32Array], ["ratio_low", Uint16Array], ["ratio_high", Uint16Array]];

  let total = 0;
  const firsts = nights.count.map((count) => (total += count) - count);
  const ofCase = Map.groupBy(nights.case.keys(), (i) => nights.case[i]);

  const open = sepconv.once(async () => sepconv.packedColumns.split(await sepconv.unpack(nights, "nights"), nights.points, COLUMNS));

  const pointsOf = (columns, i) => Array.from({ length: nights.count[i] }, (_, at) => firsts[i] + at)
    .map((row) => ({ night: columns.night[row], ratio: sepconv.packedColumns.estimateAt(columns, "ratio", row) }))
    .filter(({ ratio }) => ratio);

  /* The series of a case, the one that goes on to the newest night first. */
  async function history(index) {
    const own = ofCase.get(index) ?? [];
    if (!own.length) return [];
    const columns = await open();
    const isShared = (i) => own.some((other) => other !== i && nights.group[other] === nights.group[i]);
    return own.map((i) => ({ group: nights.groups[nights.group[i]], points: pointsOf(columns, i), isShared: isShared(i) }))
      .filter(({ points }) => points.length).map(withName).sort((one, other) => other.points.at(-1).night - one.points.at(-1).night);
  }

  /* Those of one group differ in their reference, where nothing connects the two. */
  const withName = ({ isShared, ...found }) => ({ ...found,
    name: isShared ? `${found.group}, by ${nights.reference[found.points.at(-1).night]?.slice(0, 7) ?? "another reference"}` : found.group });

  const commit = (night) => nights.commit[night]?.slice(0, 7) ?? null;
  const tick = (night) => `${nights.number[night] ?? night + 1}${commit(night) ? `: ${commit(night)}` : ""}`;
  const moment = (text) => `${text.slice(0, 16).replace("T", " ")} UTC`;

  const describe = (night) => [nights.subject[night] ?? "no commit",
    nights.reference[night] ? `by ${nights.reference[night].slice(0, 10)}` : "by a reference without a commit", moment(nights.started[night])];

  /* ---- what the newest night of a machine says by itself ----------------------------------------- */

  function largestItem({ case: index, label, ratio, low, high }) {
    return make("li", {}, index === null ? label : make("a", { href: sepconv.href({ view: "case", case: index, y: "ratio" }) }, cases.label(index)),
      ` ${units.formatChange(ratio)} `, make("small", { class: "muted" }, `[${units.formatChange(low)}, ${units.formatChange(high)}]`));
  }

  const WORDS = [["same", "as fast as the reference"], ["longer", "longer by their own interval"], ["shorter", "shorter by it"],
    ["undecided", "undecided"], ["new", "new"], ["missing", "missing"], ["failed", "failed"], ["not_comparable", "not comparable"]];

  function countSentence(counts) {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const parts = WORDS.filter(([name]) => counts[name]).map(([name, words]) => `${counts[name].toLocaleString("en")} ${words}`);
    return parts.length ? `${units.formatNumber(total, "case")}: ${parts.join(", ")}.` : "No case was compared.";
  }

  function card(machine) {
    const newest = nights.newest[machine];
    if (!newest) return null;
    const { number, started: at, state, base, head, counts, untried, largest } = newest;
    const id = `night-${machine}`;
    return make("section", { class: "card night", "aria-labelledby": id },
      make("h2", { id }, "The newest night, in turns with its reference"),
      make("p", {}, countSentence(counts)),
      make("p", { class: "note" }, `Comparison ${number ?? ""} of ${head} by ${base} on ${newest.machine}, ${moment(at)}`,
        state === "done" ? "." : ` (${state}).`, untried ? ` ${units.formatNumber(untried, "case")} not tried.` : "",
        " One night shows what is the same, and decides nothing else: what changed over the nights is in the events."),
      largest.length ? [make("p", { class: "note" }, "Farthest from the reference:"), make("ul", { class: "reasons" }, largest.map(largestItem))] : null);
  }

  sepconv.nights = Object.freeze({ has: (index) => ofCase.has(index), history, tick, describe, card, cards: () => Object.keys(nights.newest).map(card) });
})(window.sepconv ??= {});
