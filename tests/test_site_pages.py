"""The built site as its readers, search engines and the workflow that publishes it want it.

LMM_SITE names the folder of the built site (`_build/html`).
"""

import json
import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
import yaml

import site_colab
import site_pages
from conftest import CHAPTERS, ROOT
from pages import folder


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, path):
        super().__init__()
        self.lang, self.title, self.metas, self.ids, self.tags = "", "", {}, set(), []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        self.ids |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "html":
            self.lang = attributes.get("lang", "")
        if tag == "meta":
            self.metas.setdefault(attributes.get("name") or attributes.get("property"), attributes.get("content"))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "title" and not self.title:
            self.title = data.strip()

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@cache
def built():
    """The site: a dictionary from a page's place to its Page."""
    site = folder()
    places = [path.relative_to(site) for path in sorted(site.rglob("*.html"))]
    return {place.as_posix(): Page(site / place) for place in places if not place.parts[0].startswith("_")}


def faults(check):
    """`place: fault` for each fault that check(place, page) yields on any page."""
    return [f"{place}: {fault}" for place, page in built().items() for fault in check(place, page)]


def test_each_page_has_a_head():
    def check(place, page):
        if page.lang != "en":
            yield f"lang {page.lang!r}"
        if len(page.title) < 4:
            yield "no title"
        if page.tags and len(page.all("h1")) != 1:
            yield f"{len(page.all('h1'))} h1"
        for name in ("viewport", "description", "og:title", "og:type", "og:description", "og:site_name"):
            if not page.metas.get(name):
                yield f"no {name}"
        if not 20 <= len(page.metas.get("description") or "") <= 240:
            yield "description too short or too long"
    assert len(built()) > 20 and faults(check) == []


def test_descriptions_of_chapters_differ():
    said = [built()[f"book/{path.stem}.html"].metas["description"] for path in CHAPTERS]
    assert len(set(said)) == len(said)


def test_a_site_that_knows_its_address_says_so_everywhere():
    site = folder()
    if not (site / "sitemap.xml").exists():
        assert not faults(lambda place, page: (x for x in page.metas if x == "og:url"))
        pytest.skip("built without SITE_URL")
    listed = re.findall(r"<loc>(.*?)</loc>", (site / "sitemap.xml").read_text())
    root = re.search(r"Sitemap: (.*)sitemap\.xml", (site / "robots.txt").read_text()).group(1)
    assert all(url.startswith(root) and (site / url.removeprefix(root)).exists() for url in listed)
    assert {f"{root}book/{path.stem}.html" for path in CHAPTERS} <= set(listed)
    chapter = built()[f"book/{CHAPTERS[0].stem}.html"]
    canonical = [link["href"] for link in chapter.all("link") if link.get("rel") == "canonical"]
    assert canonical == [chapter.metas["og:url"]] == [f"{root}book/{CHAPTERS[0].stem}.html"]
    picture = site / chapter.metas["og:image"].removeprefix(root)
    assert picture.read_bytes()[16:24] == (1200).to_bytes(4) + (630).to_bytes(4) and chapter.metas["og:image:alt"]


def test_no_page_asks_another_host():
    def check(place, page):
        asked = [a.get("src") for tag in ("script", "img", "iframe", "video", "source") for a in page.all(tag)]
        asked += [a.get("href") for a in page.all("link") if a.get("rel") not in ("canonical", "license")]
        for url in asked:
            if url and (urlsplit(url).netloc or urlsplit(url).scheme not in ("", "data")):
                yield url
        text = (folder() / place).read_text(encoding="utf-8")
        if re.search("unpkg|THEBE|sphinx-thebe.js", text):
            yield "loads thebe"
    assert faults(check) == []


def test_internal_links_and_anchors_lead_somewhere():
    pages, site = built(), folder()
    front = next(a["href"] for a in pages["404.html"].all("a") if a["href"].endswith("book/index.html"))
    root = front.removesuffix("book/index.html")                        # "/" or "/name-of-the-repository/"

    def check(place, page):
        links = [a.get("href") for tag in ("a", "link") for a in page.all(tag)]
        links += [a.get("src") for tag in ("img", "script", "source") for a in page.all(tag)]
        for link in filter(None, links):
            if urlsplit(link).scheme or urlsplit(link).netloc:
                continue
            target, anchor = urldefrag(urljoin(f"https://site{root}{place}", link))
            inside = unquote(urlsplit(target).path).removeprefix(root)
            if inside == "" or inside.endswith("/"):
                inside += "index.html"
            if not (site / inside).is_file():
                yield f"{link} leads nowhere"
            elif anchor and inside in pages and unquote(anchor) not in pages[inside].ids:
                yield f"{link} has no such anchor"
    assert faults(check) == []


def test_each_picture_has_alternative_text():
    assert faults(lambda place, page: (a.get("src") for a in page.all("img") if not a.get("alt"))) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_chapter_can_be_downloaded_and_cited(path):
    page = built()[f"book/{path.stem}.html"]
    assert f"../_sources/book/{path.name}" in [a.get("href") for a in page.all("a")]
    saved = json.loads((folder() / "_sources" / "book" / path.name).read_text(encoding="utf-8"))
    assert saved["cells"] == json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = (folder() / "book" / f"{path.stem}.html").read_text(encoding="utf-8")
    assert text.count('<details class="cite">') == 1 and re.search(r"@incollection\{lmm\d{4}-" + path.stem[:2], text)


def test_the_404_page_needs_no_relative_address():
    page = built()["404.html"]
    assert not page.all("script") and not page.all("img") and all(
        a["rel"] == "canonical" or a["href"].startswith("data:") for a in page.all("link"))
    addresses = [a["href"] for a in page.all("a")] + [form["action"] for form in page.all("form")]
    assert len(addresses) >= len(CHAPTERS) + 2 and all(address.startswith("/") for address in addresses)


def test_the_status_page_counts_the_ledger():
    text = re.sub(r"<.*?>", "", (folder() / "book" / "appendix" / "status.html").read_text(encoding="utf-8"))
    assert "132 of 132 agree" in text and re.search(r"\d{4}, \d\d:\d\d UTC", text)


def test_other_books_can_link_to_the_reference():
    assert (folder() / "objects.inv").read_bytes().splitlines()[1] == b"# Project: lmm"


def test_buttons_open_what_exists():
    """Colab and Binder open notebooks of the table of contents; without a repository there are no buttons."""
    known = {name for name in site_colab.notebooks()}
    for place, page in built().items():
        links = [a.get("href", "") for a in page.all("a")]
        colab = [re.search(r"/blob/colab/(.*)", link) for link in links if "colab.research" in link]
        binder = [re.search(r"urlpath=lab/tree/(.*)", link) for link in links if "mybinder" in link]
        assert {found.group(1) for found in colab + binder} <= known, place
        assert len(colab) == len(binder) <= 1


@pytest.mark.parametrize("given, address", [
    (None, ""), ("", ""), ("someone/book", "https://github.com/someone/book"),
    ("https://github.com/someone/book.git", "https://github.com/someone/book"),
    ("https://github.com/some.one/my-book/", "https://github.com/some.one/my-book"),
])
def test_the_repository_has_one_address(given, address):
    assert site_pages.repository(given) == address


def test_a_wrong_address_is_refused():
    with pytest.raises(ValueError, match="write owner/name"):
        site_pages.repository("someone")


def test_the_copy_for_colab_installs_lmm_first():
    known = site_colab.notebooks()
    assert {str(path.relative_to(ROOT)) for path in CHAPTERS} <= set(known)
    for name in known:
        before = json.loads((ROOT / name).read_text(encoding="utf-8"))
        after = json.loads(site_colab.copy((ROOT / name).read_text(encoding="utf-8"), "someone/book"))
        first, *rest = after["cells"]
        assert first["cell_type"] == "code" and rest == before["cells"]
        assert '%pip install -q "lmm[notebooks] @ git+https://github.com/someone/book"' in "".join(first["source"])


def workflow():
    return yaml.safe_load((ROOT / ".github" / "workflows" / "book.yml").read_text(encoding="utf-8"))


def test_the_workflow_tests_each_python_that_the_package_promises():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    matrix = workflow()["jobs"]["test"]["strategy"]["matrix"]["python"]
    promised = [c.split()[-1] for c in project["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    assert matrix == promised and project["requires-python"] == f">={matrix[0]}"
    for name in ("requirements.txt", "README.md", "CONTRIBUTING.md", "book/index.md", "book/appendix/versions.md"):
        text = " ".join((ROOT / name).read_text(encoding="utf-8").split())
        assert f"Python {matrix[0]} to {matrix[-1]}" in text, name


def test_the_workflow_has_few_rights_and_pinned_actions():
    flow = workflow()
    assert flow["permissions"] == {"contents": "read"} and flow["concurrency"]["group"]
    rights = {name: job.get("permissions") for name, job in flow["jobs"].items()}
    assert rights == {"test": None, "publish": {"pages": "write", "id-token": "write"}, "colab": {"contents": "write"},
                      "newest": {"contents": "read", "issues": "write"}}
    used = [step["uses"] for job in flow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name) for name in used)


def test_only_tested_pages_are_published_and_the_weekly_run_has_no_lock():
    jobs = workflow()["jobs"]
    commands = {name: " ".join(step.get("run", "") for step in job["steps"]) for name, job in jobs.items()}
    assert jobs["publish"]["needs"] == "test" and "main" in jobs["publish"]["if"]
    assert "jupyter-book build . -W -n" in commands["test"] and "LMM_SITE" in commands["test"]
    assert "install -r requirements.txt" in commands["test"] and "requirements.txt" not in commands["newest"]
    assert workflow()[True]["schedule"]                      # YAML reads the key `on` as true
