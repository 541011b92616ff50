"""Nothing leaves its box unseen, at a phone's width and at a projector's; figures are numbered and
can be enlarged; the search finds sections. LMM_SITE is the built site."""

import re

import pytest

from conftest import CHAPTERS
from tests.site.pages import BOOK, open_all, visit

# code that is wider than its box; outputs and tables too, if they neither scroll nor say so; and
# text beyond the column that no box lets scroll
CODE = """[...document.querySelectorAll(".cell_input pre")]
    .filter((pre) => pre.clientWidth && pre.scrollWidth > pre.clientWidth + 1)
    .map((pre) => pre.textContent.slice(0, 80))"""
UNSEEN = """(() => {
  const scrolls = (box) => ["auto", "scroll"].includes(getComputedStyle(box).overflowX);
  const right = document.querySelector("article").getBoundingClientRect().right + 1;
  const walk = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  const range = new Range(), unseen = [];
  const apart = "mjx-assistive-mml, script, style, .headerlink, svg, .visually-hidden";
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || parent.closest(apart)) continue;
    if (!parent.checkVisibility()) continue;
    range.selectNode(walk.currentNode);
    if (range.getBoundingClientRect().right <= right) continue;
    let box = parent;
    while (box && !scrolls(box)) box = box.parentElement;
    if (!box || box.matches("html, body, main")) unseen.push(walk.currentNode.data.slice(0, 60));
  }
  return unseen;
})()"""
UNMARKED = """[...document.querySelectorAll(
      ".output pre, .output.text_html, .pst-scrollable-table-container")]
    .filter((box) => box.clientWidth && box.scrollWidth > box.clientWidth + 2)
    .filter((box) => !box.classList.contains("more-right") ||
                     getComputedStyle(box).maskImage === "none")
    .map((box) => box.textContent.slice(0, 80))"""


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", BOOK)
def test_nothing_is_cut_off(tab, page, width):
    visit(tab, page, width)
    open_all(tab)
    assert tab.evaluate(CODE) == []
    assert tab.evaluate(UNSEEN) == []
    assert tab.evaluate(UNMARKED) == []


def test_the_edge_is_clear_when_all_is_seen(tab):
    visit(tab, "book/appendix/ledger", 390)
    box = tab.locator(".more-right").first
    box.evaluate("(box) => box.scrollTo({left: box.scrollWidth, behavior: 'instant'})")
    tab.wait_for_timeout(100)
    assert tab.locator(".more-right").count() == 0 or box.evaluate(
        "(box) => box.scrollLeft + box.clientWidth < box.scrollWidth - 2")


# ---- numbers and figures ----

@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_and_their_figures_are_numbered(site, path):
    text = (site / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
    number = int(path.stem[:2])
    title = re.search(r"<h1><span class=\"chapter-number screen-only\">(\d+)</span> ", text)
    assert title and int(title[1]) == number
    listed = re.findall(r'toctree-l1[^>]*><a [^>]*><span class="chapter-number[^>]*>(\d+)<', text)
    assert [int(one) for one in listed] == list(range(1, len(CHAPTERS) + 1))
    captions = re.findall(r'<figcaption>\s*<p><span class="caption-number">(.*?) </span>', text)
    assert captions == [f"Figure {number}.{k}" for k in range(1, len(captions) + 1)]
    assert len(captions) == text.count("<figcaption>")


def test_a_figure_fills_the_window_and_gives_the_focus_back(site, tab):
    pages = [f"book/{path.stem}" for path in CHAPTERS
             if "../_images/" in (site / "book" / f"{path.stem}.html").read_text(encoding="utf-8")]
    if not pages:
        pytest.skip("built with SITE_EXECUTE=off, without pictures")
    visit(tab, pages[0], 1280)
    button = tab.locator("button.enlarge").first
    button.click()
    width = tab.locator("dialog.large-figure img").evaluate("(image) => image.clientWidth")
    assert width > 1100
    tab.keyboard.press("Escape")
    assert tab.locator("dialog.large-figure").count() == 0
    assert tab.evaluate("document.activeElement.className") == "enlarge"


# ---- search ----

def hits(tab, query):
    """[(address, excerpt)] of the search."""
    tab.goto(f"/search.html?q={query}")
    tab.wait_for_function("/found/.test(document.querySelector('.search-summary')?.textContent)")
    tab.wait_for_timeout(500)
    assert not tab.errors
    return tab.evaluate("""[...document.querySelectorAll('#search-results li')].map((hit) =>
        [hit.querySelector('a').getAttribute('href'), hit.querySelector('.context')?.innerHTML])""")


@pytest.mark.parametrize("query", ["tukey", "REML", "lme4", "kenward", "power"])
def test_search_shows_the_text_and_leads_to_sections(tab, query):
    found = hits(tab, query)
    excerpts = [excerpt for _, excerpt in found if excerpt]
    assert excerpts and not [text for text in excerpts if re.search(r"\.ipynb|\.pdf|\.md\b", text)]
    assert any(re.search(r'In: <a href="book/\w+\.html#', text) for text in excerpts)
    places = [bool(re.match(r"book/\d\d_", address)) for address, _ in found]
    assert any(places[:4])


@pytest.mark.parametrize("query", ["smíšený model", "náhodný efekt", "rozptyl"])
def test_search_knows_czech(tab, query):
    assert len(hits(tab, query)) > 3
