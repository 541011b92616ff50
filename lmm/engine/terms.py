"""Random terms: their groups and covariates, and whether the data can tell their variances."""

import numpy as np
import pandas as pd

from lmm.engine.state import record


@record
class RandomTerm:
    """A random term (effects | group): L levels, m columns, n rows."""

    name: str               # of the grouping factor: "g" or "a:b"
    codes: np.ndarray       # the level of each row, 0 to L - 1, (n,)
    levels: list            # names of the levels, (L,)
    columns: list           # names of the covariates, (m,)
    x: np.ndarray           # the covariates, (n, m)
    model_spec: object      # formulaic's, to build them for new rows
    text: str               # the term as it is written


def levels_of(group, data):
    """Codes of the rows and names of the levels of "g" or "a:b"; only levels that occur, in the
    factors' order."""
    factors = [pd.Categorical(data[name]) for name in group.split(":")]
    codes = np.zeros(len(data), dtype=np.int64)
    count = 1
    for factor in factors:
        codes = codes * len(factor.categories) + factor.codes
        count = count * len(factor.categories)
    if count <= 4 * len(data):                        # number the combinations that occur, in order
        codes = codes.astype(np.intp, copy=False)             # a browser's Python counts in 32 bits
        present = np.bincount(codes, minlength=count) > 0
        occurring = np.flatnonzero(present)
        codes = codes if present.all() else (np.cumsum(present) - 1)[codes]
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


def known(group, data, codes, new):
    """The level of each row of `new` among those that `codes` numbers in `data`, -1 for others."""
    names = group.split(":")
    numbers = dict(zip(zip(*(data[name] for name in names)), codes))
    return np.array([numbers.get(values, -1) for values in zip(*(new[name] for name in names))],
                    dtype=np.int64)


def checked(term):
    """The term; ValueError if its variances cannot be told from one another and from the
    residual's."""
    group = term.name
    levels = term.levels
    x = term.x
    q = len(levels) * x.shape[1]
    if len(levels) == 1:
        raise ValueError(f"the grouping factor {group!r} has one level only, {levels[0]!r}; "
                         "a variance between groups needs at least two")
    if x.shape[1] == 0:
        raise ValueError(f"the random term {term.text} has no columns; write (1 | {group})")
    empty = [name for name, column in zip(term.columns, x.T) if not column.any()]
    if empty:
        raise ValueError(f"{empty[0]!r} in {term.text} is 0 in every row; leave it out")
    if len(levels) == len(x):
        raise ValueError(f"the grouping factor {group!r} has as many levels as rows ({len(x)}); "
                         "its variance "
                         "cannot be told from the residual's: leave the term out")
    if q >= len(x):
        raise ValueError(f"the random term {term.text} has {q} random effects for {len(x)} rows; "
                         "its variances "
                         "cannot be told from the residual's: leave out a slope")
    if x.shape[1] > 1 and _dependent(x):
        raise ValueError(f"the columns of the random term {term.text} depend on each other: "
                         f"{', '.join(term.columns)}")
    return term


def all_different(terms):
    """ValueError if two terms of the same groups have covariates in common, or give some in
    common."""
    for k, term in enumerate(terms):
        for other in terms[:k]:
            if not _same_groups(term, other) or not _dependent(np.hstack([term.x, other.x])):
                continue
            written = f"{other.text} and {term.text}"
            common = sorted(set(term.columns) & set(other.columns))
            if term.name != other.name:
                names = ", ".join(common or term.columns)
                raise ValueError(f"{other.name!r} and {term.name!r} are the same groups under two "
                                 "names, so the variances "
                                 f"of {names} cannot be told apart; leave one of the terms out")
            if common:
                raise ValueError(f"{written} both have {', '.join(common)}, whose variances "
                                 "cannot be told apart; "
                                 "write one term with all of it, or 0 + in one of them")
            raise ValueError(f"the columns of {written} depend on each other, so their variances "
                             "cannot be told apart; "
                             "leave one of the terms out")


def _same_groups(a, b):
    if a.name == b.name:
        return True
    same = len(a.levels) == len(b.levels)
    return same and len(np.unique(a.codes * len(a.levels) + b.codes)) == len(a.levels)


def _dependent(x):
    """Are the columns of x linearly dependent? A large table is first judged by a well-conditioned
    x'x."""
    if len(x) >= 10_000:
        products = x.T @ x
        norms = np.sqrt(np.diag(products))
        if np.isfinite(norms).all() and np.linalg.cond(products / np.outer(norms, norms)) < 1e8:
            return False
    x = x / np.linalg.norm(x, axis=0)
    return np.linalg.matrix_rank(np.linalg.qr(x, mode="r")) < x.shape[1]
