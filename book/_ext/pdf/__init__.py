"""The book as a PDF: with SITE_PDF=on the build prints it from the site when all pages are written.

It is linked from the front page and from the download menu of each page. paper.py makes one page
of all pages, paper.css is its style, paper.js fits it to the paper, printing.py has it printed.
"""

import os
from pathlib import Path

from .printing import CHROMIUM, NAME, NO_CHROMIUM, make

LINK = '<a href="{address}">The whole book as a PDF</a>, for paper and for reading offline.'


def setup(app):
    """The steps in their order; the theme's have priority 500, the site's pages end at 900."""
    if os.environ.get("SITE_PDF") == "on":
        if CHROMIUM is None:
            raise RuntimeError(NO_CHROMIUM)
        app.connect("html-page-context", add_links, priority=503)     # after the theme's buttons
        app.connect("build-finished", print_book, priority=950)    # from the readers' pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def add_links(app, pagename, templatename, context, doctree):
    """In the download menu of each page, and on the front page."""
    address = context["pathto"](NAME, resource=True)
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].append({
                "type": "link", "url": address, "text": "the book (.pdf)", "icon": "fas fa-book",
                "tooltip": "Download the whole book as PDF"})
    if pagename == "book/index":
        line = f'<p class="screen-only">{LINK.format(address=address)}</p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def print_book(app, exception):
    if not exception and app.builder.format == "html":
        make(app.outdir, Path(app.outdir, NAME))
