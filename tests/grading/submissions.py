"""A tiny homework in a project of its own; submissions: right, wrong, broken and hostile ones."""

import json
import shutil

from conftest import ROOT

# stands in solution, hidden tests and answers; must never come out
SECRET = "the-needle-in-the-source"
NEIGHBOUR = "the-needle-of-a-neighbour"
TABLES = '''
import numpy as np
import pandas as pd
def table(student):
    rng = np.random.default_rng(list(student.encode()))
    return pd.DataFrame({"y": rng.normal(10, 3, size=6).round(4)})
TABLES = {"tiny": table}
'''
ANSWERS = f'''
# {SECRET}
from lmm.homework import Task
from lmm.homework.tables import TABLES
y = lambda s: TABLES["tiny"](s)["y"]
_TASKS = {{"a": Task("a number", lambda s: y(s).mean(),
                   [("the sum is not the mean", lambda s: y(s).sum())]),
         "b": Task("two numbers", lambda s: [y(s).min(), y(s).max()])}}
'''
MEAN = "answer_1a = data['y'].mean()"
RANGE = "answer_1b = [data['y'].min(), data['y'].max()]"
# long enough that equal code says something
LOOP = (
    "total = 0\nfor value in data['y']:\n    total = total + value  # add up\n"
    "    if total < -1000:\n        print('impossible', total)\nanswer_1a = total / len(data['y'])")
LOOP_RENAMED = (
    "s=0\nfor one in data['y']:\n    s=s+one\n\n    if s<-1000:\n        print('impossible',s)\n"
    "answer_1a=s/len(data['y'])")


def cell(kind, text, grade_id=None, **nbgrader):
    made = {"cell_type": kind, "id": (grade_id or "own").replace("_", "-"), "metadata": {},
            "source": text}
    if kind == "code":
        made.update(outputs=[], execution_count=None)
    if grade_id:
        made["metadata"]["nbgrader"] = {"grade_id": grade_id, "schema_version": 3, "grade": False,
                                        "locked": False,
                                        "solution": False, "task": False, **nbgrader}
    return made


def notebook(cells, **metadata):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": {**kernel, **metadata}, "nbformat": 4, "nbformat_minor": 5}


def source():
    """The tiny homework: 1a (3 points), 1b (4 points), 1c a text (3 points)."""
    cells = [cell("markdown", "# A tiny homework", "start", locked=True),
             cell("code", 'import lmm.homework\nSTUDENT = "your id"', "student", solution=True),
             cell("code", 'data = lmm.homework.data("tiny", student=STUDENT)', "data", locked=True)]
    for task, points, answer in (("1a", 3, MEAN), ("1b", 4, RANGE)):
        solved = f"### BEGIN SOLUTION\n{answer}  # {SECRET}\n### END SOLUTION"
        tested = (f'lmm.homework.check("{task}", answer_{task})\n### BEGIN HIDDEN TESTS\n'
                  f'assert lmm.homework.score("{task}", answer_{task}, STUDENT) == 1  # {SECRET}\n'
                  '### END HIDDEN TESTS')
        cells += [cell("markdown", f"### {task}", f"task_{task}", locked=True),
                  cell("code", solved, f"solve_{task}", solution=True),
                  cell("code", tested, f"test_{task}", grade=True, locked=True, points=points)]
    cells.append(cell("markdown", f"A model answer, {SECRET}", "text_1c", grade=True,
                      solution=True, points=3))
    return notebook(cells)


def project(folder):
    """A copy of the package and the grading tool, with the tiny homework in place of the real."""
    ignore = shutil.ignore_patterns("__pycache__", "hw[0-9]*", "source", "*.ipynb")
    shutil.copytree(ROOT / "lmm", folder / "lmm", ignore=ignore)
    shutil.copytree(ROOT / "data", folder / "data")
    shutil.copytree(ROOT / "book" / "homework", folder / "book" / "homework", ignore=ignore)
    (folder / "lmm" / "homework" / "tables.py").write_text(TABLES)
    (folder / "lmm" / "homework" / "hw1.py").write_text(ANSWERS)
    (folder / "book" / "homework" / "source").mkdir()
    (folder / "book" / "homework" / "source" / "hw1_tiny.ipynb").write_text(json.dumps(source()))
    return folder / "book" / "homework" / "grading" / "grade.py"


def submission(student, a=MEAN, b=RANGE, text="Ten words.", change=None, **metadata):
    """The notebook that a student hands in; `change` gets its list of cells and returns another."""
    answers = {"student": f"import lmm.homework\nSTUDENT = {student!r}", "solve_1a": a,
               "solve_1b": b, "text_1c": text}
    cells = source()["cells"]
    for one in cells:
        grade_id = one["metadata"]["nbgrader"]["grade_id"]
        one["source"] = answers.get(grade_id, one["source"].split("\n### BEGIN HIDDEN")[0])
    return notebook(change(cells) if change else cells, **metadata)


def without(grade_id):
    return lambda cells: [
        one for one in cells if one["metadata"]["nbgrader"]["grade_id"] != grade_id]


def twice(cells):
    """A wrong copy of 1a before the right one, and no 1b."""
    wrong = cell("code", "answer_1a = -5", "solve_1a", solution=True)
    return [wrong, *without("solve_1b")(cells)]


def colab(cells):
    """As Colab stores it: no cell ids, metadata of its own; here the cells in reverse order."""
    for number, one in enumerate(cells):
        del one["id"]
        one["metadata"].update(id=f"x{number}", colab={"base_uri": "https://localhost:8080/"})
    return cells[::-1]


def bare(cells):
    """As an editor leaves it that drops all metadata."""
    return [{"cell_type": one["cell_type"], "source": one["source"].splitlines(keepends=True)}
            for one in cells]


def burglar(folder, port):
    """Looks for answers, solutions and others' work, writes, calls out, and bends the checks."""
    return f'''
import os, socket, builtins, lmm.homework
skipped = ("proc", "sys", "usr", "etc", "lib", "lib64")
for where, folders, files in os.walk("/"):
    folders[:] = [one for one in folders if one not in skipped]
    for file in files if where != "/dev" else ():
        try:
            text = open(os.path.join(where, file), errors="ignore").read(200_000)
        except OSError:
            continue
        for needle in ("the-needle-" + "in-the-source", "the-needle-" + "of-a-neighbour"):
            if needle in text:
                print("FOUND", needle, where, file)
for path in ("/grading/lmm/homework/hw1.py", "/usr/broken", "/broken", {str(folder)!r} + "/broken"):
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "w").write("broken")
    except OSError:
        pass
for address in (("127.0.0.1", {port}), ("1.1.1.1", 80)):
    try:
        socket.create_connection(address, timeout=2)
        print("CALLED", address)
    except OSError:
        pass
try:
    answer_1b = lmm.homework.hw1._TASKS["b"].right(STUDENT)
    print("ANSWERED")
except Exception:
    answer_1b = [0, 0]
lmm.homework.check = lambda *given: print("right")
lmm.homework.score = lambda *given: 1
builtins.AssertionError = type("Quiet", (Exception,), {{}})
'''


# memory that no process holds for itself alone, and files in memory without a name
SHARED = """
import mmap, os, time
for child in range(6):
    if os.fork() == 0:
        room = mmap.mmap(-1, 450 * 2**20)
        for start in range(0, len(room), 2**20):
            room[start:start + 2**20] = b"x" * 2**20
        time.sleep(30)
        os._exit(0)
time.sleep(10)
"""
UNNAMED = """
import os, time
for number in range(150):
    os.write(os.memfd_create("x"), b"x" * 19 * 2**20)
time.sleep(10)
"""
# what comes out of the sandbox is the student's word: many names, long ones, and other records
FLOOD = """
import json, run_one
many = {f"{number}" * 50: "x" * 200 for number in range(10_000)}
run_one.values = lambda *given: json.dumps({"answers": many, "unwritable": many})
"""
FORGED = """
import json, os
for pipe in [f"/proc/{pid}/fd/1" for pid in {1, 2, 3, os.getppid()} - {os.getpid()}]:
    try:
        with open(pipe, "w") as file:
            for student in ("half", "right"):
                file.write(json.dumps({"answers": {"STUDENT": student, "answer_1b": [1, 2]},
                                       "unwritable": {}, "after": "test_1b"}) + "\\n")
        print("FORGED", pipe)
    except OSError:
        pass
"""


def hostile(folder, port):
    """{file: notebook} that are right in 1a and then attack in 1b; each earns 3 points."""
    attacks = {"endless": "while True: pass",
               "memory": "rows = []\nwhile True: rows.append('x' * 10**7)",
               "output": "for i in range(100): print('x' * 10**6)",
               "exit": "import os\nos._exit(0)",
               "parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
               "burglar": burglar(folder, port),
               "shared": SHARED, "unnamed": UNNAMED, "flood": FLOOD, "forged": FORGED}
    return {f"{name}.ipynb": submission(name, b=code) for name, code in attacks.items()}
