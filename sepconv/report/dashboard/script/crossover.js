"use strict";
/* Where a row of ratios crosses 1, and how sure that is. */
((sepconv) => {
  /* 1, −1 or, undecided, 0: which side of 1 the whole interval is on. */
  function sideOf({ low, high }) {
    if (low !== null && low > 1) return 1;
    return high !== null && high < 1 ? -1 : 0;
  }

  /* Where a row of estimates goes from one decided side of 1 to the other, in places of the row.

     Between two measured cells the logarithm of the ratio is taken to be linear, so a crossing is
     where that line is 0; `low` and `high` are the first and the last place where the lines
     through the values or through the ends of the intervals cross. Cells without an interval
     decide nothing, and gaps are bridged. */
  function crossovers(row) {
    const known = row.flatMap((cell, at) =>
      (cell && cell.low !== null && cell.high !== null ? [{ ...cell, at }] : []));
    const found = [];
    let last = null;
    known.forEach((cell, number) => {
      const side = sideOf(cell);
      if (!side) return;
      if (last !== null && sideOf(known[last]) !== side)
        found.push(crossing(known.slice(last, number + 1), side));
      last = number;
    });
    return found;
  }

  function crossing(cells, side) {
    const values = passages(cells, "value");
    const all = [...values, ...passages(cells, "low"), ...passages(cells, "high")];
    return { at: values[(values.length - 1) / 2], low: Math.min(...all), high: Math.max(...all),
      rises: side > 0 };
  }

  /* Odd in number, as the ends are on opposite sides. */
  function passages(cells, end) {
    return cells.slice(1).flatMap((next, i) => {
      const [a, b] = [Math.log(cells[i][end]), Math.log(next[end])];
      return (a < 0) === (b < 0) ? [] : [cells[i].at + ((next.at - cells[i].at) * a) / (a - b)];
    });
  }

  /* The size between two of those along an axis: linear in the logarithm. */
  function sizeAt(sizes, at) {
    const first = Math.floor(at), rest = at - first;
    return rest ? sizes[first] ** (1 - rest) * sizes[first + 1] ** rest : sizes[first];
  }

  sepconv.crossover = Object.freeze({ crossovers, sideOf, sizeAt });
})(window.sepconv ??= {});
