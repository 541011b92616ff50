"""Balanced designs, whose cross-products hold exact zeros: the engine is slide 34's formula."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

import lmm
from conftest import dense

# formulas for a table in which each combination of the factors occurs equally often
CROSSED = [
    "y ~ x + (x | s) + (x | i)",
    "y ~ f + (0 + f | i) + (1 | s)",
    "y ~ c + (0 + c | s) + (0 + c | i)",
    "y ~ x + (1 | s) + (x | i)",
    "y ~ c * z + (z | s/c)",
    "y ~ c * z + (1 | s:c) + (z | s)",
    "y ~ c + (c | s) + (1 | s:i)",
    "y ~ x + (x | s) + (0 + x | i)",
    "y ~ f * x + (x | i) + (x | s)",
    "y ~ x + z + (x + z | s) + (x | i)",
]


def crossed(seed, subjects=6, items=4):
    """A fully crossed table: subjects s, items i, conditions c.

    x and z are orthogonal covariates, f is a group of subjects.
    """
    rng = np.random.default_rng(seed)
    rows = list(itertools.product(range(subjects), range(items), range(2)))
    data = pd.DataFrame(rows, columns=["s", "i", "c"])
    data["x"] = data["c"] - 0.5
    data["z"] = data["i"] - (items - 1) / 2
    data["f"] = np.where(data["s"] % 2 == 0, "a", "b")
    sd = rng.choice([0, 0.3, 1, 3], 4)
    u = rng.normal(size=(subjects, 2)) * sd[:2]
    v = rng.normal(size=(items, 2)) * sd[2:]
    data["y"] = (rng.normal(size=len(data)) + u[data["s"], 0] + u[data["s"], 1] * data["x"]
                 + v[data["i"], 0] + v[data["i"], 1] * data["x"])
    return data.assign(c=data["c"].map({0: "lo", 1: "hi"}))


@given(st.integers(0, 2**32 - 1), st.sampled_from(CROSSED), st.booleans())
@settings(max_examples=150, deadline=None)
def test_balanced_designs_are_the_textbook_wing(seed, formula, reml):
    fit = lmm.fit(formula, crossed(seed), reml=reml)
    assert fit.converged
    assert fit.criterion == pytest.approx(dense(fit, fit.gamma, fit.scale), rel=1e-9, abs=1e-7)


# R 4.2.2, lme4 1.1-31, bobyqa with rhoend = 1e-10; d: the depth as a number
PLANKS = {
    "humidity ~ width * depth + (1 | plank:width) + (d | plank)": 545.8986,
    "humidity ~ width * depth + (d | plank/width)": 545.0756,
}


@pytest.mark.parametrize("formula", PLANKS)
def test_slopes_of_depth_on_the_planks(formula):
    planks = lmm.load("planks")
    planks["d"] = planks["depth"].astype(float)
    fit = lmm.fit(formula, planks)
    assert fit.converged
    assert fit.criterion == pytest.approx(PLANKS[formula], abs=5e-5)
