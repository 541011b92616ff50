"""Run chapters and store their outputs: python book/_tools/store.py book/06_tablets_mixed.ipynb ...

Pictures are not stored (the book's build makes them anew), only the text of each output. Where a
cell assigns `alt`, which every picture of lmm.plots returns, it becomes the picture's alternative
text.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
          "language_info": {"name": "python"}}


def store(path):
    """Execute the notebook from the first cell, store outputs without images, and write it back."""
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict(KERNEL)
    folder = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=120, resources=folder)
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            if cell.cell_type == "code" and re.search(r"^alt = ", cell.source, re.MULTILINE):
                image = cell.metadata.setdefault("mystnb", {}).setdefault("image", {})
                image["alt"] = _printed(client, index, "alt")
                notebook.cells[index] = cell          # nbclient had put the probe in its place
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
        cell.metadata.pop("execution", None)
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output["execution_count"] = count
            for kind in [k for k in output.get("data", {}) if k.startswith("image/")]:
                del output["data"][kind]
            if "data" in output:
                output["metadata"] = {}
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def _joined(outputs):
    """Printed text may arrive in several pieces: put neighbours of one stream together."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == "stream" == last.output_type and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _printed(client, index, name):
    probe = nbformat.v4.new_code_cell(f"print({name})")
    client.execute_cell(probe, index, store_history=False)
    return " ".join(probe.outputs[0].text.split())


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store(Path(name))
        print("stored", name)
