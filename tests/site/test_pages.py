"""The built site as its readers, search engines and the workflow that publishes it want it.

LMM_SITE names the folder of the built site (`_build/html`).
"""

import json
import re
from functools import cache
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

from _ext.site import address, status
from _tools import colab
from conftest import CHAPTERS, ROOT
from tests.site.pages import folder

NAMES = ("viewport", "description", "og:title", "og:type", "og:description", "og:site_name")


@cache
def built():
    """The site: a dictionary from a page's place to its soup."""
    site = folder()
    places = [path.relative_to(site) for path in sorted(site.rglob("*.html"))]
    return {place.as_posix(): BeautifulSoup(text(place), "html.parser") for place in places
            if not place.parts[0].startswith("_")}


def text(place):
    return (folder() / place).read_text(encoding="utf-8")


def values(page, name, selector):
    """An attribute of all elements that a selector finds and that have it."""
    return [element[name] for element in page.select(selector) if element.get(name)]


def meta(page, name):
    """What a <meta> says, "" if there is none."""
    found = page.select_one(f'meta[name="{name}"], meta[property="{name}"]')
    return found["content"] if found else ""


def faults(check):
    """`place: fault` for each fault that check(place, page) yields on any page."""
    return [f"{place}: {fault}" for place, page in built().items() for fault in check(place, page)]


def test_each_page_has_a_head():
    def check(place, page):
        if page.html.get("lang") != "en":
            yield "its language is not said"
        if len(page.title.text.strip()) < 4:
            yield "no title"
        if len(page.select("h1")) != 1:
            yield f"{len(page.select('h1'))} h1"
        yield from (f"no {name}" for name in NAMES if not meta(page, name))
        if not 20 <= len(meta(page, "description")) <= 240:
            yield "description too short or too long"
    assert len(built()) > 20 and faults(check) == []


def test_descriptions_of_chapters_differ():
    said = [meta(built()[f"book/{path.stem}.html"], "description") for path in CHAPTERS]
    assert len(set(said)) == len(said)


def test_a_site_that_knows_its_address_says_so_everywhere():
    site = folder()
    if not (site / "sitemap.xml").exists():
        assert not faults(lambda place, page: values(page, "content", 'meta[property="og:url"]'))
        pytest.skip("built without SITE_URL")
    listed = re.findall(r"<loc>(.*?)</loc>", text("sitemap.xml"))
    root = re.search(r"Sitemap: (.*)sitemap\.xml", text("robots.txt"))[1]
    assert all(url.startswith(root) and (site / url.removeprefix(root)).exists() for url in listed)
    assert {f"{root}book/{path.stem}.html" for path in CHAPTERS} <= set(listed)
    place = f"book/{CHAPTERS[0].stem}.html"
    chapter = built()[place]
    canonical = values(chapter, "href", "link[rel=canonical]")
    assert canonical == [meta(chapter, "og:url")] == [f"{root}{place}"]
    picture = (site / meta(chapter, "og:image").removeprefix(root)).read_bytes()
    assert picture[16:24] == (1200).to_bytes(4) + (630).to_bytes(4)
    assert meta(chapter, "og:image:alt")


def test_no_page_asks_another_host():
    def check(place, page):
        asked = values(page, "src", "script, img, iframe, video, source")
        asked += values(page, "href", "link:not([rel=canonical], [rel=license])")
        for url in asked:
            if urlsplit(url).netloc or urlsplit(url).scheme not in ("", "data"):
                yield url
        if re.search("unpkg|THEBE|sphinx-thebe.js", text(place)):
            yield "loads thebe"
    assert faults(check) == []


def test_internal_links_and_anchors_lead_somewhere():
    pages = built()
    front = pages["404.html"].select_one('a[href$="book/index.html"]')["href"]
    root = front.removesuffix("book/index.html")           # "/" or "/name-of-the-repository/"
    ids = {place: set(values(page, "id", "[id]") + values(page, "name", "[name]"))
           for place, page in pages.items()}

    def check(place, page):
        links = values(page, "href", "a, link") + values(page, "src", "img, script, source")
        for link in links:
            if urlsplit(link).scheme or urlsplit(link).netloc:
                continue
            target, anchor = urldefrag(urljoin(f"https://site{root}{place}", link))
            inside = unquote(urlsplit(target).path).removeprefix(root)
            if inside == "" or inside.endswith("/"):
                inside += "index.html"
            if not (folder() / inside).is_file():
                yield f"{link} leads nowhere"
            elif anchor and inside in pages and unquote(anchor) not in ids[inside]:
                yield f"{link} has no such anchor"
    assert faults(check) == []


def test_each_picture_has_alternative_text():
    without = 'img:not([alt]), img[alt=""]'
    assert faults(lambda place, page: values(page, "src", without)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_chapter_can_be_downloaded_and_cited(path):
    place = f"book/{path.stem}.html"
    assert f"../_sources/book/{path.name}" in values(built()[place], "href", "a")
    saved = json.loads(text(f"_sources/book/{path.name}"))
    assert saved["cells"] == json.loads(path.read_text(encoding="utf-8"))["cells"]
    [cite] = built()[place].select("details.cite")
    assert re.search(r"@incollection\{lmm\d{4}-" + path.stem[:2], cite.text)


def test_the_404_page_needs_no_relative_address():
    page = built()["404.html"]
    assert not page.select("script, img, link:not([rel=canonical], [href^='data:'])")
    addresses = values(page, "href", "a") + values(page, "action", "form")
    assert len(addresses) >= len(CHAPTERS) + 2
    assert all(address.startswith("/") for address in addresses)


def test_the_status_page_counts_the_ledger():
    said = built()["book/appendix/status.html"].text
    assert "132 of 132 agree" in said and re.search(r"\d{4}, \d\d:\d\d UTC", said)


def test_other_books_can_link_to_the_reference():
    assert (folder() / "objects.inv").read_bytes().splitlines()[1] == b"# Project: lmm"


def test_the_status_page_does_without_a_package_that_is_not_there(monkeypatch):
    monkeypatch.setattr(status, "PACKAGES", ["no-such-package", "sphinx"])
    assert [package for package, _ in status.versions()] == ["sphinx"]


def test_buttons_open_what_exists():
    """Colab and Binder open notebooks of the book; without a repository there are no buttons."""
    known = set(colab.notebooks())
    for place, page in built().items():
        links = values(page, "href", "a")
        copies = [re.search(r"colab\.research.*/blob/colab/(.*)", link) for link in links]
        binder = [re.search(r"mybinder.*urlpath=lab/tree/(.*)", link) for link in links]
        opened = [found[1] for found in copies + binder if found]
        assert set(opened) <= known and len(opened) in (0, 2), place


@pytest.mark.parametrize("given, expected", [
    (None, ""), ("", ""), ("someone/book", "https://github.com/someone/book"),
    ("https://github.com/someone/book.git", "https://github.com/someone/book"),
    ("https://github.com/some.one/my-book/", "https://github.com/some.one/my-book"),
])
def test_the_repository_has_one_address(given, expected):
    assert address.repository(given) == expected


def test_a_wrong_address_is_refused():
    with pytest.raises(ValueError, match="write owner/name"):
        address.repository("someone")


def test_the_copy_for_colab_installs_lmm_first():
    known = colab.notebooks()
    assert {str(path.relative_to(ROOT)) for path in CHAPTERS} <= set(known)
    for name in known:
        stored = (ROOT / name).read_text(encoding="utf-8")
        before = json.loads(stored)
        first, *rest = json.loads(colab.copy(stored, "someone/book"))["cells"]
        assert first["cell_type"] == "code" and rest == before["cells"]
        install = '%pip install -q "lmm[notebooks] @ git+https://github.com/someone/book"'
        assert install in "".join(first["source"])


def workflow():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))


def test_the_workflow_tests_each_python_that_the_package_promises():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    matrix = workflow()["jobs"]["test"]["strategy"]["matrix"]["python"]
    promised = [c.split()[-1] for c in project["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    assert matrix == promised and project["requires-python"] == f">={matrix[0]}"
    for name in ("requirements.txt", "README.md", "CONTRIBUTING.md", "book/index.md",
                 "book/appendix/versions.md"):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        assert f"Python {matrix[0]} to {matrix[-1]}" in text, name


def test_the_workflow_has_few_rights_and_pinned_actions():
    flow = workflow()
    assert flow["permissions"] == {"contents": "read"} and flow["concurrency"]["group"]
    rights = {name: job.get("permissions") for name, job in flow["jobs"].items()}
    assert rights == {"test": None, "publish": {"pages": "write", "id-token": "write"},
                      "colab": {"contents": "write"},
                      "newest": {"contents": "read", "issues": "write"}}
    used = [step["uses"] for job in flow["jobs"].values() for step in job["steps"]
            if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name) for name in used)


def test_only_tested_pages_are_published_and_the_weekly_run_has_no_lock():
    jobs = workflow()["jobs"]
    commands = {name: " ".join(step.get("run", "") for step in job["steps"])
                for name, job in jobs.items()}
    assert jobs["publish"]["needs"] == "test" and "main" in jobs["publish"]["if"]
    assert "jupyter-book build . -W -n" in commands["test"] and "LMM_SITE" in commands["test"]
    assert "install -r requirements.txt" in commands["test"]
    assert "requirements.txt" not in commands["newest"]
    assert workflow()[True]["schedule"]                      # YAML reads the key `on` as true
