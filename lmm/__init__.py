"""lmm: linear mixed models, as in lecture 10 of 01NAEX, by hand and by formula."""

from lmm import design, henderson, likelihood, moments, shrinkage
from lmm.data import datasets, load
from lmm.inference.lrt import lrt, rlrt
from lmm.model import Fit, fit

__version__ = "0.1.0"
__all__ = ["Fit", "datasets", "design", "diagnostics", "fit", "henderson", "homework", "influence", "likelihood", "load",
           "lrt", "moments", "plots", "quoted", "rlrt", "shrinkage"]


def __getattr__(name):
    """Load what not every reader needs (lmm.plots brings matplotlib) when it is first asked for."""
    if name in ("diagnostics", "homework", "influence", "plots", "quoted"):
        import importlib
        return importlib.import_module(f"lmm.{name}")
    raise AttributeError(f"module 'lmm' has no attribute {name!r}")
