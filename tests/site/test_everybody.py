"""Each page asks no other host, shows all it has without an error, and fits a phone and a page at 200 per cent.

LMM_SITE is the built site.
"""

import pytest

from pages import PAGES, address, browser, every_page, open_all, site, visit  # noqa: F401

PICTURES = """Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().then(() => image.naturalWidth ? "" : image.src, () => image.src);
})).then((sources) => sources.filter((source) => source))"""
FORMULAS = r"""(() => {
  const faults = [...document.querySelectorAll("mjx-merror")].map((error) => `error: ${error.textContent}`);
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector("mjx-container")) faults.push(`not set: ${formula.textContent}`);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const {data, parentElement} = walk.currentNode;
    if (/\\[([]|\\begin|\$/.test(data) && !parentElement.closest("pre, code, script, style, noscript, mjx-container"))
      faults.push(`TeX: ${data}`);
  }
  return faults;
})()"""
# what is wider than its box and can neither be scrolled by the keyboard nor seen
UNREACHABLE = """[...document.body.querySelectorAll("*")].filter((box) => {
  if (box.closest("svg, mjx-container > *, .visually-hidden") || !box.clientWidth || box.scrollWidth <= box.clientWidth + 1) return false;
  const {overflowX, display} = getComputedStyle(box);
  if (display === "inline" || overflowX === "visible") return false;
  return overflowX === "hidden" || overflowX === "clip" || box.tabIndex < 0 && !box.querySelector("a[href], button, [tabindex='0']");
}).map((box) => `${box.scrollWidth} > ${box.clientWidth}: ${box.outerHTML.slice(0, 150)}`)"""


def test_these_are_all_pages(site):  # noqa: F811
    built = {path.relative_to(site).as_posix().removesuffix(".html") for path in site.rglob("*.html")
             if not path.relative_to(site).parts[0].startswith("_")}
    assert built == {*PAGES, "index"} and len(PAGES) == len(set(PAGES))


def test_the_front_door_leads_to_the_front_page(browser):  # noqa: F811
    browser.goto(f"{browser.address}/index.html")
    browser.wait_for("location.pathname === '/book/index.html'")


@every_page
def test_page_asks_nobody_and_shows_all(browser, page):  # noqa: F811
    visit(browser, page)
    assert browser.evaluate(PICTURES) == [] and browser.evaluate(FORMULAS) == []
    assert not browser.errors
    assert not [url for url in browser.requested if not url.startswith((browser.address, "data:", "blob:"))]


@every_page
def test_page_fits(browser, page):  # noqa: F811
    visit(browser, page)
    open_all(browser)
    for width in (640, 320):                                      # 640: a window of 1280 at 200 per cent
        browser.size(width)
        browser.evaluate("new Promise((done) => setTimeout(done, 350))")
        assert browser.evaluate("document.scrollingElement.scrollWidth") <= width
        assert browser.evaluate(UNREACHABLE) == [], width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_reader_s_system_chooses_the_mode_from_the_first_moment(browser, theme):  # noqa: F811
    browser.media(prefers_color_scheme=theme)
    browser.evaluate("localStorage.clear()")
    browser.send("Network.setBlockedURLs", urls=["*pydata-sphinx-theme.js*"])       # only what stands in the page itself
    try:
        visit(browser, PAGES[0])
        assert browser.evaluate("[document.documentElement.dataset.theme, document.documentElement.dataset.mode]") == [theme, "auto"]
    finally:
        browser.send("Network.setBlockedURLs", urls=[])
        browser.media(prefers_color_scheme="light")
