"use strict";
/* Two runs that took no turns, case by case: judge/unpaired.py and judge/standing.py, number for
   number. The rule's numbers come with the data. */
((sepconv) => {
  const { doc, series } = sepconv;
  const FAILED = new Set(["failed", "crashed", "timed_out", "out_of_memory"]);

  /* The quantile of the standard normal distribution: M. J. Wichura, algorithm AS 241, 1988, which
     Python's statistics.NormalDist has too. */
  const CENTRE = [
    [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
      13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
    [5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
      5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1],
  ];
  const TAIL = [
    [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
      3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
    [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
      0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1],
  ];
  const FAR = [
    [2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386,
      0.026532189526576123093, 0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699,
      6.6579046435011037772],
    [2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5,
      7.868691311456132591e-4, 0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1],
  ];
  const at = (coefficients, x) => coefficients.reduce((sum, each) => sum * x + each, 0);
  const rational = ([above, below], x) => at(above, x) / at(below, x);

  function normalQuantile(share) {
    const q = share - 0.5;
    if (Math.abs(q) <= 0.425) return q * rational(CENTRE, 0.180625 - q * q);
    const r = Math.sqrt(-Math.log(q <= 0 ? share : 1 - share));
    const x = r <= 5 ? rational(TAIL, r - 1.6) : rational(FAR, r - 5);
    return q < 0 ? -x : x;
  }

  const level = (count) => doc.compare.alpha / Math.max(1, count);

  /* The standard error of its logarithm, as its 95 % interval tells it. */
  function error({ value, low, high }) {
    if (low === null || high === null) return 0;
    return (low > 0 ? Math.log(high / low) / 2 : (high - low) / 2 / value) / doc.compare.normal_quantile;
  }

  function divide(base, head, odds) {
    const { margin, drift_sd: drift } = doc.compare;
    const centre = Math.log(head.value / base.value);
    const half = Math.min(doc.compare.most_half, -normalQuantile(odds / 2) * Math.hypot(error(base), error(head), drift));
    const isDecided = Math.abs(centre) - half > Math.log1p(margin);
    return {
      ratio: Math.exp(centre),
      low: Math.exp(centre - half),
      high: Math.exp(centre + half),
      outcome: !isDecided ? "undecided" : centre > 0 ? "slower" : "faster",
      detectable: Math.exp(Math.log1p(margin) + half) - 1,
      surety: Math.abs(centre) / half,
    };
  }

  const isMeasured = (sight) => series.isMeasured(sight.status) && sight.latency !== null;

  /* What needs no numbers; undecided where both have one. */
  function outcomeOf(before, after) {
    if (!after) return "missing";
    if (FAILED.has(after.status)) return "failed";
    if (!isMeasured(after)) return null;
    return before && isMeasured(before) ? "undecided" : "new";
  }

  /* Every case of either run, those of the newer one first; a null outcome was not tried. */
  function standings(before, after, isComparable = true) {
    const [known, seen] = [before, after].map((all) => new Map(all.map((each) => [each.case, each])));
    const both = after.filter((each) => outcomeOf(known.get(each.case), each) === "undecided");
    const odds = level(both.length);
    return [...new Set([...seen.keys(), ...known.keys()])].map((index) => {
      const base = known.get(index) ?? null, head = seen.get(index) ?? null;
      const outcome = outcomeOf(base, head);
      if (outcome !== "undecided") return { case: index, base, head, outcome, quotient: null };
      const quotient = divide(base.latency, head.latency, odds);
      return { case: index, base, head, quotient, outcome: isComparable ? quotient.outcome : "not_comparable" };
    });
  }

  /* Every outcome has a sign of its own beside its colour. */
  const WORDS = {
    slower: ["▲", "slower"],
    faster: ["▼", "faster"],
    same: ["=", "same"],
    undecided: ["·", "no change shown"],
    new: ["+", "new"],
    missing: ["−", "missing"],
    failed: ["✕", "failed"],
    not_comparable: ["≠", "not comparable"],
    untried: ["–", "not tried"],
  };

  function outcomeBadge(outcome, count = null) {
    const [sign, word] = WORDS[outcome ?? "untried"];
    const { make } = sepconv.dom;
    return make("span", { class: `outcome is-${outcome ?? "untried"}` },
      make("span", { class: "sign", "aria-hidden": "true" }, sign),
      count === null ? word : `${count.toLocaleString("en")} ${word}`);
  }

  sepconv.outcomes = Object.freeze({ names: Object.keys(WORDS), word: (outcome) => WORDS[outcome ?? "untried"][1],
    badge: outcomeBadge });
  sepconv.unpaired = Object.freeze({ normalQuantile, level, divide, standings });
})(window.sepconv ??= {});
