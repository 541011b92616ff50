"""A fixed part whose columns depend on each other: which to drop, what can still be estimated."""

from collections import namedtuple

import numpy as np

# names of all columns (p); places of those kept (k,); given (k, p - k): X_dropped = X_kept @ given
Rank = namedtuple("Rank", "names kept given")

TOLERANCE = 1e-7                                  # R's, of what a column has beside those before it


def reduced(X):
    """X without the columns that those before them give, as lmer drops them, and its Rank.

    X: DataFrame (n, p). The Rank is None where all columns are kept.
    """
    norms = np.linalg.norm(X, axis=0)
    R = np.linalg.qr(X / np.where(norms > 0, norms, 1), mode="r")
    kept = independent(R, range(X.shape[1]), TOLERANCE)
    if len(kept) == X.shape[1]:
        return X, None
    dropped = np.setdiff1d(np.arange(X.shape[1]), kept)
    given = np.linalg.lstsq(R[:, kept], R[:, dropped])[0] * norms[dropped] / norms[kept][:, None]
    given[np.abs(given) < 1e-9 * np.abs(given).max(initial=0)] = 0
    return X.iloc[:, kept], Rank(list(X.columns), np.array(kept), given)


def independent(A, order, tolerance):
    """Places of the columns of A that those before them in `order` do not give (Gram and Schmidt).

    A: (n, p); tolerance: of what is left of a column, relative to its length.
    """
    kept = []
    basis = np.zeros((len(A), 0))
    for j in order:
        rest = A[:, j]
        for _ in range(2):                                           # once more against rounding
            rest = rest - basis @ (basis.T @ rest)
        left = np.linalg.norm(rest)
        if left > tolerance * np.linalg.norm(A[:, j]):
            kept.append(j)
            basis = np.column_stack([basis, rest / left])
    return kept


def dropped(rank):
    """Names of the columns that are left out."""
    return [] if rank is None else [name for j, name in enumerate(rank.names) if j not in rank.kept]


def places(rank, columns):
    """Where the columns of a term (a slice of all columns) stand among those kept."""
    if rank is None:
        return columns
    return np.flatnonzero((columns.start <= rank.kept) & (rank.kept < columns.stop))


def functions(rank, L):
    """Rows L (r, p) for all columns as rows (r, k) for those kept, and which can be estimated,
    (r,).

    Such a row is a combination of the rows of X, so that L_dropped = L_kept @ given.
    """
    if rank is None:
        return L, np.ones(len(L), dtype=bool)
    out = np.setdiff1d(np.arange(len(rank.names)), rank.kept)
    kept = L[:, rank.kept]
    size = np.abs(L[:, out]) + np.abs(kept) @ np.abs(rank.given)
    return kept, (np.abs(L[:, out] - kept @ rank.given) <= 1e-8 * size).all(axis=1)
