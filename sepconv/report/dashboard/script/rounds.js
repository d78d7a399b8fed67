"use strict";
/* How the rounds of a case were spread in the newest run, block by block. */
((sepconv) => {
  const { doc, cases, runs, units, dom } = sepconv;
  const { make } = dom;
  const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]; // what the ends, the box and its middle are

  const placesOf = () => SHARES.map((share) => doc.rounds.quantiles.findIndex((each) => Number(each) === share));

  /* Blocks of one pass are told apart by their ring, if there are several. */
  function nameOf(block, blocks) {
    const isAlone = blocks.filter(({ pass }) => pass === block.pass).length === 1;
    return isAlone ? String(block.pass) : `${block.pass}, ring ${block.ring}`;
  }

  function trace(index, own) {
    const at = placesOf(), column = (n) => own.map(({ quantiles }) => quantiles[at[n]]);
    const [lowerfence, q1, median, q3, upperfence] = SHARES.map((_, n) => column(n));
    return { role: "block", line: cases.line(index), numbers: {
      x: own.map((block) => nameOf(block, own)), lowerfence, q1, median, q3, upperfence,
      text: own.map((block, i) => `pass ${nameOf(block, own)}<br>median ${units.formatSeconds(median[i])}<br>` +
        `half of the rounds ${units.formatSeconds(q1[i])} to ${units.formatSeconds(q3[i])}`) } };
  }

  async function draw(figure, index, run) {
    const own = (await sepconv.blocks(index)).filter((block) => block.run === run);
    if (!figure.isConnected || !own.length) return;
    figure.closest("section").hidden = false;
    await sepconv.plot(figure, "rounds", { traces: [trace(index, own)], axes: {},
      label: `Spread of the rounds of ${cases.label(index)} in ${units.formatNumber(own.length, "block")}` });
  }

  const NOTE = "The line is the median of a pass, the box holds half of its rounds, the whiskers nine tenths. Passes that differ by more than a box are the machine's doing.";

  let pending = null;
  sepconv.rounds = Object.freeze({
    /* The card of the case's newest run in the class; filled by `show`, once it is on the page. */
    card(index, group) {
      const each = sepconv.series.of(index, group);
      if (each === null || !doc.rounds?.blocks) return "";
      const { run } = sepconv.series.newest(each), figure = make("div", { class: "figure" });
      pending = () => draw(figure, index, run);
      return make("section", { class: "card", "aria-label": "Rounds", hidden: true },
        make("h2", {}, `Rounds of run ${runs.tick(run)}`), figure, make("p", { class: "note" }, NOTE));
    },
    show() {
      const wanted = pending;
      pending = null;
      return wanted?.();
    },
  });
})(window.sepconv ??= {});
