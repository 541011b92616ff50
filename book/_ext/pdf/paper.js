"use strict";
/* In the page that is printed: the title is set when all formulas are typeset and what is too wide is made to fit;
   printing.py refuses a file without it. */
const title = document.title;
document.title = "not typeset";

const fit = () => {
  for (const part of document.querySelectorAll("pre")) {               // long lines: smaller first, then wrapped
    part.style.whiteSpace = "pre";
    const share = part.clientWidth / part.scrollWidth;
    part.style.whiteSpace = "";
    if (share < 1) part.style.fontSize = `${8 * Math.max(0.98 * share, 0.75)}pt`;
  }
  for (const table of document.querySelectorAll("table")) {
    const room = table.parentElement.clientWidth;
    if (table.offsetWidth > room) table.style.zoom = room / table.offsetWidth;
  }
};

window.MathJax = {
  chtml: { displayOverflow: "scale" },
  options: {
    processHtmlClass: "math", ignoreHtmlClass: "chapter|cover", enableMenu: false,
    enableAssistiveMml: false, enableEnrichment: false, enableSpeech: false, enableBraille: false, enableExplorer: false,
  },
  startup: {
    pageReady: async () => {
      await MathJax.startup.defaultPageReady();
      await document.fonts.ready;
      for (const formula of MathJax.startup.document.math) {             // read aloud as it is written in TeX
        formula.typesetRoot.setAttribute("role", "img");
        formula.typesetRoot.setAttribute("aria-label", formula.math);
      }
      fit();
      document.title = title;
    },
  },
};
