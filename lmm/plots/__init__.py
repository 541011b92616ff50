"""Pictures with one language of colours. Each function draws on an Axes and returns its alt text.

A module a subject; all names are to be had from here: lmm.plots.box(...).
"""

from lmm.plots.basic import box, intervals, matrix, paired, paths, shrinkage, surface       # noqa: F401
from lmm.plots.canvas import COLORS, style                                                  # noqa: F401
