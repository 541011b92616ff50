"""A page for grading texts: the rubric once, then each student's text beside their numbers and the
right ones."""

from html import escape

import lmm.homework
from feedback import markdown, number, page, rows

LETTERS = 10_000                                 # of a text
NUMBERS = 40                                     # of an answer


def html(graded):
    """The page of all texts, [(file, points.Result)] as for the tables; it holds right answers and
    is for the lecturer only."""
    parts = ["<p>For the lecturer only: it holds the right numbers of each student. Points and "
             "comments go into manual.csv.</p>"]
    tasks = {(result.submission.assignment.name, task): result.submission.assignment
             for _, result in graded for task in result.submission.texts}
    for (name, task), assignment in sorted(tasks.items()):
        parts.append(f"<h2>{escape(name)}, {escape(task)}</h2>")
        parts.append(markdown(_rubric(assignment, task), True))
        for file, result in graded:
            if result.submission.assignment.name == name:
                parts += _student(file, result, task)
    return page("Texts to grade", "\n".join(parts))


def _rubric(assignment, task):
    """The text of the task, which stands in the locked cell before it."""
    last = ""
    for cell in assignment.cells:
        if cell.task == task and cell.role == "text":
            break
        if cell.role == "locked" and cell.kind == "markdown":
            last = cell.source
    return last


def _student(file, result, task):
    text = result.text(task)[:LETTERS] or "(nothing)"
    given = number(result.tasks[task][0])
    numbers = [(one, _short(result.answers.get(f"answer_{one}")), _short(_right(one, result.id)))
               for one in result.tasks if one not in result.submission.texts]
    return [f"<h3>{escape(result.id or 'unknown')} <small>{escape(file)}</small></h3>",
            f"<pre>{escape(text)}</pre>",
            f"<p>{given} of {number(result.tasks[task][1])} points so far</p>",
            rows(["task", "their numbers", "the right ones"], numbers)]


def _right(task, student):
    try:
        return lmm.homework._expected(task, student).tolist()
    except (ValueError, AttributeError):         # without an id; a word
        return None


def _short(value):
    """Numbers to four digits, a limited number of them."""
    flat = []

    def collect(one):
        if isinstance(one, dict):
            one = list(one.values())
        if isinstance(one, list):
            for part in one[:NUMBERS]:
                collect(part)
        elif isinstance(one, (int, float)):
            flat.append(f"{one:.4g}")
        elif one is not None:
            flat.append(str(one)[:40])
    collect(value)
    return "  ".join(flat[:NUMBERS])
