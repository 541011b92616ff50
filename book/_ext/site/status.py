"""The directive of the page that says what this copy of the site was built from."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import lmm

PACKAGES = ["lmm", "numpy", "scipy", "pandas", "formulaic", "statsmodels", "matplotlib", "jupyter-book", "sphinx"]


class Status(SphinxDirective):
    """```{site-status}```: a table of facts, made anew at each build."""

    def run(self):
        self.env.note_reread()
        lines = ["| what | in this copy |", "|---|---|", *(f"| {what} | {said} |" for what, said in self.facts())]
        parent = nodes.Element()
        self.state.nested_parse(StringList(lines, source="site-status"), self.content_offset, parent)
        return parent.children

    def facts(self):
        root = Path(self.env.srcdir)
        agreeing, quoted = ledger(root)
        yield "built", built()
        if os.environ.get("SITE_REVISION"):
            yield "from revision", f"`{os.environ['SITE_REVISION'][:12]}`"
        yield "notebooks", ("run anew for this build" if self.config.nb_execution_mode == "force"
                            else "not run for this build: outputs as stored, without pictures")
        yield "numbers of the lecture", f"[{agreeing} of {quoted} agree](ledger.md)"
        yield "Python", platform.python_version()
        for package in PACKAGES:
            yield package, version(package)


def built():
    """The time in UTC: SOURCE_DATE_EPOCH, if a reproducible build sets it, or now."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.fromtimestamp(int(seconds), timezone.utc) if seconds else datetime.now(timezone.utc)
    return when.strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def ledger(root):
    """How many of the lecture's numbers the chapters' stored outputs find to agree, and how many there are."""
    agreeing = {row.id for path in sorted((root / "book").glob("[0-9][0-9]_*.ipynb"))
                for row in lmm.quoted.stored(path) if row.verdict.startswith("agrees")}
    return len(agreeing), len(lmm.quoted.numbers())
