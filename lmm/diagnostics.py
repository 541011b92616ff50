"""The name under which users import `lmm.plots.diagnostics`."""

import sys

from lmm.plots import diagnostics

sys.modules[__name__] = diagnostics
