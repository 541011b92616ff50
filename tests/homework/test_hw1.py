"""Homework 1: right answers against dense algebra written anew, wrong ones, the solved notebook."""

import re

import numpy as np
import pytest

import lmm.homework
from conftest import ROOT, notebook, source
from lmm.homework import hw1
from lmm.homework.tables import TABLES

IDS = [f"student{i}" for i in range(50)]
SOURCE = ROOT / "book" / "homework" / "source" / "hw1_by_hand.ipynb"
WRONG = [(letter, i) for letter, task in hw1._TASKS.items() for i in range(len(task.wrong))]


def answers(student):
    """All answers by other routes than hw1's: loops for X, Z, V, GLS by whitening, BLUPs by V."""
    table = lmm.homework.data("tiny", student)
    y, n = np.array(table["nitrate"]), len(table)
    X, Z, V = np.zeros((n, 2)), np.zeros((n, 5)), np.zeros((n, n))
    rows = list(table.itertuples(index=False))
    for i, one in enumerate(rows):
        X[i] = 1, one.method == "new"
        Z[i, one.well - 1] = 1
        for j, other in enumerate(rows):
            V[i, j] = 1.8 * (one.well == other.well) + 1.2 * (i == j)
    counts = [[sum(r.well == w for r in rows) for w in range(1, 6)],
              [sum(r.well == w and r.method == "new" for r in rows) for w in range(1, 6)]]
    L = np.linalg.cholesky(V)
    WX, Wy = np.linalg.inv(L) @ X, np.linalg.inv(L) @ y
    beta, quadratic = np.linalg.lstsq(WX, Wy, rcond=None)[:2]
    old, new = X[:, 1] == 0, X[:, 1] == 1
    c = new / new.sum() - old / old.sum()                   # OLS is the difference of the two means
    r = y - X @ beta
    logdet, logdet_X = 2 * np.log(np.diag(L)).sum(), np.log(np.linalg.det(WX.T @ WX))
    l_ml = 0.5 * (n * np.log(2 * np.pi) + logdet + quadratic[0])
    return {
        "a": [*counts[0], *counts[1], 2, 5, 6],
        "b": [3.0, 1.8, 0.6, logdet, np.ones(n) / n @ V @ np.ones(n) / n],
        "c": [beta[1], np.linalg.norm(np.linalg.pinv(WX)[1]),
              c @ y, np.sqrt(c @ V @ c)],
        "d": [*beta, *(1.8 * Z.T @ np.linalg.inv(V) @ r)],
        "e": [[k * 1.8 / (k * 1.8 + 1.2) for k in counts[0]],
              [r[Z[:, w] == 1].mean() for w in range(5)]],
        "f": [l_ml, l_ml + 0.5 * logdet_X],
    }


def test_tables_differ_between_students_and_are_fit_for_the_tasks():
    seen = set()
    for student in IDS:
        table = TABLES["tiny"](student)
        cells = table.groupby(["well", "method"], observed=False).size().unstack()
        seen.add(table.to_csv())
        assert table.shape == (12, 3) and cells.shape == (5, 2) and list(cells) == ["old", "new"]
        assert cells.sum(axis=1).min() >= 1 and cells.to_numpy().max() <= 2
        assert (cells > 0).all(axis=1).sum() >= 3 and cells.sum(axis=1).nunique() >= 3
        assert np.array_equal(table["nitrate"], table["nitrate"].round(2))
        assert table["nitrate"].min() > 0
        assert table.equals(TABLES["tiny"](student))
    assert len(seen) == len(IDS)


def test_the_table_of_one_student_stays_as_it_is():
    """Machines and versions must agree on it, or students and their lecturer would not."""
    assert TABLES["tiny"]("solution")["nitrate"].tolist() == [
        31.01, 28.63, 28.50, 31.81, 31.52, 30.53, 30.00, 28.88, 28.65, 27.19, 26.71, 29.22]


@pytest.mark.parametrize("student", ["solution", "novakjan", " Novak  JAN ", *IDS[:7]])
def test_right_answers_earn_all_points(student):
    for letter, answer in answers(student).items():
        assert lmm.homework.score(f"1{letter}", answer, student) == 1, letter
        assert lmm.homework.verdict(f"1{letter}", answer, student) == "right"
        np.testing.assert_allclose(
            np.ravel(hw1._TASKS[letter].right(lmm.homework.student_id(student))),
            np.ravel(answer), 1e-9)


def test_an_answer_of_another_student_is_not_right():
    for letter, answer in answers("student1").items():
        if letter not in "ab":                              # X, Z and V may agree
            assert lmm.homework.score(f"1{letter}", answer, "student2") < 1


@pytest.mark.parametrize("letter, i", WRONG)
def test_a_wrong_answer_is_recognised_and_never_right(letter, i):
    mistake, wrong = hw1._TASKS[letter].wrong[i]
    for student in IDS:
        said = lmm.homework.verdict(f"1{letter}", wrong(student), student)
        assert said == f"not right: {mistake}", student
        assert lmm.homework.score(f"1{letter}", wrong(student), student) < 1
        given, right = wrong(student), hw1._TASKS[letter].right(student)
        if given.shape == right.shape:            # some entry is off by far more than the tolerance
            assert (np.abs(given - right) > 4 * hw1._TASKS[letter].within * np.abs(right)
                    + 1e-6).any()


def test_wrong_answers_are_what_they_are_called():
    table, right = TABLES["tiny"]("solution"), answers("solution")
    wrong = {letter: [w("solution") for _, w in task.wrong] for letter, task in hw1._TASKS.items()}
    ols = lmm.fit("nitrate ~ method", table)
    np.testing.assert_allclose(wrong["c"][0], [*right["c"][:3], ols.bse_fe.iloc[1]])
    np.testing.assert_allclose(wrong["c"][2][2], ols.fe_params.iloc[0])
    fixed = wrong["d"][0]                    # least squares on [X Z]: the method's effect is unique
    alone = lmm.fit("nitrate ~ well + method", table)
    assert fixed[1] == pytest.approx(alone.fe_params["method[T.new]"])
    y, X, Z = hw1.parts("solution")
    V = 1.8 * Z @ Z.T + 1.2 * np.eye(12)
    assert wrong["f"][2][1] == pytest.approx(
        lmm.likelihood.contrast_likelihood(y, lmm.likelihood.error_contrasts(X), V)
        + np.linalg.slogdet(X.T @ X)[1] / 2)
    np.testing.assert_allclose(right["f"], [lmm.likelihood.ml(y, X, right["d"][:2], V),
                                            lmm.likelihood.reml(y, X, V)])
    np.testing.assert_allclose(right["d"], np.concatenate(lmm.henderson.solve(
        y, X, Z, 1.8 * np.eye(5), 1.2 * np.eye(12))[:2]))


def test_no_verdict_tells_the_answer():
    """A verdict holds no digit at all, but for the share of entries that are right."""
    for letter, task in hw1._TASKS.items():
        right = task.right("solution")
        every_other = right * (np.arange(right.size).reshape(right.shape) % 2)
        tries = [w("solution") for _, w in task.wrong]
        tries += [every_other, right * 1.1, right[:-1], "no idea", None, ..., np.nan, 0]
        for value in tries:
            said = lmm.homework.verdict(f"1{letter}", value, "solution")
            assert said != "right", said
            assert not re.search(r"\d", re.sub(r"; \d+% of its entries are$", "", said)), said


def test_a_part_of_an_answer_earns_its_share():
    for letter, answer in answers("solution").items():
        half = np.array(answer, dtype=float)
        half.flat[0] += 7
        assert lmm.homework.score(f"1{letter}", half, "solution") == pytest.approx(
            1 - 1 / half.size)
        # of the counts some are 0
        assert lmm.homework.score(f"1{letter}", np.zeros(half.shape), "solution") <= 0.3


def test_the_notebook_with_solutions_is_right(capsys):
    cells = notebook(SOURCE)["cells"]
    names = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(source(cell), names)
    said = re.findall(r"^1\w: .*$", capsys.readouterr().out, re.MULTILINE)
    assert said == [f"1{letter}: right" for letter in "abcdef"]
    assert (names["s2_B"], names["s2"]) == (hw1.WELLS_VARIANCE, hw1.ERROR_VARIANCE)


def test_the_notebook_is_made_for_nbgrader():
    cells = notebook(SOURCE)["cells"]
    graded = [c["metadata"]["nbgrader"] for c in cells]
    assert sum(g.get("points", 0) for g in graded) == 20
    assert len({g["grade_id"] for g in graded}) == len({c["id"] for c in cells}) == len(cells)
    titles = [re.search(r"^### (1\w)\. .*\((\d) points\)", source(c))
              for c in cells if c["cell_type"] == "markdown"]
    points = {g["grade_id"][-2:]: g["points"] for g in graded if g["grade"]}
    assert {t[1]: int(t[2]) for t in titles if t} == points
    assert list(points) == [f"1{letter}" for letter in "abcdefg"]
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            assert ("BEGIN SOLUTION" in source(cell)) == cell["metadata"]["nbgrader"]["solution"]
