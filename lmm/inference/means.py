"""Least-squares means of the fixed factors (slide 26), their pairs and letters; slopes by group."""

import itertools
import string

import numpy as np
import pandas as pd
from formulaic.parser.types import Factor

from lmm.engine import rank
from lmm.engine.columns import is_factor
from lmm.inference import contrasts, degrees, multiplicity
from lmm.inference.parameters import check_level

WEIGHTS = ("equal", "proportional", "cells")
MOST_CELLS = 200_000
STEP = 1e-4                                   # of a covariate's range, for the slope of its curve


def ls_means(fit, factors, df, by=None, at=None, level=0.95, weights="equal"):
    """The mean of each level of a factor, or of each combination "a:b", averaged over all other
    factors, at the mean of each numeric covariate (log(x): the logarithm of the mean) and of the
    offset, as emmeans does (slide 26). Only here it differs, on purpose: a numeric covariate of two
    values is held at its mean, too; emmeans averages over the two values with equal weights (its
    cov.keep), as if it were a factor.

    Returns a DataFrame: columns of by and of the factors; mean, se, df, lower, upper. A mean that
    cannot be estimated, because columns of the fixed part were dropped, is NaN, and a warning names
    it. The other arguments and the errors are those of Fit.ls_means.
    """
    check_level(level)
    rows = mean_rows(fit, split(by) + split(factors), at, weights)
    table = contrasts.estimates(fit, rows, df, "means", level)
    table = table.rename(columns={"estimate": "mean"})
    table = table[["mean", "se", "df", "lower", "upper"]].reset_index()
    table[["mean", "lower", "upper"]] += fit.frame.offset.mean()
    return table


def trends(fit, x, df, by=None, at=None, level=0.95, weights="equal"):
    """The slope of the mean in a covariate, for each level of the factors `by`, as emtrends.

    Returns a DataFrame: columns of by; slope, se, df, t, p, lower, upper.
    """
    check_level(level)
    rows = mean_rows(fit, split(by), at, weights, x)
    table = contrasts.estimates(fit, rows, df, "slopes", level)
    table = table.rename(columns={"estimate": "slope"})
    return table.reset_index() if by else table.reset_index(drop=True)


def pairs(fit, factors, adjust, df, by=None, at=None, level=0.95, weights="equal", reference=None,
          interaction=False, slopes=None):
    """Differences of two LS means, or of two slopes, with p and limits adjusted together, apart for
    each level of `by`.

    Returns a DataFrame: columns of by; contrast, estimate, se, df, t, p, lower, upper. The
    arguments and the errors are those of Fit.pairs.
    """
    multiplicity.check(adjust, interaction)
    check_level(level)
    if reference is not None and adjust != "dunnett":
        raise ValueError("reference is for adjust='dunnett', which compares all levels with one")
    within = split(by)
    rows = mean_rows(fit, within + split(factors), at, weights, slopes)
    families = list(rows.groupby(level=list(range(len(within))), observed=True)
                    if within else [((), rows)])
    found = []
    for _, part in families:
        part = part.droplevel(list(range(len(within)))) if within else part
        L = _interactions(part) if interaction else _differences(part, adjust, reference)
        found.append(L.where(L.abs() > 1e-12 * np.abs(part.to_numpy()).max(), 0.0))
    if not all(L.to_numpy().any(axis=1).all() for L in found):
        raise ValueError(_nothing(fit, split(factors), slopes, interaction))
    if len(families[0][1]) < 2:
        raise ValueError(f"{factors!r} has one level here, so there is no difference")
    keys = [key if isinstance(key, tuple) else (key,) for key, _ in families]
    L = pd.concat(found, keys=range(len(found)))
    table = contrasts.estimates(fit, L.droplevel(0), df, "differences", level)
    family = L.index.get_level_values(0)
    for j, (_, part) in enumerate(families):
        own = np.flatnonzero(family == j)
        kept = table.iloc[own]
        R = _correlation(fit, found[j], df) if adjust == "dunnett" else None
        p, wide = multiplicity.adjusted(kept["t"].to_numpy(), kept["df"].to_numpy(), adjust,
                                        len(part), level, R)
        table.iloc[own, table.columns.get_loc("p")] = p
        table.iloc[own, table.columns.get_loc("lower")] = kept["estimate"] - wide * kept["se"]
        table.iloc[own, table.columns.get_loc("upper")] = kept["estimate"] + wide * kept["se"]
    table = table.rename_axis("contrast").reset_index()
    for place, name in enumerate(within):
        table.insert(place, name, [keys[j][place] for j in family])
    return table


def _differences(rows, adjust, reference):
    """Rows of all differences, the first level less the second; for Dunnett of each less the
    reference."""
    names = [contrasts.label(level) for level in rows.index]
    first, second = np.triu_indices(len(rows), 1)
    if adjust == "dunnett":
        words = [str(name) for name in names]
        place = 0 if reference is None else _place(words, reference)
        first = np.delete(np.arange(len(rows)), place)
        second = np.full(len(first), place)
    L = rows.to_numpy()[first] - rows.to_numpy()[second]
    return pd.DataFrame(L, [f"{names[i]} - {names[j]}" for i, j in zip(first, second)])


def _place(names, reference):
    """Where the reference stands among the levels."""
    word = contrasts.label(reference)
    if word not in names:
        raise ValueError(f"the reference {reference!r} is not among the levels {', '.join(names)}")
    return names.index(word)


def _interactions(rows):
    """Rows of the differences of differences: products of a pair of levels of each factor."""
    if rows.index.nlevels < 2:
        raise ValueError("interaction=True asks for two factors or more, as in pairs('a:b', ...)")
    L = np.ones((1, 1))
    names = [""]
    for levels in rows.index.levels:
        first, second = np.triu_indices(len(levels), 1)
        one = np.eye(len(levels))
        L = np.kron(L, one[first] - one[second])
        words = [f"({contrasts.label(levels[i])} - {contrasts.label(levels[j])})"
                 for i, j in zip(first, second)]
        names = [f"{name} {word}".strip() for name in names for word in words]
    return pd.DataFrame(L @ rows.to_numpy(), names)


def _nothing(fit, factors, slopes, interaction):
    """Why a difference is zero whatever the effects are."""
    if slopes:
        return (f"in {fit.formula!r} some slopes of {slopes} are the same by construction: it has "
                f"no interaction of {slopes} with {':'.join(factors)}")
    if interaction:
        return f"{fit.formula!r} has no interaction {':'.join(factors)}"
    return f"in {fit.formula!r} some means of {':'.join(factors)} are the same by construction"


def _correlation(fit, L, df):
    """Of the estimates of the rows of L that can be estimated."""
    L, can = rank.functions(fit.frame.rank, L.to_numpy())
    V = L[can] @ degrees.covariance(fit, df) @ L[can].T
    se = np.sqrt(np.diag(V))
    return V / np.outer(se, se)


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
    if adjust == "dunnett":
        raise ValueError("letters compare all means, not all with one: adjust must not be dunnett")
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


def split(factors):
    """The names in "a:b", in a list of names, or in nothing."""
    if factors is None:
        return []
    return factors.split(":") if isinstance(factors, str) else list(factors)


def mean_rows(fit, names, at=None, weights="equal", slope=None):
    """The rows L of the LS means, or of the slopes in a covariate, indexed by the levels of the
    factors."""
    names = split(names)
    levels = levels_of(fit)
    if not isinstance(at or {}, dict):
        raise ValueError(f"at must be a dict, column -> value or list of values, not {at!r}")
    given = [*levels, *(c for c in at or {} if c not in levels)]
    if weights not in WEIGHTS:
        raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, not {weights!r}")
    for name in names:
        if name not in given:
            more = (f" (or hold it at values: at={{{name!r}: [...]}})"
                    if name in variables(fit) else "")
            raise ValueError(f"{name!r} is not a factor of the fixed part{more}; there are: "
                             f"{', '.join(levels)}")
    if len(set(names)) < len(names):
        raise ValueError(f"a factor is named twice: {', '.join(names)}")
    grid, rows = reference_grid(fit, at, slope)
    by = [grid[name] for name in names] or [pd.Series("all", grid.index, name="")]
    if weights == "equal":
        return rows.groupby(by, observed=True).mean()
    w = _counts(fit, grid, names, levels, weights)
    total = w.groupby(by, observed=True).sum()
    if not (total > 0).all():
        raise ValueError(f"no row of the table is in {contrasts.label(total.idxmin())}, so that "
                         f"weights={weights!r} are all 0; use 'equal'")
    return rows.mul(w, axis=0).groupby(by, observed=True).sum().div(total, axis=0)


def _counts(fit, grid, names, levels, weights):
    """How often a combination of the grid is in the table, each row counted with its weight; for
    "proportional" that of the factors averaged over alone."""
    over = [c for c in levels if weights == "cells" or c not in names]
    if not over:
        return pd.Series(1.0, grid.index)
    each = pd.Series(fit.frame.weights, fit.data.index, dtype=float)
    table = each.groupby([fit.data[c] for c in over], observed=True).sum()
    keys = pd.MultiIndex.from_frame(grid[over]) if len(over) > 1 else grid[over[0]]
    return pd.Series(table.reindex(keys).fillna(0).to_numpy(), grid.index)


def reference_grid(fit, at=None, slope=None):
    """All combinations of the levels of the fixed factors, numeric covariates at their mean or `at`
    values, and their rows of X; with `slope` the derivatives of the rows in this covariate."""
    levels = levels_of(fit)
    if slope is not None and (slope in levels or slope not in variables(fit)):
        covariates = [c for c in variables(fit) if c not in levels]
        raise ValueError(f"{slope!r} is not a covariate of the fixed part; there are: "
                         f"{', '.join(covariates)}")
    values = {c: levels.get(c) or [fit.data[c].mean()] for c in variables(fit)}
    values |= _held(at or {}, values, levels)
    cells = int(np.prod([float(len(v)) for v in values.values()]))
    if cells > MOST_CELLS:
        raise ValueError(f"the factors {', '.join(levels)} have {cells} combinations; LS means "
                         "average over at most "
                         f"{MOST_CELLS}: use fit.contrast")
    grid = pd.DataFrame(list(itertools.product(*values.values())), columns=list(values))
    for c in levels:
        if is_factor(fit.data[c]):
            grid[c] = pd.Categorical(grid[c], categories=levels[c])
    if slope is None:
        return grid, _rows(fit, grid)
    h = STEP * np.ptp(fit.data[slope])
    up, down = (_rows(fit, grid.assign(**{slope: grid[slope] + side})) for side in (h, -h))
    return grid, (up - down) / (2 * h)


def _rows(fit, grid):
    return pd.DataFrame(fit.model_spec.get_model_matrix(grid)).astype(float)


def _held(at, values, levels):
    """The values of `at` as lists, checked."""
    out = {}
    for name, given in at.items():
        if name not in values:
            raise ValueError(f"at: {name!r} is not in the fixed part; there are: "
                             f"{', '.join(values)}")
        out[name] = [given] if np.ndim(given) == 0 else list(given)
        if name in levels:
            wrong = [v for v in out[name] if v not in levels[name]]
        else:
            wrong = [v for v in out[name] if not np.issubdtype(np.asarray(v).dtype, np.number)
                     or not np.isfinite(v)]
        if wrong or not out[name]:
            what = repr(wrong[0]) if wrong else "an empty list"
            raise ValueError(f"at: {what} is no value of {name!r}")
    return out


def note(fit, compared, names, at=None):
    """What to know before means, or slopes, are read: a term of the model has one of the factors
    `compared`, and others that are not among `names` or `at`. "" where there is none."""
    levels = levels_of(fit)
    found = set()
    touched = set()
    for term in fit.model_spec.terms:
        inside = set().union(*(variables_of(fit, factor) for factor in term.factors))
        others = inside - {*compared, *names, *(at or {})}
        if others and inside & set(compared):
            found |= others
            touched |= inside & set(compared)
    found = sorted(found)
    over = [c for c in found if c in levels]
    held = [c for c in found if c not in levels]
    words = [f"averaged over {', '.join(over)}"] * bool(over)
    words += [f"at the mean of {', '.join(held)}"] * bool(held)
    if not words:
        return ""
    return (f"Note: {' and '.join(words)}, which the model lets interact with "
            f"{', '.join(sorted(touched))}.")


def variables_of(fit, factor):
    """The columns of the table in a factor of a term."""
    return {str(v) for v in fit.model_spec.factor_variables.get(factor, ()) if v.source == "data"}


def variables(fit):
    """The columns of the table that the fixed part uses."""
    used = set().union(*fit.model_spec.factor_variables.values())
    return sorted(str(v) for v in used if v.source == "data")


def levels_of(fit):
    """The fixed factors with their levels: columns that are not numeric, and numeric ones inside
    C()."""
    spec = fit.model_spec
    coded = {str(v) for factor, variables in spec.factor_variables.items() for v in variables
             if factor.expr in spec.encoder_state
             and spec.encoder_state[factor.expr][0] is Factor.Kind.CATEGORICAL}
    return {c: list(pd.Categorical(fit.data[c]).categories) for c in variables(fit)
            if c in coded or is_factor(fit.data[c])}
