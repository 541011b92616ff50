"""Grade a folder of homework: python book/homework/grade.py SUBMISSIONS --out GRADED

Each notebook runs in a sandbox of its own (Linux with bubblewrap); points are given outside of it. GRADED then holds
grades.csv, feedback/ (a page a student), manual.csv (texts to grade by hand: fill in points and comments and run the
same command again), report.html and report.csv (what needs a look), and gradebook.db (nbgrader's). Interrupted, it goes
on where it was when the same command is given again.
"""

import argparse
import hashlib
import json
import os
import queue
import re
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent)]

try:
    import gradebook
    import points
    import report
    import sandbox
    import submission
    from feedback import feedback
    from tqdm import tqdm
except ImportError as why:
    sys.exit(f"grade.py: {why}; pip install -r book/homework/requirements.txt, in an environment of its own")


def arguments(given=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     epilog=" ".join(__doc__.split("\n\n", 1)[1].split()))
    parser.add_argument("submissions", type=Path, help="folder of notebooks, flat or in subfolders, any file names")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--roster", type=Path, help="CSV file with the ids of the class in its column id, or its first")
    parser.add_argument("--manual", type=Path, help="filled in manual.csv (otherwise the one in --out)")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time (%(default)s)")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for a cell; a notebook may take 5 times as "
                        "long and 30 s (%(default)s)")
    parser.add_argument("--memory", type=int, default=2048, help="megabytes for a notebook (%(default)s)")
    parser.add_argument("--trust", action="store_true", help="run without a sandbox: only for notebooks of your own")
    parser.add_argument("--no-gradebook", action="store_true", help="do without gradebook.db, and so without nbgrader")
    asked = parser.parse_args(given)
    if not asked.submissions.is_dir():
        parser.error(f"{asked.submissions} is not a folder")
    out, there = asked.out.resolve(), asked.submissions.resolve()
    if out == there or out.is_relative_to(there) or there.is_relative_to(out):
        parser.error("--out and the folder of submissions must not lie in each other")
    for path in (asked.roster, asked.manual):
        if path is not None and not path.is_file():
            parser.error(f"{path} is not a file")
    if min(asked.jobs, asked.timeout) < 1 or asked.memory < 1024:
        parser.error("--jobs and --timeout must be at least 1, --memory at least 1024")
    if not asked.no_gradebook and not gradebook.available():
        parser.error("nbgrader is not installed: pip install -r book/homework/requirements.txt, or give --no-gradebook")
    return asked


def main(given=None):
    asked = arguments(given)
    known = submission.assignments(HERE / "source")
    most = {cell.task: cell.points for one in known for cell in one.cells if cell.role == "text"}
    by_hand = asked.manual or asked.out / "manual.csv"
    hands = points.manual_points(by_hand, most) if by_hand.is_file() else {}
    roster = ids(asked.roster) if asked.roster else None

    read, unread = take_in(asked.submissions, known)
    (asked.out / "results").mkdir(parents=True, exist_ok=True)
    records = run_all(read, asked)
    graded = []
    for file, (digest, one) in read.items():
        try:
            graded.append((file, points.Result(one, records[digest])))
        except Exception as why:                 # no submission may stop the others
            unread.append((file, f"could not be graded: {type(why).__name__}: {why}"))
    book = write(asked.out, graded, sorted(unread), roster, hands)
    if not asked.no_gradebook:
        gradebook.write(asked.out / "gradebook.db", book)
    print(f"{len(graded)} graded, {len(unread)} not: see {asked.out / 'grades.csv'} and {asked.out / 'report.html'}")


def ids(path):
    """The ids of a class."""
    rows = points.read_table(path)
    column = "id" if rows and "id" in rows[0] else None
    if column is None:                           # no header: the first column of all lines
        lines = path.read_text("utf-8-sig", "replace").splitlines()
        return {points.student_id(re.split("[,;\t]", line)[0]) for line in lines} - {None}
    return {points.student_id(row["id"]) for row in rows} - {None}


def take_in(folder, known):
    """({file: (hash of its bytes, Submission)}, [(file, why it cannot be graded)])."""
    read, unread = {}, []
    for path in submission.files(folder):
        file = str(path.relative_to(folder)).encode("utf-8", "replace").decode()
        try:
            data = submission.read(path)
            read[file] = hashlib.sha256(data).hexdigest(), submission.understand(data, known)
        except submission.Unreadable as why:
            unread.append((file, str(why)))
        except Exception as why:
            unread.append((file, f"could not be read: {type(why).__name__}: {why}"))
    return read, unread


# ---- running, with results that survive an interruption

def run_all(read, asked):
    """{hash: record} of all submissions; runs those that have no finished record yet."""
    most = sandbox.limits(asked.timeout, asked.memory)
    records, waiting = {}, {}
    for digest, one in read.values():
        cells = job(one)
        record = finished(asked.out, digest, cells, most)
        if record:
            records[digest] = record
        elif digest not in waiting:
            waiting[digest] = cells
    if not waiting:
        return records
    if asked.trust:
        print("--trust: the submissions run without a sandbox and can do all that you can", file=sys.stderr)
    slots = queue.SimpleQueue()
    for slot in range(asked.jobs):
        slots.put(slot)

    def run(digest, cells):
        slot = slots.get()
        try:
            record = {"cells": fingerprint(cells), "limits": most}
            record["records"], record["ending"], _ = box.run(cells, most, slot)
            keep(asked.out, digest, record)
            return digest, record
        except OSError as why:                   # of the machine, not of the submission: run it again next time
            return digest, {"records": [], "ending": f"could not be run: {why}"}
        finally:
            slots.put(slot)

    with sandbox.Sandbox([asked.submissions, asked.out], asked.trust) as box, ThreadPoolExecutor(asked.jobs) as pool:
        futures = [pool.submit(run, digest, cells) for digest, cells in waiting.items()]
        try:
            with tqdm(total=len(records) + len(waiting), initial=len(records), unit="notebook") as bar:
                for future in as_completed(futures):
                    digest, record = future.result()
                    records[digest] = record
                    bar.update()
        except BaseException:
            sandbox.stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return records


def job(one):
    """What the sandbox gets of a Submission: code, and where to ask for answers."""
    return [{"number": number, "id": cell.id, "source": cell.source if cell.kind == "code" else "",
             "ask": cell.role in ("solution", "test")}
            for number, cell in enumerate(one.cells) if cell.kind == "code"]


def fingerprint(cells):
    return hashlib.sha256(json.dumps(cells).encode()).hexdigest()


def finished(out, digest, cells, most):
    """The record of a submission that has been run before; None if it must run (again)."""
    try:
        record = json.loads((out / "results" / f"{digest}.json").read_text())
        stopped = record["ending"] or any(one.get("stopped") in points.STOPS for one in record["records"])
        same = record["cells"] == fingerprint(cells) and (not stopped or record["limits"] == most)
        return record if same else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def keep(out, digest, record):
    """Write a record so that it is there as a whole or not at all."""
    path = out / "results" / f"{digest}.json"
    replace(path, json.dumps(record))


def replace(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)


# ---- what the lecturer gets

def write(out, graded, unread, roster, hands):
    """Write grades.csv, manual.csv, feedback/, report.html and report.csv; return what belongs into a gradebook."""
    twice, unused = report.repeated(graded), dict(hands)
    table, by_hand, pages, book = [], [], {}, []
    tasks = sorted({task for _, result in graded for task in result.tasks})
    for file, result in graded:
        name = result.submission.assignment.name
        for who in ([(result.id, "")] if result.id else []) + [(result.id or "", file)]:
            result.manual(hands.get(who, {}))
            unused.pop(who, None)
        again = (name, result.id) in twice
        if again:
            result.status = "id twice"
        marks = {task: value for task, (value, _, _) in result.tasks.items()}
        done = result.total(True) if any(marks[task] is not None for task in result.submission.texts) else ""
        notes = result.notes + ([f"to be graded by hand: {', '.join(result.open)}"] if result.open else [])
        if roster is not None and result.id and result.id not in roster:
            notes.append("not on the roster")
        table.append([result.id, file, name, *(marks.get(task) for task in tasks), result.total(False), done,
                      round(result.total(False) + result.total(True), 2), result.status, "; ".join(notes)])
        by_hand += [[result.id, file, task, result.tasks[task][1], marks[task], result.tasks[task][2],
                     result.text(task)] for task in result.submission.texts]
        safe = re.sub(r"[^a-z0-9._-]", "_", result.id or "unknown")[:60].lstrip(".") or "unknown"
        mark = "" if safe == result.id and not again else "-" + hashlib.sha256(file.encode()).hexdigest()[:8]
        pages[f"{safe}{mark}-{name}.html"] = feedback(result)
        if result.id and not any(student == result.id and one.submission.assignment.name == name
                                 for student, one in book):
            book.append((result.id, result))
        elif result.id:
            book.append((f"{result.id} ({file})", result))
        else:
            book.append((f"unknown ({file})", result))
    by_hand += [[*who, task, None, value, comment, ""]
                for who, given in unused.items() for task, (value, comment) in given.items()]
    empty = [None] * len(tasks)
    table += [[None, file, None, *empty, None, None, None, "not graded", why] for file, why in unread]
    if roster is not None:
        table += [[one, None, None, *empty, 0, None, 0, "missing", "nothing was handed in under this id"]
                  for one in sorted(roster - {result.id for _, result in graded})]
    found = report.lines(graded, unread, roster)
    found += [("manual points unused", file, one, "no submission fits these points") for one, file in unused]

    shutil.rmtree(out / "feedback", ignore_errors=True)
    (out / "feedback").mkdir(parents=True)
    for name, text in pages.items():
        (out / "feedback" / name).write_text(text, "utf-8")
    head = ["id", "file", "homework", *tasks, "automatic", "manual", "total", "status", "notes"]
    replace(out / "grades.csv", points.table(table, head))
    replace(out / "manual.csv", points.table(by_hand, points.MANUAL))
    replace(out / "report.csv", points.table(found, report.HEAD))
    replace(out / "report.html", report.html(found))
    return book


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except (sandbox.Refused, ValueError) as why:
        sys.exit(f"grade.py: {why}")
    except KeyboardInterrupt:
        sys.exit("interrupted; give the same command again to go on")
