"""Formulas are typeset once, when the site is built: a page shows them at once, without JavaScript.

MathJax itself does it, in Node, from the files that sphinx-mathjax-offline has copied to the site. Where there is no Node,
the reader's browser does it with the same files. The TeX stays with a formula as data-tex.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from sphinx.util import logging

FORMULA = re.compile(r'(<(span|div) class="(?:output text_latex )?math notranslate nohighlight")([^>]*>)(.*?)</\2>', re.DOTALL)
TEX = re.compile(r"\s*\\([(\[])(.*)\\[)\]]\s*", re.DOTALL)
MATHJAX = re.compile(r'<script[^>]* src="([^"]*)mathjax/[^"]*"[^>]*></script>\s*')
OPTIONS = re.compile(r"<script>window\.MathJax = .*?</script>\s*")


def typeset(app, exception):
    """After the pages, and after the PDF, which typesets for paper."""
    if exception or app.builder.format != "html":
        return
    if shutil.which("node") is None:
        logging.getLogger(__name__).info("formulas are left to the reader's browser: there is no Node (node)")
        return
    static = Path(app.outdir, "_static")
    pages = {page: page.read_text(encoding="utf-8") for page in sorted(Path(app.outdir).rglob("*.html"))}
    formulas = sorted({read(found) for text in pages.values() for found in FORMULA.finditer(text)})
    done, style = by_mathjax(static / "mathjax", formulas)
    (static / "formulas.css").write_text(style, encoding="utf-8")
    done = dict(zip(formulas, done))
    for page, text in pages.items():
        if MATHJAX.search(text):
            text = MATHJAX.sub(r'<link rel="stylesheet" type="text/css" href="\1formulas.css" />\n', OPTIONS.sub("", text))
            page.write_text(FORMULA.sub(lambda found: write(found, done), text), encoding="utf-8")


def read(found):
    """(TeX, whether it stands on a line of its own)."""
    opened, tex = TEX.fullmatch(html.unescape(found[4])).groups()
    return tex.strip(), opened == "["


def write(found, done):
    tex = html.escape(html.unescape(found[4]).strip())
    return f'{found[1]} data-tex="{tex}"{found[3]}{done[read(found)]}</{found[2]}>'


def by_mathjax(folder, formulas):
    """([HTML of each formula], style sheet)."""
    ran = subprocess.run(["node", Path(__file__).with_suffix(".js"), folder], input=json.dumps(formulas), text=True,
                         encoding="utf-8", capture_output=True)
    if ran.returncode:
        raise RuntimeError(f"MathJax in Node could not typeset the formulas: {ran.stderr}")
    made = json.loads(ran.stdout)
    for (tex, _), formula in zip(formulas, made["formulas"], strict=True):
        if "mjx-merror" in formula:
            raise ValueError(f"MathJax does not understand the formula {tex}")
    return made["formulas"], made["style"]


def setup(app):
    app.connect("build-finished", typeset, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
