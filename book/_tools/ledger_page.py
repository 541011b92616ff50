"""Write book/appendix/ledger.md anew: python book/_tools/ledger_page.py

Every number that the lecture quotes, the number that a chapter has stored for it, and the section.
"""

import re
from pathlib import Path

import lmm

ROOT = Path(__file__).parents[2]
HEAD = """# Every number in the lecture

The ledger: each number that lecture 10 quotes, the same number as a chapter of this book computes
it, and whether they are equal to the last digit that the slide prints. "Stopped early" means that
R's nlme ended its search about a millionth short of the optimum ([Errata and fine print](errata)).
The chapters print these lines themselves, and the tests fail if one disagrees; this page only
collects them.

**{agreeing} of {all} agree**, {early} of them up to that early stop.
"""
COLUMNS = ["| id | what | lecture | computed | verdict | where |", "|---|---|---:|---:|---|---|"]


def page():
    """The text of the page."""
    slides = {}
    for path in sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb")):
        for row in lmm.quoted.stored(path):
            slides.setdefault(int(row.id[1:3]), []).append((row, path.stem))
    verdicts = [row.verdict for found in slides.values() for row, _ in found]
    agreeing = sum(said.startswith("agrees") for said in verdicts)
    early = sum("early" in said for said in verdicts)
    out = [HEAD.format(agreeing=agreeing, all=len(verdicts), early=early)]
    for slide in sorted(slides):
        out += [f"## Slide {slide}\n", *COLUMNS]
        for row, stem in sorted(slides[slide]):
            said = row.verdict.replace(": nlme stopped early", ", stopped early")
            where = f"[{stem[:2]}](../{stem}.ipynb#{anchor(row.section)})"
            cells = [row.id, row.what, row.lecture, row.computed, said, where]
            out.append(f"| {' | '.join(cells)} |")
        out.append("")
    return "\n".join(out)


def anchor(section):
    """The address of a heading, as on GitHub: lower case, no signs, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", section.lower()).strip().replace(" ", "-")


if __name__ == "__main__":
    (ROOT / "book" / "appendix" / "ledger.md").write_text(page())
