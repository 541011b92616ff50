"""The pages of the built site as one page to be printed.

It lacks what only works on a screen and has all that the screen hides: solutions and answers go
into a chapter of their own at the end, tabs stand one under the other, hidden code is shown. Links
between pages become links inside the one page. `@@id@@` stands for the number of the page with id.
"""

import copy
import html
import re
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup

SCREEN_ONLY = ("a.headerlink, .run-page, .screen-only, details.cite, script, noscript, "
               ".sd-tab-set > input")
PLAIN = ".highlight :is(.n, .p, .w), code .pre"       # spans without a colour would swell the file
ON_SCREEN = re.compile(r"book/homework/hw")              # they check answers while one works
HERE = "https://here/"
TITLES = {"book/index": "About this book"}               # the cover has the book's title


def chapters(root):
    """(caption if the part begins here, page, number of the chapter), in the book's order."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    yield None, toc["root"], None
    for part in toc["parts"]:
        caption = part["caption"]
        for page in (entry["file"] for entry in part["chapters"]):
            number = re.match(r"book/(\d\d)_", page)
            yield caption, page, int(number[1]) if number else None
            caption = None


class Paper:
    """One page made of the site's: `soup.main` holds the chapters, `contents` a row for each."""

    def __init__(self, site, root):
        self.site = site
        self.soup = BeautifulSoup("<main></main>", "html.parser")
        self.contents, self.solutions = [], []
        rows = list(chapters(root))
        self.pages = {page for _, page, _ in rows if not ON_SCREEN.match(page)}
        first = self.read(rows[0][1])
        found = first.find("link", rel="canonical")
        self.address = found["href"].removesuffix("book/index.html") if found else ""
        self.mathjax = site / "_static" / "mathjax" / "tex-chtml.js"
        for caption, page, number in rows:
            if page in self.pages:
                self.add(self.chapter(page, number), caption, number)
            else:
                self.contents.append(self.on_the_site(page, caption))
        self.add(self.all_solutions(), None, None)
        self.check()

    def read(self, page):
        text = (self.site / f"{page}.html").read_text(encoding="utf-8")
        return BeautifulSoup(text, "html.parser")

    def add(self, section, caption, number):
        self.soup.main.append(section)
        title = f"{number} {section.h1.get_text()}" if number else section.h1.get_text()
        self.contents.append((caption, title, f"#{section['id']}", f"@@{section['id']}@@"))

    def on_the_site(self, page, caption):
        """A row of the contents for a page that is not on paper."""
        title = self.read(page).h1
        title.a.decompose()
        address = f"{self.address}{page}.html" if self.address else None
        return caption, title.get_text(), address, "on the site only"

    def chapter(self, page, number):
        """The text of a page, all its links and ids made those of the one page."""
        section = self.read(page).find("article").find("section")
        for element in section.select(SCREEN_ONLY):
            element.decompose()
        for element in section.select(PLAIN):
            element.unwrap()
        for element in section.find_all(id=True):
            element["id"] = anchor(page, element["id"])
        section["id"] = anchor(page)
        section["class"] = "chapter"
        if page in TITLES:
            section.h1.string = TITLES[page]
        for formula in section.select(".math[data-tex]"):
            formula.string = formula["data-tex"]              # typeset anew, for paper
        for image in section.find_all("img"):
            image["src"] = (self.site / urljoin(page, image["src"])).resolve().as_uri()
            image.attrs.pop("loading", None)                # on paper nobody scrolls
        for link in section.find_all("a", href=True):
            self.relink(page, link)
        open_tabs(section)
        self.take_solutions(section, number)
        section.h1.insert_before(above(f"Chapter {number}" if number else ""))
        return section

    def relink(self, page, link):
        """To another chapter: inside the paper; to what is not on paper: to the site, if known."""
        address, place = urldefrag(urljoin(f"{HERE}{page}.html", link["href"]))
        target = unquote(urlsplit(address).path)[1:].removesuffix(".html")
        if not address.startswith(HERE):
            return
        if target in self.pages:
            link["href"] = "#" + anchor(target, unquote(place))
        elif self.address:
            link["href"] = self.address + address.removeprefix(HERE)
            if place:
                link["href"] += f"#{place}"
        else:
            link.unwrap()

    def take_solutions(self, section, number):
        """Move the answers to the solutions, and say in their place where they are."""
        if section.select_one(".solution, details") is None:
            return
        found = tag(f'<section id="solutions-{section["id"]}"></section>')
        title = f'<a href="#{section["id"]}">{section.h1.decode_contents()}</a>'
        found.append(tag(f"<h2>Chapter {number}: {title}</h2>"))
        self.take_answers(section, found)
        for solution in section.select(".solution"):
            exercise = section.find(id=solution.find("a")["href"][1:])
            link = f'<a href="#{solution["id"]}">Solution: page @@{solution["id"]}@@</a>'
            exercise.append(tag(f'<p class="where">{link}</p>'))
            solution["class"] = "solution"
            title = solution.find(class_="admonition-title")
            title.a.append(f", page @@{exercise['id']}@@")
            found.append(solution.extract())
        self.solutions.append(found)

    def take_answers(self, section, found):
        """Each question keeps its answers to choose from; the solutions say which is right."""
        questions = [p for p in section.select("p:has(+ details)") if p.strong]
        for details in section.select("details"):                    # proofs and the like are open
            if not any(details in question.find_next_siblings("details")
                       for question in questions):
                details["open"] = ""
        if not questions:
            return
        name = f"answers-{section['id']}"
        place = questions[0].find_parent("section")
        link = f'<a href="#{place["id"]}">Check yourself, page @@{place["id"]}@@</a>'
        found.append(tag(f'<h3 id="{name}">Answers to {link}</h3>'))
        for question in questions:
            choices, reasons = tag('<ol class="choices"></ol>'), tag('<ol class="choices"></ol>')
            while (details := question.find_next_sibling()) and details.name == "details":
                summary = details.summary.extract()
                summary.name = "li"
                choices.append(copy.copy(summary))
                summary.name = "span"
                reason = tag("<li></li>")
                reason.append(summary)
                reason.extend(list(details.contents))
                reasons.append(reason)
                details.decompose()
            answer = tag('<div class="answer"></div>')
            answer.append(copy.copy(question.strong))
            answer.append(reasons)
            found.append(answer)
            question.insert_after(choices)
            question["class"] = "question"
        place.append(tag(f'<p class="where"><a href="#{name}">Answers: page @@{name}@@</a></p>'))

    def all_solutions(self):
        section = tag('<section id="solutions" class="chapter"><h1>Solutions</h1></section>')
        section.h1.insert_before(above())
        section.extend(self.solutions)
        return section

    def check(self):
        ids = [element["id"] for element in self.soup.find_all(id=True)]
        lost = {a["href"] for a in self.soup.select('a[href^="#"]')} - {f"#{name}" for name in ids}
        if lost:
            raise ValueError(f"links on paper that lead nowhere: {sorted(lost)}")

    def table_of_contents(self):
        lines = [f'<section class="chapter" id="contents">{above()}<h1>Contents</h1>']
        for caption, title, address, place in self.contents:
            if caption:
                lines.append(f'<p class="part">{html.escape(caption)}</p>')
            words = f"<span>{html.escape(title)}</span><span>{place}</span>"
            if address:
                words = f'<a href="{address}">{words}</a>'
            lines.append(f'<p class="entry">{words}</p>')
        return "\n".join([*lines, "</section>"])


def anchor(page, place=""):
    """The id of a place on a page of the site: "p-06_tablets_mixed--ex-06-icc"."""
    return f"p-{Path(page).name}" + (f"--{place}" if place else "")


def above(words=""):
    """The line above a chapter's title; an empty one keeps all titles equally high."""
    return tag(f'<p class="number">{words or "&nbsp;"}</p>')


def tag(text):
    return BeautifulSoup(text, "html.parser").contents[0]


def open_tabs(section):
    """A tab's title stands above its content; what is folded up is unfolded."""
    for label in section.select(".sd-tab-label"):
        label.name = "p"
        label.attrs = {"class": "tab-title"}
    for details in section.select("details.hide, details.sd-dropdown, details.toggle-details"):
        details["open"] = ""
