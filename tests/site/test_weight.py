"""What a chapter of the built site (LMM_SITE) loads, and that nothing is missing for it.

Bytes are counted as GitHub Pages sends them, compressed by gzip; pictures do not count, they come
when the reader does.
"""

import base64
import gzip
import re
from io import BytesIO
from urllib.parse import urlsplit

import pytest
from fontTools.ttLib import TTFont

from conftest import CHAPTERS
from tests.site.pages import visit

MOST = 600_000
TEX = "[...document.querySelectorAll('.math')].map((formula) => formula.dataset.tex)"
SIZES = """[...document.querySelectorAll("p > .math mjx-container")].map((formula) =>
    [formula, formula.closest("p")].map((box) => parseFloat(getComputedStyle(box).fontSize)))"""
SHAPES = """[...document.querySelectorAll(".bd-article img")].map((image) =>
    image.width / image.height * image.getAttribute("height") / image.getAttribute("width"))"""
ICONS = """document.fonts.ready.then(() => [...document.querySelectorAll(".fa-solid, .fas, .fab")]
    .filter((icon) => icon.checkVisibility())
    .map((icon) => [icon.className, icon.getBoundingClientRect().width]))"""
FAMILIES = """[...document.fonts].filter((font) => font.status == "loaded")
    .map((font) => font.family).filter((name) => name.includes("Awesome"))"""
FONTS = """new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))
           .then(() => document.fonts.ready).then(() => true)"""


def loaded(tab, page, width=1200):
    """The paths of all files that a page has asked for when its fonts are there."""
    visit(tab, page, width)
    tab.evaluate(FONTS)
    return [urlsplit(url).path.lstrip("/") for url in tab.requested]


@pytest.mark.parametrize("name", [path.stem for path in CHAPTERS])
def test_a_chapter_is_light(site, tab, name):
    files = loaded(tab, f"book/{name}")
    text = [file for file in files if not file.endswith((".png", ".svg"))]
    size = {file: len(gzip.compress((site / file).read_bytes(), 6)) for file in text}
    assert sum(size.values()) < MOST, sorted(size.items(), key=lambda pair: -pair[1])[:5]
    assert len(text) == len(set(text)), "loads a file twice"
    assert not re.search("fontawesome|webfonts|tex-chtml|thebe|jquery|require", " ".join(files))
    assert tab.errors == []


def test_what_a_page_does_not_use_is_not_loaded(tab):
    without, with_all = (" ".join(loaded(tab, f"book/{page}"))
                         for page in ("appendix/status", "03_shrinkage"))
    for part in ("explore/explore.js", "copybutton", "run.js"):
        assert part in with_all and part not in without, part
    assert all(files.count(".css") == 1 for files in (without, with_all))


def test_formulas_are_typeset_read_aloud_and_complete_without_javascript(still):
    visit(still, "book/10_maximum_likelihood")
    whole = (".math", "mjx-container", "mjx-assistive-mml math", ".math[data-tex]")
    counts = [still.locator(what).count() for what in whole]
    assert counts[0] > 50 and len(set(counts)) == 1 and still.locator("mjx-merror").count() == 0
    tex = still.evaluate(TEX)
    assert any("\\mathbf V" in one for one in tex)
    assert all(one.startswith(("\\(", "\\[")) for one in tex)


def test_formulas_have_the_size_of_the_text(tab):
    loaded(tab, "book/10_maximum_likelihood")
    sizes = [formula / text for formula, text in tab.evaluate(SIZES)]
    assert len(sizes) > 20 and all(abs(size - 1.15) < 0.01 for size in sizes), set(sizes)


def test_pictures_keep_their_place_and_come_when_needed(site, tab):
    for page in sorted((site / "book").glob("*.html")):
        for tag in re.findall(r"<img [^>]*>", page.read_text(encoding="utf-8")):
            assert re.search(r'width="\d+" height="\d+" loading="lazy"', tag), f"{page.name}: {tag}"
    for path in CHAPTERS:                            # a lazy picture in the first view comes late
        tab.goto(f"/book/{path.stem}.html")
        assert tab.evaluate("[...document.images].every((image) => !image.checkVisibility() ||"
                            " image.getBoundingClientRect().top > innerHeight)"), path.stem


def test_a_narrow_page_keeps_the_shape_of_pictures(tab):
    visit(tab, "book/03_shrinkage", 320)
    shapes = tab.evaluate(SHAPES)
    assert all(abs(shape - 1) < 0.02 for shape in shapes), shapes


# ---- icons ----

def test_each_icon_has_its_glyph(site):
    styles = (site / "_static" / "styles" / "theme-light.css").read_text(encoding="utf-8")
    fonts = [set(TTFont(BytesIO(base64.b64decode(font))).getBestCmap())
             for font in re.findall(r"data:font/woff;base64,([^)]*)", styles)]
    pages = "".join(path.read_text(encoding="utf-8") for path in site.rglob("*.html"))
    scripts = "".join(path.read_text(encoding="utf-8")
                      for path in (site / "_static" / "scripts").glob("*-theme.js"))
    classes = re.findall(r'class="([^"]*\bfa[bs]? [^"]*|[^"]*\bfa-(?:solid|brands) [^"]*)"', pages)
    names = {name for tag in classes for name in tag.split() if name.startswith("fa-")}
    names |= set(re.findall(r"fa-[\w-]+", scripts))
    names -= {"fa-solid", "fa-brands", "fa-lg", "fa-fw"}
    assert len(names) > 10 and len(fonts) == 3
    for name in names:
        code = re.search(rf'\.{name}:before[^{{]*\{{content:"\\([0-9a-f]+)"', styles)
        assert code and any(int(code.group(1), 16) in font for font in fonts), name
    drawn = {ord(letter) for letter in styles if "\ue000" <= letter <= "\uf8ff"}    # of admonitions
    assert len(drawn) > 10 and all(any(code in font for font in fonts) for code in drawn)


def test_icons_are_seen(tab):
    loaded(tab, "book/03_shrinkage", 1300)
    widths = tab.evaluate(ICONS)
    assert len(widths) >= 6 and all(width > 8 for _, width in widths), widths
    assert len(tab.evaluate(FAMILIES)) == 2
