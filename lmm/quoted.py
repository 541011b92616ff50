"""The ledger: every number that the lecture quotes, against the same number computed here."""

import json
import re
import sys
from collections import namedtuple

import pandas as pd

from lmm import tables
from lmm.data import folder

Stored = namedtuple("Stored", "id what lecture computed verdict section")
LINE = re.compile(r"^(s\d\d\.\d\d)  (.*?)  +(\S+)  +(\S+)  (agrees.*|DISAGREES)$", re.MULTILINE)

EARLY = 5e-6  # nlme stopped about 1e-6 short of the optimum, so its digits agree to this (relative)


def numbers():
    """The ledger's table: index id;
    slide, what, printed (the lecture's digits, as text), tolerance."""
    return pd.read_csv(folder() / "quoted.csv", index_col="id", dtype={"printed": str})


def compare(computed):
    """Show one line a number, `id  what  lecture  computed  verdict`, and fail if one disagrees:
    printed as text, and in a notebook as one line that opens ("8 of 8 agree").

    computed: dict id -> value. A number agrees if it rounds to the digits that the lecture prints.
    Where the ledger says "optimizer", relative 5e-6 is enough, and the verdict says so: nlme had
    not reached the optimum. Raises ValueError for an id that the ledger does not have,
    AssertionError for a number that disagrees.
    """
    ledger = numbers()
    unknown = [i for i in computed if i not in ledger.index]
    if unknown:
        raise ValueError(f"unknown id {unknown[0]!r}; the ledger runs from {ledger.index[0]} to "
                         f"{ledger.index[-1]}")
    # what all lines begin with ("REML fit, balanced") stands once, above them: the lines must fit
    # on a phone
    subjects = {what.partition(": ")[0] for what in ledger.loc[list(computed), "what"]
                if ": " in what}
    subject = subjects.pop() if len(subjects) == 1 else ""
    rows = []
    wrong = []
    for i, value in computed.items():
        lecture = ledger.loc[i, "printed"]
        what = ledger.loc[i, "what"].removeprefix(f"{subject}: ")
        said = verdict(lecture, float(value), ledger.loc[i, "tolerance"])
        rows.append((i, what, lecture, as_printed(lecture, float(value)), said))
        if said == "DISAGREES":
            wrong.append(f"{i}: the lecture has {lecture}, computed is {float(value):.10g}")
    comparison = Comparison(subject, rows)
    if _in_a_notebook():
        sys.modules["IPython"].display.display(comparison)
    else:
        print(comparison)
    if wrong:
        raise AssertionError("; ".join(wrong))


def _in_a_notebook():
    """A kernel, or a page that runs in the browser; not a script, a test or a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and type(ipython.get_ipython()).__name__ == "ZMQInteractiveShell"


class Comparison:
    """Numbers of the lecture beside ours. subject: what all are about; rows: tuples as HEAD."""

    HEAD = ("id", "what", "lecture", "computed", "verdict")

    def __init__(self, subject, rows):
        self.subject = subject
        self.rows = rows

    def __repr__(self):
        lines = [self.HEAD, *self.rows]
        widths = [max(len(row[k]) for row in lines) for k in range(4)]
        text = [f"{i:{widths[0]}}  {what:{widths[1]}}  {lecture:>{widths[2]}}  "
                f"{ours:>{widths[3]}}  {said}" for i, what, lecture, ours, said in lines]
        return "\n".join([self.subject, *text] if self.subject else text)

    def _repr_html_(self):
        table = tables.table(pd.DataFrame(self.rows, columns=self.HEAD), self.subject)
        return f"<details><summary>{self.in_short()}</summary>\n{tables.html(table)}\n</details>"

    def in_short(self):
        """"8 of 8 numbers agree with the lecture", and how many where nlme stopped early."""
        agree = sum(row[4].startswith("agrees") for row in self.rows)
        early = sum("early" in row[4] for row in self.rows)
        more = f" ({early} where nlme stopped early)" if early else ""
        return f"{agree} of {len(self.rows)} numbers agree with the lecture{more}"


def stored(notebook):
    """The lines that `compare` has printed in a notebook (its file, a Path), as Stored, each with
    its section's heading."""
    rows, section = [], ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            section = (re.findall(r"^##+ (.*)$", "".join(cell["source"]), re.MULTILINE)
                       or [section])[-1]
        for output in cell.get("outputs", []):
            printed = "".join(output.get("text") or output.get("data", {}).get("text/plain", ""))
            subject = next((line for line in printed.splitlines()
                            if line and not re.match(r"(id|s\d)", line)), "")
            for i, what, *rest in LINE.findall(printed):
                rows.append(Stored(i, what if not subject or ":" in what else f"{subject}: {what}",
                                   *rest, section))
    return rows


def verdict(lecture, value, tolerance):
    """"agrees", "agrees to 3e-07: nlme stopped early", or "DISAGREES"."""
    if lecture.startswith("<"):
        return "agrees" if 0 <= value < float(lecture[1:]) else "DISAGREES"
    quoted = float(lecture)
    if abs(value - quoted) <= 0.5 * 10.0 ** -decimals(lecture) * (1 + 1e-9):
        return "agrees"
    off = abs(value / quoted - 1) if quoted else float("inf")
    if tolerance == "optimizer" and off <= EARLY:
        return f"agrees to {off:.0e}: nlme stopped early"
    return "DISAGREES"


def as_printed(lecture, value):
    """`value` with as many decimals as the lecture prints."""
    if lecture.startswith("<"):
        return lecture if value < float(lecture[1:]) else f"{value:.4f}"
    return f"{value:.{decimals(lecture)}f}"


def decimals(text):
    return len(text.partition(".")[2])
