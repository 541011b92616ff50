"""The lecturer's points: read from manual.csv and the graders' copies of it, given to the texts
that they belong to, and written to manual.csv again. None is lost without a line in the report."""

import hashlib
import re

import spreadsheet

HEAD = ["id", "file", "task", "max", "points", "comment", "text", "version"]
NEEDED = ("id", "task", "points")


def given(out, copies, most):
    """The points in manual.csv, then those in the graders' copies:
    {(id, file or ""): {task: (points, comment, version of the text)}}, and the report's rows of
    texts to which two graders gave different points; the last one counts.

    `most` is {task: points}. ValueError names file and row; nothing has been written then.
    """
    there = out / "manual.csv"
    if there.is_file():
        _whole(there)
    found, conflicts = {}, []
    own = [there] if there.is_file() and there not in copies else []
    for path in own + copies:
        for who, tasks in _points(path, most).items():
            for task, one in tasks.items():
                for key in {who} | {key for key in found if not who[1] and key[0] == who[0]}:
                    other = found.setdefault(key, {}).get(task)
                    if other and other[0] != one[0]:
                        what = (f"{task}: {other[0]:g} points, then {one[0]:g} in {path.name}; "
                                "the last one counts")
                        conflicts.append(("two graders", key[1], key[0], what))
                    if other or key == who:
                        found[key][task] = one
    return found, conflicts


def _points(path, most):
    """{(id, file or ""): {task: (points, comment, version)}} of one file."""
    rows = spreadsheet.read_table(path)
    missing = [one for one in NEEDED if rows and one not in rows[0]]
    if missing or not rows and path.stat().st_size:
        raise ValueError(f"{path} has no column {', '.join(missing or NEEDED)}: save it as CSV "
                         "with its first line as it was. Nothing has been changed")
    found = {}
    for number, row in enumerate(rows, start=2):
        if not row.get("points"):
            continue
        task = row.get("task", "")
        text = row["points"].replace(",", ".")
        if task not in most:
            raise ValueError(f"{path}, row {number}: there is no task {task!r} to grade by hand")
        if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) > most[task]:
            raise ValueError(f"{path}, row {number}: points {row['points']!r} of task {task} must "
                             f"be a number from 0 to {most[task]}")
        who = tuple(spreadsheet.unguarded(row.get(one, "")) for one in ("id", "file"))
        found.setdefault(who, {})[task] = (float(text), spreadsheet.unguarded(
            row.get("comment", "")), row.get("version", ""))
    return found


def _whole(path):
    """ValueError if manual.csv has lost rows since it was written (manual.csv.bak, its copy)."""
    copy = path.with_name("manual.csv.bak")
    if not copy.is_file():
        return

    def keys(file):
        return {(row.get("id"), row.get("file"), row.get("task"))
                for row in spreadsheet.read_table(file)}
    lost = len(keys(copy)) - len(keys(path))
    if lost > 0:
        raise ValueError(f"{path} has {lost} rows less than when it was written, so points could "
                         f"be lost. As it was written it is still in {copy}: put the rows back, or "
                         "delete that copy if they are to go. Nothing has been changed")


def version(text):
    """A short mark of a text, to see that it was handed in anew."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:8]


def give(graded, hands):
    """Give the points to whom they belong: by id and file, by id alone, and where a file was
    renamed by the id and its only text; return (what fits nobody, rows for the report)."""
    unused = {(who, task): one for who, tasks in hands.items() for task, one in tasks.items()}
    found = []
    for file, result in graded:
        for who in ([(result.id, "")] if result.id else []) + [(result.id or "", file)]:
            for task, one in hands.get(who, {}).items():
                if task in result.tasks:
                    found += _take(file, result, task, one)
                    unused.pop((who, task), None)
    for (who, task), one in list(unused.items()):
        places = [(file, result) for file, result in graded
                  if who[0] and result.id == who[0] and task in result.submission.texts]
        if len(places) == 1 and places[0][1].tasks[task][0] is None:
            file, result = places[0]
            found += _take(file, result, task, one)
            found.append(("renamed", file, result.id,
                          f"the points for {task} were given to {who[1]}; they fit this file only"))
            unused.pop((who, task))
    found += [("manual points unused", who[1], who[0], f"no submission fits {one[0]:g} points for "
               f"{task}") for (who, task), one in unused.items()]
    return unused, found


def _take(file, result, task, one):
    """Give the points for a text; the report's row if they were given for another version of it."""
    points, comment, graded = one
    result.manual({task: (points, comment)})
    result.versions[task] = graded or version(result.text(task))
    if result.versions[task] == version(result.text(task)):
        return []
    return [("text is new", file, result.id or "", f"the text of {task} has changed since it got "
             f"{points:g} points; read it, then empty the cell `version` in its row of manual.csv")]


def rows(graded, unused):
    """manual.csv: a row a text, with the points given so far;
    points that fit nobody stay at its end."""
    table = [[result.id, file, task, result.tasks[task][1], result.tasks[task][0],
              result.tasks[task][2], result.text(task),
              result.versions.get(task, version(result.text(task)))]
             for file, result in graded for task in result.submission.texts]
    table += [[*who, task, None, points, comment, "", graded]
              for (who, task), (points, comment, graded) in unused.items()]
    return spreadsheet.table(table, HEAD)
