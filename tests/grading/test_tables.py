"""What the lecturer gets is whole and harmless, whatever a class hands in: no submission runs here,
records stand for what a sandbox wrote."""

import csv
import decimal
import io
import json
import os
import sys
import types

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import lmm.homework
from conftest import ROOT
from tests.grading.submissions import cell, source, submission as notebook

sys.path.append(str(ROOT / "book" / "homework" / "grading"))
pytest.importorskip("markdown_it")

import feedback  # noqa: E402
import manual  # noqa: E402
import points  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import run_one  # noqa: E402
import spreadsheet  # noqa: E402
import submission  # noqa: E402
import texts  # noqa: E402

MOST = {"1c": 3}


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    (folder / "hw1_tiny.ipynb").write_text(json.dumps(source()))
    return submission.assignments(folder)


def right(task, student):
    return lmm.homework._expected(task, student).tolist()


def record(student, **answers):
    """What a sandbox writes of one student with right answers, or with those given."""
    found = {f"answer_{task}": right(task, "somebody" if student is None else student)
             for task in ("1a", "1b")}
    values = {"STUDENT": student, **found, **answers}
    return {"records": [{"after": "test_1b", "answers": values, "unwritable": {}}], "ending": ""}


def graded(known, student="novak", written=None, **parts):
    one = submission.understand(json.dumps(notebook(student, **parts)).encode(), known)
    return points.Result(one, written or record(student))


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


# ---- ids

INVISIBLE = ["\u200bnovak", "no\u00advak", "\ufeffnovak", "novak\u202e", " Novak\n", "NOVAK",
             "no\u2060vak", "novak\x00"]


@pytest.mark.parametrize("typed", INVISIBLE, ids=ascii)
def test_an_invisible_character_changes_no_data_and_no_points(known, typed):
    assert lmm.homework.student_id(typed) == "novak"
    assert lmm.homework.data("tiny", typed).equals(lmm.homework.data("tiny", "novak"))
    result = graded(known, written=record(typed))
    assert (result.id, result.total(False)) == ("novak", 7)


def test_accents_have_one_form():
    assert lmm.homework.student_id("Dvor\u030ca\u0301k") == lmm.homework.student_id("Dvořák")


@pytest.mark.parametrize("wrong", [None, "", " ", "your id", "...", "\u200b", True, 1.5, ["x"],
                                   "x" * 101], ids=repr)
def test_what_is_no_id(wrong):
    with pytest.raises(ValueError, match="STUDENT|at most 100"):
        lmm.homework.student_id(wrong)
    assert points.student_id(wrong) is None


# ---- points

def test_twins_have_the_same_points_and_are_reported(known):
    written = record("novak")                    # one record, as the bytes are the same
    pair = [(file, graded(known, written=written)) for file in ("a/x.ipynb", "b/x.ipynb")]
    assert [(one.id, one.total(False)) for _, one in pair] == 2 * [("novak", 7)]
    found = report.lines(pair, [], None)
    assert [row[0] for row in found[:2]] == 2 * ["id twice"]


def test_a_long_variable_costs_no_other_answer(monkeypatch):
    main = types.ModuleType("__main__")
    main.STUDENT = 10 ** 20
    main.answer_3b_draws = list(range(200_000))
    main.answer_3b = [[0.5] * 100_000, [0.5] * 100_000]
    main.answer_3c = [1, 2.5, float("nan")]
    main.answer_3d = ...
    monkeypatch.setitem(sys.modules, "__main__", main)
    found = json.loads(run_one.values(["answer_3b", "answer_3c", "answer_3d"]))
    assert found["answers"] == {"STUDENT": str(10 ** 20), "answer_3c": [1, 2.5, None]}
    assert list(found["unwritable"]) == ["answer_3b"]


def test_a_flood_of_names_is_left_out(known):
    written = record("novak")
    written["records"][0]["unwritable"] = {f"x{n}": "y" * 1000 for n in range(10_000)}
    written["records"] += [{"after": "z" * 1000, "lost": True}] * 1000
    written["records"] += [{"cell": n, "stopped": "time"} for n in range(8)]
    result = graded(known, written=written, change=lambda cells: cells + [
        cell("code", "1", "test_1a", grade=True)] * 30)
    assert result.total(False) == 7
    assert len(result.flags) <= points.NOTES + 1
    assert max(map(len, result.notes)) <= points.LETTERS


FORMS = [lambda v: v, tuple, np.array, np.float32, np.longdouble, lambda v: np.array(v, complex),
         lambda v: np.reshape(v, (-1, 1)), lambda v: dict(enumerate(v)),
         lambda v: [str(x) for x in v], lambda v: np.array(v, object), pd.Series, pd.DataFrame,
         lambda v: [decimal.Decimal(x) for x in v], lambda v: [np.float64(x) for x in v],
         lambda v: sparse.csr_array([v])]


@pytest.mark.parametrize("form", range(len(FORMS)))
@pytest.mark.parametrize("task", ["1b", "1c", "1f"])
def test_each_form_of_a_right_answer_has_its_points(task, form):
    answer = FORMS[form](right(task, "novak"))
    assert lmm.homework.verdict(task, answer, "novak") == "right"
    carried = json.loads(json.dumps(run_one.plain(answer, [run_one.ENTRIES])))
    assert lmm.homework.score(task, carried, "novak") == 1


def test_a_complex_number_is_no_answer():
    answer = np.array(right("1b", "novak")) + 1j
    assert "not an answer" in lmm.homework.verdict("1b", answer, "novak")
    with pytest.raises(ValueError, match="complex"):
        run_one.plain(answer, [100])


@pytest.mark.parametrize("depth, number", [(900, 1), (11, 1.5), (1, 10 ** 400), (0, 10 ** 21)])
def test_an_answer_that_no_sandbox_writes_is_none(known, depth, number):
    value = json.loads("[" * depth + str(number) + "]" * depth)
    result = graded(known, written=record("novak", answer_1b=value))
    assert (result.total(False), "answer_1b" in result.answers) == (3, False)
    assert texts.html([("x", result)])


# ---- what the report says

def test_typed_numbers_are_reported(known):
    for typed in (f"answer_1b = {right('1b', 'novak')}",
                  f"import numpy as np\nanswer_1b = np.array({right('1b', 'novak')})"):
        found = report.lines([("x", graded(known, b=typed))], [], None)
        assert ("typed in", "x", "novak") in [row[:3] for row in found]
    found = report.lines([("x", graded(known, b="V = 3\nanswer_1b = [V, 1.2345]"))], [], None)
    assert "typed in" not in [row[0] for row in found]


def test_code_of_the_source_is_reported(known, monkeypatch):
    monkeypatch.setattr(report, "OF_OURS", 500)
    model = ("### BEGIN SOLUTION\ntotal = 0\nfor one in data['y']:\n"
             "    total = total + one * 2 - one\nanswer_1a = total / len(data)\n### END SOLUTION")
    ours = [one._replace(cells=[part._replace(model=model) if part.id == "solve_1a" else part
                                for part in one.cells]) for one in known]
    copied = "s = 0\nfor y in data['y']:\n    s = s + y * 2 - y\nanswer_1a = s / len(data)"
    for code, there in ((copied, True), (copied.replace("* 2 - y", "* 3"), False)):
        found = report.lines([("x", graded(ours, a=code))], [], None)
        assert ("code of the source" in [row[0] for row in found]) is there


def test_a_group_with_equal_code_is_one_line(known):
    code = "s = 0\nfor y in data['y']:\n    s = s + y * 2 - y\nanswer_1a = s / len(data['y'] * 1)"
    some = [(f"{n}.ipynb", graded(known, f"student{n}", a=code)) for n in range(12)]
    found = [row for row in report.lines(some, [], None) if row[0] == "equal code"]
    assert len(found) == 1 and "student11" in found[0][3]


# ---- texts and points by hand

def test_the_text_in_a_cell_of_ones_own_is_found(known):
    def below(cells):
        return cells + [cell("markdown", "My answer.")]

    def above(cells):
        return cells[:-1] + [cell("markdown", "My answer."), cells[-1]]
    for change in (above, below):
        result = graded(known, text=submission.TEXT_STUB, change=change)
        assert result.text("1c") == "My answer."
        assert "cell of its own" in " ".join(result.notes)
    assert graded(known, text="In place.", change=below).text("1c") == "In place."


def class_of(known, tmp_path, text="A text.", file="a/x.ipynb", copies=()):
    """Grade a class of one, with what is in manual.csv."""
    (tmp_path / "out").mkdir(exist_ok=True)
    result = graded(known, text=text)
    results.write(tmp_path / "out", [(file, result)], [], None,
                  manual.given(tmp_path / "out", list(copies), MOST))
    found = [row["kind"] for row in spreadsheet.read_table(tmp_path / "out" / "report.csv")]
    return result.tasks["1c"][::2], found


def fill_in(path, value="2,5", encoding="utf-8-sig", separator=",", first=""):
    """Save a manual.csv as a spreadsheet would."""
    table = spreadsheet.read_table(path)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerows([list(table[0])] + [[*{**row, "points": value, "comment": "Dobře"}.values()]
                                         for row in table])
    path.write_bytes((first + out.getvalue()).encode(encoding))


@pytest.mark.parametrize("encoding, separator, first", [
    ("utf-8", ",", ""), ("utf-8-sig", ";", ""), ("cp1250", ";", ""), ("utf-16", "\t", ""),
    ("utf-8-sig", ";", "sep=;\r\n"), ("utf-16", ";", "sep=;\n")])
def test_points_survive_every_spreadsheet(known, tmp_path, encoding, separator, first):
    class_of(known, tmp_path, "A text; =1+1\n-2")
    fill_in(tmp_path / "out" / "manual.csv", "2,5", encoding, separator, first)
    for _ in range(2):
        assert class_of(known, tmp_path, "A text; =1+1\n-2") == ((2.5, "Dobře"), [])


@pytest.mark.parametrize("length", [32_001, 131_073, 150_000])
def test_a_long_text_stops_nothing(known, tmp_path, length):
    for _ in range(3):
        class_of(known, tmp_path, "x" * length)
    assert (tmp_path / "out" / "manual.csv").stat().st_size < 40_000
    long = tmp_path / "long.csv"
    long.write_text(f"id,task,points,text\nnovak,1c,2,{'x' * length}\n")
    assert class_of(known, tmp_path, "x" * length, copies=[long])[0] == (2, "")


@pytest.mark.parametrize("damage", ["", "a;b\n1;2\n", "\x00\x00", "id,task\nnovak,1c\n"], ids=repr)
def test_a_damaged_table_is_refused_and_stays(known, tmp_path, damage):
    class_of(known, tmp_path)
    path = tmp_path / "out" / "manual.csv"
    path.write_text(damage)
    with pytest.raises(ValueError, match="manual.csv"):
        class_of(known, tmp_path)
    assert path.read_text() == damage


def test_two_graders_are_added(known, tmp_path):
    class_of(known, tmp_path)
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("id,task,points\nnovak,1c,2\nabsent,1c,1\n")
    other.write_text("id,task,points\nsomebody,1c,3\n")
    assert class_of(known, tmp_path, copies=[one])[0] == (2, "")
    assert class_of(known, tmp_path, copies=[other])[0] == (2, "")
    other.write_text("id,task,points\nnovak,1c,3\n")
    marks, found = class_of(known, tmp_path, copies=[one, other])
    assert marks == (3, "") and "two graders" in found and "manual points unused" in found


def test_points_for_another_text_are_reported(known, tmp_path):
    class_of(known, tmp_path)
    fill_in(tmp_path / "out" / "manual.csv")
    assert class_of(known, tmp_path)[1] == []
    for _ in range(2):
        assert class_of(known, tmp_path, "Another text.") == ((2.5, "Dobře"), ["text is new"])


def test_points_follow_a_renamed_file(known, tmp_path):
    class_of(known, tmp_path)
    fill_in(tmp_path / "out" / "manual.csv")
    assert class_of(known, tmp_path, file="b/y.ipynb") == ((2.5, "Dobře"), ["renamed"])
    assert class_of(known, tmp_path, file="b/y.ipynb") == ((2.5, "Dobře"), [])


# ---- spreadsheets and pages

STARTS = ["=1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", "ok\r=1", "ok\n=1", "ok;=1", "ok; =1",
          "ok,=1", "ok\r\n=1", 'ok";=1', "ok\t=1", ";;=1"]


@pytest.mark.parametrize("text", STARTS, ids=repr)
def test_no_cell_is_a_formula_at_any_separator(text):
    written = spreadsheet.table([[text, "x"]], ["a", "b"])
    assert "\r" not in written
    for separator in ",;\t":
        for line in written.split("\n"):
            for one in line.split(separator):
                assert not one.strip(' "').startswith(("=", "+", "-", "@")), (separator, one)
    path = rows(written)
    assert spreadsheet.unguarded(path[0]["a"]) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_no_file_is_lost_by_its_name(tmp_path):
    names = [b"\xe8ern\xfd.ipynb", b"\x9aern\xfd.ipynb", "černý.ipynb".encode()]
    for name in names:
        with open(os.path.join(os.fsencode(tmp_path), name), "wb"):
            pass
    (tmp_path / ".Novak").mkdir()
    for name in (".hidden.ipynb", ".Novak/hw1.ipynb", ".DS_Store", "._x.ipynb"):
        (tmp_path / name).touch()
    found, hidden = submission.files(tmp_path)
    told = [submission.name_of(path, tmp_path) for path in found]
    assert len(set(told)) == 3 and "".join(told).encode()
    assert {path.name for path in hidden} == {".hidden.ipynb", "hw1.ipynb"}


def test_a_page_stays_small(known):
    table = "|a" * 2400 + "|\n" + "|-" * 2400 + "|\n" + "|\n" * 200
    result = graded(known, text=table, change=lambda cells: cells + [cell("markdown", table)] * 40)
    assert len(feedback.feedback(result)) < 2 ** 20
    result = graded(known)
    result.outputs = {n: [{"stream": "stdout", "text": "x" * 2 ** 20}] * 2 for n in range(20)}
    assert len(feedback.feedback(result)) < 1.5 * feedback.LARGEST


def test_a_formula_stays_as_written(known):
    page = feedback.feedback(graded(known, text=r"So $(\mathbf X^T\mathbf X)^{-1}\,y_1 * z_1*$."))
    assert r"$(\mathbf X^T\mathbf X)^{-1}\,y_1 * z_1*$" in page


def test_texts_stand_beside_the_right_numbers(known):
    written = record("novak")
    written["records"][0]["answers"]["answer_1b"] = [1, [float("inf"), None, "x" * 1000]]
    result = graded(known, text="A <b>text</b>.", written=written)
    page = texts.html([("a/x.ipynb", result), ("y.ipynb", graded(known, None))])
    assert "A &lt;b&gt;text&lt;/b&gt;." in page
    assert f"{right('1b', 'novak')[3]:.4g}" in page
    assert len(page) < 20_000


def test_feedback_goes_back_in_the_folders_of_the_platform(known, tmp_path):
    class_of(known, tmp_path, file="Novák Jan_123_file/x.ipynb")
    pages = list((tmp_path / "out" / "return" / "Novák Jan_123_file").iterdir())
    assert [path.name for path in pages] == ["feedback-novak-hw1_tiny.html"]
    assert pages[0].read_text() == (tmp_path / "out" / "feedback" /
                                    "novak-hw1_tiny.html").read_text()


# ---- files and records that nobody expects

ODD = [None, True, 0, -1.5, 1e400, float("nan"), 10 ** 30, "", "x\x00\ud800", "\u202e=1", [], {},
       [[[]]], {"a": {"b": []}}, ["x", 1, None], "test_1a", "answer_1a", "<script>", 64 * [[0] * 9]]


def damaged(value, rng, share=0.08):
    """A JSON value some of whose parts are other ones, doubled or gone."""
    if rng.random() < share / 4:
        return ODD[rng.integers(len(ODD))]
    if isinstance(value, list):
        kept = [damaged(one, rng, share) for one in value if rng.random() > share / 2]
        return kept + kept[:1] if rng.random() < share else kept
    if isinstance(value, dict):
        return {key: ODD[rng.integers(len(ODD))] if rng.random() < share / 2
                else damaged(one, rng, share) for key, one in value.items()
                if rng.random() > share / 4}
    return value


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_notebook_is_graded_or_refused(known, seed):
    """It earns no more than a whole one, and the class's tables can be written."""
    rng = np.random.default_rng(seed)
    data = json.dumps(damaged(notebook("novak"), rng)).encode("utf-8", "surrogatepass")
    try:
        one = submission.understand(data, known)
    except submission.Unreadable as why:
        assert str(why)
        return
    written = damaged(record("novak")["records"] * 3 + [
        {"cell": 4, "outputs": [{"stream": "stdout", "text": "x"}, {"data": {"text/plain": "y"}},
                                {"error": "z"}], "stopped": "time"}, {"after": 1, "lost": True}],
        rng, 0.3)
    written = [one for one in written if isinstance(one, dict)] if isinstance(written, list) else []
    result = points.Result(one, {"records": written, "ending": ""})
    assert 0 <= result.total(False) <= 7
    found = report.lines([("x", result)], [], {"novak"})
    pages = feedback.feedback(result) + texts.html([("x", result)]) + report.html(found)
    assert "<script" not in pages and pages.encode()
    tables = spreadsheet.table(found, report.HEAD) + results.grades([("x", result)], [], None)
    assert "\x00" not in tables and tables.encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be",
                                      "utf-32", "cp1250"])
def test_a_notebook_is_read_in_each_encoding(known, encoding):
    text = json.dumps(notebook("novak", text="Půda č. 1"), ensure_ascii=False)
    one = submission.understand(text.encode(encoding), known)
    assert one.texts["1c"] == "Půda č. 1"


@pytest.mark.parametrize("data", [
    b"", b" \n", b"{", b"[" * 100_000, b"[" * 5000 + b"]" * 5000, b"null", b"[]", b'"x"', b"1e999",
    b"{}", b'{"cells": {}}', b'{"cells": []}', b'{"cells": [1, null]}', b'{"worksheets": [3]}',
    b"\x00" * 100, b"\xff\xfe", b"PK\x03\x04", b"%PDF-1.4", "{'cells': []}".encode("utf-7")],
    ids=lambda data: repr(data[:20]))
def test_what_is_no_notebook_is_refused_with_a_reason(known, data):
    with pytest.raises(submission.Unreadable):
        submission.understand(data, known)
