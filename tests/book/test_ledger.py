"""Every number that the lecture quotes stands, computed, in the chapter that mirrors its slide."""

import re

import pytest

import lmm
from _tools import ledger_page
from conftest import CHAPTERS, ROOT, notebook, printed

# slide -> the chapter that mirrors it, for the slides with quoted numbers
CHAPTER_OF = {16: "05", 17: "05", 18: "06", 21: "06", 22: "06", 24: "07", 25: "07",
              26: "07", 38: "14"}
LINE = re.compile(r"^(s\d\d\.\d\d)  .*  (agrees(?: to \de-\d\d: nlme stopped early)?)$",
                  re.MULTILINE)


def verdicts(path):
    return [match for cell in notebook(path)["cells"] if cell["cell_type"] == "code"
            for match in LINE.findall(printed(cell))]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_each_id_stands_once_in_its_chapter_and_nowhere_else(path):
    ledger = lmm.quoted.numbers()
    due = [i for i, row in ledger.iterrows() if CHAPTER_OF.get(row["slide"]) == path.stem[:2]]
    assert sorted(i for i, _ in verdicts(path)) == due


def test_the_ledger_is_complete():
    ledger = lmm.quoted.numbers()
    assert len(ledger) == 132 and ledger.index.is_unique
    assert set(ledger["slide"]) == set(CHAPTER_OF)
    assert sorted(i for path in CHAPTERS for i, _ in verdicts(path)) == sorted(ledger.index)
    assert set(ledger["tolerance"]) == {"printed", "optimizer"}


def test_early_stops_are_only_where_the_ledger_says_optimizer():
    ledger = lmm.quoted.numbers()
    early = [i for path in CHAPTERS for i, said in verdicts(path) if "early" in said]
    assert early and set(ledger.loc[early, "tolerance"]) == {"optimizer"}


@pytest.mark.parametrize("lecture, value, tolerance, expected", [
    ("0.6054", 0.60544, "printed", "agrees"),
    ("0.6054", 0.60546, "printed", "DISAGREES"),
    ("9", 9, "printed", "agrees"),
    ("9", 9.6, "printed", "DISAGREES"),
    ("-0.0500", -0.05, "printed", "agrees"),
    ("-0.0500", 0.05, "printed", "DISAGREES"),
    ("<.0001", 9e-5, "printed", "agrees"),
    ("<.0001", 2e-4, "printed", "DISAGREES"),
    ("0.0000", 4e-5, "printed", "agrees"),
    ("0", 1e-3, "optimizer", "agrees"),
    ("0.2085067", 0.208506460899, "optimizer", "agrees to 1e-06: nlme stopped early"),
    ("0.2085067", 0.208506460899, "printed", "DISAGREES"),
    ("0.2085067", 0.2085, "optimizer", "DISAGREES"),
    ("0.6054", float("nan"), "printed", "DISAGREES"),
    ("0.6054", float("nan"), "optimizer", "DISAGREES"),
])
def test_verdict(lecture, value, tolerance, expected):
    assert lmm.quoted.verdict(lecture, value, tolerance) == expected


def test_compare_prints_a_line_a_number_and_fails_on_a_wrong_one(capsys):
    lmm.quoted.compare({"s16.04": -0.53537})
    assert capsys.readouterr().out.splitlines() == [
        "paired t-test", "id      what  lecture  computed  verdict",
        "s16.04  t     -0.5354   -0.5354  agrees"]
    lmm.quoted.compare({"s16.01": -0.05, "s21.17": 1e-9})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "what", "lecture", "computed", "verdict"]
    assert [line.split()[0] for line in lines[1:]] == ["s16.01", "s21.17"]
    assert all(LINE.match(x) for x in lines[1:])
    with pytest.raises(AssertionError, match="s16.01: the lecture has -0.05, computed is -0.06"):
        lmm.quoted.compare({"s16.01": -0.06, "s16.05": 9})
    assert "DISAGREES" in capsys.readouterr().out


def test_the_page_of_all_numbers_is_what_the_chapters_have_stored():
    assert (ROOT / "book" / "appendix" / "ledger.md").read_text() == ledger_page.page()
