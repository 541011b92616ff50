"""Random terms: their groups and covariates, and whether the data can tell their variances."""

from collections import namedtuple

import numpy as np
import pandas as pd

RandomTerm = namedtuple("RandomTerm", "name codes levels columns x model_spec")

FEW_ROWS = 2000


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


def checked(text, term):
    """The term; ValueError if its variances cannot be told from one another and from the residual's.

    text: its effects as they are written.
    """
    group, levels, x = term.name, term.levels, term.x
    q = len(levels) * x.shape[1]
    if len(levels) == 1:
        raise ValueError(f"the grouping factor {group!r} has one level only, {levels[0]!r}; "
                         "a variance between groups needs at least two")
    if x.shape[1] == 0:
        raise ValueError(f"the random term ({text} | {group}) has no columns; write (1 | {group})")
    empty = [name for name, column in zip(term.columns, x.T) if not column.any()]
    if empty:
        raise ValueError(f"{empty[0]!r} in ({text} | {group}) is 0 in every row; leave it out")
    if len(levels) == len(x):
        raise ValueError(f"the grouping factor {group!r} has as many levels as rows ({len(x)}); its variance "
                         "cannot be told from the residual's: leave the term out")
    if q >= len(x):
        raise ValueError(f"the random term ({text} | {group}) has {q} random effects for {len(x)} rows; its variances "
                         "cannot be told from the residual's: leave out a slope")
    if x.shape[1] > 1 and _dependent(x):
        raise ValueError(f"the columns of the random term ({text} | {group}) depend on each other: "
                         f"{', '.join(term.columns)}")
    return term


def all_different(terms, texts):
    """ValueError if two terms of the same groups have covariates in common, or give some in common."""
    for k, term in enumerate(terms):
        for j, other in enumerate(terms):
            if j != k and _part_of(term, other):
                raise ValueError(f"({texts[k]} | {term.name}) is a part of ({texts[j]} | {other.name}), whose covariance is "
                                 "free, so their variances cannot be told apart; leave one of the terms out")
        for other, text in zip(terms[:k], texts):
            if not _same_groups(term, other) or not _dependent(np.hstack([term.x, other.x])):
                continue
            written = f"({text} | {other.name}) and ({texts[k]} | {term.name})"
            common = sorted(set(term.columns) & set(other.columns))
            if term.name != other.name:
                names = ", ".join(common or term.columns)
                raise ValueError(f"{other.name!r} and {term.name!r} are the same groups under two names, so the variances "
                                 f"of {names} cannot be told apart; leave one of the terms out")
            if common:
                raise ValueError(f"{written} both have {', '.join(common)}, whose variances cannot be told apart; "
                                 "write one term with all of it, or 0 + in one of them")
            raise ValueError(f"the columns of {written} depend on each other, so their variances cannot be told apart; "
                             "leave one of the terms out")


def _part_of(term, other):
    """Is `term` an effect of each combination of a group and a level, (1 | g:f), beside all of (f | g)?"""
    m = other.x.shape[1]
    if m == 1 or term.x.shape[1] > 1 or not set(other.name.split(":")) < set(term.name.split(":")):
        return False
    if len(term.levels) > m * len(other.levels) or (term.x != term.x[0]).any():
        return False
    first = np.unique(term.codes, return_index=True)[1]              # a row of each level stands for the level
    if (other.x != other.x[first][term.codes]).any():
        return False
    kinds = np.unique(other.x[first], axis=0, return_inverse=True)[1].ravel()
    pairs = np.unique(other.codes[first] * (kinds.max() + 1) + kinds)
    return kinds.max() + 1 == m and len(pairs) == len(first)


def _same_groups(a, b):
    if a.name == b.name:
        return True
    same = len(a.levels) == len(b.levels)
    return same and len(np.unique(a.codes * len(a.levels) + b.codes)) == len(a.levels)


def _dependent(x):
    """Are the columns of x linearly dependent? A large table is first judged by a well-conditioned x'x."""
    if len(x) >= 10_000:
        products = x.T @ x
        norms = np.sqrt(np.diag(products))
        if np.isfinite(norms).all() and np.linalg.cond(products / np.outer(norms, norms)) < 1e8:
            return False
    x = x / np.linalg.norm(x, axis=0)
    return np.linalg.matrix_rank(np.linalg.qr(x, mode="r")) < x.shape[1]


# Terms that the fixed part gives ----------------------------------------------------------------------------------

def beside(X, terms, texts):
    """ValueError if the fixed part X (n, p) gives all random effects of a term, or of one of its covariates.

    Then no contrast free of the fixed effects is left to show the variance: `y ~ diet + (1 | herd)`, one herd a diet.
    """
    for term, text in zip(terms, texts):
        if not _few_levels(term, X.shape[1]):
            continue
        some = slice(None, None, len(X) // FEW_ROWS + 1)             # what all rows give, some of them do
        lost = _given(X[some], term.codes[some], term.x[some])
        lost = _given(X, term.codes, term.x) if lost is not None else None
        if lost is not None:
            names = [name for name, weight in zip(term.columns, lost) if abs(weight) > 1e-4]
            whole = f"({text} | {term.name})"
            what = whole if len(term.columns) == 1 else f"{', '.join(names)} in {whole}"
            raise ValueError(f"the fixed part gives all random effects of {what}, so their variance cannot be told "
                             "from the fixed effects: leave out one or the other")


def _few_levels(term, p):
    """Can p columns give the effects of all levels? Each level with a covariate that is not 0 takes one of them."""
    if len(term.levels) <= p:
        return True
    some = slice(None, None, len(term.codes) // FEW_ROWS + 1)        # mostly these have levels enough already
    return any(all(len(np.unique(term.codes[rows][column[rows] != 0])) <= p for rows in (some, slice(None)))
               for column in term.x.T)


def _given(X, codes, x):
    """The combination of covariates whose effects of all levels are columns that X gives, or None.

    With M = I - X(X'X)^-1X', c'Sc is the sum over levels of the squared length of M Z_l c.
    """
    scaled = x / np.where(x.any(axis=0), np.linalg.norm(x, axis=0), 1)
    Q, R = np.linalg.qr(X / np.where(X.any(axis=0), np.linalg.norm(X, axis=0), 1))
    U, size, _ = np.linalg.svd(R)
    Q = Q @ U[:, size > 1e-10 * size[0]]                             # a part of the rows may lose rank
    S = scaled.T @ scaled
    QZ = np.array([[np.bincount(codes, q * column) for column in scaled.T] for q in Q.T])     # (p, m, L)
    S = S - np.einsum("pal,pbl->ab", QZ, QZ)
    values, vectors = np.linalg.eigh(S)
    return vectors[:, 0] if values[0] < 1e-11 else None
