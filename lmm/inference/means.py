"""Linear functions of the fixed effects: contrasts and least-squares means (slide 26)."""

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from lmm.inference import df as degrees


def contrast(fit, L, df):
    """L beta with standard error, df, t, p and 95 % limits, a row of the result for each row of L.

    L: (p,) or (k, p), or a DataFrame whose index names the rows, or a dict name -> row.
    Raises ValueError if L has not one number for each fixed effect.
    """
    L = _rows(fit, L)
    estimate = L.to_numpy() @ fit.fe_params.to_numpy()
    se = np.sqrt(np.einsum("ij,jk,ik->i", L, fit.cov_params(), L))
    nu = degrees.of_contrasts(fit, L.to_numpy(), df)
    t = estimate / se
    half = stats.t.ppf(0.975, nu) * se
    return pd.DataFrame({
        "estimate": estimate, "se": se, "df": nu, "t": t, "p": 2 * stats.t.sf(np.abs(t), nu),
        "lower": estimate - half, "upper": estimate + half}, index=L.index)


def _rows(fit, L):
    if isinstance(L, dict):
        L = pd.DataFrame(list(L.values()), index=list(L))
    if not isinstance(L, pd.DataFrame):
        L = pd.DataFrame(np.atleast_2d(np.asarray(L, dtype=float)))
    names = list(fit.fe_params.index)
    if L.shape[1] != len(names):
        raise ValueError(f"L has {L.shape[1]} columns but there are {len(names)} fixed effects: {', '.join(names)}")
    if not np.isfinite(L.to_numpy(dtype=float)).all():
        raise ValueError("L has values that are NaN or infinite")
    if not L.to_numpy().any(axis=1).all():
        raise ValueError(f"row {L.index[~L.to_numpy().any(axis=1)][0]!r} of L is all zeros: it asks for nothing")
    return L.astype(float)


def ls_means(fit, factors, df):
    """The mean of each level of a factor, or of each combination "a:b", averaged over all other factors
    with equal weights and at the mean of each numeric covariate (slide 26).

    Returns a DataFrame: factor columns; mean, se, df, lower, upper. Raises ValueError for a factor that is
    not in the fixed part.
    """
    names = factors.split(":") if isinstance(factors, str) else list(factors)
    grid, rows = reference_grid(fit)
    for name in names:
        if name not in grid.columns or pd.api.types.is_numeric_dtype(grid[name]):
            categorical = [c for c in grid if not pd.api.types.is_numeric_dtype(grid[c])]
            raise ValueError(f"{name!r} is not a factor of the fixed part; there are: {', '.join(categorical)}")
    L = rows.groupby([grid[name] for name in names], observed=True).mean()
    table = contrast(fit, L, df).rename(columns={"estimate": "mean"})
    return table[["mean", "se", "df", "lower", "upper"]].reset_index()


def reference_grid(fit):
    """All combinations of the levels of the fixed factors, numeric covariates at their mean, and their rows of X."""
    spec = fit.model_spec
    columns = sorted(spec.formula.required_variables)
    values = {c: [fit.data[c].mean()] if _numeric(fit, c) else list(pd.Categorical(fit.data[c]).categories)
              for c in columns}
    grid = pd.DataFrame(list(itertools.product(*values.values())), columns=columns)
    for c in columns:
        if not _numeric(fit, c):
            grid[c] = pd.Categorical(grid[c], categories=values[c])
    return grid, pd.DataFrame(spec.get_model_matrix(grid)).astype(float)


def _numeric(fit, column):
    return pd.api.types.is_numeric_dtype(fit.data[column])
