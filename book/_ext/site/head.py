"""What a page says about itself: its description, the tags of shared links, and how to cite it."""

import html
import re
from pathlib import Path

import yaml
from docutils import nodes

from .files import CARD, CARD_ALT

DESCRIPTION = ("Mixed linear models with the package lmm: chapters that run, mirror lecture 10 of "
               "01NAEX, and prove every number that it quotes.")
CHAPTER = re.compile(r"book/\d\d_")
FORMULA = "\ufffc"                    # stands for a formula that plain text cannot say
LETTERS = {r"\mathbf": "", r"\boldsymbol": "", r"\beta": "β", r"\sigma": "σ",
           r"\varepsilon": "ε", r"\times": "×", r"\sim": "~", "^{-1}": "⁻¹", "^2": "²"}
OTHER_TITLES = {"genindex": "Index", "py-modindex": "Python module index", "search": "Search"}
CITE = """
<details class="cite"><summary>Cite this page</summary>
<p>{author} ({year}). {title}. In <em>{book}</em>, version {version}.{link}</p>
<div class="highlight"><pre tabindex="0" role="group" aria-label="BibTeX">{bibtex}
</pre></div>
<p>The lecture is a work of its own: <a href="{front}#how-to-cite">how to cite both</a>.</p>
</details>
"""


def tags(app, pagename, templatename, context, doctree):
    """The description of the page, and the tags that make a card of a shared link."""
    title = titled(app, pagename)
    said = first_paragraph(doctree) if doctree else f"{title}. {DESCRIPTION}"
    url = app.config.html_baseurl
    properties = {"og:type": "article" if CHAPTER.match(pagename) else "website",
                  "og:site_name": app.config.html_title,
                  "og:title": title, "og:description": said, "og:locale": "en_GB"}
    if url:
        properties |= {"og:url": f"{url}{pagename}.html", "og:image": f"{url}_static/{CARD}",
                       "og:image:width": "1200", "og:image:height": "630", "og:image:alt": CARD_ALT}
    lines = [f'<meta name="description" content="{html.escape(said)}" />']
    lines += [f'<meta property="{name}" content="{html.escape(text)}" />'
              for name, text in properties.items()]
    if url:
        lines += ['<meta name="twitter:card" content="summary_large_image" />']
    context["metatags"] = "\n    ".join([context.get("metatags", ""), *lines])


def titled(app, pagename):
    """A page's title as text."""
    if pagename in app.env.titles:
        return app.env.titles[pagename].astext()
    return OTHER_TITLES.get(pagename, pagename)


def first_paragraph(doctree, most=160):
    """The first sentences outside boxes, up to a long formula, without citations, cut at a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if not isinstance(paragraph.parent, nodes.section):
            continue
        said = paragraph.deepcopy()
        for formula in list(said.findall(nodes.math)):
            formula.replace_self(nodes.Text(in_words(formula.astext())))
        text = " ".join(re.sub(r"\s*\[[^]]*\d{4}\w?\]", "", said.astext()).split())
        if FORMULA in text:                                # back to the end of the sentence before
            text = "".join(re.findall(r".*?[.?!] ", text.split(FORMULA)[0])).strip()
        if len(text) > most:
            return text[:most - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
        if len(text) > 40:
            return text
    return DESCRIPTION


def in_words(formula):
    """A short formula such as \\mathbf V or N \\times N as plain text; a longer one as FORMULA."""
    for tex, plain in LETTERS.items():
        formula = formula.replace(tex, plain)
    if re.search(r"[\\^_{}]", formula):
        return FORMULA
    return " ".join(formula.split()).replace("( ", "(")


def cite(app, pagename, templatename, context, doctree):
    """A box at the end of each chapter with a reference, as text and in BibTeX."""
    if not CHAPTER.match(pagename) or not doctree:
        return
    facts = yaml.safe_load(Path(app.srcdir, "CITATION.cff").read_text(encoding="utf-8"))
    said = {"author": app.config.author, "title": titled(app, pagename),
            "book": app.config.html_title, "year": str(facts["date-released"])[:4],
            "version": facts["version"]}
    url = app.config.html_baseurl and f"{app.config.html_baseurl}{pagename}.html"
    bibtex = in_bibtex(f"lmm{said['year']}-{Path(pagename).stem[:2]}", url, **said)
    said = {name: html.escape(text) for name, text in said.items()}
    link = f' <a href="{url}">{url}</a>' if url else ""
    context["body"] += CITE.format(**said, link=link, bibtex=html.escape(bibtex),
                                   front=context["pathto"]("book/index"))


def in_bibtex(key, url, author, title, book, year, version):
    fields = {"author": f"{{{author}}}", "title": f"{{{title}}}", "booktitle": f"{{{book}}}",
              "year": year, "note": f"Version {version}"}
    if url:
        fields["url"] = url
    lines = [f"  {name:<9} = {{{text}}},\n" for name, text in fields.items()]
    return f"@incollection{{{key},\n{''.join(lines)}}}"
