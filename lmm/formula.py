"""From "y ~ x * z + (1 | g)" and a table to the response, the fixed part and the random terms."""

import re
from collections import namedtuple

import numpy as np
import pandas as pd
from formulaic import Formula
from formulaic.errors import FormulaicError

Parts = namedtuple("Parts", "response fixed groups")
Model = namedtuple("Model", "y X model_spec terms data n_dropped")
RandomTerm = namedtuple("RandomTerm", "name codes levels")

RANDOM = re.compile(r"\(([^()|]*)\|([^()]*)\)")


def parse(formula):
    """Split a formula: ("y", "x * z", ["g", "a:b"]). `(1 | a/b)` means `(1 | a) + (1 | a:b)`, as in lme4.

    Raises ValueError for a formula without "~", a bar without brackets, or a random term that is no intercept.
    """
    if not isinstance(formula, str) or formula.count("~") != 1:
        raise ValueError(f"the formula {formula!r} needs one '~' between the response and the model")
    response, right = (side.strip() for side in formula.split("~"))
    if not response:
        raise ValueError(f"the formula {formula!r} has no response to the left of '~'")
    groups = []
    for effects, group in RANDOM.findall(right):
        if effects.strip() != "1":
            raise ValueError(f"random term ({effects}|{group}): only random intercepts (1 | group) can be fitted")
        groups += _expand(group.replace(" ", ""))
    fixed = RANDOM.sub("", right)
    if "|" in fixed:
        raise ValueError(f"a random term needs brackets: write (1 | group) in {formula!r}")
    twice = {g for g in groups if groups.count(g) > 1}
    if twice:
        raise ValueError(f"the random term (1 | {', '.join(sorted(twice))}) is given twice in {formula!r}")
    fixed = re.sub(r"\+(\s*\+)+", "+", fixed).strip().strip("+").strip()
    return Parts(response, fixed or "1", groups)


def _expand(group):
    if not re.fullmatch(r"\w+([:/]\w+)*", group):
        raise ValueError(f"cannot read the grouping factor {group!r}; write g, a:b or a/b")
    nested = group.split("/")
    return [":".join(nested[:depth + 1]) for depth in range(len(nested))]


def read(formula, data):
    """All that a fit needs: y (n,), X (DataFrame), its model_spec, random terms, the rows used, rows dropped.

    Rows with a missing value in any column of the formula are dropped and counted. Raises ValueError for an
    unknown column, a response that is not numeric, infinite values, and a grouping factor that cannot be one.
    """
    parts = parse(formula)
    fixed = _formulaic(f"{parts.response} ~ {parts.fixed}")
    factors = sorted({factor for group in parts.groups for factor in group.split(":")})
    columns = sorted(fixed.required_variables | set(factors))
    unknown = [c for c in columns if c not in data.columns]
    if unknown:
        raise ValueError(f"no column {unknown[0]!r} in the data; there are: {', '.join(map(str, data.columns))}")
    if len(data) == 0:
        raise ValueError("the table has no rows; a model needs data")
    used = _complete_rows(data, columns)
    y, X, spec = _matrices(fixed, used, parts.response)
    terms = [random_term(group, used) for group in parts.groups]
    return Model(y, X, spec, terms, used, len(data) - len(used))


def _formulaic(text):
    try:
        return Formula(text)
    except (FormulaicError, SyntaxError) as error:
        raise ValueError(f"cannot read the fixed part {text!r}: {str(error).splitlines()[0]}") from None


def _complete_rows(data, columns):
    for name in columns:
        values = data[name]
        if pd.api.types.is_numeric_dtype(values) and np.isinf(values.astype(float)).any():
            raise ValueError(f"column {name!r} has infinite values; correct them or make them missing (NaN)")
    used = data.dropna(subset=columns).reset_index(drop=True)
    if len(used) == 0:
        raise ValueError(f"no row is complete in the columns {', '.join(columns)}; all {len(data)} have missing values")
    for name in columns:
        if isinstance(used[name].dtype, pd.CategoricalDtype):
            used[name] = used[name].cat.remove_unused_categories()
    return used


def _matrices(fixed, used, response):
    for name in fixed.lhs.required_variables:
        if not pd.api.types.is_numeric_dtype(used[name]) or pd.api.types.is_bool_dtype(used[name]):
            raise ValueError(f"the response {name!r} is not numeric (it is {used[name].dtype}); give numbers")
    for name in fixed.rhs.required_variables:
        if not pd.api.types.is_numeric_dtype(used[name]) and used[name].nunique() == 1:
            raise ValueError(f"the factor {name!r} has only the level {used[name].iloc[0]!r}; "
                             "it needs at least two, so leave it out")
    try:
        with np.errstate(all="ignore"):                       # log(0): said below, with the column's name
            matrices = fixed.get_model_matrix(used)
    except (FormulaicError, SyntaxError) as error:
        raise ValueError(f"cannot build the columns of the model: {str(error).splitlines()[0]}") from None
    y, X = matrices.lhs, matrices.rhs
    for name, column in [*y.items(), *X.items()]:
        if not np.isfinite(column.to_numpy(dtype=float)).all():
            raise ValueError(f"{name!r} is not finite in every row; check what the formula does to the data")
    if X.shape[1] == 0:
        raise ValueError("the fixed part has no columns; keep at least the intercept, 1")
    if y.shape[1] != 1:
        raise ValueError(f"the response {response!r} gives {y.shape[1]} columns; it must be one")
    return y.iloc[:, 0].to_numpy(dtype=float), pd.DataFrame(X).astype(float), X.model_spec


def random_term(group, data):
    """The levels of a grouping factor (or of the combinations "a:b" that occur) and each row's code."""
    factors = [pd.Categorical(data[name]) for name in group.split(":")]
    codes = np.zeros(len(data), dtype=np.int64)
    for factor in factors:
        codes = codes * len(factor.categories) + factor.codes
    first, codes = np.unique(codes, return_index=True, return_inverse=True)[1:]
    levels = [":".join(str(f[i]) for f in factors) if len(factors) > 1 else factors[0][i] for i in first]
    if len(levels) == 1:
        raise ValueError(f"the grouping factor {group!r} has one level only, {levels[0]!r}; "
                         "a variance between groups needs at least two")
    if len(levels) == len(data):
        raise ValueError(f"the grouping factor {group!r} has as many levels as rows ({len(data)}); its variance "
                         "cannot be told from the residual's: leave the term out")
    return RandomTerm(group, codes, levels)
