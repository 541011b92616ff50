"""What each page carries beside its text: buttons, a description, tags for shared links, and how to cite it.

The environment decides what is possible, and nothing is shown that would lead nowhere:

SITE_REPOSITORY   owner/name or address of the repository (else `repository: url:` in _config.yml): buttons for Colab,
                  Binder, an edit, an issue
SITE_URL          the address of the site (else `html: baseurl:`): canonical links, sitemap, picture of shared links
SITE_EXECUTE=off  a quick build for editors, that runs no notebook
"""

import html
import os
import re
from pathlib import Path

import yaml
from docutils import nodes

import site_files
import site_status

DESCRIPTION = ("Mixed linear models with the package lmm: chapters that run, mirror lecture 10 of 01NAEX, "
               "and prove every number that it quotes.")
CHAPTER = re.compile(r"book/\d\d_")
FORMULA = "\ufffc"                    # stands for a formula that plain text cannot say
LETTERS = {r"\mathbf": "", r"\boldsymbol": "", r"\beta": "β", r"\sigma": "σ", r"\varepsilon": "ε", r"\times": "×",
           r"\,": " ", "^{-1}": "⁻¹", "^2": "²", r"\ne": "≠", r"\sim": "~", r"\gamma": "γ", r"\top": "′"}
OTHER_TITLES = {"genindex": "Index", "py-modindex": "Python module index", "search": "Search"}


def settings(app, config):
    """One address, from the environment or from _config.yml, switches all buttons on."""
    options = config.html_theme_options
    address = repository(os.environ.get("SITE_REPOSITORY") or options.get("repository_url"))
    options["repository_url"] = address
    for button in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        options[button] = bool(address)
    url = os.environ.get("SITE_URL") or config.html_baseurl
    config.html_baseurl = url.rstrip("/") + "/" if url else ""
    if os.environ.get("SITE_EXECUTE") == "off":
        config.nb_execution_mode = "off"


def repository(given):
    """owner/name or an address of the repository as `https://github.com/owner/name`; nothing as ""."""
    if not given:
        return ""
    found = re.fullmatch(r"(?:https://github\.com/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?", given.strip())
    if not found:
        raise ValueError(f"SITE_REPOSITORY is {given!r}; write owner/name, or https://github.com/owner/name")
    return f"https://github.com/{found.group(1)}"


def without_thebe(app):
    """Jupyter Book loads sphinx-thebe on every page, unused, where it logs errors and names another host."""
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__ == "sphinx_thebe":
                app.disconnect(listener.id)
    app.registry.css_files[:] = [css for css in app.registry.css_files if css[0] != "sphinx-thebe.css"]


def launch(app, pagename, templatename, context, doctree):
    """Colab opens the copy of the notebook that installs lmm first (site_colab.py); Binder builds from .binder/."""
    address = app.config.html_theme_options["repository_url"]
    if not address or not app.env.doc2path(pagename).endswith(".ipynb"):
        return
    name = address.removeprefix("https://github.com/")
    branch = app.config.html_theme_options.get("repository_branch") or "main"
    colab = f"https://colab.research.google.com/github/{name}/blob/colab/{pagename}.ipynb"
    binder = f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{pagename}.ipynb"
    context["header_buttons"].append({
        "type": "group", "label": "launch-buttons", "icon": "fas fa-rocket", "tooltip": "Run this page elsewhere",
        "buttons": [{"type": "link", "text": text, "url": url, "icon": icon, "tooltip": f"Open in {text} (another site)"}
                    for text, url, icon in [("Colab", colab, "_static/images/logo_colab.png"),
                                            ("Binder", binder, "_static/images/logo_binder.svg")]]})


def head(app, pagename, templatename, context, doctree):
    """The description of the page, and the tags that make a card of a shared link."""
    title = app.env.titles[pagename].astext() if pagename in app.env.titles else OTHER_TITLES.get(pagename, pagename)
    said = first_paragraph(doctree) if doctree else f"{title}. {DESCRIPTION}"
    tags = {"og:type": "article" if CHAPTER.match(pagename) else "website", "og:site_name": app.config.html_title,
            "og:title": title, "og:description": said, "og:locale": "en_GB"}
    if app.config.html_baseurl:
        tags |= {"og:url": f"{app.config.html_baseurl}{pagename}.html",
                 "og:image": f"{app.config.html_baseurl}_static/{site_files.CARD}", "og:image:width": "1200",
                 "og:image:height": "630", "og:image:alt": site_files.CARD_ALT}
    lines = [f'<meta name="description" content="{html.escape(said)}" />']
    lines += [f'<meta property="{name}" content="{html.escape(text)}" />' for name, text in tags.items()]
    if app.config.html_baseurl:
        lines += ['<meta name="twitter:card" content="summary_large_image" />']
    context["metatags"] = "\n    ".join([context.get("metatags", ""), *lines])


def first_paragraph(doctree, most=160):
    """The first sentences outside boxes, up to the first long formula, without citations, cut after a word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section):
            said = paragraph.deepcopy()
            for formula in list(said.findall(nodes.math)):
                formula.replace_self(nodes.Text(in_words(formula.astext())))
            text = " ".join(re.sub(r"\s*\[[^]]*\d{4}\w?\]", "", said.astext()).split())
            if FORMULA in text:                            # back to the end of the sentence before
                text = "".join(re.findall(r".*?[.?!] ", text.split(FORMULA)[0])).strip()
            if len(text) > 40:
                return text if len(text) <= most else text[:most - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"
    return DESCRIPTION


def in_words(formula):
    """A short formula such as \\mathbf V or N \\times N as plain text; a longer one as FORMULA."""
    for tex, plain in LETTERS.items():
        formula = formula.replace(tex, plain)
    return FORMULA if re.search(r"[\\^_{}]", formula) else " ".join(formula.split()).replace("( ", "(")


def cite(app, pagename, templatename, context, doctree):
    """A box at the end of each chapter with a reference, as text and in BibTeX."""
    if not CHAPTER.match(pagename) or not doctree:
        return
    facts = yaml.safe_load((Path(app.srcdir) / "CITATION.cff").read_text(encoding="utf-8"))
    year, version = str(facts["date-released"])[:4], facts["version"]
    title, book, author = app.env.titles[pagename].astext(), app.config.html_title, app.config.author
    url = f"{app.config.html_baseurl}{pagename}.html" if app.config.html_baseurl else ""
    fields = {"author": f"{{{author}}}", "title": f"{{{title}}}", "booktitle": f"{{{book}}}", "year": year,
              "note": f"Version {version}"} | ({"url": url} if url else {})
    key = f"lmm{year}-{Path(pagename).stem[:2]}"
    bibtex = f"@incollection{{{key},\n" + "".join(f"  {k:<9} = {{{v}}},\n" for k, v in fields.items()) + "}"
    where = f' <a href="{url}">{url}</a>' if url else ""
    context["body"] += f"""
<details class="cite"><summary>Cite this page</summary>
<p>{html.escape(f"{author} ({year}). {title}.")} In <em>{html.escape(book)}</em>, version {version}.{where}</p>
<div class="highlight"><pre tabindex="0" role="group" aria-label="BibTeX">{html.escape(bibtex)}
</pre></div>
<p>The lecture is a work of its own: <a href="{context["pathto"]("book/index")}#how-to-cite">how to cite both</a>.</p>
</details>
"""


def setup(app):
    without_thebe(app)
    app.connect("config-inited", settings)
    app.connect("html-page-context", head)
    app.connect("html-page-context", cite)
    app.connect("html-page-context", launch, priority=502)      # after the theme has made its own buttons
    # what the other extensions do to written pages they do once: all pages are written each time
    app.connect("env-updated", lambda app, env: sorted(env.found_docs))
    app.connect("build-finished", site_files.write, priority=400)   # before Jupyter Book's bare front page
    app.add_directive("site-status", site_status.Status)
    app.add_css_file("site.css")
    app.add_js_file("reader.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
