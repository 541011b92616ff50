"""Points: by lmm.homework.score for answers, by the lecturer for texts.
It sees data only, no student's code."""

import lmm.homework

from submission import TEXT_STUB

NOTES = 20                                       # notes that a submission may have
LETTERS = 300                                    # of a note

STOPS = {"time": "took too long and was interrupted",
         "output": "printed too much and was interrupted",
         "time dead": "took too long and could not be interrupted; nothing after it was run",
         "output dead": "printed too much and could not be interrupted; nothing after it was run",
         "dead": "ended Python; nothing after it was run"}
ENDINGS = {"time": "the notebook took too long as a whole; nothing after that counts",
           "memory": "it used too much memory and was ended; nothing after that counts",
           "output": "it wrote too much and was ended; nothing after that counts",
           "died": "it ended before its last cell; what was answered until then counts"}


class Result:
    """What a submission earns: id, tasks {task: (points or None, most, comment)}, status, flags for
    the report."""

    def __init__(self, submission, record):
        self.submission = submission
        self.flags = list(submission.notes)      # (kind, what) for the report
        self.scored = {}                         # task: share of its points
        self.versions = {}                       # task: the version of its text that has points
        self.answers, self.id = self._read(record["records"])
        for number, stop in sorted(self.stops.items()):
            if stop in STOPS and 0 <= number < len(submission.cells):
                cell = submission.cells[number].id or number + 1
                self.flags.append(("failure", f"cell {cell} {STOPS[stop]}"))
        if record["ending"] and not any(stop.endswith("dead") for stop in self.stops.values()):
            self.flags.append(("failure", ENDINGS.get(record["ending"], record["ending"])))
        self.status = "graded"
        if self.id is None:
            self.status = "no student id"
            self.flags.append(("failure", 'STUDENT is missing or still "your id": no points'))
        self.tasks = {}
        for cell in submission.assignment.cells:
            if cell.role == "test":
                self.tasks[cell.task] = self._points(cell)
            elif cell.role == "text":
                self.tasks[cell.task] = (None, cell.points, "")
        if len(self.flags) > NOTES:
            self.flags[NOTES:] = [("more", f"{len(self.flags) - NOTES} more notes are left out")]
        self.flags = [(kind, what[:LETTERS]) for kind, what in self.flags]

    def _read(self, records):
        """(answers, id) that a sandbox wrote;
        also keeps each cell's outputs and what stopped it."""
        names = {f"answer_{cell.task}" for cell in self.submission.assignment.cells
                 if cell.role == "test"}
        settled, latest, unwritable, ids, lost = {}, {}, {}, [], []
        self.outputs, self.stops = {}, {}
        for one in records:
            if isinstance(one.get("cell"), int):
                outputs = one.get("outputs")
                self.outputs[one["cell"]] = outputs if isinstance(outputs, list) else []
                self.stops[one["cell"]] = str(one.get("stopped", ""))
            if one.get("lost"):
                lost.append(_line(one.get("after")))
            values, why = one.get("answers"), one.get("unwritable")
            if not isinstance(values, dict) or not isinstance(why, dict):
                continue
            values = {name: value for name, value in values.items() if _sound(value)}
            ids += [name for name in [student_id(values.get("STUDENT"))] if name]
            latest.update((name, values[name]) for name in values if name in names)
            unwritable.update((name, why[name]) for name in why if name in names)
            name = str(one.get("after")).replace("test_", "answer_", 1)
            if name in names and name in values:   # an answer counts as it is where its test stands
                settled[name] = values[name]
        answers = {**latest, **settled}
        if lost:
            self.flags.append(("failure", f"after cell {', '.join(dict.fromkeys(lost))} the "
                                          "answers could not be read"))
        if len(set(ids)) > 1:
            self.flags.append(("changed", "STUDENT has more than one value; the first counts"))
        for name, why in unwritable.items():
            if name not in answers:
                self.flags.append(("answer", f"{_line(name)} cannot be graded: {_line(why)}"))
        return answers, ids[0] if ids else None

    @property
    def notes(self):
        return [what for _, what in self.flags]

    def _points(self, cell):
        """(points, most, what lmm.homework.check would say) of one task."""
        if self.id is None:
            return 0.0, cell.points, "no student id, so the data are unknown"
        if f"answer_{cell.task}" not in self.answers:
            return 0.0, cell.points, f"no answer: answer_{cell.task} was never set"
        try:
            share = lmm.homework.score(cell.task, self.answers[f"answer_{cell.task}"], self.id)
            comment = lmm.homework.verdict(cell.task, self.answers[f"answer_{cell.task}"], self.id)
        except Exception as why:                 # whatever the answer is, the others must be graded
            self.flags.append(("failure", f"answer_{cell.task} could not be scored: {_line(why)}"))
            return 0.0, cell.points, "could not be scored"
        self.scored[cell.task] = share
        return round(cell.points * share, 2), cell.points, comment

    def manual(self, given):
        """Take over the lecturer's points: {task: (points, comment)}."""
        for task, (points, comment) in given.items():
            if task in self.tasks:
                most = self.tasks[task][1]
                self.tasks[task] = (points, most, comment)

    @property
    def open(self):
        """The tasks that the lecturer has not graded yet."""
        return [task for task, (points, _, _) in self.tasks.items() if points is None]

    def total(self, by_hand):
        return round(sum(points or 0 for task, (points, _, _) in self.tasks.items()
                         if (task in self.submission.texts) == by_hand), 2)

    def text(self, task):
        """The text that a student wrote for a task, or nothing."""
        text = self.submission.texts.get(task, "").strip()
        return "" if text == TEXT_STUB else text


def student_id(value):
    """lmm.homework.student_id; None if there is none."""
    try:
        return lmm.homework.student_id(value)
    except ValueError:
        return None


def _sound(value, depth=0):
    """Whether a value is one that the sandbox writes: not nested deep, no endless number."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return depth < 10 and all(_sound(one, depth + 1) for one in value)
    return not isinstance(value, int) or abs(value) < 10 ** 20


def _line(text):
    return " ".join(str(text).split())[:200]
