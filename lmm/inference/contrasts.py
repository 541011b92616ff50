"""Linear functions L beta of the fixed effects (slide 26)."""

import re
import warnings

import numpy as np
import pandas as pd
import scipy

from lmm.engine import rank
from lmm.inference import degrees
from lmm.inference.parameters import check_level


def contrast(fit, L, df, level=0.95):
    """L beta with standard error, df, t, p and limits, a row of the result for each row of L.

    L: (p,) or (k, p), or a DataFrame whose index names the rows, or a dict name -> row.
    Raises ValueError if L has not one number for each fixed effect.
    """
    check_level(level)
    L = _rows(fit, L)
    if not len(L):
        return pd.DataFrame(columns=["estimate", "se", "df", "t", "p", "lower", "upper"],
                            index=L.index, dtype=float)
    estimate = L.to_numpy() @ fit.fe_params.to_numpy()
    se = np.sqrt(np.einsum("ij,jk,ik->i", L, degrees.covariance(fit, df), L))
    nu = degrees.of_contrasts(fit, L.to_numpy(), df)
    t = estimate / se
    half = scipy.stats.t.ppf((1 + level) / 2, nu) * se
    return pd.DataFrame({
        "estimate": estimate, "se": se, "df": nu, "t": t, "p": 2 * scipy.stats.t.sf(np.abs(t), nu),
        "lower": estimate - half, "upper": estimate + half}, index=L.index)


def f_test(fit, L, df):
    """F test of L beta = 0: a DataFrame of one row, num_df, den_df, F, p. Rows of L that others
    give are left out, as lmerTest's contest does."""
    L = _rows(fit, L).to_numpy()
    if not len(L):
        raise ValueError("L has no row: there is nothing to test")
    L = L[sorted(rank.independent(L.T, range(len(L)), 1e-9))]
    test = degrees.f_test(fit, L, df)
    p = scipy.stats.f.sf(test.F, test.num_df, test.den_df)
    return pd.DataFrame([[*test, p]], columns=["num_df", "den_df", "F", "p"])


def estimates(fit, rows, df, what, level=0.95):
    """`contrast` of functions of all columns of the fixed part, dropped ones too: NaN for those
    that have no estimate, and a warning that names them."""
    L, can = rank.functions(fit.frame.rank, rows.to_numpy(dtype=float))
    table = contrast(fit, pd.DataFrame(L[can], rows.index[can]), df, level)
    if can.all():
        return table
    names = [label(name) for name in rows.index[~can]]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    warnings.warn(f"these {what} cannot be estimated, as columns of the fixed part were dropped: "
                  f"{', '.join(names[:10])}{more}", RuntimeWarning, stacklevel=4)
    out = pd.DataFrame(np.nan, rows.index, table.columns)
    out.iloc[np.flatnonzero(can)] = table
    return out


def _rows(fit, L):
    if isinstance(L, dict):
        L = pd.DataFrame(list(L.values()), index=list(L))
    if not isinstance(L, pd.DataFrame):
        L = pd.DataFrame(np.atleast_2d(np.asarray(L, dtype=float)))
    names = list(fit.fe_params.index)
    if not names and len(L):
        raise ValueError(f"{fit.formula!r} has no fixed effects, so there is no function of them")
    if L.shape[1] != len(names):
        raise ValueError(f"L has {L.shape[1]} columns but there are {len(names)} fixed effects: "
                         f"{', '.join(names)}")
    if not np.isfinite(L.to_numpy(dtype=float)).all():
        raise ValueError("L has values that are NaN or infinite")
    if not L.to_numpy().any(axis=1).all():
        row = L.index[~L.to_numpy().any(axis=1)].tolist()[0]
        raise ValueError(f"row {row!r} of L is all zeros: it asks for nothing")
    return L.astype(float)


def label(level):
    """A level, or the levels of a combination, as text; brackets where it could be read as a
    difference.

    emmeans does the same, but puts the factor's name before levels that are numbers: width1, not 1.
    """
    name = " ".join(map(str, level)) if isinstance(level, tuple) else str(level)
    return f"({name})" if re.search(r"[-+*/]", name) else name
