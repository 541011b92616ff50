"""What makes the site of the book more than its text: `setup` lists every step in its order.

address.py   the addresses of site and repository, and the buttons that need them
head.py      a page's description, the tags of shared links, the box *Cite this page*
run.py       the bar *Run this page*, and the wheels that it loads
status.py    the table of the page *About this copy*
files.py     front door, 404, robots, sitemap, the picture of shared links
mend.py      what the theme and Jupyter Book leave to mend
numbers.py   numbers of chapters and figures
formulas.py  formulas typeset by MathJax in Node (formulas.js)
weight.py    one style sheet, icons as a small font, no scripts of what is not on a page
"""

from pathlib import Path

from . import address, files, formulas, head, mend, numbers, run, status, weight


def setup(app):
    """A step without a priority has 500, as the theme's; among equals the order is that of here."""
    mend.without_thebe(app)
    app.connect("config-inited", address.settings)
    app.add_config_value("run_python", run.PYODIDE, "html", str)
    app.connect("builder-inited", run.make_wheels)
    app.add_directive("site-status", status.Status)
    app.connect("env-updated", all_pages)

    # each page, before it is written
    app.add_css_file("site.css")
    app.add_css_file("explore/explore.css")
    app.add_js_file("reader.js", loading_method="defer")
    app.add_js_file("explore/explore.js", loading_method="defer")
    app.connect("html-page-context", head.tags)
    app.connect("html-page-context", head.cite)
    app.connect("html-page-context", run.add_bar)
    app.connect("html-page-context", search_script)
    app.connect("html-page-context", address.launch, priority=502)     # after the theme's buttons
    app.connect("html-page-context", weight.scripts, priority=900)     # after all others' scripts

    # all pages, when they are written and the theme has written its files (the PDF follows: 950)
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def all_pages(app, env):
    """All pages are written at each build: `finish` takes them as Sphinx writes them."""
    return sorted(env.found_docs)


def search_script(app, pagename, templatename, context, doctree):
    """What the search page has beside Sphinx's search."""
    if pagename == "search":
        app.add_js_file("search.js")


def finish(app, exception):
    """Add the other files, and pass once over all pages."""
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    files.write(app, out)
    pages = {path: path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))
             if "_static" not in path.relative_to(out).parts}
    pages = {path: mend.mend(text) for path, text in pages.items()}
    pages = {path: numbers.number(path, text) for path, text in pages.items()}
    pages = formulas.typeset(out / "_static", pages)
    pages = weight.lighten(out / "_static", pages)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
