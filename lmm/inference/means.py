"""Linear functions of the fixed effects: contrasts, least-squares means (slide 26), their pairs and letters."""

import itertools
import re
import string
import warnings

import numpy as np
import pandas as pd
import scipy
from formulaic.parser.types import Factor

from lmm import rank
from lmm.columns import is_factor
from lmm.inference import df as degrees

ADJUSTMENTS = ("tukey", "holm", "bonferroni", "none")
MOST_CELLS = 200_000


def contrast(fit, L, df):
    """L beta with standard error, df, t, p and 95 % limits, a row of the result for each row of L.

    L: (p,) or (k, p), or a DataFrame whose index names the rows, or a dict name -> row.
    Raises ValueError if L has not one number for each fixed effect.
    """
    L = _rows(fit, L)
    if not len(L):
        return pd.DataFrame(columns=["estimate", "se", "df", "t", "p", "lower", "upper"], index=L.index, dtype=float)
    estimate = L.to_numpy() @ fit.fe_params.to_numpy()
    se = np.sqrt(np.einsum("ij,jk,ik->i", L, degrees.covariance(fit, df), L))
    nu = degrees.of_contrasts(fit, L.to_numpy(), df)
    t = estimate / se
    half = scipy.stats.t.ppf(0.975, nu) * se
    return pd.DataFrame({
        "estimate": estimate, "se": se, "df": nu, "t": t, "p": 2 * scipy.stats.t.sf(np.abs(t), nu),
        "lower": estimate - half, "upper": estimate + half}, index=L.index)


def _estimates(fit, rows, df, what):
    """`contrast` of functions of all columns of the fixed part, dropped ones too: NaN for those that have no estimate,
    and a warning that names them."""
    L, can = rank.functions(fit.model.rank, rows.to_numpy(dtype=float))
    table = contrast(fit, pd.DataFrame(L[can], rows.index[can]), df)
    if can.all():
        return table
    names = [_label(name) for name in rows.index[~can]]
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
        raise ValueError(f"L has {L.shape[1]} columns but there are {len(names)} fixed effects: {', '.join(names)}")
    if not np.isfinite(L.to_numpy(dtype=float)).all():
        raise ValueError("L has values that are NaN or infinite")
    if not L.to_numpy().any(axis=1).all():
        row = L.index[~L.to_numpy().any(axis=1)].tolist()[0]
        raise ValueError(f"row {row!r} of L is all zeros: it asks for nothing")
    return L.astype(float)


def ls_means(fit, factors, df):
    """The mean of each level of a factor, or of each combination "a:b", averaged over all other factors
    with equal weights, at the mean of each numeric covariate (log(x): the logarithm of the mean) and of the offset,
    as emmeans does (slide 26). Only here it differs, on purpose: a numeric covariate of two values is held at its
    mean, too; emmeans averages over the two values with equal weights (its cov.keep), as if it were a factor.

    Returns a DataFrame: factor columns; mean, se, df, lower, upper (95 %). A mean that cannot be estimated, because
    columns of the fixed part were dropped, is NaN, and a warning names it. Raises ValueError for a factor that is not
    in the fixed part.
    """
    table = _estimates(fit, mean_rows(fit, factors), df, "means").rename(columns={"estimate": "mean"})
    table = table[["mean", "se", "df", "lower", "upper"]].reset_index()
    if fit.model.offset is not None:
        table[["mean", "lower", "upper"]] += fit.model.offset.mean()
    return table


def pairs(fit, factors, adjust, df):
    """All differences of two LS means, the first level less the second, with p and 95 % limits adjusted together.

    adjust: "tukey" (studentized range), "holm", "bonferroni" or "none". Limits are simultaneous; Holm has none of its
    own and takes Bonferroni's, as in emmeans. Returns a DataFrame: contrast, estimate, se, df, t, p, lower, upper.
    Raises ValueError for another `adjust` and for a factor that is not in the fixed part.
    """
    if adjust not in ADJUSTMENTS:
        raise ValueError(f"adjust must be one of {', '.join(ADJUSTMENTS)}, not {adjust!r}")
    rows = mean_rows(fit, factors)
    k, names = len(rows), [_label(level) for level in rows.index]
    first, second = np.triu_indices(k, 1)
    L = rows.to_numpy()[first] - rows.to_numpy()[second]
    rows = pd.DataFrame(L, [f"{names[i]} - {names[j]}" for i, j in zip(first, second)])
    table = _estimates(fit, rows, df, "differences")
    p, nu = table["p"].to_numpy(), table["df"].to_numpy()
    if adjust == "tukey":
        table["p"] = tukey_p(np.sqrt(2) * np.abs(table["t"].to_numpy()), k, nu)
    elif adjust == "holm":
        table["p"] = _holm(p)
    elif adjust == "bonferroni":
        table["p"] = np.minimum(1, len(p) * p)
    if adjust != "none":
        wide = tukey_quantile(k, nu) / np.sqrt(2) if adjust == "tukey" else scipy.stats.t.ppf(1 - 0.025 / len(p), nu)
        table["lower"], table["upper"] = (table["estimate"] + sign * wide * table["se"] for sign in (-1, 1))
    return table.rename_axis("contrast").reset_index()


def _label(level):
    """A level, or the levels of a combination, as text; brackets where it could be read as a difference.

    emmeans does the same, but puts the factor's name before levels that are numbers: width1, not 1.
    """
    name = " ".join(map(str, level)) if isinstance(level, tuple) else str(level)
    return f"({name})" if re.search(r"[-+*/]", name) else name


def _holm(p):
    """Holm 1979: the smallest of m p-values times m, the next times m - 1 and so on, never falling, at most 1."""
    order = np.argsort(p)
    out = np.empty_like(p)
    out[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    return out


def tukey_p(q, k, df):
    """P(Q > q) for the studentized range Q of k means, one value for each pair of q and df; NaN where df is not > 0.

    scipy.stats.studentized_range takes 50 ms a value; the two integrals as sums over equidistant points take 1 ms,
    and differ from it by less than 1e-11.
    """
    values, back = np.unique(np.column_stack([q, _rounded(df)]), axis=0, return_inverse=True)
    return np.array([_range_tail(a, k, nu) for a, nu in values])[back.ravel()]


def tukey_quantile(k, df, level=0.95):
    """The q with P(Q <= q) = level, one for each df; NaN where df is not > 0."""
    values, back = np.unique(_rounded(df), return_inverse=True)
    n_pairs = k * (k - 1) / 2
    # between the quantile of one pair and Bonferroni's
    ends = np.sqrt(2) * scipy.stats.t.isf((1 - level) / 2 / np.array([[1], [n_pairs]]), values)
    found = [low if not low < high else scipy.optimize.brentq(lambda q: _range_tail(q, k, nu) - (1 - level), low, high)
             for nu, low, high in zip(values, *ends)]
    return np.array(found)[back]


def _rounded(df):
    """To 10 digits: equal df must be computed once although they come with different rounding errors."""
    return np.array([float(f"{nu:.10g}") for nu in df])


def _range_tail(q, k, df):
    """P(Q > q) = 1 - E W(q s) over s = sqrt(chi2_df / df), where W is the distribution of the range of k N(0, 1)."""
    if not df > 0:
        return np.nan
    df = min(df, 1e10)
    # x = log s has a density proportional to exp(df (x - exp(2x) / 2))
    width = np.sqrt(40 / df)
    x = np.linspace(-width - 40 / df, width, int(64 + 512 / df))
    density = np.exp(df * (x - np.expm1(2 * x) / 2))
    # W(w) = k int phi(z) (Phi(z) - Phi(z - w))^(k-1) dz, z the largest of the k
    z = np.linspace(-8.5, 8.5, 96)
    phi = np.exp(-z**2 / 2)
    inside = (scipy.special.ndtr(z) - scipy.special.ndtr(z - q * np.exp(x)[:, None])) ** (k - 1)
    return max(0.0, 1 - k * (density @ inside @ phi) / density.sum() / phi.sum())


def letters(fit, factors, adjust, df, level):
    """The LS means, in the order of the levels, with a column `letters`: two means that share a letter do not differ
    at `level` by the p-values of `pairs`. "a" stands with the smallest mean, as in emmeans' cld.

    Insert and absorb (Piepho 2004, J. Comput. Graph. Stat. 13): all means start with one letter in common; each pair
    that differs splits every letter that it shares; a letter that says nothing beyond another one goes.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    table, p = ls_means(fit, factors, df), pairs(fit, factors, adjust, df)["p"].to_numpy()
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
        raise ValueError(f"{k} means need {len(groups)} letters and there are 52: use pairs instead")
    table["letters"] = ["".join(a for a, g in zip(string.ascii_letters, groups) if i in g) for i in range(k)]
    return table


def mean_rows(fit, factors):
    """The rows L of the LS means, indexed by the levels of the factors."""
    names = factors.split(":") if isinstance(factors, str) else list(factors)
    levels = _levels(fit)
    for name in names:
        if name not in levels:
            raise ValueError(f"{name!r} is not a factor of the fixed part; there are: {', '.join(levels)}")
    grid, rows = reference_grid(fit)
    return rows.groupby([grid[name] for name in names], observed=True).mean()


def reference_grid(fit):
    """All combinations of the levels of the fixed factors, numeric covariates at their mean, and their rows of X."""
    levels = _levels(fit)
    values = {c: levels.get(c) or [fit.data[c].mean()] for c in _columns(fit)}
    cells = int(np.prod([float(len(v)) for v in values.values()]))
    if cells > MOST_CELLS:
        raise ValueError(f"the factors {', '.join(levels)} have {cells} combinations; LS means average over at most "
                         f"{MOST_CELLS}: use fit.contrast")
    grid = pd.DataFrame(list(itertools.product(*values.values())), columns=list(values))
    for c in levels:
        if is_factor(fit.data[c]):
            grid[c] = pd.Categorical(grid[c], categories=levels[c])
    return grid, pd.DataFrame(fit.model_spec.get_model_matrix(grid)).astype(float)


def _columns(fit):
    """The columns of the table that the fixed part uses."""
    variables = set().union(*fit.model_spec.factor_variables.values())
    return sorted(str(v) for v in variables if v.source == "data")


def _levels(fit):
    """The fixed factors with their levels: columns that are not numeric, and numeric ones inside C()."""
    spec = fit.model_spec
    coded = {str(v) for factor, variables in spec.factor_variables.items() for v in variables
             if factor.expr in spec.encoder_state and spec.encoder_state[factor.expr][0] is Factor.Kind.CATEGORICAL}
    return {c: list(pd.Categorical(fit.data[c]).categories) for c in _columns(fit)
            if c in coded or is_factor(fit.data[c])}
