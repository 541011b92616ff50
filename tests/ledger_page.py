"""Write book/appendix/ledger.md from the chapters' stored outputs: python tests/ledger_page.py

Every number that the lecture quotes, with the number computed here and the section of the chapter that computes it.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
LINE = re.compile(r"^(s(\d\d)\.\d\d)  (.*?)  +(\S+)  +(\S+)  (agrees.*|DISAGREES)$", re.MULTILINE)
HEAD = """# Every number in the lecture

The ledger: each number that lecture 10 quotes, the same number as a chapter of this book computes it, and whether they
are equal to the last digit that the slide prints. "Stopped early" means that R's nlme had ended its search about a
millionth short of the optimum when the slide was made ([Errata and fine print](errata)). The chapters print these lines
themselves, and the tests fail if one disagrees; this page only collects them.

**{agreeing} of {all} agree**, {early} of them up to that early stop.
"""


def page():
    """The text of the page."""
    rows, slides = [], {}
    for path in sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb")):
        section = ""
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "markdown":
                section = (re.findall(r"^##+ (.*)$", "".join(cell["source"]), re.MULTILINE) or [section])[-1]
                continue
            for output in cell["outputs"]:
                printed = "".join(output.get("text", ""))
                subject = next((line for line in printed.splitlines() if line and not re.match(r"(id|s\d)", line)), "")
                for found in LINE.findall(printed):
                    rows.append(found)
                    slides.setdefault(int(found[1]), []).append((*found, subject, path.stem, section))
    early = sum("early" in row[-1] for row in rows)
    out = [HEAD.format(agreeing=sum(row[-1].startswith("agrees") for row in rows), all=len(rows), early=early)]
    for slide in sorted(slides):
        out += [f"## Slide {slide}\n", "| id | what | lecture | computed | verdict | where |", "|---|---|---:|---:|---|---|"]
        for i, _, what, lecture, ours, said, subject, stem, section in sorted(slides[slide]):
            about = what if not subject or ":" in what else f"{subject}: {what}"
            out.append(f"| {i} | {about} | {lecture} | {ours} | {said.replace(': nlme stopped early', ', stopped early')} "
                       f"| [{stem[:2]}](../{stem}.ipynb#{anchor(section)}) |")
        out.append("")
    return "\n".join(out)


def anchor(section):
    """The address of a heading, as on GitHub: lower case, no signs, hyphens for blanks."""
    return re.sub(r"[^\w\- ]", "", section.lower()).strip().replace(" ", "-")


if __name__ == "__main__":
    (ROOT / "book" / "appendix" / "ledger.md").write_text(page())
