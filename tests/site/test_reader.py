"""Each page on paper, without JavaScript, opened as a file, and by the keyboard alone. LMM_SITE is the built site."""

import pytest

from pages import BOOK, SETTLED, address, browser, every_page, site, visit  # noqa: F401

CHAPTER = "book/06_tablets_mixed"
SHOWN = """[...document.querySelectorAll(".bd-sidebar-primary, .bd-sidebar-secondary, .bd-header-article, .prev-next-footer," +
    ".run-page, .explore-widget, .cite, .bd-footer-content")].filter((box) => box.getClientRects().length).map((box) => box.className)"""
CLOSED = """[...document.querySelectorAll("article details:not(.cite) > :not(summary)")]
    .filter((answer) => !answer.checkVisibility({contentVisibilityAuto: true}))
    .concat(...document.querySelectorAll(".toggle-hidden")).map((answer) => answer.textContent)"""


@every_page
def test_paper_is_white_and_has_the_text_only(browser, page):  # noqa: F811
    browser.media(prefers_color_scheme="dark")
    visit(browser, page)
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = browser.evaluate(ground)
    browser.send("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    try:
        browser.evaluate("window.dispatchEvent(new Event('beforeprint'))")            # which the emulation leaves out
        browser.wait_for(f"{ground} === 'rgb(255, 255, 255)'")
        assert dark == "rgb(18, 18, 18)" and browser.evaluate("document.documentElement.dataset.theme") in ("light", None)
        assert browser.evaluate(SHOWN) == [] and browser.evaluate(CLOSED) == []
        assert browser.evaluate("document.querySelector('.print-title, h1').getClientRects().length")
    finally:
        browser.send("Emulation.setEmulatedMedia", media="", features=[])


def test_the_screen_is_dark_again_after_printing(browser):  # noqa: F811
    browser.media(prefers_color_scheme="dark")
    visit(browser, CHAPTER)
    for event, theme in (("beforeprint", "light"), ("afterprint", "dark")):
        browser.evaluate(f"window.dispatchEvent(new Event('{event}'))")
        assert browser.evaluate("document.documentElement.dataset.theme") == theme


def snapshot(browser):
    """The texts of the page's article: [text, is it laid out?]; for this no script has to run."""
    taken = browser.send("DOMSnapshot.captureSnapshot", computedStyles=[])
    words, nodes = taken["strings"], taken["documents"][0]["nodes"]
    shown = set(taken["documents"][0]["layout"]["nodeIndex"])
    names = [words[name].lower() for name in nodes["nodeName"]]
    top, inside = next(name for name in ("article", "noscript", "main") if name in names), []
    for name, parent in zip(names, nodes["parentIndex"]):
        inside.append(name == top or (parent >= 0 and inside[parent] and name not in ("script", "style")))
    return [(words[value].strip(), i in shown) for i, value in enumerate(nodes["nodeValue"])
            if nodes["nodeType"][i] == 3 and inside[i] and words[value].strip()]


@every_page
def test_without_javascript_all_text_is_there(browser, page):  # noqa: F811
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.size(1200)
        browser.goto(f"{browser.address}/{page}.html")
        root = browser.send("DOM.getDocument", depth=1)["root"]["nodeId"]
        for closed in browser.send("DOM.querySelectorAll", nodeId=root, selector="details")["nodeIds"]:
            browser.send("DOM.setAttributeValue", nodeId=closed, name="open", value="")       # as a click does
        for tab in browser.send("DOM.querySelectorAll", nodeId=root, selector=".sd-tab-set > input")["nodeIds"]:
            for name, value in (("type", "checkbox"), ("checked", "")):                       # all tabs at once
                browser.send("DOM.setAttributeValue", nodeId=tab, name=name, value=value)
        texts = snapshot(browser)
        html = browser.send("DOM.getOuterHTML", nodeId=root)["outerHTML"]
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)
    seen = [text for text, shown in texts if shown]
    assert len(" ".join(seen)) > 30
    bar = ("Run this page", "Starts Python in your browser")                                  # which cannot work
    assert [text for text, shown in texts if shown == text.startswith(bar)] == []
    assert not browser.errors
    if 'class="run-page"' in html:
        assert "With JavaScript the code on this page can be changed and run in the browser." in seen
    if page == "search":
        assert "Please activate JavaScript to enable the search functionality." in seen


@every_page
def test_opened_as_a_file(browser, site, page):  # noqa: F811
    browser.size(1200)
    browser.goto(f"file://{site}/{page}.html")
    browser.evaluate("window.MathJax?.startup.promise")
    assert not browser.errors and not [url for url in browser.requested if not url.startswith(("file:", "data:"))]
    assert browser.evaluate("document.querySelectorAll('.math:not(:has(mjx-container))').length") == 0


def test_search_finds_and_marks(browser):  # noqa: F811
    browser.size(1200)
    browser.goto(f"{browser.address}/search.html?q=shrinkage")
    browser.wait_for("document.querySelectorAll('#search-results li a').length > 3")
    assert not browser.errors


@every_page
def test_the_skip_link_leads_to_the_text(browser, page):  # noqa: F811
    if page in ("404", "search"):
        pytest.skip("404 has nothing to skip; the search page begins in its field")
    visit(browser, page)
    browser.press("Tab")
    browser.evaluate(SETTLED)
    link = "document.querySelector('#pst-skip-link a')"
    assert browser.evaluate(f"document.activeElement === {link} && {link}.getBoundingClientRect().top >= 0")
    browser.press("Enter", "\r")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.closest('main') !== null && location.hash === '#main-content'")


FOCUS = """(() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  const ringed = (s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none";
  const where = at === document.body ? "" : at.outerHTML.slice(0, 120);
  const field = at.matches("input") && getComputedStyle(at.parentElement);          // the theme rings the whole field
  return [where, ringed(style) || field && ringed(field), box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth];
})()"""


@pytest.mark.parametrize("width", [1200, 320])
@pytest.mark.parametrize("page", [CHAPTER, BOOK[0], "book/appendix/notation", "search", "404"])
def test_the_focus_can_be_seen_wherever_the_tab_key_leads(browser, page, width):  # noqa: F811
    visit(browser, page, width)
    browser.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
    faults, stops = [], 0
    for _ in range(300):
        browser.press("Tab")
        browser.evaluate(SETTLED)
        where, ringed, inside = browser.evaluate(FOCUS)
        if not where:
            break
        stops += 1
        if not (ringed and inside):
            faults.append((where, ringed, inside))
    assert stops > 5 and faults == []
