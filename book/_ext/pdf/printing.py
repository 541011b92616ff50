"""The book as a PDF, printed by Chromium from the built site: python book/_ext/site_pdf.py _build/html book.pdf

With SITE_PDF=on the build of the site makes it itself, after the pages, and links to it from the front page and from the
download menu of each page. Chromium cannot say on which page a link's target is, so the book is printed twice: the second
time with the numbers that the first has found.
"""

import html
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from paper import Paper

ROOT = Path(__file__).parents[2]
NAME = "mixed-linear-models.pdf"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "the PDF is printed by Chromium (or Google Chrome), which is not installed"
PAGE = """<!DOCTYPE html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8" />
<title>{title}</title>
<style>
{style}
</style>
<script>
{script}
</script>
<script defer src="{mathjax}"></script>
</head>
<body>
{cover}
{contents}
{body}
</body>
</html>
"""
COVER = """<section class="cover">
<p class="title">{title}</p>
<p>The companion to lecture 10 of 01NAEX,<br /><em>Introduction to Mixed Linear Models</em></p>
<p>{author}</p>
<p class="version">Version {version}, {date}<br />{address}Text under CC BY 4.0, code under BSD-3-Clause</p>
</section>"""


def make(site, out, root=ROOT):
    """Print the site's chapters into one file."""
    if CHROMIUM is None:
        raise RuntimeError(NO_CHROMIUM)
    paper = Paper(Path(site).resolve(), root)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    text, numbers = one_page(paper, config, root), {}
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder:
            file = print_page(re.sub("@@(.+?)@@", lambda found: str(numbers.get(found[1], 999)), text), Path(folder))
            reader = PdfReader(file)
            places = {name.lstrip("/"): reader.get_destination_page_number(place) + 1
                      for name, place in reader.named_destinations.items()}
            if places == numbers:
                finish(reader, out, config)
                return
        numbers = places
    raise RuntimeError("the page numbers do not settle")


def one_page(paper, config, root):
    """The HTML that is printed."""
    facts = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    here = Path(__file__).parent
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf").as_uri()
    style = [(here / "site_pdf.css").read_text(encoding="utf-8").replace("FONTS", fonts),
             (paper.site / "_static" / "pygments.css").read_text(encoding="utf-8"), *running_titles(paper)]
    address = f'<a href="{paper.address}">{paper.address}</a><br />' if paper.address else ""
    cover = COVER.format(title=html.escape(config["title"]), author=html.escape(config["author"]), address=address,
                         version=facts["version"], date=facts["date-released"])
    return PAGE.format(title=html.escape(config["title"]), style="\n".join(style), cover=cover, body=paper.soup.main,
                       script=(here / "site_pdf.js").read_text(encoding="utf-8"), mathjax=paper.mathjax.as_uri(),
                       contents=paper.table_of_contents())


def running_titles(paper):
    """Each chapter has pages of its own kind, with its title at the top."""
    for _, title, address, _ in paper.contents:
        if address and address.startswith("#"):
            words = title.replace('"', r"\"")
            yield f'{address} {{ page: {address[1:]}; }} @page {address[1:]} {{ @top-left {{ content: "{words}"; }} }}'


def print_page(text, folder):
    page, file = folder / "book.html", folder / "book.pdf"
    page.write_text(text, encoding="utf-8")
    subprocess.run([CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                    f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=100000", "--no-pdf-header-footer",
                    "--generate-pdf-document-outline", f"--print-to-pdf={file}", page.as_uri()],
                   check=True, timeout=900, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return file


def finish(reader, out, config):
    """Who wrote it, in what language, and page labels that are the printed numbers."""
    if (reader.metadata.title or "") != config["title"]:
        raise RuntimeError(f"Chromium has printed too early: {reader.metadata.title!r}")
    logging.getLogger("pypdf").setLevel(logging.ERROR)     # it wonders that a copy counts its objects otherwise
    writer = PdfWriter(clone_from=reader)
    writer.pdf_header = reader.pdf_header
    writer.metadata = {"/Title": config["title"], "/Author": config["author"], "/Creator": "Jupyter Book",
                       "/Producer": "Chromium, pypdf"}
    once(writer.root_object["/Outlines"]["/First"])
    writer.set_page_label(0, 0, prefix="Cover")
    writer.set_page_label(1, len(reader.pages) - 1, style="/D", start=2)
    writer.write(out)


def once(entry):
    """Chromium puts the title of a heading that begins a page twice into the outline's entry."""
    while entry:
        entry = entry.get_object()
        half = entry["/Title"][:len(entry["/Title"]) // 2]
        if entry["/Title"] == 2 * half:
            entry[NameObject("/Title")] = TextStringObject(half)
        once(entry.get("/First"))
        entry = entry.get("/Next")


# ---- the site -----------------------------------------------------------------------------------------------------------

def add_links(app, pagename, templatename, context, doctree):
    """In the download menu of each page, and on the front page."""
    address = context["pathto"](NAME, resource=True)
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].append({"type": "link", "url": address, "text": "the book (.pdf)", "icon": "fas fa-book",
                                     "tooltip": "Download the whole book as PDF"})
    if pagename == "book/index":
        line = f'<p class="screen-only"><a href="{address}">The whole book as a PDF</a>, for paper and for reading offline.</p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{line}", 1)


def after_pages(app, exception):
    if not exception and app.builder.format == "html":
        make(app.outdir, Path(app.outdir, NAME))


def setup(app):
    if os.environ.get("SITE_PDF") == "on":
        if CHROMIUM is None:
            raise RuntimeError(NO_CHROMIUM)
        app.connect("html-page-context", add_links, priority=503)     # after the theme has made its own buttons
        app.connect("build-finished", after_pages, priority=550)      # after the theme has written pygments.css
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    make(*sys.argv[1:])
