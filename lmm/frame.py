"""From a formula and a table to the response, X and the random terms of the rows that are complete."""

from collections import namedtuple

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError

from lmm import formula as formulas

Model = namedtuple("Model", "y X model_spec terms data n_dropped weights offset")
COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3               # a table may share columns with the user's

RandomTerm = namedtuple("RandomTerm", "name codes levels columns x model_spec")


def read(formula, data, weights=None, offset=None):
    """All that a fit needs: y (n,), X (DataFrame), its model_spec, random terms, the rows used, rows dropped.

    weights, offset: a column's name or one number a row. Rows with a missing value in any of these are dropped and
    counted. Raises ValueError for an unknown column, a response that is not numeric, infinite values, weights that are
    not positive, and a grouping factor that cannot be one.
    """
    parts = formulas.parse(formula)
    fixed = formulas.read(f"{parts.response} ~ {parts.fixed}")
    effects = [formulas.read(text) for text, _ in parts.random]
    factors = {name for _, group in parts.random for name in group.split(":")}
    columns = sorted(formulas.variables(fixed).union(factors, *map(formulas.variables, effects)))
    unknown = [c for c in columns if c not in data.columns]
    if unknown:
        raise ValueError(f"no column {unknown[0]!r} in the data; there are: {', '.join(map(str, data.columns))}")
    twice = [c for c in columns if isinstance(data[c], pd.DataFrame)]
    if twice:
        raise ValueError(f"the data have {data[twice[0]].shape[1]} columns called {twice[0]!r}; rename all but one")
    if len(data) == 0:
        raise ValueError("the table has no rows; a model needs data")
    extra = {"weights": _aside("weights", weights, data), "offset": _aside("offset", offset, data)}
    used, extra = _complete_rows(data, columns, extra)
    y, X, spec = _matrices(fixed, used, parts.response)
    terms = [random_term(text, effect, group, used) for (text, group), effect in zip(parts.random, effects)]
    _all_different(terms)
    return Model(y, X, spec, terms, used, len(data) - len(used), extra["weights"], extra["offset"])


def _aside(name, values, data):
    """Weights or an offset as an array, or None."""
    if values is None:
        return None
    if isinstance(values, str):
        if values not in data.columns:
            raise ValueError(f"no column {values!r} in the data for {name}; there are: {', '.join(map(str, data.columns))}")
        values = data[values]
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers") from None
    if values.shape != (len(data),):
        raise ValueError(f"{name} has shape {values.shape}; it needs one number for each of the {len(data)} rows")
    if name == "weights" and not (values > 0).all():
        raise ValueError("weights must be positive numbers; drop rows that should not count instead of giving weight 0")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are NaN or infinite; correct or drop those rows")
    return values


def _complete_rows(data, columns, extra):
    series, complete = {name: data[name] for name in columns}, np.ones(len(data), dtype=bool)
    for name, values in series.items():
        complete &= _present(name, values)
    if not complete.any():
        raise ValueError(f"no row is complete in the columns {', '.join(columns)}; all {len(data)} have missing values")
    used = pd.DataFrame({name: _column(values, complete) for name, values in series.items()}, copy=not COPY_ON_WRITE)
    return used, {name: None if values is None else values[complete] for name, values in extra.items()}


def _present(name, values):
    """Which rows of a column have a value; ValueError for infinite ones."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy() >= 0
    if not pd.api.types.is_numeric_dtype(values) or values.dtype.kind == "c":
        return values.notna().to_numpy()
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    present = np.isfinite(numbers)
    if not present.all() and np.isinf(numbers).any():
        raise ValueError(f"column {name!r} has infinite values; correct them or make them missing (NaN)")
    return present


def _column(values, complete):
    """The complete rows of a column, numbered anew, without levels that no longer occur."""
    if not complete.all():
        values = values[complete]
    if isinstance(values.dtype, pd.CategoricalDtype):
        counts = np.bincount(values.cat.codes, minlength=len(values.cat.categories))
        values = values if counts.all() else values.cat.remove_unused_categories()
    return values.reset_index(drop=True)


def _matrices(fixed, used, response):
    for name in formulas.variables(fixed.lhs):
        if not pd.api.types.is_numeric_dtype(used[name]) or used[name].dtype.kind in "bc":
            raise ValueError(f"the response {name!r} is not numeric (it is {used[name].dtype}); give numbers")
    for name in formulas.variables(fixed.rhs):
        if not pd.api.types.is_numeric_dtype(used[name]) and len(pd.Categorical(used[name]).categories) == 1:
            raise ValueError(f"the factor {name!r} has only the level {used[name].iloc[0]!r}; "
                             "it needs at least two, so leave it out")
    y, (names, X, spec) = _response(fixed.lhs, response, used), covariates(fixed.rhs, used)
    if names and spec is fixed.rhs:                                  # plain columns: formulaic need not see all rows
        spec = _build(fixed.rhs, used.iloc[:2])[2]
    if not names:
        raise ValueError("the fixed part has no columns; keep at least the intercept, 1")
    return y, pd.DataFrame(X, columns=names, copy=False), spec


def _response(formula, text, used):
    if text in used:
        return used[text].to_numpy(dtype=float)
    names, y, _ = _build(formula, used)
    if len(names) - ("Intercept" in names) != 1:
        raise ValueError(f"the response {text!r} gives {len(names)} columns; it must be one")
    return y[:, -1].copy()


def _build(formula, data):
    """Names, values and formulaic's spec of one part of a formula; ValueError unless all values are finite."""
    try:
        with np.errstate(all="ignore"):
            matrix = formula.get_model_matrix(data, context=formulas.CONTEXT, output="numpy")
    except (FormulaicError, TypeError, NameError) as error:
        raise ValueError(f"cannot build the columns of {formula}: {str(error).splitlines()[0]}") from None
    names, values = list(matrix.model_spec.column_names), np.asarray(matrix, dtype=float)
    for name, column in zip(names, values.T):
        if not np.isfinite(column).all():
            raise ValueError(f"{name!r} is not finite in every row; check what the formula does to the data")
    return names, values, matrix.model_spec.update(output="pandas")


def random_term(text, effect, group, data):
    """One random term: levels of the grouping factor (or the combinations "a:b" that occur), codes, covariates."""
    codes, levels = levels_of(group, data)
    if len(levels) == 1:
        raise ValueError(f"the grouping factor {group!r} has one level only, {levels[0]!r}; "
                         "a variance between groups needs at least two")
    columns, x, spec = covariates(effect, data)
    return _checked(text, group, codes, levels, columns, x, spec)


def covariates(effect, data):
    """Names and values (n, m) of the columns of a one-sided formula, and formulaic's spec to build them for new data.

    An intercept and plain numeric columns need no spec: `effect` itself is returned, and builds them again.
    """
    if isinstance(effect, Formula):
        names = [str(term) for term in effect]
        if all(name == "1" or name in data and data[name].dtype.kind in "iuf" for name in names):
            values = [np.ones(len(data)) if name == "1" else data[name].to_numpy(dtype=float) for name in names]
            names = ["Intercept" if name == "1" else name for name in names]
            return names, np.array(values).reshape(len(names), len(data)).T, effect
    return _build(effect, data)


def _checked(text, group, codes, levels, columns, x, model_spec):
    """The term, if its variances can be told from one another and from the residual's."""
    q = len(levels) * x.shape[1]
    if x.shape[1] == 0:
        raise ValueError(f"the random term ({text} | {group}) has no columns; write (1 | {group})")
    empty = [name for name, column in zip(columns, x.T) if not column.any()]
    if empty:
        raise ValueError(f"{empty[0]!r} in ({text} | {group}) is 0 in every row; leave it out")
    if len(levels) == len(x):
        raise ValueError(f"the grouping factor {group!r} has as many levels as rows ({len(x)}); its variance "
                         "cannot be told from the residual's: leave the term out")
    if q >= len(x):
        raise ValueError(f"the random term ({text} | {group}) has {q} random effects for {len(x)} rows; its variances "
                         "cannot be told from the residual's: leave out a slope")
    if x.shape[1] > 1 and _dependent(x):
        raise ValueError(f"the columns of the random term ({text} | {group}) depend on each other: {', '.join(columns)}")
    return RandomTerm(group, codes, levels, columns, x, model_spec)


def _all_different(terms):
    """ValueError if two terms have the same groups under two names, and a covariate in common."""
    for k, term in enumerate(terms):
        for other in terms[:k]:
            common = set(term.columns) & set(other.columns)
            same = len(term.levels) == len(other.levels) and (
                len(np.unique(term.codes * len(term.levels) + other.codes)) == len(term.levels))
            if common and same:
                raise ValueError(f"{other.name!r} and {term.name!r} are the same groups under two names, so the variances "
                                 f"of {', '.join(sorted(common))} cannot be told apart; leave one of the terms out")


def _dependent(x):
    """Are the columns of x linearly dependent? A large table is first judged by a well-conditioned x'x."""
    if len(x) >= 10_000:
        products = x.T @ x
        norms = np.sqrt(np.diag(products))
        if np.isfinite(norms).all() and np.linalg.cond(products / np.outer(norms, norms)) < 1e8:
            return False
    x = x / np.linalg.norm(x, axis=0)
    return np.linalg.matrix_rank(np.linalg.qr(x, mode="r")) < x.shape[1]


def levels_of(group, data):
    """Codes of the rows and names of the levels of "g" or "a:b"; only levels that occur, in the factors' order."""
    factors = [pd.Categorical(data[name]) for name in group.split(":")]
    codes, count = np.zeros(len(data), dtype=np.int64), 1
    for factor in factors:
        codes, count = codes * len(factor.categories) + factor.codes, count * len(factor.categories)
    if count <= 4 * len(data):                                       # number the combinations that occur, in order
        codes = codes.astype(np.intp, copy=False)                    # a browser's Python counts in 32 bits
        present = np.bincount(codes, minlength=count) > 0
        occurring, codes = np.flatnonzero(present), codes if present.all() else (np.cumsum(present) - 1)[codes]
    else:
        occurring, codes = np.unique(codes, return_inverse=True)
    if len(factors) == 1:
        return codes, list(factors[0].categories[occurring])
    labels = ""
    for factor in reversed(factors):
        occurring, level = np.divmod(occurring, len(factor.categories))
        names = np.array([str(category) for category in factor.categories], dtype=object)[level]
        labels = names + ":" + labels if len(labels) else names
    return codes, list(labels)
