/* Typesets the page's formulas from top to bottom, a few at a time: between two portions the page answers the reader.
   MathJax alone would do all at once, for seconds on a phone (its `typeset: false` stands in _config.yml). */
(async () => {
  if (!window.MathJax?.startup.promise) return;
  await MathJax.startup.promise;
  const formulas = [...document.querySelectorAll(".math")];
  let portion = 1;
  while (formulas.length) {
    const start = performance.now();
    await MathJax.typesetPromise(formulas.splice(0, portion));
    const each = (performance.now() - start) / portion;
    portion = Math.min(Math.max(1, Math.floor(12 / each)), 2 * portion);            // about 12 ms
    await new Promise((next) => setTimeout(next));
  }
})();
