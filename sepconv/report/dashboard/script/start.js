"use strict";
/* The last script: the first view is shown after the page's frame is painted. */
((sepconv) => {
  requestAnimationFrame(() => setTimeout(sepconv.start));
})(window.sepconv ??= {});
