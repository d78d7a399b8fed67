"use strict";
/* The frame around the views: title, pickers, navigation, and which view is shown. */
((sepconv) => {
  const { doc, dom, runs, views } = sepconv;
  const { make } = dom;
  const element = (id) => document.getElementById(id);
  const MOST_RUNS = 120; // in a picker; older ones are reached by their links
  let current = null, root = null;

  function runOptions(group, chosen) {
    const all = runs.ofClass(group).slice().reverse();
    const near = all.slice(0, MOST_RUNS);
    if (chosen !== null && !near.includes(chosen) && all.includes(chosen)) near.push(chosen);
    return near.map((run) => [run, runs.title(run)]);
  }

  const classOptions = () => doc.classes.map((_, place) => [place, runs.className(place)]);

  sepconv.pickers = Object.freeze({ runOptions, classOptions,
    run: (label, group, chosen, onchange) =>
      dom.selector(label, runOptions(group, chosen), chosen, (value) => onchange(Number(value))) });

  /* The pickers are rebuilt only if what they offer has changed: focus stays where it is. */
  function showPickers(state, view) {
    const wanted = JSON.stringify([state.class, state.run, view?.picks]);
    const holder = element("pickers");
    if (holder.dataset.shown === wanted) return;
    holder.dataset.shown = wanted;
    const focused = holder.contains(document.activeElement) ? document.activeElement.dataset.pick : null;
    holder.replaceChildren(...pickers(state, view?.picks ?? []));
    if (focused) holder.querySelector(`[data-pick="${focused}"]`)?.focus();
  }

  function pickers(state, picks) {
    const found = [];
    if (picks.includes("class") && doc.classes.length > 1)
      found.push(picker("class", "machine", classOptions(), state.class));
    if (picks.includes("run") && runs.ofClass(state.class).length > 1)
      found.push(picker("run", "run", runOptions(state.class, state.run), state.run));
    return found;
  }

  function picker(key, label, options, chosen) {
    const made = dom.selector(label, options, chosen, (value) => sepconv.go({ [key]: Number(value) }));
    made.querySelector("select").dataset.pick = key;
    return made;
  }

  function showNavigation() {
    for (const link of element("views").querySelectorAll("a")) {
      const name = link.dataset.view;
      link.href = sepconv.href({ view: name });
      if (name === sepconv.state.view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  function enter(name) {
    views.get(current)?.leave?.();
    current = name;
    root = make("div", { class: `view view-${name}` });
    element("main").replaceChildren(root);
    sepconv.plot.sweep();
    element("main").setAttribute("aria-label", titleOf(name));
    document.title = `${titleOf(name)} · ${doc.title}`;
    scrollTo(0, 0);
  }

  const titleOf = (name) => views.all.find((each) => each.name === name).title;

  sepconv.noRun = () =>
    dom.empty("There is no run in this store yet. To measure a first one in about a minute, type:", "sepconv quick");

  function fallback(state) {
    if (!runs.count)
      return sepconv.noRun();
    return dom.empty(`${titleOf(state.view)} is not part of this page.`);
  }

  /* The document says that it is ready while all of the newest state is on the page. */
  let asked = 0;
  sepconv.show = async (how) => {
    const own = asked += 1;
    delete document.documentElement.dataset.ready;
    await showState(how);
    if (own === asked) document.documentElement.dataset.ready = "yes";
  };

  async function showState({ moved = false } = {}) {
    const { state } = sepconv, hadFocus = element("main").contains(document.activeElement);
    showCaveats();
    const view = views.get(state.view);
    const isOther = state.view !== current;
    if (isOther) enter(state.view);
    if (runs.count) showPickers(state, view);
    if (isOther) showNavigation();
    if (isOther && moved) element("main").focus({ preventScroll: true });
    if (!view || (!runs.count && !view.isFree)) root.replaceChildren(fallback(state));
    else await showIn(view, state);
    if (hadFocus && document.activeElement === document.body) element("main").focus({ preventScroll: true });
  }

  /* A part that is not there is said where it would have been. */
  async function showIn(view, state) {
    try {
      await view.show(root, state);
    } catch (error) {
      if (!error.isOfPart) throw error;
      root.prepend(dom.empty(`${error.message}.`));
    }
  }

  /* Links within the page change the state without waiting for the address. */
  function follow(event) {
    const link = event.target.closest?.("#views a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    sepconv.go({ view: link.dataset.view }, { push: true });
  }

  /* What whoever looks has to know of all that is shown. */
  function showCaveats() {
    const caveats = [doc.synthetic && "made-up numbers", doc.selection && `only ${doc.selection}`,
      ...sepconv.lost.map((name) => `the ${name} of this link is not in this page`)].filter(Boolean);
    const holder = element("caveats");
    if (holder.textContent !== caveats.join("")) holder.replaceChildren(...caveats.map((text) => make("span", { class: "badge bad" }, text)));
  }

  const EDITABLE = "input, select, textarea, [contenteditable]";

  function shortcut(event) {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(EDITABLE)) return;
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }

  function readAndShow() {
    views.readAddress();
    showNavigation();
    return sepconv.show({ moved: true });
  }

  function buildNavigation() {
    element("views").replaceChildren(...views.all.map(({ name, title }) =>
      make("li", {}, make("a", { href: "#", "data-view": name }, title))));
  }

  /* What to do when the address was written: the links go by it. */
  sepconv.onaddress = showNavigation;

  sepconv.start = async () => {
    buildNavigation();
    views.readAddress();
    element("views").addEventListener("click", follow);
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault();
      element("main").focus();
    });
    addEventListener("hashchange", readAndShow);
    addEventListener("pagehide", views.writeAddress);
    addEventListener("keydown", shortcut);
    await sepconv.show();
  };
})(window.sepconv ??= {});
