"""Run one cell of the page, in the browser's Python: `run(code, number)` gives its outputs to
`post`, one by one.

An output is (kind, text): stdout, stderr, text, html, latex, note or error; a picture is ("png",
data, alt). What a cell prints is cut after LIMIT characters, so that no cell can fill the page.
"""

import ast
import base64
import importlib.util
import io
import linecache
import sys
import traceback
import types

LIMIT = 200_000                        # characters that a cell may show
PIECES = 100                   # after so many messages longer ones, so that the page is not flooded
lost = {}                       # what cells would define that could not run: name -> what they need


class Needs(BaseException):
    """A cell uses what is lost;
    not an Exception, so that the cell's own `except Exception` does not take it."""


class Names(dict):
    """What the cells define."""

    def __missing__(self, name):
        if name in lost:
            raise Needs(lost[name])
        raise KeyError(name)


names = Names(__name__="__main__")


class Output:
    """What a cell shows, in order; stdout and stderr are collected to lines."""

    def __init__(self, post):
        self.post = post
        self.left = LIMIT
        self.pieces = 0
        self.waiting = []

    def write(self, kind, text):
        if self.waiting and self.waiting[0] != kind:
            self.send()
        if self.left > 0 and text:
            self.waiting = [kind, (self.waiting[1] if self.waiting else "") + text[:self.left]]
            if "\n" in text and (self.pieces < PIECES or len(self.waiting[1]) > 4000):
                self.send()
            self.spend(len(text))

    def show(self, kind, *what):
        """Something that is not printed: a result or a picture.
        A picture counts a fiftieth of its size."""
        self.send()
        if self.left > 0 and self.spend(sum(map(len, what)) // (50 if kind == "png" else 1)):
            self.post(kind, *what)

    def spend(self, size):
        """Whether so much may still be shown; says once that it may not."""
        self.left -= size
        if self.left <= 0:
            self.send()
            self.post("note",
                      f"This cell shows more than {LIMIT // 1000} kB; the rest is left out.")
        return self.left > 0

    def send(self):
        if self.waiting:
            self.post(*self.waiting)
            self.pieces += 1
        self.waiting = []


class Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of a cell."""

    def __init__(self, output, kind):
        self.output, self.kind = output, kind

    def write(self, text):
        self.output.write(self.kind, text)
        return len(text)

    def flush(self):
        if self.output.pieces < PIECES:
            self.output.send()


def warm_up():
    """Import what nearly every page draws with.
    Seaborn does without scipy's slow parts; they load when they are used."""
    slow = [name for name in ("scipy.stats", "scipy.cluster") if name not in sys.modules]
    sys.modules.update(dict.fromkeys(slow))
    import seaborn                                      # noqa: F401 - only to have it loaded
    import tqdm
    for name in slow:
        del sys.modules[name]
    tqdm.tqdm.monitor_interval = 0                                 # its monitor is a thread


def run(code, number, post):
    """Run a cell as a notebook does.
    Returns "done", "failed", or "skipped" where the browser cannot."""
    output = Output(post)
    before = dict(names)
    old = (sys.stdout, sys.stderr)
    sys.stdout, sys.stderr = Stream(output, "stdout"), Stream(output, "stderr")
    names["display"] = lambda *values: [show(output, value) for value in values] and None
    names["input"] = no_input
    tree = None
    try:
        tree = ast.parse(code, f"<cell {number}>")
        absent = without_absent(tree)
        value = evaluate(code, tree, f"<cell {number}>")
        if value is not None:
            show(output, value)
        alt = names.get("alt")
        if not isinstance(alt, str) or alt is before.get("alt"):
            alt = "A figure, drawn by the cell above"
        pictures(output, alt)
        if absent:
            output.show("note", f"This Python does not have {' and '.join(absent)}; "
                                "cells that need it are skipped.")
        return "done"
    except BaseException as problem:
        output.send()
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")       # else the next cell would show them
        if need := cannot(problem):
            lose(tree, before, need)
            post("note", f"Skipped: this cell needs {need}. The output shown is the stored one.")
            return "skipped"
        post("error", explain(problem, f"<cell {number}>")[-LIMIT:])
        return "failed"
    finally:
        output.send()
        sys.stdout, sys.stderr = old


def no_input(prompt=""):
    raise RuntimeError("a cell in the browser cannot ask; write the value into the code instead of "
                       "input()")


# ---- what this Python does not have ----

def without_absent(tree):
    """Take the imports of modules that are not there out of a cell, so that its other lines run;
    the modules' names."""
    absent = set()
    for node in list(tree.body):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
                  [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
        tops = {name.partition(".")[0] for name in modules}
        gone = {top for top in tops
                if top not in sys.modules and importlib.util.find_spec(top) is None}
        if gone:
            tree.body.remove(node)
            absent |= gone
            need = f"{' and '.join(sorted(gone))}, which this Python does not have"
            lost.update(dict.fromkeys(bound(node), need))
    return sorted(absent)


def bound(tree):
    """The names that code binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def cannot(problem):
    """What a cell needs that a browser has not, in words; None for an error of the cell's own."""
    if "can't start new thread" in str(problem):
        return "threads, which Python in a browser does not have"
    if isinstance(problem, ModuleNotFoundError) and problem.name:
        return f"{problem.name.partition('.')[0]}, which this Python does not have"
    if isinstance(problem, Needs):
        return str(problem)


def lose(tree, before, need):
    """What a skipped cell has not computed, the cells after it cannot use either.
    Not even an older value."""
    for name in set(bound(tree)):
        value = names.get(name)
        if value is before.get(name) and not isinstance(value, types.ModuleType):
            names.pop(name, None)
            lost[name] = need


# ---- a cell's own ----

def evaluate(code, tree, filename):
    """Run the code; the value of its last line, if it is an expression and no semicolon follows."""
    linecache.cache[filename] = len(code), None, code.splitlines(keepends=True), filename
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
        last = compile(ast.Expression(tree.body.pop().value), filename, "eval")
    exec(compile(tree, filename, "exec"), names)
    return eval(last, names) if last else None


def show(output, value):
    """A value as a notebook shows it: as formula, table or text."""
    for kind in ("latex", "html"):
        draw = getattr(value, f"_repr_{kind}_", None)
        shown = draw() if callable(draw) and not isinstance(value, type) else None
        if shown:
            return output.show(kind, shown)
    output.show("text", repr(value))


def pictures(output, alt):
    """All open figures, which are closed then."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    for number in pyplot.get_fignums() if pyplot else []:
        data = io.BytesIO()
        pyplot.figure(number).savefig(data, format="png", bbox_inches="tight")
        pyplot.close(number)
        output.show("png", base64.b64encode(data.getvalue()).decode(), alt)


def explain(problem, filename):
    """The traceback from the cell's own line on."""
    trace = problem.__traceback__
    while trace and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(problem), problem, trace, limit=-20))
