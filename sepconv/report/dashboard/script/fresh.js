"use strict";
/* How old the newest run is by the reader's clock, and whether runs that used to come did not. */
((sepconv) => {
  const UNITS = [[86_400 * 365, "year"], [86_400 * 30, "month"], [86_400, "day"], [3600, "hour"], [60, "minute"]];
  const DAY_S = 86_400;
  const LEAST_RUNS = 4; // that make a rhythm
  const LEAST_GAP_S = 6 * 3600; // what comes more often was started by hand
  const LATE = 1.5; // gaps, from which on one is missing
  const RECENT = 30; // runs whose gaps are looked at
  const ENDED = 14; // missing ones in a row: nobody counts those any more

  const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

  /* "5 hours ago"; what lies ahead by this clock is said to. */
  function ago(seconds) {
    if (seconds < -60) return "in the future, by the clock of this computer";
    const found = UNITS.find(([length]) => seconds >= length);
    return found ? `${count(Math.floor(seconds / found[0]), found[1])} ago` : "just now";
  }

  /* Seconds between two runs, if they come by night or by week; null if no rhythm is known. */
  function rhythm(times) {
    const gaps = times.slice(-RECENT).map((time, i, all) => (i ? time - all[i - 1] : null)).slice(1).sort((a, b) => a - b);
    if (gaps.length < LEAST_RUNS - 1) return null;
    const middle = gaps[Math.floor(gaps.length / 2)];
    return middle >= LEAST_GAP_S ? middle : null;
  }

  const missedIn = (gap, usual) => (gap > LATE * usual ? Math.round(gap / usual) - 1 : 0);

  /* Of runs that began at these times, in ISO 8601; `now` in milliseconds. */
  function look(started, now) {
    const times = started.map((text) => Date.parse(text) / 1000).filter(Number.isFinite).sort((a, b) => a - b);
    if (!times.length) return null;
    const age = now / 1000 - times.at(-1);
    const usual = rhythm(times), recent = times.slice(-RECENT);
    const gaps = recent.slice(1).map((time, i) => time - recent[i]);
    return {
      ago: ago(age),
      usual,
      late: usual ? missedIn(age, usual) : 0,
      missed: usual ? gaps.reduce((sum, gap) => sum + missedIn(gap, usual), 0) : 0,
      among: recent.length,
    };
  }

  /* What else there is to say, in sentences; nothing if all is as it should be. */
  function warnings({ late, missed, among, usual }) {
    const noun = usual > 0.8 * DAY_S && usual < 1.5 * DAY_S ? "night" : "run";
    const said = [];
    if (late > ENDED) said.push(`${noun === "night" ? "A run a night" : "A regular run"} was usual here; none has come since.`);
    else if (late) said.push(late === 1 ? `The last ${noun} is missing.` : `The last ${late} ${noun}s are missing.`);
    if (missed) said.push(`${count(missed, noun)} ${missed === 1 ? "is" : "are"} missing among the newest ${among} runs.`);
    return said;
  }

  sepconv.fresh = Object.freeze({ ago, look, warnings });
})(window.sepconv ??= {});
