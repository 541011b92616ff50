"""lmm: linear mixed models, as in lecture 10 of 01NAEX, by hand and by formula.

Files are the slides, folders are the machinery. Imports run one way: slides <- engine <- inference
<- model; the slides import nothing of the engine.

    design.py       X and Z                                  slides 27, 28
    moments.py      V = Z G Z' + R, correlations             slides 29 to 31
    likelihood.py   GLS, ML, REML                            slides 32, 34, 35
    henderson.py    the mixed model equations                slide 33
    shrinkage.py    how far a group's mean is trusted      slide 9
    check.py        what these ask of their input

    model.py        fit() and Fit, its results;  summary.py, tables.py: as text and HTML
    engine/         formulas -> frame -> products -> blocks -> criterion; start -> search
    inference/      degrees of freedom, means, tests, intervals, predictions, influence
    plots/          pictures, a module a chapter; diagnostics
    planning.py     power: how often a design finds what is there
    homework/       the homework's data and answers
    data.py         the tables;  quoted.py: the lecture's numbers

`lmm.influence` and `lmm.diagnostics` are names of `inference.influence` and `plots.diagnostics`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:                       # what editors read in place of `__getattr__`
    from lmm import (design, diagnostics, henderson, homework, influence, likelihood, moments,
                     plots, quoted, shrinkage)
    from lmm.data import datasets, load
    from lmm.inference.lrt import lrt, rlrt
    from lmm.model import Fit, fit
    from lmm.planning import power
    from lmm.tables import table

__version__ = "0.1.0"
__all__ = ["Fit", "datasets", "design", "diagnostics", "fit", "henderson", "homework", "influence",
           "likelihood", "load", "lrt", "moments", "plots", "power", "quoted", "rlrt",
           "shrinkage", "table"]
HOME = {"Fit": "lmm.model", "fit": "lmm.model", "datasets": "lmm.data", "load": "lmm.data",
        "lrt": "lmm.inference.lrt", "rlrt": "lmm.inference.lrt", "table": "lmm.tables",
        "power": "lmm.planning"}


def __getattr__(name):
    """Import each part when it is first asked for: a reader who runs a page in the browser does not
    wait for all of scipy."""
    if name in HOME:
        return getattr(importlib.import_module(HOME[name]), name)
    if name in __all__ or name in ("data", "inference"):
        return importlib.import_module(f"lmm.{name}")
    raise AttributeError(f"module 'lmm' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
