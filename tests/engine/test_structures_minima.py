"""Random designs with a structure, drawn from seeds: no other start finds a lower criterion."""

import warnings

import numpy as np
import pandas as pd
import pytest

import lmm
from lmm.engine import components, criterion, joint_search

KINDS = ["ar1", "car1", "cs", "toep", "us", None]
# nine in which the criterion has several minima: ar1, us with pairs seldom together, toep, cs
SEEDS = [432630790, 56887307, 236766922, 596544984, 883860599, 963142121, 871263171, 690775771,
         191506392, *range(1, 25)]


def design(rng):
    """A table with gaps, unequal variances, a random intercept or none, and what to ask of it."""
    g, T = int(rng.integers(5, 25)), int(rng.integers(3, 7))
    data = pd.DataFrame({"s": np.repeat(np.arange(g), T), "t": np.tile(np.arange(T), g)})
    data["x"] = rng.normal(size=len(data))
    data["f"] = np.repeat(rng.choice(list("ab"), g), T)
    data["w"] = rng.uniform(0.3, 3, len(data))
    data["v"] = "v" + data["t"].astype(str)
    rho = rng.uniform(-0.3, 0.95)
    kind = rng.choice(["ar1", "car1", "cs", "toep", "us", "none"])
    C = rho**np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    if rng.random() < 0.3:
        C = 0.5 * np.ones((T, T)) + 0.5 * np.eye(T)
    errors = rng.normal(size=(g, T)) @ np.linalg.cholesky(C + 1e-6 * np.eye(T)).T
    errors = errors * np.exp(rng.normal(0, 0.3, T))
    level = rng.normal(size=g) * rng.choice([0, 0.5, 2])
    data["y"] = 1 + data["x"] + errors.ravel() + np.repeat(level, T)
    if rng.random() < 0.5:
        data = data[rng.random(len(data)) > 0.2]
    if rng.random() < 0.3:
        data["t"] = data["t"]**2
    correlation = None if kind == "none" else f"{kind}(t | s)"
    variance = rng.choice([None, "f", "v"]) if correlation else rng.choice(["f", "v"])
    random = rng.choice(["", " + (1 | s)", " + (x | s)", " + (0 + x | s)"], p=[0.5, 0.3, 0.1, 0.1])
    options = dict(correlation=correlation, variance=variance, weights=rng.choice([None, "w"]),
                   reml=bool(rng.random() < 0.6))
    return f"y ~ x{random}", data, options


@pytest.mark.parametrize("seed", SEEDS)
def test_no_other_start_ends_lower(seed):
    rng = np.random.default_rng(seed)
    formula, data, options = design(rng)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)          # of fits without an optimum
            fit = lmm.fit(formula, data, **options)
    except ValueError as refusal:                                    # in words, not by numpy
        said = ("equally correlated", "cannot be estimated", "cannot tell", "only the level")
        assert any(words in str(refusal) for words in said)
        return
    frame = fit.frame
    terms = [(t.codes, t.x) for t in frame.terms]
    plain = criterion.problem(frame.y, frame.X.to_numpy(), terms, fit.reml)
    engine = plain.coordinates.terms(terms)
    parts = components.batches(frame.structure, engine, frame.weights, plain.W)
    for _ in range(4):
        T = [np.tril(rng.normal(size=(m, m))) for m in plain.sizes]
        eta = rng.normal(size=len(fit.errors.phi))
        gamma = rng.normal(0, 0.5, len(fit.errors.gamma))
        try:
            other = joint_search.search(frame, parts, plain, T, eta, gamma)
        except np.linalg.LinAlgError:                                # no start at all
            continue
        assert not other.converged or other.point.criterion > fit.found.point.criterion - 1e-6
    if fit.converged:
        assert np.isfinite(fit.coef_table().to_numpy()).all()
