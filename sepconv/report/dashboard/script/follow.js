"use strict";
// A served page asks whether the store has changed, and shows what is new: kept apart from the
// other scripts, since the page that waits for the first results has nothing else.
(() => {
  const EVERY_MS = 5000; // asking costs the server some milliseconds, which a sweep would notice
  const LONGEST_MS = 60000; // between two questions, where nobody answers
  const LEAST_MS = 15000; // between two pages, for who lets them follow
  const FOLLOWS = "sepconv-follows";
  const PLACE = "sepconv-place";

  const shown = JSON.parse(document.getElementById("live").textContent);
  const waits = "waiting" in document.body.dataset;
  const began = performance.now();
  let said = shown;
  let missed = 0;
  let timer = 0;
  let question = null;

  const news = document.createElement("p");
  news.setAttribute("aria-live", "polite");
  const progress = document.createElement("p");
  const show = document.createElement("button");
  show.type = "button";
  show.textContent = "Show";
  show.addEventListener("click", reload);
  const follows = document.createElement("input");
  follows.type = "checkbox";
  follows.checked = sessionStorage.getItem(FOLLOWS) === "yes";
  follows.addEventListener("change", () => {
    sessionStorage.setItem(FOLLOWS, follows.checked ? "yes" : "no");
    catchUp();
  });
  const label = document.createElement("label");
  label.append(follows, "Follow");
  const bar = document.createElement("section");
  bar.className = "live";
  bar.setAttribute("aria-label", "Live");
  bar.append(news, progress, show, label);

  function newResults() {
    const counts = Object.entries(said.measured);
    return counts.reduce((sum, [run, n]) => sum + Math.max(0, n - (shown.measured[run] ?? 0)), 0);
  }

  function sentence() {
    if (missed > 0) return "The server does not answer; this is what it said last.";
    if (said.state === shown.state) return waits ? "Nothing yet." : "Up to date.";
    const count = newResults();
    if (count === 0) return "The store has changed.";
    return count === 1 ? "1 new result." : `${count.toLocaleString("en")} new results.`;
  }

  function draw() {
    const isNew = said.state !== shown.state;
    if (news.textContent !== sentence()) news.textContent = sentence(); // said once, not every time
    progress.textContent = said.progress ?? "";
    progress.hidden = said.progress === null;
    show.hidden = !isNew;
    label.hidden = waits;
    bar.classList.toggle("news", isNew && missed === 0);
    document.documentElement.dataset.live = missed > 0 ? "alone" : isNew ? "new" : "same";
  }

  function isTyping() {
    const at = document.activeElement;
    return at !== null && at.matches("input:not([type=checkbox]), select, textarea");
  }

  function catchUp() {
    if (said.state === shown.state || missed > 0 || document.hidden) return;
    const isDue = performance.now() - began > LEAST_MS && !isTyping();
    if (waits || (follows.checked && isDue)) reload();
  }

  function reload() {
    window.sepconv?.views?.writeAddress(); // it is written a moment after what it says
    const focus = document.activeElement?.id ?? "";
    sessionStorage.setItem(PLACE, JSON.stringify([location.hash, scrollX, scrollY, focus]));
    location.reload(); // which keeps the hash, and so the view
  }

  function restorePlace() {
    const kept = sessionStorage.getItem(PLACE);
    sessionStorage.removeItem(PLACE);
    if (kept === null) return;
    const [hash, x, y, focus] = JSON.parse(kept);
    if (hash !== location.hash) return;
    if (focus !== "") document.getElementById(focus)?.focus({ preventScroll: true });
    scrollTo(x, y);
  }

  function whenReady(act) {
    const root = document.documentElement;
    if (root.dataset.ready) return act();
    const observer = new MutationObserver(() => {
      if (!root.dataset.ready) return;
      observer.disconnect();
      act();
    });
    observer.observe(root, { attributeFilter: ["data-ready"] });
  }

  async function ask() {
    question = new AbortController();
    try {
      const answer = await fetch("/state", { signal: question.signal, cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      said = await answer.json();
      missed = 0;
    } catch (error) {
      if (error.name === "AbortError") return; // by us: nobody looks any more
      missed += 1;
    }
    draw();
    catchUp();
    plan(Math.min(EVERY_MS * 2 ** missed, LONGEST_MS));
  }

  function plan(delay) {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(ask, delay);
  }

  function stop() {
    clearTimeout(timer);
    question?.abort();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : plan(0)));
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => event.persisted && plan(0));
  document.body.append(bar);
  whenReady(restorePlace);
  draw();
  plan(EVERY_MS);
})();
