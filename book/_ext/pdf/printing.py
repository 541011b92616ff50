"""Printing the built site by Chromium: python book/_tools/pdf.py _build/html book.pdf

Chromium cannot say on which page a link's target is, so the book is printed twice: the second time
with the numbers that the first has found.
"""

import html
import logging
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib
import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

from .paper import Paper

HERE = Path(__file__)
ROOT = HERE.parents[3]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NAME = "mixed-linear-models.pdf"
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
NO_CHROMIUM = "the PDF is printed by Chromium (or Google Chrome), which is not installed"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--virtual-time-budget=100000", "--no-pdf-header-footer",
         "--generate-pdf-document-outline"]
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
<p class="version">Version {version}, {date}<br />{address}\
Text under CC BY 4.0, code under BSD-3-Clause</p>
</section>"""


def make(site, out, root=ROOT):
    """Print the site's chapters into one file."""
    if CHROMIUM is None:
        raise RuntimeError(NO_CHROMIUM)
    paper = Paper(Path(site).resolve(), root)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    text = one_page(paper, config, root)
    numbers = {}
    for _ in range(4):
        with tempfile.TemporaryDirectory() as folder:
            numbered = re.sub("@@(.+?)@@", lambda found: str(numbers.get(found[1], 999)), text)
            reader = PdfReader(print_page(numbered, Path(folder)))
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
    title = html.escape(config["title"])
    address = f'<a href="{paper.address}">{paper.address}</a><br />' if paper.address else ""
    cover = COVER.format(title=title, author=html.escape(config["author"]), address=address,
                         version=facts["version"], date=facts["date-released"])
    fonts = Path(matplotlib.get_data_path(), "fonts", "ttf").as_uri()
    style = [HERE.with_name("paper.css").read_text(encoding="utf-8").replace("FONTS", fonts),
             (paper.site / "_static" / "pygments.css").read_text(encoding="utf-8"),
             *running_titles(paper)]
    return PAGE.format(title=title, style="\n".join(style), cover=cover,
                       contents=paper.table_of_contents(), body=paper.soup.main,
                       script=HERE.with_name("paper.js").read_text(encoding="utf-8"),
                       mathjax=paper.mathjax.as_uri())


def running_titles(paper):
    """Each chapter has pages of its own kind, with its title at the top."""
    for _, title, address, _ in paper.contents:
        if address and address.startswith("#"):
            name = address[1:]
            words = title.replace('"', r"\"")
            yield (f"#{name} {{ page: {name}; }} "
                   f'@page {name} {{ @top-left {{ content: "{words}"; }} }}')


def print_page(text, folder):
    page = folder / "book.html"
    file = folder / "book.pdf"
    page.write_text(text, encoding="utf-8")
    subprocess.run([CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}",
                    f"--print-to-pdf={file}", page.as_uri()],
                   check=True, timeout=900, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return file


def finish(reader, out, config):
    """Who wrote it, in what language, and page labels that are the printed numbers."""
    if (reader.metadata.title or "") != config["title"]:
        raise RuntimeError(f"Chromium has printed too early: {reader.metadata.title!r}")
    # pypdf wonders that a copy counts its objects otherwise
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    writer = PdfWriter(clone_from=reader)
    writer.pdf_header = reader.pdf_header
    writer.metadata = {"/Title": config["title"], "/Author": config["author"],
                       "/Creator": "Jupyter Book", "/Producer": "Chromium, pypdf"}
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
