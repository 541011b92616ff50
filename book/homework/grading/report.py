"""What needs the lecturer's eye: equal answers on different data, equal code, ids used twice,
failures, changes."""

import ast
import builtins
import hashlib
import json
from itertools import combinations

import lmm.homework

from feedback import page, rows

ENOUGH = 200                      # letters of a cell's tree from which on equal code says something
HEAD = ["kind", "file", "id", "what"]


def lines(graded, unread, roster):
    """The report's rows (kind, file, id, what), what is suspicious first.

    graded: [(file, points.Result)]; unread: [(file, why)]; roster: ids, or None.
    """
    found = _twice(graded) + _equal_answers(graded) + _equal_code(graded)
    if roster is not None:
        found += [("not on the roster", file, result.id, "this id is not on the roster")
                  for file, result in graded if result.id and result.id not in roster]
        there = {result.id for _, result in graded}
        found += [("missing", "", one, "nothing was handed in under this id")
                  for one in sorted(roster - there)]
    found += [("not graded", file, "", why) for file, why in unread]
    found += [(kind, file, result.id or "", what) for file, result in graded
              for kind, what in result.flags]
    return found


def html(found):
    body = "<p>Nothing needs a look.</p>" if not found else rows(HEAD, found)
    return page("What needs a look", body)


def repeated(graded):
    """{(homework, id): files} of ids that more than one submission bears."""
    files = {}
    for file, result in graded:
        if result.id:
            files.setdefault((result.submission.assignment.name, result.id), []).append(file)
    return {key: names for key, names in files.items() if len(names) > 1}


def _twice(graded):
    return [("id twice", file, name,
             f"the same id is in {len(names)} submissions: {', '.join(names)}")
            for (_, name), names in repeated(graded).items() for file in names]


def _pairs(graded):
    """All pairs of submissions of one homework by different students."""
    known = [(file, result) for file, result in graded if result.id]
    return [(one, other) for one, other in combinations(known, 2) if one[1].id != other[1].id
            and one[1].submission.assignment.name == other[1].submission.assignment.name]


def _equal_answers(graded):
    """Answers of two students that are equal to the last digit although their right answers are
    not."""
    found, seen, told = [], {}, {}
    for _, result in graded:
        for name, value in result.answers.items():
            if result.id and name[7:] in result.tasks and _telling(value):
                seen[id(result), name[7:]] = json.dumps(value, sort_keys=True)
    for (file, one), (other_file, other) in _pairs(graded):
        same = [task for task in one.tasks if (id(one), task) in seen
                and seen[id(one), task] == seen.get((id(other), task))
                and _differs(task, one.id, other.id, told)]
        if same:
            found.append(("equal answers", file, one.id,
                          f"the same answers to {', '.join(same)} as {other.id} ({other_file}), "
                          "although their data differ"))
    return found


def _telling(value):
    """Whether a value holds a number that nobody guesses: one with three decimals or more."""
    if isinstance(value, float):
        return abs(value - round(value, 2)) > 1e-12
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and any(_telling(one) for one in value)


def _differs(task, one, other, told):
    """Whether the right answers of two students differ."""
    for student in (one, other):
        if (task, student) not in told:
            told[task, student] = lmm.homework.expected(task, student)
    return lmm.homework.score(task, told[task, one], other) < 1


def _equal_code(graded):
    """Students whose code is the same but for names, blanks and comments."""
    prints = {id(result): _prints(result) for _, result in graded}
    found = []
    for (file, one), (other_file, other) in _pairs(graded):
        mine, theirs = prints[id(one)], prints[id(other)]
        same = [cell for cell in mine if mine[cell] == theirs.get(cell)]
        if same and (len(same) > 1 or len(same) == min(len(mine), len(theirs))):
            found.append(("equal code", file, one.id,
                          "the same code but for names, blanks and comments in "
                          f"{', '.join(same)} as {other.id} ({other_file})"))
    return found


def _prints(result):
    """{grade_id: fingerprint} of the solution cells that are long enough to say something."""
    found = {}
    for cell in result.submission.cells:
        if cell.role == "solution" and cell.kind == "code":
            shape = _shape(cell.source)
            if len(shape) >= ENOUGH:
                found[cell.id] = hashlib.sha256(shape.encode("utf-8", "replace")).hexdigest()
    return found


def _shape(source):
    """Code without names of one's own, blanks and comments."""
    try:
        tree = ast.parse(source if len(source) < 20_000 else "")
        names = {}
        for node in ast.walk(tree):
            if (isinstance(node, ast.Name) and not hasattr(builtins, node.id)
                    and not node.id.startswith("answer_")):
                node.id = names.setdefault(node.id, f"name{len(names)}")
            elif isinstance(node, ast.arg):
                node.arg = names.setdefault(node.arg, f"name{len(names)}")
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                node.name = names.setdefault(node.name, f"name{len(names)}")
        return ast.dump(tree) if tree.body else "".join(source.split())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "".join(source.split())
