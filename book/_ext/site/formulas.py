"""Formulas are typeset once, when the site is built: a page shows them at once, without JavaScript.

MathJax itself does it, in Node, from the files that sphinx-mathjax-offline has copied to the site.
Where there is no Node, the reader's browser does it with the same files. The TeX stays with a
formula as data-tex.
"""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

from sphinx.util import logging

FORMULA = re.compile(r'(<(span|div) class="(?:output text_latex )?math notranslate nohighlight")'
                     r"([^>]*>)(.*?)</\2>", re.DOTALL)
TEX = re.compile(r"\s*\\([(\[])(.*)\\[)\]]\s*", re.DOTALL)
MATHJAX = re.compile(r'<script[^>]* src="([^"]*)mathjax/[^"]*"[^>]*></script>\s*')
OPTIONS = re.compile(r"<script>window\.MathJax = .*?</script>\s*")
SHEET = r'<link rel="stylesheet" type="text/css" href="\1formulas.css" />' + "\n"


def typeset(static, pages):
    """{path: HTML} with the formulas typeset; writes their style sheet."""
    if shutil.which("node") is None:
        log = logging.getLogger(__name__)
        log.info("formulas are left to the reader's browser: there is no Node (node)")
        return pages
    formulas = sorted({read(found) for text in pages.values() for found in FORMULA.finditer(text)})
    made, style = by_mathjax(static / "mathjax", formulas)
    (static / "formulas.css").write_text(style, encoding="utf-8")
    made = dict(zip(formulas, made, strict=True))
    return {path: written(text, made) for path, text in pages.items()}


def written(text, made):
    """A page that loads MathJax, with the formulas made instead."""
    if not MATHJAX.search(text):
        return text
    text = MATHJAX.sub(SHEET, OPTIONS.sub("", text))
    return FORMULA.sub(lambda found: write(found, made), text)


def read(found):
    """(TeX, whether it stands on a line of its own)."""
    opened, tex = TEX.fullmatch(html.unescape(found[4])).groups()
    return tex.strip(), opened == "["


def write(found, made):
    tex = html.escape(html.unescape(found[4]).strip())
    return f'{found[1]} data-tex="{tex}"{found[3]}{made[read(found)]}</{found[2]}>'


def by_mathjax(folder, formulas):
    """([HTML of each formula], style sheet)."""
    command = ["node", Path(__file__).with_suffix(".js"), folder]
    ran = subprocess.run(command, input=json.dumps(formulas), text=True, encoding="utf-8",
                         capture_output=True)
    if ran.returncode:
        raise RuntimeError(f"MathJax in Node could not typeset the formulas: {ran.stderr}")
    made = json.loads(ran.stdout)
    for (tex, _), formula in zip(formulas, made["formulas"], strict=True):
        if "mjx-merror" in formula:
            raise ValueError(f"MathJax does not understand the formula {tex}")
    return made["formulas"], made["style"]
