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

  /* What is wider than its box fades at the edge behind which there is more. */
  const BOXES = ".output pre, .output.text_html, .pst-scrollable-table-container, div.math";
  function showEdge(box) {
    box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  }
  function showEdges() {
    document.querySelectorAll(BOXES).forEach(showEdge);
  }
  window.addEventListener("load", showEdges);
  window.addEventListener("resize", showEdges);
  document.addEventListener("scroll", ({target}) => target.matches?.(BOXES) && showEdge(target), true);

  /* A figure of a cell fills the window on a click; Escape, or a click, leads back. */
  function enlarge(picture) {
    const dialog = document.createElement("dialog"), close = document.createElement("button");
    dialog.className = "large-figure";
    dialog.setAttribute("aria-label", "Figure, enlarged");
    Object.assign(close, {type: "button", textContent: "Close"});
    const large = picture.cloneNode();
    large.loading = "eager";
    dialog.append(close, large);
    const caption = picture.closest("figure")?.querySelector("figcaption p");
    if (caption) {
      const said = dialog.appendChild(document.createElement("p"));
      said.textContent = caption.textContent.replace(/#$/, "");
    }
    dialog.onclick = () => dialog.close();
    dialog.onclose = () => dialog.remove();
    document.body.append(dialog);
    dialog.showModal();
  }
  document.querySelectorAll(".cell_output img").forEach((picture) => {
    if (picture.closest("a, button")) return;
    const button = document.createElement("button");
    Object.assign(button, {type: "button", className: "enlarge"});
    button.onclick = () => enlarge(picture);
    picture.replaceWith(button);
    button.append(picture);
    button.title = "Enlarge";
  });
})();
