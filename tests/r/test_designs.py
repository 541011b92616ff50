"""On random designs: `lmm` against R's packages, and the engine against the slides."""

import shutil

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.optimize import minimize

from conftest import missing_tool
from lmm.engine import coordinates, criterion, state
from tests.r import compare, designs
from tests.r.families import FAMILIES, case

SEEDS = range(4)                                           # even: balanced, odd: ragged


@pytest.fixture(scope="module")
def verdicts():
    """One R process for all."""
    if not shutil.which("Rscript"):
        missing_tool("Rscript is not installed")
    verdicts = designs.run(list(FAMILIES), SEEDS)
    return {(name, seed): verdict for name, seed, _, verdict in verdicts}


@pytest.mark.parametrize("name", FAMILIES)
def test_r_says_the_same(verdicts, name):
    for seed in SEEDS:
        verdict = verdicts[name, seed]
        assert not verdict.wrong, (name, seed, verdict.wrong)


def test_most_designs_are_compared_in_all(verdicts):
    kinds = [verdict.kind for verdict in verdicts.values()]
    assert kinds.count("right") >= 0.85 * len(kinds)
    assert sum(verdict.checks for verdict in verdicts.values()) > 25 * len(kinds)


# No R needed -----------------------------------------------------------------------------------

drawn = st.tuples(st.sampled_from(list(FAMILIES)), st.integers(0, 2**32 - 1), st.booleans())


def fitted(design):
    """The case and its fit; what is refused, or flagged, tells nothing here."""
    c = case(*design)
    try:
        fit, said = compare.quietly(lambda: compare.fitted(c))
    except ValueError as error:
        assert compare.meant(error), error
        assume(False)
    assume(not any("converged" not in text for text in said))
    assert not said and fit.converged, said
    return c, fit


@given(drawn)
@settings(max_examples=100, deadline=None)
def test_the_engine_computes_the_formula_of_slide_34(design):
    """At the fit's own variances and at any others, in balanced designs as in ragged ones."""
    c, fit = fitted(design)
    textbook = compare.textbook(fit, c, fit.gamma, fit.scale)
    assert fit.criterion == pytest.approx(textbook, rel=1e-8, abs=1e-7)
    rng = np.random.default_rng(design[1])
    T = state.unpack(rng.normal(size=len(state.pack(fit.optimum.T))), fit.problem.sizes)
    there = coordinates.estimates(fit.problem, T, criterion.evaluate(fit.problem, T))
    log_weights = 0 if c.weights is None else np.log(c.table[c.weights]).sum()
    textbook = compare.textbook(fit, c, there.gamma, there.scale)
    assert there.criterion - log_weights == pytest.approx(textbook, rel=1e-8, abs=1e-7)


@given(drawn)
@settings(max_examples=60, deadline=None)
def test_no_other_start_finds_a_better_optimum(design):
    _, fit = fitted(design)
    rng, sizes = np.random.default_rng(design[1]), fit.problem.sizes

    def objective(theta):
        point = criterion.evaluate(fit.problem, state.unpack(theta, sizes))
        return point.criterion, point.gradient
    size = len(state.pack(fit.optimum.T))
    starts = [scale * rng.uniform(0.05, 1, size) for scale in (0.1, 1, 10, 100)]
    best = min(minimize(objective, start, jac=True, method="L-BFGS-B").fun for start in starts)
    assert fit.optimum.point.criterion <= best + 1e-6
