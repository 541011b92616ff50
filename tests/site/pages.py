"""The pages of the built site (LMM_SITE), and what tests do with one in a browser."""

import os
from pathlib import Path

import pytest

from _ext.pdf.paper import chapters
from conftest import ROOT, missing_tool

BOOK = [page for _, page, _ in chapters(ROOT)]
PAGES = [*BOOK, "genindex", "py-modindex", "search", "404"]    # index.html leads on to the first
SETTLED = "Promise.all(document.getAnimations().map((moving) => moving.finished)).then(() => 0)"
every_page = pytest.mark.parametrize("page", PAGES)


def named(variable, what):
    """The path that a variable of the environment names."""
    path = os.environ.get(variable) or missing_tool(f"{variable} does not name {what}")
    return Path(path).resolve()


def folder():
    return named("LMM_SITE", "a built site")


def visit(tab, page, width=1200):
    """Open a page as the site serves it and wait until its formulas are set."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.errors.clear()
    tab.requested.clear()
    tab.goto(f"/{page}.html")
    tab.evaluate("window.MathJax?.startup.promise")


def open_all(tab):
    """Open what is closed: answers, solutions, hidden cells."""
    tab.evaluate("""{
        document.querySelectorAll("details").forEach((details) => { details.open = true; });
        document.querySelectorAll(".toggle-button-hidden").forEach((button) => button.click());
    }""")
    assert tab.locator(".toggle-hidden").count() == 0
    tab.wait_for_timeout(350)                            # the theme looks what scrolls after 300 ms
