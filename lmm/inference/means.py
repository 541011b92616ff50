"""Least-squares means of the fixed factors (slide 26), their pairs and letters."""

import itertools
import string

import numpy as np
import pandas as pd
import scipy
from formulaic.parser.types import Factor

from lmm.engine.columns import is_factor
from lmm.inference import contrasts, multiplicity

ADJUSTMENTS = ("tukey", "holm", "bonferroni", "none")
MOST_CELLS = 200_000


def ls_means(fit, factors, df):
    """The mean of each level of a factor, or of each combination "a:b", averaged over all other
    factors with equal weights, at the mean of each numeric covariate (log(x): the logarithm of the
    mean) and of the offset, as emmeans does (slide 26). Only here it differs, on purpose: a numeric
    covariate of two values is held at its mean, too; emmeans averages over the two values with
    equal weights (its cov.keep), as if it were a factor.

    Returns a DataFrame: factor columns; mean, se, df, lower, upper (95 %). A mean that cannot be
    estimated, because columns of the fixed part were dropped, is NaN, and a warning names it.
    Raises ValueError for a factor that is not in the fixed part.
    """
    table = contrasts.estimates(fit, mean_rows(fit, factors), df, "means")
    table = table.rename(columns={"estimate": "mean"})
    table = table[["mean", "se", "df", "lower", "upper"]].reset_index()
    table[["mean", "lower", "upper"]] += fit.frame.offset.mean()
    return table


def pairs(fit, factors, adjust, df):
    """All differences of two LS means, the first level less the second, with p and 95 % limits
    adjusted together.

    adjust: "tukey" (studentized range), "holm", "bonferroni" or "none". Limits are simultaneous;
    Holm has none of its own and takes Bonferroni's, as in emmeans. Returns a DataFrame: contrast,
    estimate, se, df, t, p, lower, upper.
    Raises ValueError for another `adjust` and for a factor that is not in the fixed part.
    """
    if adjust not in ADJUSTMENTS:
        raise ValueError(f"adjust must be one of {', '.join(ADJUSTMENTS)}, not {adjust!r}")
    rows = mean_rows(fit, factors)
    k = len(rows)
    names = [contrasts.label(level) for level in rows.index]
    first, second = np.triu_indices(k, 1)
    L = rows.to_numpy()[first] - rows.to_numpy()[second]
    rows = pd.DataFrame(L, [f"{names[i]} - {names[j]}" for i, j in zip(first, second)])
    table = contrasts.estimates(fit, rows, df, "differences")
    p = table["p"].to_numpy()
    nu = table["df"].to_numpy()
    if adjust == "tukey":
        table["p"] = multiplicity.tukey_p(np.sqrt(2) * np.abs(table["t"].to_numpy()), k, nu)
    elif adjust == "holm":
        table["p"] = multiplicity.holm(p)
    elif adjust == "bonferroni":
        table["p"] = np.minimum(1, len(p) * p)
    if adjust != "none":
        if adjust == "tukey":
            wide = multiplicity.tukey_quantile(k, nu) / np.sqrt(2)
        else:
            wide = scipy.stats.t.ppf(1 - 0.025 / len(p), nu)
        table["lower"] = table["estimate"] - wide * table["se"]
        table["upper"] = table["estimate"] + wide * table["se"]
    return table.rename_axis("contrast").reset_index()


def letters(fit, factors, adjust, df, level):
    """The LS means, in the order of the levels, with a column `letters`: two means that share a
    letter do not differ at `level` by the p-values of `pairs`. "a" stands with the smallest mean,
    as in emmeans' cld.

    Insert and absorb (Piepho 2004, J. Comput. Graph. Stat. 13): all means start with one letter in
    common; each pair that differs splits every letter that it shares; a letter that says nothing
    beyond another one goes.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    table = ls_means(fit, factors, df)
    p = pairs(fit, factors, adjust, df)["p"].to_numpy()
    k = len(table)
    if table["mean"].isna().any():
        raise ValueError("letters compare all means, and some cannot be estimated; use pairs")
    groups = [frozenset(range(k))]
    for i, j in zip(*(index[p < level] for index in np.triu_indices(k, 1))):
        split = [g - {out} for g in groups for out in ((i, j) if {i, j} <= g else (None,))]
        groups = [g for g in dict.fromkeys(split) if not any(g < other for other in split)]
    rank = np.argsort(np.argsort(table["mean"].to_numpy()))
    groups.sort(key=lambda g: sorted(rank[list(g)]))
    if len(groups) > len(string.ascii_letters):
        raise ValueError(f"{k} means need {len(groups)} letters and there are 52: use pairs "
                         "instead")
    table["letters"] = ["".join(a for a, g in zip(string.ascii_letters, groups) if i in g)
                        for i in range(k)]
    return table


def mean_rows(fit, factors):
    """The rows L of the LS means, indexed by the levels of the factors."""
    names = factors.split(":") if isinstance(factors, str) else list(factors)
    levels = _levels(fit)
    for name in names:
        if name not in levels:
            raise ValueError(f"{name!r} is not a factor of the fixed part; there are: "
                             f"{', '.join(levels)}")
    grid, rows = reference_grid(fit)
    return rows.groupby([grid[name] for name in names], observed=True).mean()


def reference_grid(fit):
    """All combinations of the levels of the fixed factors, numeric covariates at their mean, and
    their rows of X."""
    levels = _levels(fit)
    values = {c: levels.get(c) or [fit.data[c].mean()] for c in _variables(fit)}
    cells = int(np.prod([float(len(v)) for v in values.values()]))
    if cells > MOST_CELLS:
        raise ValueError(f"the factors {', '.join(levels)} have {cells} combinations; LS means "
                         "average over at most "
                         f"{MOST_CELLS}: use fit.contrast")
    grid = pd.DataFrame(list(itertools.product(*values.values())), columns=list(values))
    for c in levels:
        if is_factor(fit.data[c]):
            grid[c] = pd.Categorical(grid[c], categories=levels[c])
    return grid, pd.DataFrame(fit.model_spec.get_model_matrix(grid)).astype(float)


def _variables(fit):
    """The columns of the table that the fixed part uses."""
    variables = set().union(*fit.model_spec.factor_variables.values())
    return sorted(str(v) for v in variables if v.source == "data")


def _levels(fit):
    """The fixed factors with their levels: columns that are not numeric, and numeric ones inside
    C()."""
    spec = fit.model_spec
    coded = {str(v) for factor, variables in spec.factor_variables.items() for v in variables
             if factor.expr in spec.encoder_state
             and spec.encoder_state[factor.expr][0] is Factor.Kind.CATEGORICAL}
    return {c: list(pd.Categorical(fit.data[c]).categories) for c in _variables(fit)
            if c in coded or is_factor(fit.data[c])}
