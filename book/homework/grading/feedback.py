"""One page a submission: points and comments, then the notebook as it ran.
Nothing of the student's is active in it."""

import base64
import binascii
import re
from html import escape

from markdown_it import MarkdownIt

# no raw HTML, no javascript: links, no pictures; references take quadratic time
MARKDOWN = MarkdownIt("js-default").disable(["image", "reference"])
LONGEST = 10_000                                 # letters of a text; a longer one is shown raw
FIELDS = 5_000                                   # of tables in a text, rows filled up
TEXTS = 100_000                                  # letters of all texts of a page
LARGEST = 8 * 2 ** 20                            # letters of a page
STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 54rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; }
table { border-collapse: collapse; }
td, th { border: 1px solid #bbb; padding: .2rem .6rem; text-align: left; }
pre { background: #f5f5f5; padding: .6rem; overflow-x: auto; white-space: pre-wrap;
  margin: .3rem 0; }
pre.out { background: none; border-left: 3px solid #bbb; max-height: 30rem; overflow-y: auto; }
pre.error { border-left-color: #b22; } img { max-width: 100%; }
.points { background: #e8f0fa; border-left: 4px solid #27609c; padding: .4rem .8rem;
  margin: .6rem 0; }
.own { color: #666; font-size: .85rem; }
"""
# the browser itself refuses scripts, forms, frames and anything from the network
POLICY = ("default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; "
          "base-uri 'none'")


def page(title, body):
    """A whole HTML page; `title` is escaped here, `body` is HTML already."""
    text = (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n"
            f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n")
    return text.encode("utf-8", "replace").decode()      # half a letter would stop the writing


def rows(head, lines):
    """An HTML table of texts."""
    cells = ["<tr>" + "".join(f"<{tag}>{escape(str(one))}</{tag}>" for one in line) + "</tr>"
             for tag, group in (("th", [head]), ("td", lines)) for line in group]
    return "<table>\n" + "\n".join(cells) + "\n</table>"


def number(value):
    """Points as one writes them: 3, 2.5; a dash if there are none yet."""
    return "–" if value is None else f"{value:g}"


def feedback(result):
    """The HTML page for one points.Result."""
    tasks = [(task, number(points), number(most), _comment(points, comment))
             for task, (points, most, comment) in result.tasks.items()]
    most = sum(most for _, most, _ in result.tasks.values())
    total = result.total(False) + result.total(True)
    still = f", and {', '.join(result.open)} still to be graded" if result.open else ""
    body = [f"<p>Homework <b>{escape(result.submission.assignment.name)}</b>: {number(total)} of "
            f"{number(most)} points{still}.</p>", rows(["task", "points", "of", "comment"], tasks)]
    if result.notes:
        notes = "".join(f"<li>{escape(note)}</li>" for note in result.notes)
        body.append(f"<p>Notes:</p>\n<ul>{notes}</ul>")
    body.append("<hr>")
    room, texts = LARGEST, TEXTS
    for position, cell in enumerate(result.submission.cells):
        if cell.kind != "code":
            texts -= len(cell.source)
        parts = _cell(result, position, cell, texts > 0)
        room -= sum(map(len, parts))
        if room < 0 and cell.role not in ("test", "text"):
            parts = ["<p>(too long to be shown)</p>"]
        body += parts
    return page(f"Feedback for {result.id or 'an unknown student'}", "\n".join(body))


def _comment(points, comment):
    return comment or ("to be graded by hand" if points is None else "")


def _cell(result, position, cell, short):
    """The HTML of one cell, its outputs, and the points that it earned; of a text of ours the
    title."""
    parts = ['<div class="own">a cell of your own</div>'] if cell.role == "own" else []
    if cell.role == "test":
        parts = []
    elif cell.kind == "code":
        parts.append(f"<pre>{escape(cell.source[:LARGEST // 8])}</pre>")
        parts += [_output(one) for one in result.outputs.get(position, [])[:200]
                  if isinstance(one, dict)]
        stop = result.stops.get(position)
        if stop not in (None, "", "error"):
            parts.append(f"<p>The cell was stopped ({escape(stop[:100])}).</p>")
    elif cell.role == "locked":
        titles = re.findall(r"(?m)^#{1,6} .*", cell.source)
        parts.append(markdown("\n\n".join(titles), True))
    else:
        parts.append(markdown(cell.source, short))
    if cell.role in ("test", "text"):
        points, most, comment = result.tasks[cell.task]
        earned = f"<b>{number(points)} of {number(most)}</b>"
        parts.append(f'<div class="points">Task {escape(cell.task)}: {earned} '
                     f"{escape(_comment(points, comment))}</div>")
    return parts


def markdown(text, short):
    """A student's text as HTML; as it is where that would take long or much room."""
    lines = text.split("\n")
    fields = len(lines) * max(line.count("|") for line in lines)
    if short and len(text) <= LONGEST and fields <= FIELDS:
        return MARKDOWN.render(text)
    return f"<pre>{escape(text[:LARGEST // 8])}</pre>"


def _formula(state, silent):
    """A rule for MarkdownIt: a formula between dollars stays as it was written."""
    found = re.compile(r"(\$\$?)(?=\S)[^$]+?(?<=\S)\1").match(state.src, state.pos)
    if not found or found.end() > state.posMax:
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True


MARKDOWN.inline.ruler.before("escape", "formula", _formula)


def _output(output):
    """The HTML of one output: text, errors and PNG pictures only."""
    if isinstance(output.get("stream"), str) and isinstance(output.get("text"), str):
        return f'<pre class="out">{_text(output["text"])}</pre>'
    if isinstance(output.get("error"), str):
        return f'<pre class="out error">{_text(output["error"])}</pre>'
    data = output.get("data") if isinstance(output.get("data"), dict) else {}
    if isinstance(data.get("image/png"), str):
        try:
            picture = base64.b64decode(data["image/png"].replace("\n", ""), validate=True)
        except (binascii.Error, ValueError):
            picture = b""
        if picture.startswith(b"\x89PNG"):
            return ('<img alt="a picture" '
                    f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">')
    plain = data.get("text/plain")
    return f'<pre class="out">{_text(plain)}</pre>' if isinstance(plain, str) else ""


def _text(text):
    """Printed text without colours and control characters, lines that were overwritten left out,
    escaped."""
    text = re.sub(r"\x1b\[[0-9;?]{0,20}[A-Za-z]", "",
                  text[:2 ** 20].encode("utf-8", "replace").decode())
    text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return escape(re.sub(r"[\x00-\x08\x0b-\x1f]", "", text))
