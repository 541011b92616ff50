"""The grading tool: right points whatever is handed in; nothing leaves the sandbox or gets in."""

import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import ROOT, missing_tool, notebook as load, source as text_of
from tests.grading.submissions import (
    LOOP, LOOP_RENAMED, NEIGHBOUR, SECRET, bare, colab, hostile, project, submission, twice)

HOMEWORK = ROOT / "book" / "homework"
SOURCES = sorted((HOMEWORK / "source").glob("*.ipynb"))
NBGRADER = os.environ.get("LMM_GRADING_PYTHON")
ACCENTS = "Žofie O'Brien - úkol \"1\" (2).ipynb"


def needs_sandbox():
    if importlib.util.find_spec("markdown_it") is None:
        missing_tool("markdown-it-py is not installed")
    command = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    there = shutil.which("bwrap")
    if not there or subprocess.run(command, capture_output=True).returncode != 0:
        missing_tool("bubblewrap (Debian's package) is missing or may not make namespaces here")


def heed_interrupts():
    """Let Ctrl-C end a process, also where the tests run in a shell's background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def grade(tool, handed_in, out, *options, interrupt_after=None):
    """Run the tool; with `interrupt_after`, send Ctrl-C when so many results are there."""
    command = [NBGRADER or sys.executable, str(tool), str(handed_in), "--out", str(out),
               "--timeout", "15", *options, *([] if NBGRADER else ["--no-gradebook"])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=heed_interrupts)
    while interrupt_after and process.poll() is None:
        if len(list((out / "results").glob("*.json"))) >= interrupt_after:
            process.send_signal(signal.SIGINT)
            interrupt_after = None
        time.sleep(0.1)
    said = process.communicate(timeout=300)
    return process.returncode, "".join(said)


def table(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def hand_in(folder, port):
    """Write one submission of each kind."""
    wrong_sum = "answer_1a = data['y'].sum()"
    notebooks = {
        f"A/{ACCENTS}": submission("Right ", a=LOOP, text=NEIGHBOUR), "half.ipynb": submission(
            "half", b="answer_1b = [data['y'].min(), 0]"),
        "wrong.ipynb": submission("wrong", a=wrong_sum, b="answer_1b = lambda: 1"),
        "untouched.ipynb": submission("your id", a="# your code here", b="",
                                      text="*Write your answer here.*"),
        "twice.ipynb": submission("twice", change=twice),
        "twin.ipynb": submission("right", text="twin"),
        "copied.ipynb": submission("copied", a=LOOP_RENAMED, b=RIGHT_RANGE),
        "script.ipynb": submission(
            "=cmd()", a="from IPython.display import HTML\nHTML('<script>alert(1)</script>')",
            b="print('<script>alert(2)</script>')\nanswer_1b = data['y'].agg(['min', 'max'])",
            text="<script>alert(3)</script> [x](javascript:alert(4)) ![y](http://x.cz/y.png)"),
        **hostile(folder, port)}
    for name, one in notebooks.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(one), "utf-8")
    foreign = submission("foreign", text="Hlína č. 1", change=bare)
    (folder / "foreign.ipynb").write_bytes(json.dumps(foreign, ensure_ascii=False).encode("cp1250"))
    moved = submission("colab", change=colab, colab={"name": "x", "provenance": []},
                       kernelspec={"name": "colab"})
    (folder / "colab.ipynb").write_bytes(json.dumps(moved).encode("utf-8-sig"))
    (folder / "not json.ipynb").write_text("{'cells': []")
    (folder / "empty.ipynb").write_text("")
    (folder / "other.ipynb").write_text(
        '{"cells": [{"cell_type": "code", "source": "1", "metadata": {}}]}')
    (folder / "thesis.pdf").write_bytes(b"%PDF-1.4 \xff\xfe")
    (folder / "link.ipynb").symlink_to("/etc/passwd")


RIGHT_RANGE = None                       # filled in by `graded`: the numbers of the student "right"


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Everything handed in at once, graded with an interruption in the middle."""
    needs_sandbox()
    global RIGHT_RANGE
    base = tmp_path_factory.mktemp("grading")
    tool, handed_in, out = project(base / "project"), base / "handed in", base / "graded"
    handed_in.mkdir()
    code = ("from lmm.homework.tables import table; y = table('right')['y']; "
            "print([float(y.min()), float(y.max())])")
    RIGHT_RANGE = "answer_1b = " + subprocess.run([sys.executable, "-c", code],
                                                  cwd=base / "project", text=True,
                                                  capture_output=True, check=True).stdout
    with socket.create_server(("127.0.0.1", 0)) as server:
        hand_in(handed_in, server.getsockname()[1])
        before = {path: path.lstat().st_mtime_ns for path in base.rglob("*")
                  if "graded" not in path.parts}
        (base / "ids.csv").write_text("id\nright\nhalf\nabsent\n")
        stopped = grade(tool, handed_in, out, "--roster", str(base / "ids.csv"), interrupt_after=3)
        first = {path: path.stat().st_mtime_ns for path in (out / "results").glob("*.json")}
        code, said = grade(tool, handed_in, out, "--roster", str(base / "ids.csv"))
        assert code == 0, said
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    rows = {row["file"]: row for row in table(out / "grades.csv") if row["file"]}
    return {"tool": tool, "in": handed_in, "out": out, "before": before, "stopped": stopped,
            "first": first, "rows": rows, "report": table(out / "report.csv"), "base": base}


def points(graded, file):
    row = graded["rows"][file]
    return tuple(float(row[task]) for task in ("1a", "1b")), row["status"]


def reported(graded, file):
    return " | ".join(f"{row['kind']}: {row['what']}" for row in graded["report"]
                      if row["file"] == file or f"({file})" in row["what"])


@pytest.mark.parametrize("file, expected, status", [
    (f"A/{ACCENTS}", (3, 4), "id twice"), ("twin.ipynb", (3, 4), "id twice"),
    ("half.ipynb", (3, 2), "graded"),
    ("wrong.ipynb", (0, 0), "graded"), ("untouched.ipynb", (0, 0), "no student id"),
    ("twice.ipynb", (3, 0), "graded"),
    ("colab.ipynb", (3, 4), "graded"), ("copied.ipynb", (3, 0), "graded"),
    ("script.ipynb", (0, 4), "graded"), ("foreign.ipynb", (3, 4), "graded"),
    *((f"{name}.ipynb", (3, 0), "graded") for name in (
        "endless", "memory", "output", "exit", "parent", "burglar", "shared", "unnamed", "flood",
        "forged"))])
def test_points(graded, file, expected, status):
    assert points(graded, file) == (expected, status), graded["rows"][file]["notes"]


@pytest.mark.parametrize("file, why", [
    ("not json.ipynb", "not JSON"), ("empty.ipynb", "empty"), ("other.ipynb", "not of a homework"),
    ("thesis.pdf", "not JSON"), ("link.ipynb", "not followed")])
def test_what_cannot_be_graded_has_a_clear_line(graded, file, why):
    assert graded["rows"][file]["status"] == "not graded" and why in graded["rows"][file]["notes"]
    assert "not graded" in reported(graded, file)


@pytest.mark.parametrize("file, words", [
    ("endless.ipynb", "solve_1b took too long"), ("output.ipynb", "solve_1b printed too much"),
    ("exit.ipynb", "solve_1b ended Python"), ("parent.ipynb", "ended before its last cell"),
    ("twice.ipynb", "solve_1a is there 2 times"), ("twice.ipynb", "solve_1b is missing"),
    ("shared.ipynb", "too much memory"), ("unnamed.ipynb", "too much memory"),
    ("colab.ipynb", "another order"),
    ("wrong.ipynb", "answer_1b cannot be graded: a value of type function"),
    ("twin.ipynb", "id twice"), ("copied.ipynb", "equal code"),
    ("copied.ipynb", "same answers to 1b"),
    ("foreign.ipynb", "not in UTF-8"), ("wrong.ipynb", "not on the roster"),
    ("untouched.ipynb", "STUDENT is missing")])
def test_report(graded, file, words):
    assert words in reported(graded, file)


def test_a_flood_stays_small(graded):
    size = sum(path.stat().st_size for path in graded["out"].glob("*.*") if path.suffix != ".db")
    assert size < 500_000
    assert len(next(graded["out"].glob("feedback/flood*")).read_text()) < 20_000


def test_memory_is_limited(graded):
    page = next(graded["out"].glob("feedback/memory*")).read_text()
    assert "MemoryError" in page or "too much memory" in page or "took too long" in page


def test_nobody_is_lost(graded):
    handed_in = {str(path.relative_to(graded["in"])) for path in graded["in"].rglob("*")
                 if not path.is_dir()}
    assert set(graded["rows"]) == handed_in
    missing = [row for row in table(graded["out"] / "grades.csv") if row["status"] == "missing"]
    assert [row["id"] for row in missing] == ["absent"]


def test_an_interruption_loses_nothing(graded):
    code, said = graded["stopped"]
    assert code != 0 and "go on" in said and len(graded["first"]) >= 3
    assert all(path.stat().st_mtime_ns == when for path, when in graded["first"].items())
    assert not list(graded["out"].rglob("*.part"))


def test_nothing_gets_out_of_the_sandbox_or_into_it(graded):
    for name in ("burglar", "forged"):
        page = next(graded["out"].glob(f"feedback/{name}*")).read_text()
        printed = " ".join(re.findall(r'<pre class="out">(.*?)</pre>', page, re.DOTALL))
        for word in ("FOUND", "CALLED", "ANSWERED", "FORGED"):
            assert word not in printed
    after = {path: path.lstat().st_mtime_ns for path in graded["before"]}
    changed = [path for path in after if after[path] != graded["before"][path]
               and "__pycache__" not in str(path)
               and path.is_file()]
    assert not changed and not list(graded["base"].rglob("broken"))


def test_no_output_holds_a_solution(graded):
    for path in graded["out"].rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_feedback_runs_no_script(graded):
    for path in (graded["out"] / "feedback").iterdir():
        page = path.read_text()
        assert "Content-Security-Policy" in page
        assert "<script" not in page
        assert 'href="javascript' not in page
        assert "<img" not in page
    page = next(graded["out"].glob("feedback/wrong*")).read_text()
    assert "the sum is not the mean" in page and "0 of 3" in page
    rows = {row["file"]: row for row in graded["rows"].values()}
    assert rows["script.ipynb"]["id"] == "'=cmd()"


def test_points_by_hand_are_added_without_running_anything(graded, tmp_path):
    rows = table(graded["out"] / "manual.csv")
    assert {row["text"] for row in rows if row["file"] == f"A/{ACCENTS}"} == {NEIGHBOUR}
    assert [row["text"] for row in rows if row["file"] == "untouched.ipynb"] == [""]
    filled = tmp_path / "manual.csv"
    # as Excel saves it
    filled.write_bytes("id;task;points;comment\nhalf;1c;2,5;Dobře\n".encode("cp1250"))
    before = {path: path.stat().st_mtime_ns for path in (graded["out"] / "results").iterdir()}
    for options in (["--manual", str(filled)], []):                       # and they stay
        code, said = grade(graded["tool"], graded["in"], graded["out"], *options)
        assert code == 0, said
        row = next(row for row in table(graded["out"] / "grades.csv")
                   if row["file"] == "half.ipynb")
        assert (row["manual"], row["total"]) == ("2.5", "7.5")
    assert "Dobře" in (graded["out"] / "feedback" / "half-hw1_tiny.html").read_text("utf-8")
    assert before == {path: path.stat().st_mtime_ns
                      for path in (graded["out"] / "results").iterdir()}
    filled.write_text("id,task,points\nhalf,1c,7\n")
    code, said = grade(graded["tool"], graded["in"], graded["out"], "--manual", str(filled))
    assert code != 0 and "from 0 to 3" in said


def test_without_a_sandbox_it_refuses(tmp_path):
    if importlib.util.find_spec("markdown_it") is None:
        missing_tool("markdown-it-py is not installed")
    tool, handed_in = project(tmp_path / "project"), tmp_path / "in"
    handed_in.mkdir()
    (handed_in / "x.ipynb").write_text(json.dumps(submission("x")))
    command = [sys.executable, str(tool), str(handed_in), "--out", str(tmp_path / "out"),
               "--no-gradebook"]
    said = subprocess.run(command, env={**os.environ, "PATH": "/nowhere"}, capture_output=True,
                          text=True)
    assert said.returncode != 0
    assert "apt install bubblewrap" in said.stderr
    assert "--trust" in said.stderr


@pytest.mark.skipif("LMM_THIRTY" not in os.environ, reason="takes minutes; LMM_THIRTY=1 runs it")
def test_thirty_submissions_twice_and_once_interrupted(tmp_path):
    needs_sandbox()
    tool, handed_in = project(tmp_path / "project"), tmp_path / "in"
    handed_in.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        hand_in(handed_in, server.getsockname()[1])
    stubborn = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    forks = "import os, time\nfor i in range(500): os.fork()\ntime.sleep(30)"
    more = {"stubborn": stubborn, "forks": forks, "one line": "print('x' * 10**8)",
            "array": "answer_1b = range(10**7)",
            "shadow": "list = dict = str = globals = 3\n"
                      "answer_1b = [data['y'].min(), data['y'].max()]"}
    more = [submission(name, b=code) for name, code in more.items()]
    count = len(list(path for path in handed_in.rglob("*") if not path.is_dir()))
    for number in range(30 - count):
        one = more[number] if number < len(more) else submission(f"student {number}")
        (handed_in / f"more {number}.ipynb").write_text(json.dumps(one))
    results = []
    for out, stop in ((tmp_path / "one", None), (tmp_path / "two", 9)):
        start = time.monotonic()
        code, said = grade(tool, handed_in, out, interrupt_after=stop)
        if stop:
            assert code != 0 and "go on" in said
            code, said = grade(tool, handed_in, out)
        assert code == 0, said
        print(f"30 submissions: {time.monotonic() - start:.0f} s")
        assert time.monotonic() - start < 240
        results.append((out / "grades.csv").read_text())
    assert results[0] == results[1] and len(table(tmp_path / "one" / "grades.csv")) == 30


# ---- the students' versions

@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_students_versions_hold_no_trace_of_a_solution(path):
    student = load(HOMEWORK / path.name)
    text = "\n".join(text_of(cell) for cell in student["cells"])
    assert not re.search(r"BEGIN SOLUTION|END SOLUTION|BEGIN HIDDEN|END HIDDEN|score\(", text)
    for cell in load(path)["cells"]:
        given = cell["metadata"].get("nbgrader", {})
        solved = text_of(cell)
        if not given.get("solution") or given.get("grade_id") == "student":
            continue
        if "### BEGIN SOLUTION" in solved:
            solved = "\n".join(re.findall(r"### BEGIN SOLUTION(.*?)### END SOLUTION",
                                          solved, re.DOTALL))
        for line in solved.splitlines():
            assert len(line.strip()) < 12 or line.strip() not in text, line
    assert all(not cell.get("outputs") for cell in student["cells"])


def test_students_versions_are_derived_from_the_sources():
    if NBGRADER is None:
        missing_tool("LMM_GRADING_PYTHON does not name a Python with nbgrader")
    said = subprocess.run([NBGRADER, str(HOMEWORK / "grading" / "derive.py"), "--check"],
                          capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert {path.name for path in SOURCES} == {path.name for path in HOMEWORK.glob("*.ipynb")}
