"""The book as a PDF: complete, in order, whole at the margins, and with links that lead somewhere.

LMM_SITE names the folder of the site, built with SITE_PDF=on; LMM_PDF a file made by itself.
"""

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from _ext.pdf import NAME
from _ext.pdf.paper import ON_SCREEN, chapters
from conftest import CHAPTERS, ROOT, missing_tool, notebook, printed, source

FORMATTED = re.compile("text/(html|latex)")      # tables, formulas: their plain text is not printed
PLAIN = {"’": "'", "ﬁ": "fi", "ﬂ": "fl", "ﬀ": "ff", "ﬃ": "ffi", "ﬄ": "ffl"}
TITLE = "Mixed linear models, by hand and by formula"


@cache
def file():
    folder = os.environ.get("LMM_SITE")
    path = os.environ.get("LMM_PDF") or folder and Path(folder, NAME)
    if not path or not Path(path).exists():
        missing_tool("neither LMM_PDF nor LMM_SITE leads to a PDF (built with SITE_PDF=on)")
    return Path(path)


@cache
def reader():
    from pypdf import PdfReader
    return PdfReader(file())


@cache
def pages():
    """The text of each page, as it stands on paper."""
    return pdftotext("-layout").split("\f")[:-1]


def pdftotext(option):
    program = shutil.which("pdftotext") or missing_tool("poppler-utils (pdftotext) is missing")
    return subprocess.run([program, option, file(), "-"], capture_output=True, text=True,
                          check=True).stdout


def squeezed(text):
    """Without the spaces and line breaks of the printer, with plain letters and quotes."""
    for joined, letters in PLAIN.items():
        text = text.replace(joined, letters)
    return re.sub(r"\s+", "", text)


EXERCISES = len({label for path in CHAPTERS
                 for label in re.findall(r":label: (ex-[\w-]+)", path.read_text("utf-8"))})


@cache
def whole():
    """All pages without their running titles and numbers, squeezed."""
    return squeezed("".join("\n".join(page.strip("\n").split("\n")[1:-1]) for page in pages()))


@cache
def as_drawn():
    """The same in the order in which it was drawn: a layout may take a comment for a column."""
    return squeezed(pdftotext("-raw"))


def title(page):
    """The first heading of a chapter's source."""
    if page == "book/index":
        return "About this book"
    path = ROOT / f"{page}.md"
    text = (path.read_text(encoding="utf-8") if path.exists()
            else source(notebook(ROOT / f"{page}.ipynb")["cells"][0]))
    return re.search(r"^# (.*)", text, re.MULTILINE)[1]


def on_paper():
    return [title(page) for _, page, _ in chapters(ROOT) if not ON_SCREEN.match(page)]


def test_file_says_what_it_is():
    about, root = reader().metadata, reader().trailer["/Root"]
    assert about.title == TITLE and about.author == "The authors of the 01NAEX companion"
    assert root["/Lang"] == "en" and root["/MarkInfo"]["/Marked"]
    assert 150 < len(reader().pages) < 400 and file().stat().st_size < 20e6
    assert squeezed(TITLE) in squeezed(pages()[0])


def test_page_labels_are_the_printed_numbers():
    labels = reader().page_labels
    assert labels[0] == "Cover" and labels[1:] == [str(k) for k in range(2, len(labels) + 1)]
    lost = [label for label, page in zip(labels[1:], pages()[1:])
            if not re.search(rf"^ *{label}$", page, re.MULTILINE)]
    assert lost == []


def test_outline_has_all_chapters_in_their_order_and_their_sections():
    outline = reader().outline
    tops = [entry for entry in outline if not isinstance(entry, list)]
    expected = ["Contents", *on_paper(), "Solutions"]
    assert [squeezed(entry.title) for entry in tops] == [squeezed(title) for title in expected]
    titles = [title(f"book/{path.stem}") for path in CHAPTERS]
    for before, after in zip(outline, outline[1:]):
        if isinstance(after, list) and before.title in titles:
            sections = {entry.title for entry in after if not isinstance(entry, list)}
            assert {"The question", "Exercises", "Takeaways"} <= sections
    places = [reader().get_destination_page_number(entry) for entry in tops]
    assert places == sorted(set(places))                   # each chapter begins a page
    for entry, place in zip(tops, places):
        assert squeezed(entry.title) in squeezed(pages()[place][:400])


def test_contents_give_the_page_of_each_chapter():
    text = "\n".join(pages()[1:3])
    for entry in reader().outline:
        if not isinstance(entry, list) and entry.title != "Contents":
            number = reader().get_destination_page_number(entry) + 1
            assert re.search(rf"{re.escape(entry.title)} +{number}\n", text), entry.title
    assert text.count("on the site only") == 3


def test_links_lead_somewhere():
    known = {name.lstrip("/") for name in reader().named_destinations}
    notes = [note.get_object() for page in reader().pages for note in page.get("/Annots", [])]
    outside = {note["/A"]["/URI"] for note in notes if "/URI" in note.get("/A", {})}
    inside = [note.get("/Dest") or note["/A"]["/D"] for note in notes
              if "/URI" not in note.get("/A", {})]
    lost = [place for place in inside if isinstance(place, str) and place.lstrip("/") not in known]
    assert len(inside) > 500 and lost == []
    assert not [url for url in outside if not re.match(r"https://(?!127\.|localhost)", url)]


def test_formulas_are_typeset():
    raw = r"\\[()\[\]]|\\(?:mathbf|boldsymbol|frac|sigma|hat|beta|begin|top|sqrt|text)\b"
    assert [(number, *found) for number, page in enumerate(pages(), 1)
            if (found := re.findall(raw, page))] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_all_that_a_chapter_prints_is_there(path):
    cells = [cell for cell in notebook(path)["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells if not FORMATTED.search(str(cell["outputs"]))
             for line in (printed(cell) + "\n" + source(cell)).split("\n")]
    assert [line for line in lines
            if squeezed(line) not in whole() and squeezed(line) not in as_drawn()
            and not line.startswith("<Figure")] == []


def test_each_picture_is_printed():
    if "<Figuresize" in whole():
        pytest.skip("made from a site that was built with SITE_EXECUTE=off, without pictures")
    drawn = sum(printed(cell).count("<Figure size")
                for path in CHAPTERS for cell in notebook(path)["cells"])
    objects = [thing.get_object() for page in reader().pages
               for thing in page["/Resources"].get("/XObject", {}).values()]
    assert sum(thing["/Subtype"] == "/Image" for thing in objects) >= drawn > 50


def test_pictures_keep_their_proportions():
    """As many dots an inch across as down, but for the rounding of whole dots."""
    program = shutil.which("pdfimages") or missing_tool("poppler-utils (pdfimages) is missing")
    listed = subprocess.run([program, "-list", file()], capture_output=True, text=True,
                            check=True).stdout
    rows = [line.split() for line in listed.splitlines()[2:]]
    dots = [(row[0], int(row[-4]), int(row[-3])) for row in rows if row[2] == "image"]
    assert [(page, x, y) for page, x, y in dots if abs(x - y) > 2] == []


def test_each_exercise_has_its_solution_at_the_end():
    names = [name for path in CHAPTERS for cell in notebook(path)["cells"]
             if cell["cell_type"] == "markdown"
             for name in re.findall(r"^:label: (\S+)", source(cell), re.MULTILINE)]
    start = next(number for number, page in enumerate(pages())
                 if re.search(r"^ *Solutions\n+ *Chapter 1:", page, re.MULTILINE))
    ours = [(int(a), int(b)) for page in pages()[start:]
            for a, b in re.findall(r"Solution to Exercise (\d+), page (\d+)", page)]
    assert [number for number, _ in ours] == list(range(1,
                                                        len(names) + 1)) and len(names) == EXERCISES
    for number, page in ours:
        assert re.search(rf"^ *Exercise {number}\b", pages()[page - 1], re.MULTILINE)
        place = re.search(rf"Exercise {number}\b.*?Solution: page (\d+)",
                          "".join(pages()[page - 1:page + 1]), re.DOTALL)
        assert f"Solution to Exercise {number}," in pages()[int(place[1]) - 1]


def test_questions_have_their_answers_at_the_end():
    assert len(re.findall(r"Answers: page \d+", "".join(pages()))) == len(CHAPTERS)
    first = "".join(pages()[5:30])
    assert "Nothing: the estimates agree" in first
    assert "takes the estimates for the whole" not in first


def test_nothing_that_needs_a_screen_is_printed():
    on_screen = ("Cite this page", "Run this page", "Open in Colab", "Back to the start")
    assert [words for words in on_screen if squeezed(words) in whole()] == []


def test_all_words_are_within_the_margins():
    millimetre = 72 / 25.4
    word_box = re.compile(r'xMin="(.*?)".*? xMax="(.*?)".*?>(.*?)</word>')
    outside = []
    for number, page in enumerate(pdftotext("-bbox").split("<page ")[2:], 2):
        page = re.sub(r"[\ue000-\uf8ff]", "", page)     # pieces of brackets, in boxes of their font
        for left, right, word in word_box.findall(page):
            if word and (float(left) < 21 * millimetre or float(right) > 189.5 * millimetre):
                outside.append((number, word))
    assert outside == []
