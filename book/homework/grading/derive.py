"""Make the students' notebooks from source/: python book/homework/grading/derive.py

nbgrader's own steps take out solutions and hidden tests (it is in book/homework/requirements.txt).
With --check nothing is written; a difference is an error.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from traitlets.config import Config

HOMEWORK = Path(__file__).resolve().parents[1]
STUBS = Config({"ClearSolutions": {"code_stub": {"python": "# your code here"},
                                   "text_stub": "*Write your answer here.*"}})


def derived(path):
    """The text of the students' version of one source notebook."""
    from nbgrader import preprocessors as step
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    # as in nbgrader's GenerateAssignment, without its database
    for make in (step.LockCells, step.ClearSolutions, step.ClearOutput, step.CheckCellMetadata,
                 step.ClearHiddenTests, step.ClearMarkScheme):
        notebook, _ = make(config=STUBS).preprocess(notebook, {})
    for cell in notebook.cells:                # the line with the id is all that this cell asks for
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "student":
            cell.source = cell.source.replace("\n# your code here", "")
    for make in (step.ComputeChecksums, step.CheckCellMetadata):
        notebook, _ = make(config=STUBS).preprocess(notebook, {})
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python",
                                        "name": "python3"},
                         "language_info": {"name": "python"}}
    return nbformat.writes(notebook) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true",
                        help="only compare; exit 1 if a notebook is out of date")
    check = parser.parse_args().check
    old = []
    for path in sorted((HOMEWORK / "source").glob("*.ipynb")):
        target = HOMEWORK / path.name
        text = derived(path)
        if target.exists() and target.read_text("utf-8") == text:
            continue
        old.append(path.name)
        if not check:
            target.write_text(text, "utf-8")
    if check and old:
        sys.exit(f"out of date: {', '.join(old)}; run python book/homework/grading/derive.py")
    print(f"{'made' if old else 'up to date'}: {', '.join(old) or 'all'}")


if __name__ == "__main__":
    main()
