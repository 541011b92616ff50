"""Homework: data of one's own, and a self-check that explains mistakes without telling the answer.

Each student's data are drawn from a seed made of their id, so answers differ from student to
student. The modules hw1, hw2 and hw3 hold what each task asks for; a sandbox that grades hides
them.
"""

import importlib
import math
import numbers
import unicodedata
from collections import namedtuple

import numpy as np
import pandas as pd

from lmm.homework.tables import TABLES

# form: what the answer looks like, in words; right: student -> the answer, a number, an array of
# numbers, or a word; wrong: list of (what the mistake is, student -> the answer that it gives);
# within: relative tolerance
Task = namedtuple("Task", "form right wrong within", defaults=([], 5e-3))

_student = None


def data(name, student):
    """The table `name` ("tiny", "planks" or "schools") of one student: the same on every machine,
    for that student only.

    student: an id such as a login; capitals and blanks around it do not matter. `check` uses the id
    that came last.
    """
    if name not in TABLES:
        raise ValueError(f"no homework data {name!r}; there are: {', '.join(TABLES)}")
    global _student
    _student = student_id(student)
    return TABLES[name](_student)


def check(task, value):
    """Say whether `value` answers a task ("2b", say), and if not, which well-known mistake leads to
    it.

    Never says the right answer. Call `lmm.homework.data` with your id first.
    """
    if _student is None:
        raise ValueError('call lmm.homework.data("...", student="your id") before check: the '
                         'answers depend on the id')
    print(f"{task}: {verdict(task, value, _student)}")


def verdict(task, value, student):
    """The text that `check` prints."""
    asked = _task(task)
    student = student_id(student)
    if asked is None:
        return "there is no self-check while homework is graded"
    given = _plain(value)
    if given is None:
        return f"not an answer yet; expected is {asked.form}"
    right = _expected(task, student)
    share = _share(given, right, asked.within)
    if share == 1:
        return "right"
    for mistake, wrong in asked.wrong:
        if _share(given, _plain(wrong(student)), asked.within) == 1:
            return f"not right: {mistake}"
    if _shape(given) != _shape(right):
        return f"not right: expected is {asked.form}"
    slip = _slip(given, right, asked.within)
    if slip:
        return f"not right: {slip}"
    return "not right yet" + (f"; {share:.0%} of its entries are" if share > 0 else "")


def score(task, value, student):
    """The share of a task's points that `value` earns, from 0 to 1;
    an array earns its share of right entries."""
    asked = _task(task)
    given = _plain(value)
    if asked is None:
        raise ValueError(f"the answers of task {task!r} are not to be had here")
    return 0.0 if given is None else _share(given, _expected(task, student), asked.within)


def student_id(student):
    """An id as the tables and the grading know it: small letters, no blanks around, accents in one
    form, no invisible characters (a login copied from a web page may hold some).

    ValueError for none, for "your id", and for what is neither a text nor a whole number.
    """
    whole = isinstance(student, numbers.Integral) and not isinstance(student, (bool, np.bool_))
    if not isinstance(student, str) and not whole:
        raise ValueError('an id is a text: write yours into the line STUDENT = "your id"')
    words = unicodedata.normalize("NFC", " ".join(str(student).split()).lower())
    name = " ".join("".join(one for one in words if one.isprintable()).split())
    if name in ("", "your id", "..."):
        raise ValueError('write your own id into the line STUDENT = "your id", and run its cell')
    if len(name) > 100:
        raise ValueError(f"an id has at most 100 letters, this one has {len(name)}")
    return name


def _expected(task, student):
    """The right answer of a task for one student, as the grading compares it."""
    return _plain(_task(task).right(student_id(student)))


def _task(task):
    """The Task of "2b";
    None where the answers are hidden (a sandbox lays an empty file over each module)."""
    number, letter = str(task)[:-1], str(task)[-1:]
    try:
        module = importlib.import_module(f"lmm.homework.hw{number}")
    except ImportError:
        raise ValueError(f"no task {task!r}; tasks are called 1a, 1b, ..., 2a, ...") from None
    tasks = getattr(module, "_TASKS", None)
    if tasks is not None and letter not in tasks:
        raise ValueError(f"no task {task!r}; homework {number} has "
                         f"{', '.join(number + k for k in tasks)}")
    return None if tasks is None else tasks[letter]


def _plain(value):
    """A word in small letters, or an array of finite numbers;
    None for anything that is neither, or empty."""
    if isinstance(value, str):
        return " ".join(value.split()).lower() or None
    if isinstance(value, (bool, np.bool_)):
        return str(value).lower()
    try:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, (pd.DataFrame, pd.Series)):
            value = value.to_numpy()
        if hasattr(value, "toarray"):                          # scipy's sparse matrices
            value = value.toarray()
        found = np.asarray(value)
        if np.iscomplexobj(found):
            found = found.real if (found.imag == 0).all() else None
        found = np.asarray(found, dtype=float)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if found.size and np.isfinite(found).any() else None


def _shape(value):
    return value if isinstance(value, str) else np.squeeze(value).shape


def _slip(given, right, within):
    """What is wrong with right numbers that were written down in another way; None if they are
    not."""
    if isinstance(right, str):
        return None
    given, right = np.squeeze(given), np.squeeze(right)
    if _share(given / 100, right, within) == 1:
        return "every number is 100 times too large: fractions are asked for, not percent"
    if _share(given * 100, right, within) == 1:
        return "every number is 100 times too small"
    if _share(-given, right, within) == 1:
        return "every number has the wrong sign"
    if _share(np.abs(given), np.abs(right), within) == 1:
        return "the numbers are right but for the sign of some"
    if _share(np.sort(given.ravel()), np.sort(right.ravel()), within) == 1:
        return "the numbers are right, but some stand in the wrong place"
    for digits in range(2, 5):
        rounded = [float(f"{one:.{digits}g}") for one in right.ravel()]
        if _share(given.ravel(), np.array(rounded), 1e-9) == 1:
            return f"the numbers are rounded to {digits} digits, which is not enough"
    for digits in range(5):
        if _share(given, right.round(digits), 1e-9) == 1:
            return f"the numbers are rounded to {digits} decimals, which is not enough"
    return None


def _share(given, right, within):
    """The share of entries of `given` that are right; 0 where the shapes differ."""
    if isinstance(given, str) or isinstance(right, str):
        return float(isinstance(given, str) and isinstance(right, str) and given == right)
    given, right = np.squeeze(given), np.squeeze(right)
    if given.shape != right.shape:
        return 0.0
    close = np.abs(given - right) <= within * np.maximum(np.abs(right), 1e-9)
    return math.fsum(close.ravel()) / close.size
