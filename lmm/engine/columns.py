"""The columns of a table: numbers, factors or labels of groups; and how formulaic sees them."""

import datetime
import decimal

import narwhals
import numpy as np
import pandas as pd
from formulaic.materializers import PandasMaterializer
from formulaic.utils.stateful_transforms import stateful_eval
from formulaic.utils.variables import Variable

from lmm.engine import formulas

TIMES = (datetime.date, datetime.timedelta, np.datetime64, np.timedelta64, pd.Period)


def table(data, name="data"):
    """The data as a pandas DataFrame; tables of polars, Arrow and others come by way of narwhals.

    Raises ValueError for anything that is not a table.
    """
    if isinstance(data, pd.DataFrame):
        return data
    frame = narwhals.from_native(data, pass_through=True)
    if isinstance(frame, narwhals.LazyFrame):
        raise ValueError(f"{name} is a table that is not computed yet; call .collect() on it")
    if not isinstance(frame, narwhals.DataFrame):
        raise ValueError(f"{name} must be a pandas DataFrame, not {type(data).__name__}; "
                         "tables of polars and Arrow are taken, too")
    return frame.to_pandas()


def present(name, values):
    """Which rows of a column have a value: a mask (n,). Raises ValueError for infinite numbers."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.to_numpy() >= 0
    if not pd.api.types.is_numeric_dtype(values) or values.dtype.kind == "c":
        return values.notna().to_numpy()
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    there = np.isfinite(numbers)
    if not there.all() and np.isinf(numbers).any():
        raise ValueError(f"column {name!r} has infinite values; "
                         "correct them or make them missing (NaN)")
    return there


def prepared(name, values):
    """A column without missing values as a model takes it.

    Truth values and text become factors, as in R. Numbers, dates and factors stay as they are, but
    for levels that do not occur. Raises ValueError for labels that cannot be levels of a factor.
    """
    if is_factor(values):
        counts = np.bincount(values.cat.codes, minlength=len(values.cat.categories))
        return values if counts.all() else values.cat.remove_unused_categories()
    if pd.api.types.is_bool_dtype(values):
        truth = pd.Categorical(values.to_numpy(dtype=bool), categories=[False, True])
        return pd.Series(truth.remove_unused_categories(), index=values.index)
    if pd.api.types.is_numeric_dtype(values) or is_time(values):
        return values
    if isinstance(values.iloc[0], decimal.Decimal):
        return values.astype(float)
    try:
        factor = values.astype("category")
        strange = [label for label in factor.cat.categories if isinstance(label, tuple)]
    except TypeError:                                                # lists and the like
        strange = [values.iloc[0]]
    if strange:
        raise ValueError(f"column {name!r} has labels such as {strange[0]!r}; make them text: "
                         f"data[{name!r}].map(str)")
    return factor.cat.rename_categories(factor.cat.categories.tolist())


def is_factor(values):
    """Is this column a factor?"""
    return isinstance(values.dtype, pd.CategoricalDtype)


def is_time(values):
    """Does this column hold dates, times or durations?"""
    if is_factor(values) or pd.api.types.is_numeric_dtype(values):
        return False
    return values.dtype.kind in "mM" or (len(values) > 0 and isinstance(values.iloc[0], TIMES))


def is_truth(values):
    """Is this column a factor whose levels are False and True?"""
    levels = values.cat.categories if is_factor(values) else [None]
    return all(isinstance(level, (bool, np.bool_)) for level in levels)


def reals(values):
    """Numbers as real numbers, so that small integers do not overflow; others as they are."""
    if is_factor(values) or not pd.api.types.is_numeric_dtype(values) or values.dtype == float:
        return values
    return pd.Series(values.to_numpy(dtype=float), index=values.index)


class Materializer(PandasMaterializer):
    """formulaic's columns of a formula, with R's rules for names and numbers.

    A name is a column's unless it is called, so a column may be called `log` or `Treatment`.
    Numbers are real numbers, but C(x) sees x as it is. In arithmetic False and True are 0 and 1.
    """

    REGISTER_NAME = "lmm"
    REGISTER_INPUTS = ()

    @PandasMaterializer.override
    def _lookup(self, name):
        return reals(self.data[name]), {_variable(name)}

    @PandasMaterializer.override
    def _evaluate(self, expr, metadata, spec):
        text = formulas.aliased(expr)
        names = formulas.aliases(text)
        columns = {alias: self._seen(alias, name) for alias, name in names.items()}
        value = stateful_eval(text, formulas.CONTEXT | columns, {expr: metadata},
                              spec.transform_state, spec)
        return value, {_variable(name) for name in names.values()}

    def _seen(self, alias, name):
        values = self.data[name]
        if alias.startswith("factor"):
            return values
        return values.astype(float) if is_truth(values) else reals(values)


def _variable(name):
    return Variable(name, roles=("value",), source="data")
