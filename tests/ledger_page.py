"""Write book/appendix/ledger.md from the chapters' stored outputs: python tests/ledger_page.py

Every number that the lecture quotes, with the number computed here and the section of the chapter that computes it.
"""

import re
from pathlib import Path

import lmm

ROOT = Path(__file__).parent.parent
HEAD = """# Every number in the lecture

The ledger: each number that lecture 10 quotes, the same number as a chapter of this book computes it, and whether they
are equal to the last digit that the slide prints. "Stopped early" means that R's nlme ended its search about a
millionth short of the optimum ([Errata and fine print](errata)). The chapters print these lines
themselves, and the tests fail if one disagrees; this page only collects them.

**{agreeing} of {all} agree**, {early} of them up to that early stop.
"""


def page():
    """The text of the page."""
    slides = {}
    for path in sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb")):
        for row in lmm.quoted.stored(path):
            slides.setdefault(int(row.id[1:3]), []).append((row, path.stem))
    verdicts = [row.verdict for found in slides.values() for row, _ in found]
    out = [HEAD.format(agreeing=sum(said.startswith("agrees") for said in verdicts), all=len(verdicts),
                       early=sum("early" in said for said in verdicts))]
    for slide in sorted(slides):
        out += [f"## Slide {slide}\n", "| id | what | lecture | computed | verdict | where |", "|---|---|---:|---:|---|---|"]
        for row, stem in sorted(slides[slide]):
            said = row.verdict.replace(": nlme stopped early", ", stopped early")
            out.append(f"| {row.id} | {row.what} | {row.lecture} | {row.computed} | {said} "
                       f"| [{stem[:2]}](../{stem}.ipynb#{anchor(row.section)}) |")
        out.append("")
    return "\n".join(out)


def anchor(section):
    """The address of a heading, as on GitHub: lower case, no signs, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", section.lower()).strip().replace(" ", "-")


if __name__ == "__main__":
    (ROOT / "book" / "appendix" / "ledger.md").write_text(page())
