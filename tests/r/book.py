"""The R of the book: fenced blocks with what they print, as `#>` lines below the code."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from conftest import ROOT, notebook, rscript, source

BOOK = ROOT / "book"
PHRASEBOOK = BOOK / "appendix" / "phrasebook.ipynb"
NOT_RUN = "# not run by the tests"
RUN = Path(__file__).with_name("run.R")
DOTS = "..."                                          # lines of R's output left out


class Piece(NamedTuple):
    """A piece of R code, and the lines that the book says it prints."""
    code: str
    says: list


def pages():
    """All pages of the book, notebooks and Markdown."""
    folders = [BOOK, BOOK / "appendix", BOOK / "homework"]
    found = [path for folder in folders for path in folder.iterdir()]
    return sorted(path for path in found if path.suffix in (".ipynb", ".md"))


def text(path):
    """The Markdown of a page."""
    if path.suffix == ".md":
        return path.read_text()
    cells = notebook(path)["cells"]
    return "\n".join(source(cell) for cell in cells if cell["cell_type"] == "markdown")


def blocks(path):
    """The fenced R blocks of a page, without the fences."""
    return re.findall(r"^```+ *[rR] *\n(.*?)^```+ *$", text(path), re.MULTILINE | re.DOTALL)


def pieces(block):
    """A block's code cut after each group of `#>` lines."""
    cut, code, says = [], [], []
    for line in block.splitlines():
        if line.startswith("#>"):
            says.append(line[2:])
            continue
        if says:
            cut.append(Piece("\n".join(code), says))
            code, says = [], []
        code.append(line)
    return [*cut, Piece("\n".join(code), says)]


def preamble():
    """The phrasebook's first block: it loads the packages and the lecture's tables."""
    return blocks(PHRASEBOOK)[0]


def run(codes, folder):
    """What R prints for each of `codes`: lists of lines. One session, behind the preamble."""
    asked, answered = folder / "pieces.json", folder / "printed.json"
    asked.write_text(json.dumps([preamble(), *codes]))
    rscript([RUN, asked, answered], packages([preamble(), *codes]), cwd=ROOT / "data")
    return json.loads(answered.read_text())[1:]


def packages(codes):
    """The packages that R code names, and those that run.R and Kenward-Roger's method need."""
    named = r"""library\((\w+)\)|(?<![\w.])(\w+)::|package = ["'](\w+)["']"""
    found = re.findall(named, "\n".join(codes))
    return sorted({"jsonlite", "pbkrtest", *(name for names in found for name in names if name)})


def words(line):
    """The words of a line, with plain quotes."""
    return line.translate(str.maketrans("‘’“”", "''\"\"")).split()


def same(said, printed, exact=True):
    """Do two lines agree word by word?

    With `exact=False` a number may differ by one in its last digit, or by 1e-5 (relative).
    """
    said, printed = words(said), words(printed)
    agree = [a == b or not exact and _near(a, b) for a, b in zip(said, printed)]
    return len(said) == len(printed) and all(agree)


def _near(a, b):
    number = r"-?\d+\.?(\d*)(?:e[-+]\d+)?,?"
    found = re.fullmatch(number, a)
    if not found or not re.fullmatch(number, b):
        return False
    a, b = float(a.rstrip(",")), float(b.rstrip(","))
    return abs(a - b) <= max(1.5 * 10.0 ** -len(found.group(1)), 1e-5 * abs(a))


def missing(says, printed, exact=True):
    """The first of the lines `says` that R has not printed in its place, or None.

    Lines follow one another as in R's output; `...` allows for lines left out. Blank lines do not
    count.
    """
    says = [line for line in says if line.split()]
    printed = [line for line in printed if line.split()]
    reached = [_matched(says, printed[start:], exact) for start in range(len(printed) + 1)]
    return None if max(reached) == len(says) else says[max(reached)]


def _matched(says, printed, exact):
    """How many of `says` agree with `printed` from its first line on."""
    place, gap = 0, False
    for count, line in enumerate(says):
        if line.strip() == DOTS:
            gap = True
            continue
        while gap and place < len(printed) and not same(line, printed[place], exact):
            place += 1
        if place == len(printed) or not same(line, printed[place], exact):
            return count
        place, gap = place + 1, False
    return len(says)
