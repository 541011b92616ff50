"""Each page on paper, without JavaScript, opened as a file, and by the keyboard alone.

LMM_SITE is the built site.
"""

import pytest

from tests.site.pages import BOOK, SETTLED, every_page, visit

CHAPTER = "book/06_tablets_mixed"
ROUND = ".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer, "
ROUND += ".run-page, .explore-widget, .cite, .bd-footer-content"
SHOWN = f"""[...document.querySelectorAll("{ROUND}")]
    .filter((box) => box.getClientRects().length).map((box) => box.className)"""
CLOSED = """[...document.querySelectorAll("article details:not(.cite) > :not(summary)")]
    .filter((answer) => !answer.checkVisibility({contentVisibilityAuto: true}))
    .concat(...document.querySelectorAll(".toggle-hidden")).map((answer) => answer.textContent)"""
GROUND = "getComputedStyle(document.body).backgroundColor"
# opens answers and tabs, and gives each text of the page: [text, has it a place on the screen?]
TEXTS = """(() => {
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  document.querySelectorAll(".sd-tab-set > input").forEach((tab) =>
    Object.assign(tab, {type: "checkbox", checked: true}));
  const name = ["article", "noscript", "main"].find((name) => document.querySelector(name));
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = new Range(), texts = [];
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), parent = walk.currentNode.parentElement;
    if (!text || !parent.closest(name) || parent.closest("script, style")) continue;
    range.selectNode(walk.currentNode);
    texts.push([text, range.getClientRects().length > 0]);
  }
  return texts;
})()"""


@every_page
def test_paper_is_white_and_has_the_text_only(tab, page):
    tab.emulate_media(color_scheme="dark")
    visit(tab, page)
    assert tab.evaluate(GROUND) == "rgb(18, 18, 18)"
    tab.emulate_media(color_scheme="dark", media="print")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")    # not emulated
    tab.wait_for_function(f"{GROUND} === 'rgb(255, 255, 255)'")
    assert tab.evaluate("document.documentElement.dataset.theme") in ("light", None)
    assert tab.evaluate(SHOWN) == [] and tab.evaluate(CLOSED) == []
    assert tab.evaluate("document.querySelector('.print-title, h1').getClientRects().length")


def test_the_screen_is_dark_again_after_printing(tab):
    tab.emulate_media(color_scheme="dark")
    visit(tab, CHAPTER)
    for event, theme in (("beforeprint", "light"), ("afterprint", "dark")):
        tab.evaluate(f"window.dispatchEvent(new Event('{event}'))")
        assert tab.evaluate("document.documentElement.dataset.theme") == theme


@every_page
def test_without_javascript_all_text_is_there(still, page):
    visit(still, page)
    texts = still.evaluate(TEXTS)
    seen = [text for text, shown in texts if shown]
    assert len(" ".join(seen)) > 30
    bar = ("Run this page", "Starts Python in your browser")                # which cannot work
    assert [text for text, shown in texts if shown == text.startswith(bar)] == []
    assert not still.errors
    if still.locator(".run-page").count():
        assert any(text.startswith("With JavaScript the code on this page can be") for text in seen)
    if page == "search":
        assert "Please activate JavaScript to enable the search functionality." in seen


@every_page
def test_opened_as_a_file(tab, site, page):
    tab.goto(f"file://{site}/{page}.html")
    tab.evaluate("window.MathJax?.startup.promise")
    assert not tab.errors
    assert not [url for url in tab.requested if not url.startswith(("file:", "data:"))]
    assert tab.locator(".math:not(:has(mjx-container))").count() == 0


def test_search_finds_and_marks(tab):
    tab.goto("/search.html?q=shrinkage")
    tab.wait_for_function("document.querySelectorAll('#search-results li a').length > 3")
    assert not tab.errors


@every_page
def test_the_skip_link_leads_to_the_text(tab, page):
    if page in ("404", "search"):
        pytest.skip("404 has nothing to skip; the search page begins in its field")
    visit(tab, page)
    tab.keyboard.press("Tab")
    tab.evaluate(SETTLED)
    link = "document.querySelector('#pst-skip-link a')"
    assert tab.evaluate(f"document.activeElement === {link}")
    assert tab.evaluate(f"{link}.getBoundingClientRect().top >= 0")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("location.hash") == "#main-content"
    assert tab.evaluate("document.activeElement.closest('main') !== null")


FOCUS = """(() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  const outlined = (s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0;
  const ringed = (s) => outlined(s) || s.boxShadow !== "none";
  const where = at === document.body ? "" : at.outerHTML.slice(0, 120);
  // the theme rings the whole field
  const field = at.matches("input") && getComputedStyle(at.parentElement);
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  return [where, ringed(style) || field && ringed(field), inside];
})()"""


@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("page", [CHAPTER, BOOK[0], "book/appendix/notation", "search", "404"])
def test_the_focus_can_be_seen_wherever_the_tab_key_leads(tab, page, width):
    visit(tab, page, width)
    tab.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    faults, stops = [], 0
    for _ in range(300):
        tab.keyboard.press("Tab")
        tab.evaluate(SETTLED)
        where, ringed, inside = tab.evaluate(FOCUS)
        if not where:
            break
        stops += 1
        if not (ringed and inside):
            faults.append((where, ringed, inside))
    assert stops > 5 and faults == []
