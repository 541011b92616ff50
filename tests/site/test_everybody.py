"""Each page asks no other host, shows all it has, and fits a phone and a window at 200 per cent.

LMM_SITE is the built site.
"""

import pytest

from tests.site.pages import PAGES, every_page, open_all, visit

PICTURES = """Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().then(() => image.naturalWidth ? "" : image.src, () => image.src);
})).then((sources) => sources.filter((source) => source))"""
FORMULAS = r"""(() => {
  const faults = [...document.querySelectorAll("mjx-merror")]
    .map((error) => `error: ${error.textContent}`);
  for (const formula of document.querySelectorAll(".math"))
    if (!formula.querySelector("mjx-container")) faults.push(`not set: ${formula.textContent}`);
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const {data, parentElement} = walk.currentNode;
    if (/\\[([]|\\begin|\$/.test(data) &&
        !parentElement.closest("pre, code, script, style, noscript, mjx-container"))
      faults.push(`TeX: ${data}`);
  }
  return faults;
})()"""
# what is wider than its box and can neither be scrolled by the keyboard nor seen
UNREACHABLE = """[...document.body.querySelectorAll("*")].filter((box) => {
  if (box.closest("svg, mjx-container > *, .visually-hidden")) return false;
  if (!box.clientWidth || box.scrollWidth <= box.clientWidth + 1) return false;
  const {overflowX, display} = getComputedStyle(box);
  if (display === "inline" || overflowX === "visible") return false;
  if (overflowX === "hidden" || overflowX === "clip") return true;
  return box.tabIndex < 0 && !box.querySelector("a[href], button, [tabindex='0']");
}).map((box) => `${box.scrollWidth} > ${box.clientWidth}: ${box.outerHTML.slice(0, 150)}`)"""


def test_these_are_all_pages(site):
    paths = [path.relative_to(site) for path in site.rglob("*.html")]
    built = {path.as_posix().removesuffix(".html") for path in paths if path.parts[0][0] != "_"}
    assert built == {*PAGES, "index"} and len(PAGES) == len(set(PAGES))


def test_the_front_door_leads_to_the_front_page(tab):
    tab.goto("/index.html")
    tab.wait_for_url("**/book/index.html")


@every_page
def test_page_asks_nobody_and_shows_all(tab, address, page):
    visit(tab, page)
    assert tab.evaluate(PICTURES) == [] and tab.evaluate(FORMULAS) == []
    assert not tab.errors
    assert not [url for url in tab.requested if not url.startswith((address, "data:", "blob:"))]


@every_page
def test_page_fits(tab, page):
    visit(tab, page)
    open_all(tab)
    for width in (640, 320):                               # 640: a window of 1280 at 200 per cent
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(350)
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
        assert tab.evaluate(UNREACHABLE) == [], width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_reader_s_system_chooses_the_mode_from_the_first_moment(tab, theme):
    mode = "[document.documentElement.dataset.theme, document.documentElement.dataset.mode]"
    tab.emulate_media(color_scheme=theme)
    scripts = "**/pydata-sphinx-theme.js*"
    tab.route(scripts, lambda route: route.abort())        # only what stands in the page itself
    visit(tab, PAGES[0])
    assert tab.evaluate(mode) == [theme, "auto"]
    tab.unroute(scripts)
    visit(tab, PAGES[0])
    assert tab.evaluate(mode) == [theme, "auto"]
    tab.locator(".theme-switch-button").first.click()
    assert tab.evaluate(mode)[1] in ("light", "dark")
