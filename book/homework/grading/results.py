"""What the lecturer gets: grades.csv, manual.csv, a page of feedback for each student, a page for
grading texts, and the report."""

import hashlib
import re
import shutil
from pathlib import Path

import manual
import report
import spreadsheet
import texts
from feedback import feedback


def write(out, graded, unread, roster, hands):
    """Write the tables and pages into the folder `out`; return [(student, points.Result)] for a
    gradebook.

    graded: [(file, points.Result)]; unread: [(file, why)]; roster: ids, or None; hands:
    manual.given, with rows that the report begins with.
    """
    hands, before = hands
    unused, by_hand = manual.give(graded, hands)
    twice = report.repeated(graded)
    for _, result in graded:
        if (result.submission.assignment.name, result.id) in twice:
            result.status = "id twice"
    found = before + by_hand + report.lines(graded, unread, roster)

    for folder in ("feedback", "return"):
        shutil.rmtree(out / folder, ignore_errors=True)
        (out / folder).mkdir(parents=True)
    for file, result in graded:
        name = page_name(file, result)
        (out / "feedback" / name).write_text(feedback(result), "utf-8")
        place = out / "return" / Path(file).parent     # as the learning platform named it
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(out / "feedback" / name, place / f"feedback-{name}")
    spreadsheet.write_whole(out / "texts.html", texts.html(graded))
    spreadsheet.write_whole(out / "grades.csv", grades(graded, unread, roster))
    for name in ("manual.csv", "manual.csv.bak"):
        spreadsheet.write_whole(out / name, manual.rows(graded, unused))
    spreadsheet.write_whole(out / "report.csv", spreadsheet.table(found, report.HEAD))
    spreadsheet.write_whole(out / "report.html", report.html(found))
    return students(graded)


def page_name(file, result):
    """A file name from an id, with a mark of its own where the id alone will not do."""
    safe = re.sub(r"[^a-z0-9._-]", "_", result.id or "unknown")[:60].lstrip(".") or "unknown"
    alone = safe == result.id and result.status != "id twice"
    mark = "" if alone else "-" + hashlib.sha256(file.encode()).hexdigest()[:8]
    return f"{safe}{mark}-{result.submission.assignment.name}.html"


def grades(graded, unread, roster):
    """grades.csv: a row a submission;
    then what could not be graded, and who on the roster has handed in nothing."""
    tasks = sorted({task for _, result in graded for task in result.tasks})
    table = []
    empty = [None] * len(tasks)
    for file, result in graded:
        marks = {task: value for task, (value, _, _) in result.tasks.items()}
        done = result.total(True) if any(marks[task] is not None
                                         for task in result.submission.texts) else ""
        notes = result.notes + ([f"to be graded by hand: {', '.join(result.open)}"] if result.open
                                else [])
        if roster is not None and result.id and result.id not in roster:
            notes.append("not on the roster")
        table.append([result.id, file, result.submission.assignment.name,
                      *(marks.get(task) for task in tasks),
                      result.total(False), done, round(result.total(False) + result.total(True), 2),
                      result.status, "; ".join(notes)])
    table += [[None, file, None, *empty, None, None, None, "not graded", why]
              for file, why in unread]
    if roster is not None:
        table += [[one, None, None, *empty, 0, None, 0, "missing",
                   "nothing was handed in under this id"]
                  for one in sorted(roster - {result.id for _, result in graded})]
    return spreadsheet.table(table, ["id", "file", "homework", *tasks, "automatic", "manual",
                                     "total", "status", "notes"])


def students(graded):
    """[(student, points.Result)] with each student once a homework: those after the first are told
    by their file."""
    found = []
    there = set()
    for file, result in graded:
        key = result.submission.assignment.name, result.id
        first = result.id and key not in there
        found.append((result.id if first else f"{result.id or 'unknown'} ({file})", result))
        there.add(key)
    return found
