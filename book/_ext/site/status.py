"""The directive of the page that says what this copy of the site was built from."""

import os
import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import lmm

PACKAGES = ["lmm", "numpy", "scipy", "pandas", "formulaic", "statsmodels", "matplotlib",
            "jupyter-book", "sphinx"]


class Status(SphinxDirective):
    """```{site-status}```: a table of facts, made anew at each build."""

    def run(self):
        self.env.note_reread()
        lines = ["| what | in this copy |", "|---|---|"]
        lines += [f"| {what} | {said} |" for what, said in self.facts()]
        parent = nodes.Element()
        table = StringList(lines, source="site-status")
        self.state.nested_parse(table, self.content_offset, parent)
        return parent.children

    def facts(self):
        agreeing, quoted = ledger(Path(self.env.srcdir))
        yield "built", built()
        if os.environ.get("SITE_REVISION"):
            yield "from revision", f"`{os.environ['SITE_REVISION'][:12]}`"
        ran = self.config.nb_execution_mode == "force"
        yield "notebooks", ("run anew for this build" if ran
                            else "not run for this build: outputs as stored, without pictures")
        yield "numbers of the lecture", f"[{agreeing} of {quoted} agree](ledger.md)"
        yield "Python", platform.python_version()
        yield from versions()


def versions():
    """(package, its version) of what the site is made with; Sphinx alone builds it too."""
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            pass


def built():
    """The time in UTC: SOURCE_DATE_EPOCH, if a reproducible build sets it, or now."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    when = datetime.now(timezone.utc)
    if seconds:
        when = datetime.fromtimestamp(int(seconds), timezone.utc)
    return when.strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def ledger(root):
    """How many of the lecture's numbers agree, by the stored outputs, and how many there are."""
    agreeing = {row.id for path in sorted((root / "book").glob("[0-9][0-9]_*.ipynb"))
                for row in lmm.quoted.stored(path) if row.verdict.startswith("agrees")}
    return len(agreeing), len(lmm.quoted.numbers())
