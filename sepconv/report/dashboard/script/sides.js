"use strict";
/* The rounds of one case in two runs: a box for each block, base's first. */
((sepconv) => {
  const { doc, dom, cases, units } = sepconv;
  const { make } = dom;
  const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95]; // ends of the whiskers, box, and its middle
  const MOST_BLOCKS = 24; // of a side, evenly taken
  const NOTE = "A box for each block: it holds half of the rounds, its line is the median, its whiskers hold nine tenths. Where the blocks of one side differ as much as the sides do, it was the hour.";

  const evenly = (all, most) => (all.length <= most ? all
    : Array.from({ length: most }, (_, i) => all[Math.floor((i * all.length) / most)]));

  function trace(side, blocks, index) {
    const at = SHARES.map((share) => doc.rounds.quantiles.findIndex((each) => Number(each) === share));
    const [lowerfence, q1, median, q3, upperfence] = at.map((place) => blocks.map(({ quantiles }) => quantiles[place]));
    const look = side === "base" ? { line: { color: "@muted" } } : {};
    return { role: "block", line: cases.line(index), numbers: { ...look, x: blocks.map((_, i) => `${side} ${i + 1}`),
      lowerfence, q1, median, q3, upperfence, text: blocks.map((block, i) => `${side}, pass ${block.pass}<br>` +
        `median ${units.formatSeconds(median[i])}<br>half of the rounds ${units.formatSeconds(q1[i])} to ${units.formatSeconds(q3[i])}`) } };
  }

  /* Fills the holder, if the page has blocks of both runs. */
  sepconv.showSides = async (holder, pair, index) => {
    if (!doc.rounds?.blocks) return;
    const all = await sepconv.blocks(index);
    const found = ["base", "head"].map((side) => [side, evenly(all.filter(({ run }) => run === pair[side]), MOST_BLOCKS)]);
    if (!holder.isConnected || found.some(([, blocks]) => !blocks.length)) return;
    const figure = make("div", { class: "figure low" });
    holder.replaceChildren(make("p", { class: "note" }, NOTE), figure);
    sepconv.plot.sweep();
    const title = { ...doc.figures.rounds.layout.xaxis.title, text: "side and block" };
    await sepconv.plot(figure, "rounds", { traces: found.map(([side, blocks]) => trace(side, blocks, index)),
      axes: { xaxis: { title } }, label: `Rounds of ${cases.label(index)} in base and head, block by block` });
  };
})(window.sepconv ??= {});
