"""Predictions and their intervals."""

import warnings
from collections import namedtuple

import numpy as np
import pandas as pd
import scipy

from lmm.engine import blocks, columns, formulas, frame, rank
from lmm.engine.terms import known
from lmm.engine.threads import one
from lmm.inference import neighbours
from lmm.inference.degrees import satterthwaite

MOST_NUMBERS = 5_000_000

# terms: (codes, -1 for a new level; x); subject and time of a row that may be correlated with the
# rows of the fit, -1 for one that is not; level of `variance`, or None for the fit's own rows
Rows = namedtuple("Rows", "X terms offset index subject at level")


def predict(fit, new_data=None, random="conditional", interval=None, df="satterthwaite"):
    """The mean of each row: X beta + Z u_hat ("conditional") or X beta ("marginal"), plus the
    offset: a Series.

    new_data: a table with the formula's columns; without it, the rows of the fit, with their
    labels. Rows of new levels of a grouping factor are predicted without it, and a warning names
    them.
    interval: coverage (0.95, say). Then a DataFrame mean, lower, upper, conf_lower, conf_upper.
    conf_ is for the mean of the row, x'beta + z'u or x'beta, with the joint variance of their
    errors from Henderson's C (slide 33) and the full variance of a new level; lower and upper are
    for an observation: for "conditional" the residual variance is added (the interval that
    merTools' predictInterval approximates by independent draws of beta and u), for "marginal" also
    that of all random effects. New rows have weight 1.
    random may also be a list of grouping factors, ["block"]: with their BLUPs, the others at 0
    (lme4's re.form, nlme's level); their variances count for an observation, not for the mean.
    df: "satterthwaite", quantiles of t with the df of each row's own variance, or "normal", the
    variances taken as known.
    Where the errors are correlated, a new time of a subject that the fit knows is predicted with
    its errors at the other times (x'beta + z'u + c'R^-1 e_hat, "conditional"); at a time that the
    fit has seen, and for a new subject, without.
    Raises ValueError for missing columns, missing values, and unknown levels of a fixed factor.
    """
    left = _left_out(fit, random)
    if interval is not None and not (isinstance(interval, float) and 0 < interval < 1):
        raise ValueError("interval must be None or lie between 0 and 1 (0.95, say), not "
                         f"{interval!r}")
    if df not in ("satterthwaite", "normal"):
        raise ValueError(f"df of a prediction must be 'satterthwaite' or 'normal', not {df!r}")
    conditional = not isinstance(random, str) or random == "conditional"
    if new_data is None:
        rows = _own_rows(fit)
    else:
        with_terms = conditional or interval is not None
        rows = _new_rows(fit, new_data, conditional, with_terms, interval is not None)
    if any(left):
        terms = [(codes * 0 - 1, x) if out else (codes, x)
                 for out, (codes, x) in zip(left, rows.terms)]
        rows = rows._replace(terms=terms, subject=rows.subject * 0 - 1)
    mean = rows.X @ fit.fe_params.to_numpy() + rows.offset
    if conditional:
        for (codes, x), u in zip(rows.terms, fit.u):
            mean = mean + np.where(codes >= 0, (x * u[codes]).sum(axis=1), 0)
        mean = mean + neighbours.expected(fit, rows)
    mean = pd.Series(mean, index=rows.index)
    if interval is None:
        return mean
    table = {"mean": mean}
    for name, wide in zip(("", "conf_"), _widths(fit, rows, conditional, left, (1 + interval) / 2,
                                                 df)):
        table |= {f"{name}lower": mean - wide, f"{name}upper": mean + wide}
    return pd.DataFrame(table)


def _left_out(fit, random):
    """For each term whether a list of grouping factors leaves it out; ValueError for a name that
    is none."""
    if random in ("conditional", "marginal"):
        return [False] * len(fit.terms)
    names = list(dict.fromkeys(t.name for t in fit.terms))
    chosen = [random] if isinstance(random, str) else list(random)
    unknown = [name for name in chosen if name not in names]
    if unknown or isinstance(random, str):
        raise ValueError("random must be 'conditional', 'marginal' or a list of grouping factors "
                         f"({', '.join(names) or 'there are none'}), not {random!r}")
    return [t.name not in chosen for t in fit.terms]


@one
def _widths(fit, rows, conditional, left, level, df):
    """Half the width of the interval for an observation and of that for its mean, each (rows,)."""
    def ratios(view):
        return np.stack(_ratios(view, rows, conditional, left))

    known, single = ratios(fit)
    if df == "normal":
        quantiles = [scipy.stats.norm.ppf(level)] * 2
    elif not fit.terms and fit.found is None:
        quantiles = [scipy.stats.t.ppf(level, fit.nobs - fit.X.shape[1])] * 2
    else:
        quantiles = scipy.stats.t.ppf(level, satterthwaite.of_ratios(fit, ratios))[::-1]
    return [t * np.sqrt(fit.scale * ratio) for t, ratio in zip(quantiles, (single, known))]


def _ratios(fit, rows, conditional, left):
    """The variance of each row's mean and of a new observation, over sigma^2."""
    T, point = fit.optimum.T, fit.optimum.point
    rows, error = neighbours.reduced(fit, rows, conditional)
    terms = fit.problem.coordinates.terms(rows.terms)
    spread = [((x @ t)**2).sum(axis=1) for (_, x), t in zip(terms, T)]
    if conditional:
        left = fit.problem.coordinates.in_order(left)
        known = _joint_variance(fit, rows, T, point)
        known = known + sum(s * (codes < 0) * (not out)
                            for s, (codes, _), out in zip(spread, terms, left))
        return known, known + sum(s * out for s, out in zip(spread, left)) + error
    d = fit.problem.coordinates.functions(rows.X)
    known = np.einsum("ij,jk,ik->i", d, point.cov_b, d) / point.scale
    return known, known + sum(spread) + error


def _joint_variance(fit, rows, T, point):
    """Var(x'(beta_hat - beta) + z'(u_hat - u)) / sigma^2 at T, z without new levels, a number a
    row.

    With g = Gamma z, as fractions of sigma^2: z'g - g'(Z'H^-1 Z)g + d'(X'H^-1 X)^-1 d, d = x -
    (X'H^-1 Z)g; these are x and z on both sides of Henderson's C (slide 33), without its dense
    matrix.
    """
    problem = fit.problem
    d = problem.coordinates.functions(rows.X)                      # all in the engine's coordinates
    if not fit.terms:
        return np.einsum("ij,jk,ik->i", d, point.cov_b, d) / point.scale
    factors = blocks.factor(problem.products, T)
    total = np.zeros(len(d))
    weights = []
    for (codes, x), t, ZHX in zip(problem.coordinates.terms(rows.terms), T, point.ZHX):
        x = x * (codes >= 0)[:, None]
        g = x @ t @ t.T
        weights.append((codes, g))
        total += (x * g).sum(axis=1)
        d = d - np.einsum("ia,api->ip", g, ZHX[:, :, codes])
    most = max(1, MOST_NUMBERS // sum(levels * m for levels, m in problem.products.terms))
    for start in range(0, len(d), most):
        part = slice(start, start + most)
        total[part] -= _quadratic_forms(problem.products, factors,
                                        [(codes[part], g[part]) for codes, g in weights])
    return total + np.einsum("ij,jk,ik->i", d, point.cov_b, d) / point.scale


def _quadratic_forms(products, factors, weights):
    """g'(Z'H^-1 Z)g for each row; weights: (codes, g (rows, m)) a term."""
    row = np.arange(len(weights[0][0]))
    w = []
    for (levels, m), (codes, g) in zip(products.terms, weights):
        w.append(np.zeros((m, len(row), levels)))
        w[-1][:, row, codes] = g.T
    first, rest = blocks.in_parts(w)
    H1, Hr = blocks.solve(products, factors, *blocks.multiply(products, first, rest))[1]
    return (first * H1).sum(axis=(0, 2)) + (rest * Hr).sum(axis=0)


# The rows to predict ------------------------------------------------------------------------------

def _own_rows(fit):
    terms = [(t.codes, t.x) for t in fit.terms]
    nobody = np.full(fit.nobs, -1)
    return Rows(fit.X.to_numpy(), terms, fit.frame.offset, fit.X.index, nobody, nobody, None)


def rows_of(fit, new_data):
    """Rows and the checked table of new rows whose levels are all new, as `simulate` draws them."""
    asked = fit.frame.structure
    names = {name for t in fit.terms for name in t.name.split(":")}
    if asked is not None and asked.kind:
        names |= set(asked.group.split(":")) | ({asked.time} - {"1"})
    data = columns.table(new_data, "new_data")
    _check_values(fit, data, names)
    return _new_rows(fit, data, False, True, True), data


def _new_rows(fit, data, with_groups, with_terms, with_errors):
    """X, codes and covariates of new rows, checked."""
    data = columns.table(data, "new_data")
    if "offset" in fit.frame.given:
        raise ValueError("the fit has an offset, and its values for new rows are not known: fit y "
                         "- offset instead, "
                         "predict, and add the new rows' offset to the result")
    terms = fit.terms if with_terms else []
    groups = {name for t in terms for name in t.name.split(":")} if with_groups else set()
    specs = [fit.model_spec] + [t.model_spec for t in terms]
    groups |= neighbours.needed(fit, with_groups, with_errors)
    _check_values(fit, data, groups.union(*(_variables(fit, s) for s in specs)))
    data = _with_levels(fit, specs, data)
    codes = [known(t.name, fit.data, t.codes, data) if with_groups else np.full(len(data), -1)
             for t in terms]
    if with_groups:
        _warn_of_new_levels(terms, codes, data)
    x = [_design(t.model_spec, data) for t in terms]
    X, can = rank.functions(fit.frame.rank, _design(fit.model_spec, data))
    if not can.all():
        raise ValueError(f"row {data.index[~can].tolist()[0]!r} of new_data is a combination that "
                         "the fit cannot estimate: "
                         f"columns of its fixed part were dropped ({', '.join(fit.dropped)})")
    subject, at = neighbours.places(fit, data, with_groups)
    level = neighbours.levels(fit, data, with_errors)
    return Rows(X, list(zip(codes, x)), 0.0, data.index, subject, at, level)


def _variables(fit, spec):
    return formulas.variables(getattr(spec, "formula", spec)) & set(fit.data.columns)


def _check_values(fit, data, needed):
    missing = sorted(needed - set(data.columns))
    if missing:
        raise ValueError(f"new_data lacks the column {', '.join(map(repr, missing))}")
    for name in sorted(needed):
        if data[name].isna().any():
            raise ValueError(f"column {name!r} of new_data has missing values in row "
                             f"{data.index[data[name].isna().to_numpy()].tolist()[0]!r}; drop or "
                             "complete such rows")
        if pd.api.types.is_numeric_dtype(fit.data[name]):
            if not pd.api.types.is_numeric_dtype(data[name]):
                raise ValueError(f"column {name!r} of new_data is {data[name].dtype}; in the fit "
                                 "it was numeric")
            if np.isinf(data[name].astype(float)).any():
                raise ValueError(f"column {name!r} of new_data has infinite values; correct or "
                                 "drop those rows")


def _with_levels(fit, specs, data):
    """new_data with the fit's levels of the fixed factors and of factors with slopes. Unknown
    levels are refused:
    formulaic gives them zeros, as if they were the reference level, and reads numbers for labels as
    a covariate."""
    data = data.copy()
    for spec in specs:
        coded = set()                                                # C(x), whatever type x has
        for factor, names in getattr(spec, "factor_variables", {}).items():
            if "categories" in spec.encoder_state.get(str(factor), (None, {}))[1]:
                coded |= {str(v) for v in names}
        for name in sorted(_variables(fit, spec)):
            text = columns.is_factor(fit.data[name])
            levels = pd.Categorical(fit.data[name]).categories if text or name in coded else []
            unknown = sorted({str(v) for v in data[name] if v not in levels}) if len(levels) else []
            if unknown:
                raise ValueError(f"column {name!r} of new_data has the unknown level "
                                 f"{', '.join(unknown)}; "
                                 f"the fit knows {', '.join(map(str, levels))}")
            if text:
                data[name] = pd.Categorical(data[name], categories=levels)
    return data


def _design(spec, data):
    try:
        values = frame.covariates(spec, data)[1]                       # of the fixed part, too
    except ValueError as error:
        raise ValueError(f"new_data: {str(error).replace(str(spec), str(spec.formula))}") from None
    if len(values) != len(data):
        raise ValueError(f"new_data gives columns of {spec.formula} that are missing in some "
                         "rows; check its values")
    return values


def _warn_of_new_levels(terms, codes, data):
    new = []
    for term, code in zip(terms, codes):
        values = zip(*(data.loc[(code < 0), name] for name in term.name.split(":")))
        new += [f"{term.name} {label}" for label in dict.fromkeys(":".join(map(str, v))
                                                                  for v in values)]
    if new:
        more = f" and {len(new) - 10} more" if len(new) > 10 else ""
        warnings.warn("new levels, predicted without their random effect: "
                      f"{', '.join(new[:10])}{more}", RuntimeWarning,
                      stacklevel=5)
