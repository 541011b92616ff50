"""What needs the lecturer's eye: equal answers on different data, equal code, ids used twice,
answers that were typed in, code of the source, failures, changes."""

import ast
import builtins
import hashlib
import json
from itertools import combinations

import lmm.homework

from feedback import page, rows

ENOUGH = 200                      # letters of a cell's tree from which on equal code says something
OF_OURS = 800                     # the same for code of the source, which is short and plain
HEAD = ["kind", "file", "id", "what"]


def lines(graded, unread, roster):
    """The report's rows (kind, file, id, what), what is suspicious first.

    graded: [(file, points.Result)]; unread: [(file, why)]; roster: ids, or None.
    """
    found = (_twice(graded) + _equal_answers(graded) + _equal_code(graded) + _of_the_source(graded)
             + _typed_in(graded))
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


def _groups(pairs):
    """[(members, what all pairs among them share)] of [((file, Result), (file, Result), what)]:
    whoever is in a pair with a member is one, too."""
    groups = []
    for one, other, what in pairs:
        members, shared = [one, other], set(what)
        for group in [group for group in groups
                      if any(any(there is each for each in group[0]) for there in (one, other))]:
            groups.remove(group)
            members = group[0] + [each for each in members
                                  if not any(each is there for there in group[0])]
            shared |= group[1]
        groups.append((members, shared))
    return groups


def _told(kind, groups, what):
    """A row of the report for each group."""
    return [(kind, members[0][0], members[0][1].id, what.format(
        ", ".join(sorted(shared)),
        ", ".join(f"{result.id} ({file})" for file, result in members[1:])))
        for members, shared in groups]


def _equal_answers(graded):
    """Answers of two students that are equal to the last digit although their right answers are
    not."""
    seen, told, pairs = {}, {}, []
    for _, result in graded:
        for name, value in result.answers.items():
            if result.id and name[7:] in result.tasks and _telling(value):
                seen[id(result), name[7:]] = json.dumps(value, sort_keys=True)
    for one, other in _pairs(graded):
        mine, theirs = one[1], other[1]
        same = [task for task in mine.tasks if (id(mine), task) in seen
                and seen[id(mine), task] == seen.get((id(theirs), task))
                and _differs(task, mine.id, theirs.id, told)]
        if same:
            pairs.append((one, other, same))
    return _told("equal answers", _groups(pairs),
                 "the same answers to {} as {}, although their data differ")


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
            told[task, student] = lmm.homework._expected(task, student)
    return lmm.homework.score(task, told[task, one], other) < 1


def _equal_code(graded):
    """Students whose code is the same but for names, blanks and comments."""
    prints = {id(result): _prints(result.submission.cells) for _, result in graded}
    pairs = []
    for one, other in _pairs(graded):
        same = _same(prints[id(one[1])], prints[id(other[1])])
        if same:
            pairs.append((one, other, same))
    return _told("equal code", _groups(pairs),
                 "the same code but for names, blanks and comments in {} as {}")


def _of_the_source(graded):
    """Students whose code is that of our own solutions, which are public."""
    found = []
    for file, result in graded:
        models = [cell._replace(source=cell.model) for cell in result.submission.assignment.cells]
        same = _same(_prints(result.submission.cells, OF_OURS), _prints(models, OF_OURS))
        if same:
            found.append(("code of the source", file, result.id or "",
                          f"the code of the source's own solution in {', '.join(same)}, but for "
                          "names, blanks and comments"))
    return found


def _same(mine, theirs):
    """The cells that are the same in two, if they are enough to say something."""
    same = [cell for cell in mine if mine[cell] == theirs.get(cell)]
    return same if len(same) > 1 or len(same) == min(len(mine), len(theirs)) else []


def _typed_in(graded):
    """Right answers that were not computed in the notebook: nothing but numbers stands there."""
    found = []
    for file, result in graded:
        typed = {}
        for cell in result.submission.cells:
            if cell.kind == "code":
                typed.update(_literals(cell.source))
        tasks = [task for task, share in result.scored.items() if share > 0
                 and typed.get(f"answer_{task}") and _telling(result.answers[f"answer_{task}"])]
        if tasks:
            found.append(("typed in", file, result.id or "",
                          f"the numbers of {', '.join(tasks)} were typed in, not computed there"))
    return found


def _literals(source):
    """{answer_x: whether it is nothing but numbers} of what a cell sets."""
    try:
        tree = ast.parse(source if len(source) < 20_000 else "")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {target.id: not any(isinstance(part, (ast.Name, ast.Subscript))
                               and getattr(part, "id", "") not in ("np", "numpy", "pd", "float")
                               for part in ast.walk(node.value))
            for node in ast.walk(tree) if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name) and target.id.startswith("answer_")}


def _prints(cells, enough=ENOUGH):
    """{grade_id: fingerprint} of the solution cells that are long enough to say something."""
    found = {}
    for cell in cells:
        if cell.role == "solution" and cell.kind == "code":
            shape = _shape(cell.source)
            if len(shape) >= enough:
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
