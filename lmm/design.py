"""The design matrices X and Z of y = X beta + Z u + e, written out as on slides 27 and 28."""

import pandas as pd


def fixed(data, factors, coding="full"):
    """The design matrix X of the fixed factors, with an intercept (slides 27 and 28).

    data: table with one row an observation; factors: column names, in the order of the columns of
    X. coding: "full" is the lecture's, one column a level, so that X has not full rank; "reference"
    leaves the first level of each factor out, as software does.

    Returns a DataFrame (n, p) of 0 and 1: rows are named as in `data`, columns Intercept,
    method[hplc], ... Raises ValueError for an unknown column or coding, an empty table, a missing
    value, a factor with one level.
    """
    if coding not in ("full", "reference"):
        raise ValueError(f"coding must be 'full' or 'reference', not {coding!r}")
    factors = [factors] if isinstance(factors, str) else list(factors)
    parts = [pd.DataFrame({"Intercept": 1}, index=data.index, dtype=int)]
    for factor in factors:
        # one indicator column a level: 1 where the observation has that level (slide 27)
        columns = _indicators(data, factor)
        if coding == "reference":
            columns = columns.iloc[:, 1:]
            columns.columns = [name.replace("[", "[T.", 1) for name in columns.columns]
        parts.append(columns)
    return pd.concat(parts, axis=1)


def random(data, factor):
    """The design matrix Z of one random factor: Z[i, j] = 1 if observation i is in group j (slide
    28).

    Returns a DataFrame (n, q) of 0 and 1 with columns tablet[1], tablet[2], ...
    Raises ValueError as `fixed` does.
    """
    return _indicators(data, factor)


def _indicators(data, factor):
    if factor not in data.columns:
        raise ValueError(f"no column {factor!r} in the data; there are: "
                         f"{', '.join(map(str, data.columns))}")
    if len(data) == 0:
        raise ValueError("the table has no rows; a design matrix needs at least one observation")
    values = pd.Series(pd.Categorical(data[factor]), index=data.index)
    values = values.cat.remove_unused_categories()
    if values.isna().any():
        raise ValueError(f"{factor!r} has {values.isna().sum()} missing value(s); drop those rows "
                         "first")
    levels = values.cat.categories.tolist()
    if len(levels) == 1:
        raise ValueError(f"{factor!r} has only the level {levels[0]!r}; "
                         "a factor needs at least two")
    return pd.DataFrame({f"{factor}[{level}]": (values == level).astype(int) for level in levels})
