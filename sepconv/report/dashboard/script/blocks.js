"use strict";
/* The blocks of the newest runs: how the rounds of each were spread, unpacked when first looked at. */
((sepconv) => {
  const { rounds } = sepconv.doc;
  const COLUMNS = [["case", Uint32Array], ["run", Uint16Array], ["pass", Uint16Array], ["ring", Uint16Array]];

  async function open() {
    const buffer = await sepconv.unpack(rounds, "rounds");
    let offset = 0;
    const next = (Column) => {
      const start = offset;
      offset += rounds.blocks * Column.BYTES_PER_ELEMENT;
      return new Column(buffer.slice(start, offset));
    };
    const columns = Object.fromEntries(COLUMNS.map(([name, Column]) => [name, next(Column)]));
    return { ...columns, quantiles: rounds.quantiles.map(() => next(Float32Array)) };
  }

  const opened = sepconv.once(open);

  /* The blocks of a case, newest run first as they were stored: [{run, pass, ring, quantiles}], the
     quantiles in seconds of one call, at the shares that `doc.rounds.quantiles` names. */
  sepconv.blocks = async (index) => {
    if (!rounds.blocks) return [];
    const columns = await opened();
    const found = [];
    columns.case.forEach((each, row) => {
      if (each !== index) return;
      const quantiles = columns.quantiles.map((column) => column[row]);
      found.push({ run: columns.run[row], pass: columns.pass[row], ring: columns.ring[row], quantiles });
    });
    return found;
  };
})(window.sepconv ??= {});
