"use strict";
/* node formulas.js MATHJAX: formulas in, [[tex, display], ...]; out, {formulas: [html, ...], style}, both as JSON. */
const folder = process.argv[2];
const formulas = JSON.parse(require("fs").readFileSync(0, "utf-8"));

require(`${folder}/node-main.js`).init({
  loader: { paths: { mathjax: folder }, load: ["adaptors/liteDOM", "input/tex", "output/chtml", "a11y/assistive-mml"] },
  chtml: { fontURL: "mathjax/output/chtml/fonts/woff-v2", matchFontHeight: false, scale: 1.15 },
  startup: { typeset: false },
}).then(async (MathJax) => {
  const adaptor = MathJax.startup.adaptor, done = [];
  for (const [tex, display] of formulas) {                   // one by one: some make MathJax load a part of its own
    done.push(adaptor.outerHTML(await MathJax.tex2chtmlPromise(tex, { display })));
  }
  process.stdout.write(JSON.stringify({ formulas: done, style: adaptor.textContent(MathJax.chtmlStylesheet()) }));
}).catch((problem) => {
  console.error(problem.message);
  process.exit(1);
});
