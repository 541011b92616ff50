"""Run this page: pages with code get a bar whose button starts Python in the browser (Pyodide).

The site carries `lmm` and what Pyodide does not have as wheels in _static/wheels, so that Pyodide's
own address (`run_python`, another site or a folder of this one such as "_static/pyodide/") is the
only other one. Nothing is fetched from it before the reader presses the button. The wheels are made
offline: `lmm` from this repository, the others from what is installed, without their compiled parts
(wrapt has the same in Python).
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from html import escape
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urlsplit

from docutils import nodes

ROOT = Path(__file__).parents[3]
# .../pyc/ would import faster, but is not said to be complete, and its tracebacks show no code
PYODIDE = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/"
PACKAGES = ["numpy", "scipy", "pandas", "matplotlib"]      # from Pyodide; others by a cell's import
INSTALLED = ["typing-extensions", "wrapt", "narwhals", "interface-meta", "formulaic", "seaborn",
             "tqdm"]
BAR = """
<div class="run-page" data-python="{python}" data-packages="{packages}" data-wheels="{wheels}">
<button type="button" class="btn btn-sm">Run this page</button>
<p class="run-status" role="status">Starts Python in your browser, runs all cells and lets you \
change them. About 50 MB are
loaded from {host}, once, when you press the button.</p>
<noscript>With JavaScript the code on this page can be changed and run in the browser.</noscript>
</div>
"""


def make_wheels(app):
    """All wheels anew, in _static/wheels."""
    if app.builder.format != "html":
        return
    folder = Path(app.outdir, "_static", "wheels")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    app.run_wheels = [*(pack(name, folder) for name in INSTALLED), build_lmm(folder)]


def pack(name, folder):
    """Make a wheel again from the files of an installed package; gives its name."""
    installed = distribution(name)
    name = installed.metadata["Name"].replace("-", "_")
    wheel = folder / f"{name}-{installed.version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(installed.files, key=str):
            here = file.parts[0] != ".." and "__pycache__" not in file.parts
            if here and file.suffix not in (".so", ".pyd"):
                archive.write(file.locate(), file.as_posix())
    return wheel.name


def build_lmm(folder):
    """Build `lmm` from a copy, so that the repository stays as it is; gives the wheel's name."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copy)
        for name in ("lmm", "data"):
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, Path(copy, name), ignore=ignore)
        offline = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
        pip = [sys.executable, "-m", "pip", "wheel", *offline]
        subprocess.run([*pip, "--wheel-dir", folder, copy], check=True)
    return next(folder.glob("lmm-*.whl")).name


def add_bar(app, pagename, templatename, context, doctree):
    """Put the bar under the title of a page that has code cells."""
    elements = doctree.findall(nodes.Element) if doctree else []
    if not any("cell_input" in element["classes"] for element in elements):
        return
    python = app.config.run_python
    bar = BAR.format(python=escape(python), host=urlsplit(python).netloc or "this site",
                     packages=" ".join(PACKAGES), wheels=" ".join(app.run_wheels))
    context["body"] = context["body"].replace("</h1>", f"</h1>{bar}", 1)
    app.add_css_file("run/run.css")
    app.add_js_file("run/run.js", loading_method="defer")
