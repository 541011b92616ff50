"""From a formula and a table to the response, X and the random terms of the rows that are
complete."""

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError

from lmm.engine import columns, formulas, structure, terms
from lmm.engine.state import record

# a table may share columns with the user's
COPY_ON_WRITE = int(pd.__version__.split(".")[0]) >= 3


@record
class Frame:
    """What a model takes of a table: the n rows that are complete, in the data's units."""

    y: np.ndarray           # the response, (n,)
    X: pd.DataFrame         # the fixed part, (n, p), with the labels of the user's rows
    model_spec: object      # formulaic's, to build X for new rows
    terms: list             # the random terms, a `terms.RandomTerm` each
    data: pd.DataFrame      # the columns that the formula names
    n_dropped: int          # how many rows had missing values
    weights: np.ndarray     # Var(e_i) = sigma^2 / weight_i, (n,); ones where none were given
    offset: np.ndarray      # added to X beta, (n,); zeros where none was given
    given: list             # which of "weights" and "offset" were given
    rank: object = None     # a `rank.Rank` where columns of X were dropped
    structure: object = None   # a `structure.Structure` where R is asked to have one

    def whitened(self, errors=None):
        """y - offset, X and the terms' (codes, x), with rows times L^-1, Var(e) = sigma^2 L L':
        then Var(e) = sigma^2 I. errors: an `errors.Errors`; without it L holds the roots of the
        weights."""
        y = self.y - self.offset
        X = self.X.to_numpy()
        terms = [(t.codes, t.x) for t in self.terms]
        if errors is not None and errors.structure is not None:
            return errors.whiten(y), errors.whiten(X), [(codes, errors.whiten(x)) for codes,
                                                        x in terms]
        if (self.weights == 1).all():
            return y, X, terms
        root = np.sqrt(self.weights)
        column = root[:, None]
        return root * y, column * X, [(codes, column * x) for codes, x in terms]


def read(formula, data, weights=None, offset=None, correlation=None, variance=None):
    """All that a fit needs: y (n,), X (DataFrame), its model_spec, random terms, the rows used,
    rows dropped.

    weights, offset: a column's name or one number a row. Rows with a missing value in any of these
    are dropped and counted; the others keep their labels. Raises ValueError for an unknown column,
    a response that is not numeric, infinite values, weights that are not positive, and a grouping
    factor that cannot be one.
    """
    parts = formulas.parse(formula)
    response = formulas.left(parts.response)
    fixed = formulas.read(parts.fixed)
    effects = [formulas.read(term.effects) for term in parts.random]
    factors = {name for term in parts.random for name in term.group.split(":")}
    factors |= structure.needed(correlation, variance)
    needed = sorted(factors.union(*map(formulas.variables, [response, fixed, *effects])))
    _check_names(needed, data)
    given = {"weights": weights, "offset": offset}
    extra = {name: _aside(name, values, data) for name, values in given.items()}
    used, extra = _complete_rows(data, needed, extra)
    for effect in [fixed, *effects]:
        _check_kinds(effect, used)
    y = _response(response, parts.response, used)
    (X, spec) = _fixed(fixed, used)
    random = [_random_term(term, effect, used) for term, effect in zip(parts.random, effects)]
    terms.all_different(random)
    given = [name for name, values in given.items() if values is not None]
    return Frame(y, X, spec, random, used, len(data) - len(used), **extra, given=given,
                 structure=structure.read(correlation, variance, used))


def _check_names(needed, data):
    unknown = [c for c in needed if c not in data.columns]
    if unknown:
        raise ValueError(f"no column {unknown[0]!r} in the data; there are: "
                         f"{', '.join(map(str, data.columns))}")
    twice = [c for c in needed if isinstance(data[c], pd.DataFrame)]
    if twice:
        raise ValueError(f"the data have {data[twice[0]].shape[1]} columns called {twice[0]!r}; "
                         "rename all but one")
    if len(data) == 0:
        raise ValueError("the table has no rows; a model needs data")


def _aside(name, values, data):
    """Weights or an offset as an array, (rows,); where none are given, ones or zeros."""
    if values is None:
        return np.full(len(data), 1.0 if name == "weights" else 0.0)
    if isinstance(values, str):
        if values not in data.columns:
            raise ValueError(f"no column {values!r} in the data for {name}; there are: "
                             f"{', '.join(map(str, data.columns))}")
        values = data[values]
    try:
        values = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers") from None
    if values.shape != (len(data),):
        raise ValueError(f"{name} has shape {values.shape}; it needs one number for each of the "
                         f"{len(data)} rows")
    if name == "weights" and not (values > 0).all():
        raise ValueError("weights must be positive numbers; drop rows that should not count "
                         "instead of giving weight 0")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are NaN or infinite; correct or drop those rows")
    return values


def _complete_rows(data, needed, extra):
    series = {name: data[name] for name in needed}
    complete = np.ones(len(data), dtype=bool)
    for name, values in series.items():
        complete &= columns.present(name, values)
    if not complete.any():
        raise ValueError(f"no row is complete in the columns {', '.join(needed)}; all {len(data)} "
                         "have missing values")
    if not complete.all():
        series = {name: values[complete] for name, values in series.items()}
    series = {name: columns.prepared(name, values) for name, values in series.items()}
    index = data.index if complete.all() else data.index[complete]
    used = pd.DataFrame(series, index=index, copy=not COPY_ON_WRITE)
    return used, {name: values[complete] for name, values in extra.items()}


# Response and fixed part --------------------------------------------------------------------------

def _check_kinds(effect, used):
    """ValueError for columns that are neither numbers nor factors, and for factors where numbers
    are asked for."""
    for name in formulas.variables(effect):
        values = used[name]
        if columns.is_time(values):
            raise ValueError(f"column {name!r} holds dates or times ({values.dtype}); make them "
                             "numbers first, say "
                             f"days since the first: (data[{name!r}] - "
                             f"data[{name!r}].min()).dt.days")
        if values.dtype.kind == "c":
            raise ValueError(f"column {name!r} holds complex numbers; give real ones")
        if columns.is_factor(values) and len(values.cat.categories) == 1:
            raise ValueError(f"the factor {name!r} has only the level {values.iloc[0]!r}; "
                             "it needs at least two, so leave it out")
    for factor in (f for term in effect for f in term.factors if f.eval_method.name == "PYTHON"):
        for alias, name in formulas.aliases(formulas.aliased(factor.expr)).items():
            factor_of_labels = columns.is_factor(used[name]) and not columns.is_truth(used[name])
            number = alias.startswith("factor") or not factor_of_labels
            if not number and factor.expr != f"I({formulas.shown(alias)})":
                raise ValueError(f"{factor.expr!r} needs numbers, but {name!r} is a factor")


def _response(formula, text, used):
    """The response (n,): a column, or what the left side computes of several."""
    for name in formulas.variables(formula):
        if not pd.api.types.is_numeric_dtype(used[name]) or used[name].dtype.kind == "c":
            kind = "bool" if columns.is_truth(used[name]) else used[name].dtype
            raise ValueError(f"the response {name!r} is not numeric (it is {kind}); give numbers")
    if str(formula[0]) in used:
        return used[str(formula[0])].to_numpy(dtype=float)
    if not formulas.variables(formula):
        raise ValueError(f"the response {text!r} names no column of the data")
    names, y, _ = _build(formula, used)
    if len(names) != 1:
        raise ValueError(f"the response {text!r} gives {len(names)} columns; it must be one")
    return y[:, 0].copy()


def new_response(y, index):
    """Other responses for rows with these labels: an array, or a Series by label, as an array
    (n,)."""
    if isinstance(y, pd.Series) and not y.index.equals(index):
        if not (y.index.is_unique and index.is_unique and index.isin(y.index).all()):
            raise ValueError("the labels of the new response are not those of the fit's rows; "
                             "give a Series with the "
                             "table's labels, or an array in the order of the rows")
        y = y.loc[index]
    values = np.asarray(y)
    if values.shape != (len(index),):
        raise ValueError(f"the new response has shape {values.shape}; it needs one number for "
                         f"each of the {len(index)} "
                         "rows of the fit (rows with missing values are not among them)")
    try:
        values = values.astype(float) if values.dtype.kind in "iufO" else None
    except (TypeError, ValueError):
        values = None
    if values is None:
        raise ValueError("the new response is not numeric; give numbers")
    if not np.isfinite(values).all():
        place = index[~np.isfinite(values)].tolist()[0]
        raise ValueError(f"the new response is NaN or infinite in row {place!r}; correct it, or "
                         "drop the row and fit anew")
    return values


def with_response(data, text, y):
    """The table with y in place of the response, where the left side of the formula `text` is a
    plain column."""
    name = str(formulas.left(formulas.parse(text).response)[0])
    return data.assign(**{name: y}) if name in data else data


def _fixed(formula, used):
    """X, a DataFrame, and formulaic's spec to build it for new data."""
    names, X, spec = covariates(formula, used)
    _names_differ(names)
    _names_differ(["Intercept" if str(term) == "1" else str(term) for term in formula])
    if spec is formula:                             # plain columns: formulaic need not see all rows
        spec = _build(formula, used.iloc[:2])[2]
    return pd.DataFrame(X, index=used.index, columns=names, copy=False), spec


def _names_differ(names):
    """ValueError if two columns or terms have one name, as the intercept and a column called
    Intercept."""
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"the formula gives two effects the name {twice[0]!r}; rename the column "
                         "of that name")


def covariates(effect, data):
    """Names and values (n, m) of the columns of a one-sided formula, and formulaic's spec to build
    them for new data.

    An intercept and plain numeric columns need no spec: `effect` itself is returned, and builds
    them again.
    """
    if isinstance(effect, Formula):
        names = [str(term) for term in effect]
        if all(name == "1" or name in data and data[name].dtype.kind in "iuf" for name in names):
            values = [np.ones(len(data)) if name == "1" else data[name].to_numpy(dtype=float)
                      for name in names]
            names = ["Intercept" if name == "1" else name for name in names]
            return names, np.array(values).reshape(len(names), len(data)).T, effect
    return _build(effect, data)


def _build(formula, data):
    """Names, values and formulaic's spec of one part of a formula; ValueError unless all values are
    finite."""
    try:
        with np.errstate(all="ignore"):
            matrix = formula.get_model_matrix(data, materializer="lmm", output="numpy")
    except (FormulaicError, TypeError, NameError, ValueError) as error:
        raise ValueError(f"cannot build the columns of {formula}: "
                         f"{formulas.shown(str(error).splitlines()[0])}") from None
    names = list(matrix.model_spec.column_names)
    values = np.asarray(matrix, dtype=float)
    for name, column in zip(names, values.T):
        if not np.isfinite(column).all():
            raise ValueError(f"{name!r} is not finite in every row; check what the formula does "
                             "to the data")
    return names, values, matrix.model_spec.update(output="pandas")


# Random terms -------------------------------------------------------------------------------------

def _random_term(term, effect, data):
    """One random term: levels of the grouping factor (or the combinations "a:b" that occur), codes,
    covariates."""
    factors = [name for name in formulas.variables(effect) if columns.is_factor(data[name])]
    if term.apart and factors:
        raise ValueError(f"|| separates columns of numbers, and {factors[0]!r} is a factor: write "
                         f"({factors[0]} | "
                         f"{term.group}), with all correlations, or (1 | {term.group}) + (1 | "
                         f"{term.group}:{factors[0]})")
    codes, levels = terms.levels_of(term.group, data)
    names, x, spec = covariates(effect, data)
    _names_differ(names)
    text = f"({term.effects} | {term.group})"
    return terms.checked(terms.RandomTerm(term.group, codes, levels, names, x, spec, text))
