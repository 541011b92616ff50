"""Copies of the notebooks for Colab: python book/_tools/colab.py owner/name folder

Each begins with a cell that installs lmm. Colab opens notebooks from a branch on GitHub;
.github/workflows/book.yml puts the folder on the branch `colab`.
"""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def notebooks(root=ROOT):
    """The notebooks of the table of contents, as paths from the root of the repository."""
    toc = (root / "_toc.yml").read_text(encoding="utf-8")
    names = re.findall(r"^\s*- file: (\S+)$", toc, re.MULTILINE)
    return [f"{name}.ipynb" for name in names if (root / f"{name}.ipynb").exists()]


def copy(text, repository):
    """A notebook (JSON) with the cell put before all others."""
    notebook = json.loads(text)
    lines = ["# only for Colab: the package of this book, which carries the data with it\n",
             f'%pip install -q "lmm[notebooks] @ git+https://github.com/{repository}"']
    notebook["cells"].insert(0, {"cell_type": "code", "execution_count": None, "id": "install-lmm",
                                 "metadata": {}, "outputs": [], "source": lines})
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def main(repository, folder):
    for name in notebooks():
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = (ROOT / name).read_text(encoding="utf-8")
        target.write_text(copy(text, repository), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
