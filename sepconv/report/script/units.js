"use strict";
/* Numbers as people read them: units.py, letter for letter. */
((sepconv) => {
  const SECONDS = [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
  const COUNTS = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const BYTES = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];

  /* Half to even on the exact binary value, as Python's round does. */
  function roundHalfEven(value, digits) {
    const magnitude = Math.abs(value);
    const exact = magnitude.toPrecision(60).replace(/e.*$/, "").replace(".", "").replace(/^0+/, "");
    const exponent = Number(magnitude.toExponential().split("e")[1]);
    let head = exact.slice(0, digits);
    const tail = exact.slice(digits);
    if (/^50*$/.test(tail) ? Number(head.at(-1)) % 2 : tail[0] >= "5") head = String(Number(head) + 1);
    return Math.sign(value) * Number(`${head}e${exponent - digits + 1}`);
  }

  function significant(value, digits = 3) {
    if (value === 0 || !Number.isFinite(value)) return String(value);
    const rounded = roundHalfEven(value, digits);
    const exponent = Number(Math.abs(rounded).toExponential().split("e")[1]);
    return rounded.toFixed(Math.max(digits - 1 - exponent, 0));
  }

  const secondScale = (seconds) =>
    SECONDS.find(([scale]) => Math.abs(seconds) >= 0.9995 * scale) ?? SECONDS.at(-1);

  function formatSeconds(seconds) {
    const [scale, unit] = secondScale(seconds);
    return `${significant(seconds / scale)} ${unit}`;
  }

  /* "23.1 GFLOP/s", and "75.3 FLOP/s" of what needs no letter. */
  const formatRate = (perSecond, unit) => (perSecond >= 999.5 ? `${formatCount(perSecond)}${unit}` : `${significant(perSecond)} ${unit}`);

  const plain = (number) => String(Number(number.toPrecision(6))); // as Python's :g

  function formatCount(count) {
    const found = COUNTS.find(([scale]) => Math.abs(count) >= 0.9995 * scale);
    return found ? `${significant(count / found[0])} ${found[1]}` : plain(count);
  }

  function formatBytes(size) {
    const found = BYTES.find(([scale]) => Math.abs(size) >= scale);
    return found ? `${significant(size / found[0])} ${found[1]}` : `${plain(size)} B`;
  }

  const formatRatio = (ratio) => `${significant(ratio, 2)}×`;
  const formatPercent = (fraction) => `${significant(100 * fraction, 2)} %`;

  /* A ratio of new to old as a change: 1.021 → "+2.1 %", and never "−0.0 %". */
  function formatChange(ratio) {
    if (ratio >= 10 || ratio <= 0.1) return formatRatio(ratio);
    const percent = 100 * (ratio - 1);
    const text = Math.abs(percent) < 9.95 ? Math.abs(percent).toFixed(1) : Math.abs(percent).toFixed(0);
    if (Number(text) === 0) return "±0 %";
    return `${percent > 0 ? "+" : "−"}${text} %`;
  }

  /* As many digits as tell the ends of an interval apart: 1.22× [1.19, 1.25]. */
  function ratioDigits({ value, low, high }) {
    const apart = (digits) => new Set([value, low, high].map((x) => significant(x, digits))).size === 3;
    return low === null || high === null ? 2 : [2, 3].find(apart) ?? 4;
  }

  const isRatio = (metric) => metric === "realised_speedup";

  const formatValue = (estimate, metric) => isRatio(metric)
    ? `${significant(estimate.value, ratioDigits(estimate))}×` : formatSeconds(estimate.value);

  function formatBounds(estimate, metric) {
    const { value, low, high } = estimate;
    if (low === null || high === null) return "(no interval)";
    const [scale, digits] = isRatio(metric) ? [1, ratioDigits(estimate)] : [secondScale(value)[0], 3];
    return `[${significant(low / scale, digits)}, ${significant(high / scale, digits)}]`;
  }

  const spell = (estimate, metric) =>
    `${formatValue(estimate, metric)} ${formatBounds(estimate, metric)}`;

  const formatNumber = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

  sepconv.units = Object.freeze({ significant, formatSeconds, formatCount, formatRate, formatBytes, formatRatio,
    formatPercent, formatChange, formatValue, formatBounds, formatNumber, spell });
})(window.sepconv ??= {});
