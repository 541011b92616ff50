"""Tables for a spreadsheet, and from one: whatever it does to encodings, separators and texts that
look like formulas."""

import csv
import io
import os
import re

# a spreadsheet takes a text that begins so for a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MANUAL = ["id", "file", "task", "max", "points", "comment", "text"]


def table(rows, head):
    """CSV text that a spreadsheet opens;
    text that it would take for a formula gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in [head, *rows]:
        writer.writerow([f"'{one}" if isinstance(one, str) and one.startswith(FORMULA) else one
                         for one in row])
    return out.getvalue()


def read_table(path):
    """The rows of a CSV file as dicts, whatever encoding and separator the spreadsheet has
    chosen."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1250", "replace")
    first = text.split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    return [{(key or "").strip().lower(): (value or "").strip()
             for key, value in row.items() if isinstance(value, str)}
            for row in rows]


def manual_points(path, most):
    """The points in a manual.csv: {(id, file or ""): {task: (points, comment)}};
    `most` is {task: points}."""
    found = {}
    for number, row in enumerate(read_table(path), start=2):
        if not row.get("points"):
            continue
        task = row.get("task", "")
        text = row["points"].replace(",", ".")
        if task not in most:
            raise ValueError(f"{path}, row {number}: there is no task {task!r} to grade by hand")
        if not re.fullmatch(r"\d+(\.\d+)?", text) or float(text) > most[task]:
            raise ValueError(f"{path}, row {number}: points {row['points']!r} of task {task} must "
                             f"be a number from 0 to {most[task]}")
        who = (_undone(row.get("id", "")), _undone(row.get("file", "")))
        found.setdefault(who, {})[task] = (float(text), row.get("comment", ""))
    return found


def _undone(text):
    """A text without the apostrophe that `table` put in front."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text


def write_whole(path, text):
    """Write a file so that it is there as a whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)
