"""Responses drawn from a fit, and bootstrap intervals of its parameters."""

import warnings
from collections import namedtuple
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from tqdm import tqdm

from lmm.engine import criterion, joint_search, search
from lmm.engine.errors import Errors
from lmm.engine.terms import levels_of
from lmm.engine.threads import one
from lmm.inference import neighbours, parameters, prediction

CHUNKS = 50
PROGRESS_FROM = 200

# X beta; the offset; terms: (codes, x, root of Var(u)); sigma; Var(e) / sigma^2
Truth = namedtuple("Truth", "mean offset terms sigma errors")
Job = namedtuple("Job", "frame reml truth")


@one
def simulate(fit, n, seed, new_data=None, fe_params=None, sd=None):
    """n responses drawn from y = X beta + Z u + e with new u ~ N(0, G) and e ~ N(0, R): an array
    (rows, n).

    new_data: other rows, a table with the formula's columns; each level of a grouping factor draws
    its own u. Rows have weight 1.
    fe_params: dict, name -> value in place of the estimate. sd: dict, group -> standard deviation
    of its random effects, or their covariance matrix; "Residual" -> sigma; others stay.
    Raises ValueError for names that the fit does not have, and as `predict` for new_data.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError("n, the number of responses to draw, must be a positive whole number, "
                         f"not {n!r}")
    rng = np.random.default_rng(seed)
    parts = truth(fit, fe_params or {}, sd or {})
    if new_data is not None:
        parts = _elsewhere(fit, parts, new_data, fe_params or {})
    return np.column_stack([draw(parts, rng) for _ in range(n)])


def truth(fit, fe_params=(), sd=()):
    """What `draw` needs of a fit: arrays only, so that it can be sent to another process."""
    groups = {t.name for t in fit.terms} | {"Residual"}
    for given, names in ((fe_params, set(fit.fe_params.index)), (sd, groups)):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(f"the fit has no {unknown[0]!r}; there are: "
                             f"{', '.join(sorted(map(str, names)))}")
    roots = []
    for term, gamma in zip(fit.terms, fit.gamma):
        G = parameters.covariance(sd[term.name], term) if term.name in sd else fit.scale * gamma
        values, vectors = np.linalg.eigh(G)
        roots.append(vectors * np.sqrt(np.maximum(values, 0)))   # of Var(u), which may be singular
    terms = [(t.codes, t.x, root) for t, root in zip(fit.terms, roots)]
    sigma = float(sd["Residual"]) if "Residual" in sd else np.sqrt(fit.scale)
    return Truth(fit.X.to_numpy() @ _beta(fit, fe_params), fit.frame.offset, terms, sigma,
                 fit.errors)


def _beta(fit, fe_params):
    """The estimates, some of them replaced."""
    return np.array([dict(fe_params).get(name, b) for name, b in fit.fe_params.items()])


def _elsewhere(fit, parts, new_data, fe_params):
    """The same for other rows, whose levels are new ones."""
    rows, data = prediction.rows_of(fit, new_data)
    levels = [levels_of(t.name, data)[0] for t in fit.terms]
    terms = [(codes, x, root)
             for codes, (_, x), (*_, root) in zip(levels, rows.terms, parts.terms)]
    errors = Errors(None, np.ones(len(data)))
    if fit.found is not None:
        errors = neighbours.errors_of(fit, data, rows.level)
    return Truth(rows.X @ _beta(fit, fe_params), 0.0, terms, parts.sigma, errors)


def draw(parts, rng):
    """One response, (nobs,)."""
    y = parts.mean + parts.sigma * parts.errors.color(rng.standard_normal(len(parts.mean)))
    for codes, x, root in parts.terms:
        u = rng.standard_normal((codes.max() + 1, len(root))) @ root.T
        y += (x * u[codes]).sum(axis=1)
    return y + parts.offset


def bootstrap(fit, n, seed, executor=None, level=0.95):
    """Parametric bootstrap: n responses drawn from the fit, each fitted again; percentile
    intervals.

    Columns parameter, estimate, lower, upper, for standard deviations, correlations, sigma and
    fixed effects.
    .attrs["draws"]: a DataFrame with a row a replicate and a column a parameter; a correlation is
    NaN where a variance is 0. .attrs["not_converged"]: how many refits have not converged (they are
    in the draws, and a warning says so).
    executor: any concurrent.futures.Executor. Each replicate has a seed of its own, so that results
    do not depend on the executor or its number of workers.
    """
    parameters.check_level(level)
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 2:
        raise ValueError("n, the number of replicates, must be a whole number of at least 2, not "
                         f"{n!r}")
    seeds = np.array_split(np.array(np.random.SeedSequence(seed).spawn(n)), min(CHUNKS, n))
    job = Job(replace(fit.frame, data=None, model_spec=None), fit.reml, truth(fit))
    refit = partial(_replicates, job)
    draws = []
    with tqdm(total=n, disable=n < PROGRESS_FROM, unit=" fits", mininterval=1) as bar:
        for chunk in (executor.map if executor else map)(refit, seeds):
            draws += chunk
            bar.update(len(chunk))
    names = parameters.names(fit)
    failed = sum(not ok for ok, _ in draws)
    if failed:
        warnings.warn(f"{failed} of {n} refits have not converged; they are kept in the "
                      "intervals", RuntimeWarning, stacklevel=3)
    draws = pd.DataFrame([values for _, values in draws], columns=names)
    lower = draws.quantile((1 - level) / 2)
    upper = draws.quantile((1 + level) / 2)
    estimates = parameters.values(fit.gamma, fit.scale, fit.fe_params, fit.errors)
    table = pd.DataFrame({"parameter": names, "estimate": estimates, "lower": lower.to_numpy(),
                          "upper": upper.to_numpy()})
    table.attrs = {"draws": draws, "not_converged": failed}
    return table


@one
def _replicates(job, seeds):
    """For each seed whether the refit converged, and its estimates."""
    return [_replicate(job, np.random.default_rng(seed)) for seed in seeds]


def _replicate(job, rng):
    frame = replace(job.frame, y=draw(job.truth, rng))
    if frame.structure is None:
        problem = criterion.of_frame(frame, job.reml)
        found = search.optimum(problem)
        there, errors = problem.coordinates, job.truth.errors
    else:
        found = joint_search.optimum(frame, job.reml)
        there, errors = found.coordinates, found.errors
    return found.converged, parameters.values(there.gamma(found.T), there.scale(found.point.scale),
                                              there.beta(found.point.b), errors)
