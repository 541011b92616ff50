/* The search page: excerpts from the text only, links to the sections that a word is in, chapters before the appendix, and
   Czech words of the course, which are looked for in English. */

document.addEventListener("DOMContentLoaded", () => {
  const CZECH = [["smisen", "mixed"], ["nahodn", "random"], ["pevn", "fixed"], ["efekt", "effect"], ["rozptyl", "variance"],
    ["kovarianc", "covariance"], ["verohodnost", "likelihood"], ["stupne volnosti", "degrees of freedom"], ["odhad", "estimate"],
    ["smrsten", "shrinkage"], ["chybejici", "missing"], ["rezidu", "residual"], ["sklon", "slope"], ["interval spolehlivosti", "confidence interval"],
    ["stredni hodnot", "mean"], ["hodnoty", "values"], ["hodnot", "value"], ["tablet", "tablet"], ["sila", "power"], ["smerodatn", "standard"], ["chyb", "error"]];
  const plain = (text) => text.normalize("NFD").replace(/\p{Diacritic}/gu, "").toLowerCase();

  /* A query in English: a word that begins as a Czech one becomes its translation. */
  function inEnglish(query) {
    return CZECH.reduce((text, [czech, english]) =>
      text.replace(new RegExp(`(?<![a-z])${czech}[a-z]*`, "g"), english), plain(query));
  }
  const search = Search.performSearch;
  Search.performSearch = (query) => {
    const isCzech = /[^\x00-\x7f]/.test(query) || CZECH.some(([czech, english]) => czech !== english &&
      new RegExp(`(?<![a-z])${czech}(y|e|i|a|u|eho|ych|i)?(?![a-z])`).test(plain(query)));
    search(isCzech ? inEnglish(query) : query);
  };

  /* Chapters first, then homework and appendix, the names of the package last. */
  Scorer.score = ([name, , , description, score]) => {
    if (/^book\/\d\d_/.test(name)) return score + 20;
    return /appendix\/(api|versions|ledger|status)/.test(name) || description ? score - 20 : score;
  };

  const article = (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const text = page.querySelector("article") || page.body;
    const apart = ".headerlink, script, style, noscript, .run-page, .cite, mjx-container";
    text.querySelectorAll(apart).forEach((part) => part.remove());
    return text;
  };
  Search.htmlToText = (html, anchor) => {
    const text = article(html);
    return ((anchor && text.querySelector(`#${CSS.escape(anchor.slice(1))}`)) || text).textContent.replace(/\s+/g, " ");
  };

  const HEADING = ":scope > :is(h2, h3, h4)";
  const summary = Search.makeSearchSummary;
  Search.makeSearchSummary = (html, stems, anchor) => {
    const words = [...stems].map((stem) => stem.replace(/i$/, ""));    // the stem of "tukey" is "tukei"
    const said = summary(html, words, anchor);
    if (!said || anchor) return said;
    const sections = [...article(html).querySelectorAll("section section[id]")].filter((section) => {
      if (!section.querySelector(HEADING)) return false;               // a box, no section
      const own = section.cloneNode(true);
      own.querySelectorAll("section").forEach((inner) => inner.remove());
      const text = own.textContent.toLowerCase();
      return words.every((word) => text.includes(word));
    }).slice(0, 3);
    setTimeout(() => {                                              // when the excerpt is in its place
      const page = said.closest("li")?.querySelector("a");
      if (!page) return;
      sections.forEach((section, place) => {
        const link = document.createElement("a");
        link.href = `${page.getAttribute("href").split("#")[0]}#${section.id}`;
        link.textContent = section.querySelector(HEADING).textContent;
        said.append(place ? ", " : " In: ", link);
      });
    });
    return said;
  };
});
