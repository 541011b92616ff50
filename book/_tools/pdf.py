"""Print a site that is built: python book/_tools/pdf.py _build/html book.pdf"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from _ext.pdf.printing import make                    # noqa: E402 - after the path to it

if __name__ == "__main__":
    make(*sys.argv[1:])
