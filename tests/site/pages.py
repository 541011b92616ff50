"""Every page of the built site (LMM_SITE), opened in a browser that reaches no other host.

The tests that use it import `site`, `address`, `browser` and `every_page`.
"""

import os
from pathlib import Path

import pytest
import yaml

from browser import CHROMIUM, Browser, serve
from conftest import ROOT, missing_tool

OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
BOOK = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES = [*BOOK, "genindex", "py-modindex", "search", "404"]       # and index.html, which leads on to the first
SETTLED = "Promise.all(document.getAnimations().map((moving) => moving.finished)).then(() => 0)"      # nothing moves
every_page = pytest.mark.parametrize("page", PAGES)


def folder():
    return Path(os.environ.get("LMM_SITE") or missing_tool("LMM_SITE does not name a built site")).resolve()


@pytest.fixture(scope="module")
def site():
    return folder()


@pytest.fixture(scope="module")
def address(site):
    with serve(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser(address):
    CHROMIUM or missing_tool("Chromium is not installed")
    with Browser([OFFLINE], timeout=120) as browser:
        browser.address = address
        yield browser


def visit(browser, page, width=1200):
    """Open a page as the site serves it and wait until its formulas are set."""
    browser.size(width)
    browser.goto(f"{browser.address}/{page}.html")
    browser.evaluate("window.MathJax?.startup.promise")


def open_all(browser):
    """Open what is closed: answers, solutions, hidden cells."""
    browser.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    browser.evaluate("document.querySelectorAll('.toggle-button-hidden').forEach((button) => button.click())")
    assert not browser.evaluate("document.querySelectorAll('.toggle-hidden').length")
    browser.evaluate("new Promise((done) => setTimeout(done, 350))")      # the theme looks what scrolls after 300 ms
