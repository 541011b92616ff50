"""Tables as a notebook shows them: numbers aligned, p as <.0001, a caption. Everywhere else they
are DataFrames."""

from html import escape

import numpy as np
import pandas as pd

from lmm import summary

MOST_ROWS = 60                                               # of longer ones pandas shows both ends
P_VALUES = ("p", "p_chi2")
ESTIMATES = ("estimate", "mean", "slope", "se", "lower", "upper")   # share their decimals


class Table(pd.DataFrame):
    """A DataFrame with a caption; what is computed from it is one, too. `attrs` holds "caption",
    "digits" and "note", a sentence below the table."""

    @property
    def _constructor(self):
        return Table

    def round(self, decimals=0, *args, **kwargs):
        """As pandas rounds, but p keeps four decimals; the table then shows so many."""
        out = super().round(decimals, *args, **kwargs)
        for name in out.columns.intersection(P_VALUES):
            out[name] = self[name].round(np.maximum(decimals,
                                                    4)) if np.ndim(decimals) == 0 else out[name]
        out.attrs = {**self.attrs, "digits": decimals}
        return out

    def _repr_html_(self):
        return html(self) if len(self) <= MOST_ROWS else super()._repr_html_()

    def __repr__(self):
        return text(self) if 0 < len(self) <= MOST_ROWS else super().__repr__()


def table(data, caption="", digits=None, note=""):
    """A DataFrame (or Series) that a notebook shows as a table with a caption.

    digits: decimals of the numbers, or a dict column -> decimals. p-values have four (<.0001 where
    they are smaller) and df four digits in all, unless the dict names them; without `digits` t has
    two decimals, F three, and the others show four digits of the smallest standard error, or of the
    column's smallest number.
    note: a sentence that is shown below the table.
    Returns a Table; its values stay as they are.
    """
    out = Table(data)
    out.attrs = {"caption": caption, "digits": digits}
    if note:
        out.attrs["note"] = note
    return out


def html(frame):
    """The table as HTML: a caption, header cells, words to the left and numbers to the right, no
    colours."""
    names, rows, left = _laid_out(frame)
    caption = frame.attrs.get("caption")
    lines = ["<table>", f"<caption>{escape(caption)}</caption>"] if caption else ["<table>"]
    lines.append(f"<thead>{_row(names, left, 'col')}</thead>")
    lines.append("<tbody>")
    lines += [_row(row, left, "") for row in rows]
    note = frame.attrs.get("note")
    lines.append("</tbody>")
    if note:
        lines.append(f'<tfoot><tr><td colspan="{len(names)}">{escape(note)}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>"])


def text(frame):
    """The table as text, in columns, the caption above."""
    names, rows, left = _laid_out(frame)
    caption = frame.attrs.get("caption")
    lines = [f"{caption}:"] if caption else []
    widths = [max(map(len, column)) for column in zip(names, *rows)]
    for row in [names, *rows]:
        words = [w.ljust(n) if to_left else w.rjust(n) for w, n, to_left in zip(row, widths, left)]
        lines.append("  ".join(words).rstrip())
    if frame.attrs.get("note"):
        lines.append(frame.attrs["note"])
    return "\n".join(lines)


def _laid_out(frame):
    """The header's words, the rows' words, and which columns stand to the left."""
    columns = [_words(frame, k) for k in range(frame.shape[1])]
    names = [_joined(name) for name in frame.columns]
    rows = [list(row) for row in zip(*columns)] or [[] for _ in range(len(frame))]
    left = [not pd.api.types.is_numeric_dtype(t) for t in frame.dtypes]
    if _is_counting(frame.index):
        return names, rows, left
    head = " ".join(str(name) for name in frame.index.names if name is not None)
    labels = [_joined(label) for label in frame.index]
    return [head, *names], [[label, *row] for label, row in zip(labels, rows)], [True, *left]


def _joined(label):
    return " ".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _row(words, left, scope):
    cells = []
    for k, (word, to_left) in enumerate(zip(words, left)):
        side = "left" if to_left else "right"
        here = scope or ("row" if k == 0 and to_left else "")
        tag, says = ("th", f' scope="{here}"') if here and word else ("td", "")
        cells.append(f'<{tag}{says} align="{side}">{escape(word)}</{tag}>')
    return f"<tr>{''.join(cells)}</tr>"


def _is_counting(index):
    """Is it 0, 1, 2, ..., which says nothing?"""
    return index.name is None and index.nlevels == 1 and list(index) == list(range(len(index)))


def _words(frame, k):
    """A column as words."""
    name, values = frame.columns[k], frame.iloc[:, k]
    if not pd.api.types.is_float_dtype(values):
        return ["" if value is None else str(value) for value in values]
    numbers = values.to_numpy(dtype=float)
    digits = frame.attrs.get("digits")
    named = isinstance(digits, dict) and name in digits
    if isinstance(digits, dict):
        digits = digits.get(name)
    if name in P_VALUES and not named:
        return [_word(p, summary._p(p)) for p in numbers]
    if str(name).endswith("df") and not named:
        return [_word(x, f"{x:.4g}" if x < 9999.5 else f"{x:.0f}") for x in numbers]
    whole = numbers[np.isfinite(numbers)]
    counts = np.allclose(whole, np.round(whole), rtol=0, atol=1e-9) and (np.abs(whole) < 1e9).all()
    if digits is None and name not in ESTIMATES and counts:
        digits = 0
    if digits is None:
        digits = {"t": 2, "F": 3}.get(name)
    if digits is None:
        shared = name in ESTIMATES and "se" in frame
        size = frame["se"].min() if shared else np.abs(whole[whole != 0]).min(initial=np.inf)
        return [_word(x, summary._number(x, summary._decimals(size, 4), size)) for x in numbers]
    return [_word(x, f"{x:.{digits}f}") for x in numbers]


def _word(value, word):
    """Nothing for NaN, and no -0.00."""
    if np.isnan(value):
        return ""
    if word.startswith("-") and not word.strip("-0."):
        return word[1:]
    return word
