"""Power by simulation: how often a design finds what is there, over a grid of designs and
effects."""

import itertools
from functools import partial

import numpy as np
import pandas as pd
import scipy
from tqdm import tqdm

from lmm.engine import columns, formulas
from lmm.inference import parameters
from lmm.model import fit

CHUNK = 20
PROGRESS_FROM = 200


def power(formula, design, fixed, sd, test, n=200, seed=None, grid=None, level=0.05,
          df="satterthwaite", executor=None):
    """The share of n simulated experiments whose p lies below `level`: R's pamm, over any grid.

    formula: lme4's syntax. design: a table with its columns (the response may be missing), or a
    function that makes one. fixed: dict, name of each fixed effect -> its true value. sd: dict,
    group -> standard deviation of its random effects, or their covariance matrix where a term has
    several columns; "Residual" -> that of the errors. test: a term of the fixed part, "method" (F
    test, type III), or a random term as lmerTest's ranova names it, "(1 | tablet)". grid: dict,
    name -> values, all combinations of which are tried. A name in `fixed` or `sd` takes the place
    of the value there (pamm's EAMM); any other is handed to the function `design` (its PAMM). seed:
    each cell and each draw has a seed of its own, so results do not depend on the executor.

    Returns a DataFrame, a row a cell: the grid's columns; power; lower and upper, its exact 95 %
    limits (Clopper and Pearson); draws; not_converged. Raises ValueError for effects, groups and
    tests that the model does not have.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError("n, the number of experiments, must be a positive whole number, not "
                         f"{n!r}")
    parameters.check_level(level)
    grid = {name: list(values) for name, values in (grid or {}).items()}
    cells = [dict(zip(grid, values)) for values in itertools.product(*grid.values())]
    seeds = np.random.SeedSequence(seed).spawn(len(cells))
    jobs = [_job(formula, design, fixed, sd, test, cell, df) for cell in cells]
    rows = []
    with tqdm(total=n * len(cells), disable=n * len(cells) < PROGRESS_FROM, unit=" fits",
              mininterval=1) as bar:
        for cell, job, one in zip(cells, jobs, seeds):
            chunks = np.array_split(np.array(one.spawn(n)), max(1, n // CHUNK))
            p = []
            for part in (executor.map if executor else map)(partial(_p_values, job), chunks):
                p += part
                bar.update(len(part))
            rows.append({**cell, **_share(np.array(p), level)})
    return pd.DataFrame(rows)


def _share(results, level):
    """Power, its limits, and how many fits have not converged. results: (n, 2), p and whether it
    converged."""
    found, n = int((results[:, 0] < level).sum()), len(results)
    beta = scipy.stats.beta.ppf
    lower = beta(0.025, found, n - found + 1) if found else 0.0
    upper = beta(0.975, found + 1, n - found) if found < n else 1.0
    return {"power": found / n, "lower": lower, "upper": upper, "draws": n,
            "not_converged": int((results[:, 1] == 0).sum())}


def _job(formula, design, fixed, sd, test, cell, df):
    """What the draws of a cell need: the fit of a first response, the true mean, roots of Var(u),
    sd of the errors."""
    own = {name: value for name, value in cell.items() if name not in fixed and name not in sd}
    if own and not callable(design):
        raise ValueError(f"{next(iter(own))!r} of grid is neither in fixed nor in sd; then design "
                         "must be a function that takes it")
    table = columns.table(design(**own) if callable(design) else design)
    name = str(formulas.left(formulas.parse(formula).response)[0])
    model = fit(formula,
                table.assign(**{name: np.random.default_rng(0).standard_normal(len(table))}))
    fixed = {key: cell.get(key, value) for key, value in fixed.items()}
    sd = {key: cell.get(key, value) for key, value in sd.items()}
    _same_names("fixed", fixed, model.X.columns)
    _same_names("sd", sd, [*dict.fromkeys(t.name for t in model.terms), "Residual"])
    if test not in _tests(model):
        raise ValueError(f"test must be one of {', '.join(_tests(model))}, not {test!r}")
    mean = model.X.to_numpy() @ np.array([fixed[key] for key in model.X.columns], dtype=float)
    roots = [parameters.root(sd[t.name], t) for t in model.terms]
    return model, mean, roots, float(sd["Residual"]), test, df


def _same_names(what, given, names):
    missing = [name for name in names if name not in given]
    extra = [name for name in given if name not in names]
    if missing or extra:
        said = f"lacks {missing[0]!r}" if missing else f"has {extra[0]!r}, which is unknown"
        raise ValueError(f"{what} {said}; it needs: {', '.join(map(str, names))}")


def _tests(model):
    return [*model.anova().index, *(model.ranova()["term"] if model.terms else [])]


def _p_values(job, seeds):
    """For each seed p of the test, and whether the fit converged."""
    model, mean, roots, sd, test, df = job
    out = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        y = mean + sd * rng.standard_normal(len(mean))
        for term, root in zip(model.terms, roots):
            u = rng.standard_normal((len(term.levels), len(root))) @ root.T
            y += (term.x * u[term.codes]).sum(axis=1)
        fit = model.refit(y)
        table = fit.ranova().set_index("term") if test.startswith("(") else fit.anova(df=df)
        out.append((table.loc[test, "p"], fit.converged))
    return out
