"""The self-check on slips of the pen, and the sources on their own questions."""

import json

import matplotlib.pyplot
import numpy as np
import pytest

import lmm.homework
from conftest import ROOT
from lmm.homework.tables import TABLES

SOURCES = sorted((ROOT / "book" / "homework" / "source").glob("*.ipynb"))


def exchanged(right):
    return right[[1, 0, *range(2, len(right))]]


@pytest.mark.parametrize("task", ["1c", "3a"])
@pytest.mark.parametrize("change, words", [
    (lambda v: 100 * v, "100 times too large"), (lambda v: v / 100, "100 times too small"),
    (lambda v: -v, "wrong sign"), (lambda v: v * [1, -1, 1, 1], "sign of some"),
    (exchanged, "wrong place"),
    (lambda v: [float(f"{one:.2g}") for one in v], "rounded to 2 digits")])
def test_a_slip_is_named(task, change, words):
    right = lmm.homework._expected(task, "novak")
    assert words in lmm.homework.verdict(task, change(right), "novak")
    assert lmm.homework.verdict(task, right, "novak") == "right"


def test_rounding_is_named():
    right = lmm.homework._expected("1c", "novak")
    assert "rounded to 1 decimals" in lmm.homework.verdict("1c", right.round(1), "novak")
    right = lmm.homework._expected("1f", "novak")
    assert "rounded to" in lmm.homework.verdict("1f", right.round(1), "novak")


def test_the_smallest_school_stands_at_one_end_of_the_table_that_is_shown():
    for number in range(200):
        table = TABLES["schools"](f"id{number:04}")
        means = table.groupby("school")["score"].mean()
        smallest = table["school"].value_counts().idxmin()
        assert smallest in (means.idxmin(), means.idxmax())


def code(path):
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [(cell["metadata"].get("nbgrader", {}), "".join(cell["source"]))
            for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("student", ["solution", "novakjan", "Dvořák 7"])
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_source_answers_its_own_questions(path, student):
    """Whatever homework is there: one whose solution is wrong is seen here."""
    matplotlib.use("Agg")
    names = {}
    tasks = []
    for told, text in code(path):
        if told.get("grade"):
            tasks.append(told["grade_id"].removeprefix("test_"))
        text = text.replace('STUDENT = "solution"', f"STUDENT = {student!r}")
        exec(compile(text, path.name, "exec"), names)
    matplotlib.pyplot.close("all")
    assert tasks
    for task in tasks:
        assert lmm.homework.score(task, names[f"answer_{task}"], names["STUDENT"]) == 1, task


def test_a_wrong_source_is_seen(tmp_path):
    wrong = r"answer_1b = [1]\n### END SOLUTION"
    text = SOURCES[0].read_text("utf-8").replace("### END SOLUTION", wrong, 3)
    (tmp_path / SOURCES[0].name).write_text(text)
    with pytest.raises(AssertionError):
        test_a_source_answers_its_own_questions(tmp_path / SOURCES[0].name, "solution")
    assert np.isfinite(lmm.homework._expected("1b", "solution")).all()
