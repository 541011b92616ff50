"""Grade a folder of homework: python book/homework/grading/grade.py SUBMISSIONS --out GRADED

Each notebook runs in a sandbox of its own (Linux with bubblewrap); points are given outside of it.
GRADED then holds grades.csv, feedback/ (a page a student), return/ (the same in the folders of the
submissions), manual.csv (texts to grade by hand: fill in points and comments and run the same
command again), texts.html (the same texts beside the right numbers), report.html and report.csv
(what needs a look), and gradebook.db (nbgrader's). Interrupted, it goes on where it was when the
same command is given again.
"""

import argparse
import hashlib
import re
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[2])]

try:
    import gradebook
    import manual
    import points
    import results
    import running
    import sandbox
    import spreadsheet
    import submission
except ImportError as why:
    sys.exit(f"grade.py: {why}; pip install -r book/homework/requirements.txt, in an environment "
             "of its own")


def arguments(given=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     epilog=" ".join(__doc__.split("\n\n", 1)[1].split()))
    parser.add_argument("submissions", type=Path,
                        help="folder of notebooks, flat or in subfolders, any file names")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--roster", type=Path,
                        help="CSV file with the ids of the class in its column id, or its first")
    parser.add_argument("--manual", type=Path, action="append", default=[],
                        help="a filled in copy of manual.csv, added to the one in --out; give it "
                             "several times for several graders")
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time (%(default)s)")
    parser.add_argument("--timeout", type=int, default=60,
                        help="seconds for a cell; a notebook may take 5 times as long and 30 s "
                             "(%(default)s)")
    parser.add_argument("--memory", type=int, default=2048,
                        help="megabytes for a notebook (%(default)s)")
    parser.add_argument("--trust", action="store_true",
                        help="run without a sandbox: only for notebooks of your own")
    parser.add_argument("--no-gradebook", action="store_true",
                        help="do without gradebook.db, and so without nbgrader")
    asked = parser.parse_args(given)
    if not asked.submissions.is_dir():
        parser.error(f"{asked.submissions} is not a folder")
    out, there = asked.out.resolve(), asked.submissions.resolve()
    if out == there or out.is_relative_to(there) or there.is_relative_to(out):
        parser.error("--out and the folder of submissions must not lie in each other")
    for path in (asked.roster, *asked.manual):
        if path is not None and not path.is_file():
            parser.error(f"{path} is not a file")
    if min(asked.jobs, asked.timeout) < 1 or asked.memory < 1024:
        parser.error("--jobs and --timeout must be at least 1, --memory at least 1024")
    if not asked.no_gradebook and not gradebook.available():
        parser.error("nbgrader is not installed: pip install -r book/homework/requirements.txt, or "
                     "give --no-gradebook")
    return asked


def main(given=None):
    asked = arguments(given)
    known = submission.assignments(HERE.parent / "source")
    most = {cell.task: cell.points for one in known for cell in one.cells if cell.role == "text"}
    hands, conflicts = manual.given(asked.out, asked.manual, most)
    roster = ids(asked.roster) if asked.roster else None

    read, unread = take_in(asked.submissions, known)
    records = running.run_all(read, asked)
    graded, older, now = [], [], running.package()
    for file, (digest, one) in read.items():
        try:
            graded.append((file, points.Result(one, records[digest])))
            if records[digest].get("package", now) != now:
                older.append(("package changed", file, graded[-1][1].id or "",
                              "the homework's tables or answers were others when this ran; its "
                              "points are by the present ones"))
        except Exception as why:                 # no submission may stop the others
            unread.append((file, f"could not be graded: {type(why).__name__}: {why}"))
    book = results.write(asked.out, graded, sorted(unread), roster, (hands, conflicts + older))
    if not asked.no_gradebook:
        gradebook.write(asked.out / "gradebook.db", book)
    print(f"{len(graded)} graded, {len(unread)} not: see {asked.out / 'grades.csv'} and "
          f"{asked.out / 'report.html'}")


def ids(path):
    """The ids of a class."""
    rows = spreadsheet.read_table(path)
    column = "id" if rows and "id" in rows[0] else None
    if column is None:                           # no header: the first column of all lines
        lines = path.read_text("utf-8-sig", "replace").splitlines()
        return {points.student_id(re.split("[,;\t]", line)[0]) for line in lines} - {None}
    return {points.student_id(row["id"]) for row in rows} - {None}


def take_in(folder, known):
    """({file: (hash of its bytes, Submission)}, [(file, why it cannot be graded)])."""
    read, unread = {}, []
    found, hidden = submission.files(folder)
    for path in found:
        file = submission.name_of(path, folder)
        try:
            data = submission.read(path)
            read[file] = hashlib.sha256(data).hexdigest(), submission.understand(data, known)
        except submission.Unreadable as why:
            unread.append((file, str(why)))
        except Exception as why:
            unread.append((file, f"could not be read: {type(why).__name__}: {why}"[:300]))
    unread += [(submission.name_of(path, folder),
                "its name or its folder's begins with a dot; not read") for path in hidden]
    return read, unread


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except (sandbox.Refused, ValueError) as why:
        sys.exit(f"grade.py: {why}")
    except KeyboardInterrupt:
        sys.exit("interrupted; give the same command again to go on")
