"""Reads what a learning platform exports, recognises the homework, and puts the notebook in order
before it is run.

What leaves here has the source's order, the source's locked cells, and nothing in place of the
tests; the student's own cells stay behind the cell that they followed. Notes say what was changed,
duplicated, deleted or moved.
"""

import json
import os
import re
from collections import namedtuple
from pathlib import Path

TEXT_STUB = "*Write your answer here.*"
LARGEST = 10 * 2 ** 20                           # bytes of a submission
LITTER = {"__MACOSX", "Thumbs.db", "desktop.ini", ".DS_Store"}    # what systems leave in a folder

# role: "locked", "solution", "test" (points by the program), "text" (points by hand);
# model: the source's own solution, for the report only
SourceCell = namedtuple("SourceCell", "id kind role source points task model")
Assignment = namedtuple("Assignment", "name cells")
# role here also "own": a cell that is not in the source
Cell = namedtuple("Cell", "id kind role source task")
# notes: (kind, what) for the report
Submission = namedtuple("Submission", "assignment cells texts notes")


class Unreadable(Exception):
    """No homework can be found in a file; the message says why."""


def assignments(folder):
    """The Assignments of a folder of source notebooks, tests and solutions left out."""
    found = []
    for path in sorted(Path(folder).glob("*.ipynb")):
        cells = []
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            given = cell["metadata"].get("nbgrader", {})
            if not given.get("grade_id"):
                continue
            role = "locked"
            if given.get("solution"):
                role = "text" if given.get("grade") else "solution"
            elif given.get("grade"):
                role = "test"
            text = _text(cell["source"])
            model = text if role == "solution" else ""
            if role in ("solution", "text"):
                text = ""
            elif role == "test":
                text = re.sub(r"(?s)\n?### BEGIN HIDDEN TESTS.*?### END HIDDEN TESTS", "", text)
            task = given["grade_id"].split("_", 1)[1] if role in ("test", "text") else None
            cells.append(SourceCell(given["grade_id"], cell["cell_type"], role, text,
                                    given.get("points", 0), task, model))
        found.append(Assignment(path.stem, cells))
    return found


def files(folder):
    """(all files below a folder that someone may have handed in, those whose name or folder is
    hidden), sorted."""
    folder = Path(folder)
    paths = {path: path.relative_to(folder).parts for path in sorted(folder.rglob("*"))
             if path.is_symlink() or path.is_file()}
    paths = {path: parts for path, parts in paths.items()
             if not LITTER & set(parts) and not path.name.startswith("._")}
    hidden = [path for path, parts in paths.items() if any(one.startswith(".") for one in parts)]
    return [path for path in paths if path not in set(hidden)], hidden


def name_of(path, folder):
    """The path below a folder as a text, another one for each path, also where it is not UTF-8."""
    return os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")


def read(path):
    """The bytes of a submission; Unreadable if they are not to be had."""
    if path.is_symlink():
        raise Unreadable("a link to another place, not a file; not followed")
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"larger than {LARGEST // 2 ** 20} MB; not read")
        return path.read_bytes()
    except OSError as why:
        raise Unreadable(f"cannot be read: {why.strerror}") from None


def understand(data, known):
    """The Submission in the bytes of a file; `known` are the Assignments.
    Unreadable says why there is none."""
    notes = []
    cells = _cells(_parse(data, notes))
    by_text = {_squeezed(cell.source): cell.id for one in known
               for cell in one.cells if cell.source.strip()}
    cells = [(grade_id or by_text.get(_squeezed(text)), kind, text)
             for grade_id, kind, text in cells]
    present = {grade_id for grade_id, _, _ in cells}
    counts = [len(present & {cell.id for cell in one.cells if cell.task or cell.role == "solution"})
              for one in known]
    if not known or max(counts) == 0:
        raise Unreadable("a notebook, but not of a homework: it has none of a homework's cells")
    assignment = known[counts.index(max(counts))]
    return _in_order(assignment, cells, notes)


def _parse(data, notes):
    if not data.strip():
        raise Unreadable("the file is empty")
    try:
        try:
            notebook = json.loads(data)   # UTF-8, UTF-16 or UTF-32, with or without byte order mark
        except UnicodeDecodeError:
            try:
                text = data.decode("cp1250")
                name = "Windows-1250"
            except UnicodeDecodeError:
                text = data.decode("latin-1")
                name = "Latin-1"
            notebook = json.loads(text)
            notes.append(("encoding",
                          f"the file is not in UTF-8; read as {name}, accents may be wrong"))
    except (ValueError, RecursionError) as why:
        raise Unreadable(f"not a notebook: not JSON ({str(why)[:100]})") from None
    if not isinstance(notebook, dict):
        raise Unreadable("not a notebook: JSON, but without cells")
    return notebook


def _cells(notebook):
    """(grade_id or None, "code" or "markdown", text) of each cell, whatever the file's format and
    metadata."""
    cells = notebook.get("cells")
    if cells is None and isinstance(notebook.get("worksheets"), list) and notebook["worksheets"]:
        first = notebook["worksheets"][0]
        cells = first.get("cells") if isinstance(first, dict) else None
    if not isinstance(cells, list):
        raise Unreadable("not a notebook: JSON, but without cells")
    found = []
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        metadata = cell.get("metadata") if isinstance(cell.get("metadata"), dict) else {}
        given = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
        grade_id = given.get("grade_id") if isinstance(given.get("grade_id"), str) else None
        kind = "code" if cell.get("cell_type") == "code" else "markdown"
        found.append((grade_id, kind, _text(cell.get("source", cell.get("input", "")))))
    return found


def _text(source):
    """The text of a cell, which may be stored as a list of lines;
    without what no file or page can hold."""
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    source = source if isinstance(source, str) else ""
    return source.encode("utf-8", "replace").decode().replace("\x00", "").replace("\r\n", "\n")


def _squeezed(text):
    return "".join(text.split())


def _in_order(assignment, cells, notes):
    """The Submission: source's order, locked cells of the source, own cells behind the cell that
    they followed."""
    expected = {cell.id: cell for cell in assignment.cells}
    given = {}                             # grade_id -> [(kind, text)]
    own = {None: []}                       # grade_id -> [(kind, text)] behind it
    last = None
    order = []
    for grade_id, kind, text in cells:
        if grade_id in expected:
            given.setdefault(grade_id, []).append((kind, text))
            order += [grade_id] * (grade_id not in order)
            last = grade_id
        elif text.strip():
            own.setdefault(last, []).append((kind, text))
    _compare(assignment, given, order, notes)

    ready = [Cell(None, kind, "own", text, None) for kind, text in own[None]]
    texts = {}
    for cell in assignment.cells:
        copies = given.get(cell.id, [])
        behind = [Cell(None, kind, "own", text, None) for kind, text in own.get(cell.id, [])]
        if cell.role == "solution":
            # all copies run, as in Jupyter; the last one has the last word
            ready += [Cell(cell.id, kind, "solution", text, None) for kind, text in copies[:-1]]
            kind, text = copies[-1] if copies else ("code", "")
            ready.append(Cell(cell.id, kind, "solution", text, None))
        elif cell.role == "text":
            texts[cell.task] = "\n\n".join(text for _, text in copies)
            if _squeezed(texts[cell.task]) in ("", _squeezed(TEXT_STUB)):
                texts[cell.task] = _around(ready, behind) or texts[cell.task]
                if copies and _squeezed(texts[cell.task]) != _squeezed(copies[0][1]):
                    notes.append(("moved", f"the text of {cell.task} stands in a cell of its own; "
                                           "it was found there"))
            ready.append(Cell(cell.id, "markdown", "text", texts[cell.task], cell.task))
        else:
            ready.append(Cell(cell.id, cell.kind, cell.role,
                              "" if cell.role == "test" else cell.source, cell.task))
        ready += behind
    return Submission(assignment, ready, texts, notes)


def _around(before, behind):
    """Texts of one's own right at the end of the cells before, and those behind."""
    texts = []
    for cell in reversed(before):
        if cell.role != "own" or cell.kind != "markdown":
            break
        texts.insert(0, cell.source)
    texts += [cell.source for cell in behind if cell.kind == "markdown"]
    return "\n\n".join(texts)


def _compare(assignment, given, order, notes):
    """Note what is not as it was handed out."""
    for cell in assignment.cells:
        copies = given.get(cell.id, [])
        if not copies:
            what = "cells in its place are run or read"
            what = {"locked": "put back", "test": "not needed"}.get(cell.role, what)
            notes.append(("deleted", f"cell {cell.id} is missing; {what}"))
        elif len(copies) > 1:
            notes.append(("duplicated",
                          f"cell {cell.id} is there {len(copies)} times; the last one counts"))
        altered = any(_squeezed(text) != _squeezed(cell.source) for _, text in copies)
        # texts are not compared: they may have been corrected after they were handed out
        if cell.role in ("locked", "test") and cell.kind == "code" and altered:
            notes.append(("changed", f"cell {cell.id} was changed; the original counts"))
        if cell.role == "solution" and any(kind != "code" for kind, _ in copies):
            notes.append(("changed", f"cell {cell.id} is no code cell any more"))
    expected = [cell.id for cell in assignment.cells if cell.id in given]
    if order != expected:
        moved = [one for one, other in zip(order, expected) if one != other]
        notes.append(("moved",
                      f"cells are in another order ({', '.join(moved[:6])}); the original order "
                      "counts"))
