"""Tables for a spreadsheet, and from one: whatever it does to encodings, separators and texts that
look like formulas."""

import csv
import io
import os
import re

LONGEST = 32_000                                 # letters of a cell; Excel holds 32,767
# A spreadsheet takes a text that begins so for a formula; where it splits at another separator than
# ours, also what stands behind that.
FORMULA = re.compile(r"(^|[;,\t\n])(\s*)([=+\-@])")
GUARDED = re.compile(r"(^|[;,\t\n])(\s*)'([=+\-@])")


def table(rows, head):
    """CSV text that a spreadsheet opens: all quoted, and an apostrophe before what it would take
    for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in [head, *rows]:
        writer.writerow([_guarded(one) if isinstance(one, str) else one for one in row])
    return out.getvalue()


def _guarded(text):
    text = text.encode("utf-8", "replace").decode().replace("\x00", "")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]} ... ({len(text):,} letters; all of them are on the feedback page)"
    return FORMULA.sub(r"\1\2'\3", text)


def unguarded(text):
    """A text without the apostrophes that `table` put in."""
    return GUARDED.sub(r"\1\2\3", text)


def read_table(path):
    """The rows of a CSV file as dicts, whatever encoding and separator the spreadsheet has
    chosen; ValueError for what is no table."""
    lines = _text(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    told = re.match(r"\s*sep=(.)\n", lines)      # Excel's own first line
    if told:
        lines = lines[told.end():]
    first = lines.split("\n", 1)[0]
    separator = told[1] if told else max(",;\t", key=first.count)
    before = csv.field_size_limit(2 ** 31 - 1)
    try:
        rows = list(csv.DictReader(io.StringIO(lines, newline=""), delimiter=separator))
    except csv.Error as why:
        raise ValueError(f"{path} cannot be read as a table: {why}") from None
    finally:
        csv.field_size_limit(before)
    return [{(key or "").strip().lower(): (value or "").strip()
             for key, value in row.items() if isinstance(value, str)}
            for row in rows]


def _text(data):
    """The text of a file in UTF-8, UTF-16 or Windows-1250."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1250", "replace")


def write_whole(path, text):
    """Write a file so that it is there as a whole or not at all; a CSV file with the mark by which
    Excel knows UTF-8."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8-sig" if ".csv" in path.name else "utf-8")
    os.replace(part, path)
