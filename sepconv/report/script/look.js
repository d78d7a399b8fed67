"use strict";
/* How figures look: the reader's colours put into a specification, and plotly, which draws it. */
((sepconv) => {
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");

  const theme = () => (darkness.matches && !printing.matches ? "dark" : "light");

  function onChange(listener) {
    darkness.addEventListener("change", listener);
    printing.addEventListener("change", listener);
  }

  function paint(spec, words) {
    if (typeof spec === "string") return Object.hasOwn(words, spec) ? words[spec] : spec;
    if (Array.isArray(spec)) return spec.map((value) => paint(value, words));
    if (spec === null || typeof spec !== "object" || ArrayBuffer.isView(spec)) return spec;
    return Object.fromEntries(Object.entries(spec).map(([name, value]) => [name, paint(value, words)]));
  }

  /* ---- plotly itself: unpacked and compiled once, after the page is painted ------------------- */

  let loading = null;
  const plotly = () => loading ??= load();

  async function load() {
    if (window.Plotly) return window.Plotly;
    const holder = document.getElementById("plotly-packed");
    const script = document.createElement("script");
    if (holder.dataset.src) {
      await new Promise((resolve, reject) => {
        Object.assign(script, { src: holder.dataset.src, onload: resolve,
          onerror: () => reject(new Error(`${holder.dataset.src} is missing beside this page`)) });
        document.head.append(script);
      });
    } else {
      script.textContent = await sepconv.packed.text(holder.textContent);
      holder.remove();
      document.head.append(script);
    }
    script.remove();
    return window.Plotly;
  }

  sepconv.look = Object.freeze({ theme, paint, onChange, plotly });
})(window.sepconv ??= {});
