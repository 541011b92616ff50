/* What the theme leaves open for readers with a keyboard and for paper. Without it the pages are readable too. */

(() => {
  const root = document.documentElement;
  let screen = null;

  /* A dark page is printed light. */
  function toPaper() {
    if (screen === null && root.dataset.theme === "dark") {
      screen = root.dataset.theme;
      root.dataset.theme = "light";
    }
  }
  function toScreen() {
    if (screen) root.dataset.theme = screen;
    screen = null;
  }
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", toScreen);
  window.matchMedia("print").addEventListener("change", ({matches}) => (matches ? toPaper() : toScreen()));

  /* A formula that is wider than its box can be scrolled with the keyboard too. */
  function reachFormulas() {
    for (const formula of document.querySelectorAll("span.math, div.math mjx-container")) {
      const wide = formula.scrollWidth > formula.clientWidth + 1 && formula.clientWidth > 0;
      if (wide === formula.hasAttribute("tabindex")) continue;
      for (const [name, value] of Object.entries({tabindex: "0", role: "group", "aria-label": "A wide formula"})) {
        if (wide) formula.setAttribute(name, value);
        else formula.removeAttribute(name);
      }
    }
  }
  window.addEventListener("load", reachFormulas);
  window.addEventListener("resize", reachFormulas);

  /* The theme lets the Tab key reach what is wider than its box when the page changes its size, but not when an answer
     is opened: tell it. */
  document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
})();
