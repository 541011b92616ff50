"""The grades as nbgrader keeps them: gradebook.db, made anew each time."""

import importlib.util
import os
import sys
from pathlib import Path


def available():
    return importlib.util.find_spec("nbgrader") is not None


def write(path, graded):
    """graded: [(student, points.Result)], each student once a homework."""
    from nbgrader.api import Gradebook
    path = Path(path)
    # for alembic
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent),
                                          os.environ.get("PATH", "")])
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with Gradebook(f"sqlite:///{part}") as book:
        for assignment in {result.submission.assignment.name: result.submission.assignment
                           for _, result in graded}.values():
            book.add_assignment(assignment.name)
            book.add_notebook(assignment.name, assignment.name)
            for cell in assignment.cells:
                if cell.role in ("test", "text"):
                    book.add_grade_cell(cell.id, assignment.name, assignment.name,
                                        max_score=cell.points, cell_type=cell.kind)
                if cell.role in ("solution", "text"):
                    book.add_solution_cell(cell.id, assignment.name, assignment.name)
        for student, result in graded:
            name = result.submission.assignment.name
            book.update_or_create_student(student)
            with book.db.no_autoflush:           # nbgrader's own objects are half made here
                book.add_submission(name, student)
            for cell in result.submission.assignment.cells:
                if cell.role not in ("test", "text"):
                    continue
                points, _, comment = result.tasks[cell.task]
                grade = book.find_grade(cell.id, name, name, student)
                if cell.role == "test":
                    grade.auto_score = points
                    grade.needs_manual_grade = False
                else:
                    grade.manual_score = points
                    grade.needs_manual_grade = points is None
                solution = cell.id if cell.role == "text" else f"solve_{cell.task}"
                if comment and any(one.id == solution
                                   for one in result.submission.assignment.cells):
                    book.find_comment(solution, name, name, student).manual_comment = comment
        book.db.commit()
    os.replace(part, path)
