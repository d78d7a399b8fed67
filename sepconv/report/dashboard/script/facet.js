"use strict";
/* Facets: a button for each value of an axis, with how many cases choosing it would leave. An axis
   may have thousands of values: few of each are on the page, and more of one facet at a time. */
((sepconv) => {
  const { make } = sepconv.dom;
  const MOST = 84; // buttons of all facets together, while none is open
  const FEWEST = 3, MANY = 12; // of one facet
  const MOST_OPEN = 72; // of the one that is open: the search finds the others

  /* Those with the most cases, in the order of the axis. */
  function foremost({ values, places }, few) {
    const counts = new Uint32Array(values.length);
    for (const place of places) counts[place] += 1;
    return new Set([...values.keys()].sort((i, j) => counts[j] - counts[i] || i - j).slice(0, few));
  }

  function pressed(element, isPressed) {
    const text = String(isPressed);
    if (element.getAttribute("aria-pressed") !== text) element.setAttribute("aria-pressed", text);
  }

  function group(facet, few, { onChoose, onOpen }) {
    const { key, title, values } = facet, near = foremost(facet, few), most = Math.min(values.length, MOST_OPEN);
    const made = new Map(); // place of a value → its button
    const holder = make("div", { class: "facet-values" });
    const more = make("button", { type: "button", class: "quiet", "aria-expanded": "false", hidden: most <= few, onclick: onOpen });
    const rest = make("small", { class: "facet-rest" });
    let isOpen = false, shown = "";

    function button(i) {
      if (!made.has(i)) made.set(i, make("button", { type: "button", class: "facet", "aria-pressed": "false",
        onclick: () => onChoose(key, values[i]) }, make("span", { class: "cut" }, values[i]), make("small", {})));
      return made.get(i);
    }

    function wanted(chosen) {
      const first = isOpen ? (i) => i < most : (i) => near.has(i);
      return [...values.keys()].filter((i) => first(i) || chosen.has(values[i])).slice(0, MOST_OPEN + few);
    }

    function place(indices) {
      const now = indices.join();
      if (now === shown) return;
      shown = now;
      const focused = document.activeElement;
      holder.replaceChildren(...indices.map(button));
      for (const i of made.keys()) if (!indices.includes(i)) made.delete(i);
      if (holder.contains(focused)) focused.focus({ preventScroll: true });
      more.textContent = isOpen ? "Show fewer" : most < values.length ? `Show ${most} of ${values.length}` : `Show all ${values.length}`;
      more.setAttribute("aria-expanded", String(isOpen));
      rest.textContent = isOpen && most < values.length ? "The search finds the others." : "";
    }

    return {
      block: make("div", { class: "facet-group", role: "group", "aria-label": title }, make("h2", {}, title), holder, rest, more),
      more,
      open(is) { isOpen = is; },
      get isOpen() { return isOpen; },
      show(state, counts) {
        const chosen = new Set(state[key]);
        place(wanted(chosen));
        for (const [i, element] of made) {
          const small = element.lastChild, text = String(counts[i]), isChosen = chosen.has(values[i]);
          if (small.textContent !== text) small.textContent = text;
          pressed(element, isChosen);
          element.classList.toggle("none", counts[i] === 0 && !isChosen);
        }
      },
    };
  }

  /* The blocks of all facets, and what puts a state and its counts into them. */
  function facets(all, onChoose) {
    const few = Math.max(FEWEST, Math.min(MANY, Math.floor(MOST / Math.max(1, all.length))));
    let last = null;
    const show = (state, counts) => {
      last = [state, counts];
      groups.forEach((each, f) => each.show(state, counts[f]));
    };
    function open(chosen) {
      for (const each of groups) each.open(each === chosen && !each.isOpen);
      if (last) show(...last);
    }
    const groups = all.map((facet) => {
      const own = group(facet, few, { onChoose, onOpen: () => open(own) });
      return own;
    });
    return { blocks: groups.map(({ block }) => block), show };
  }

  sepconv.facets = facets;
})(window.sepconv ??= {});
