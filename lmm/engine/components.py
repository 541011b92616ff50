"""Rows that share a subject or a level of a random term: V is block-diagonal by these components.

H^-1 of a component is needed once for all components of one pattern (times, levels, weights, rows
of Z). The data enter by their cross-products within a pattern, so many components of one pattern
become few: the rows of R in QR.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lmm.engine.errors import numbers
from lmm.engine.state import record

MOST_ROWS = 3_000
MOST_NUMBERS = 30_000_000


@record
class Batch:
    """Components of n rows each: G patterns, B sets of rows."""

    W: np.ndarray                   # (B, n, p + 1) rows of [X y]
    pattern: np.ndarray             # (B,) number of the pattern
    count: np.ndarray               # (G,) components of the pattern
    d: np.ndarray                   # (G, n, n) distances in time, infinite between subjects
    which: np.ndarray               # (G, n, n) number of the correlation's parameter, -1 for none
    size: np.ndarray                # (G, n) 1 / root of the weight
    level: np.ndarray               # (G, n) level of `variance`
    same: list                      # a term: (G, n, n) do two rows share a level?
    x: list                         # a term: (G, n, m) covariates


def batches(structure, terms, weights, W):
    """The components. terms: (codes, x); weights: (n,); W = [X y], (n, p + 1)."""
    label = _components(structure, terms, len(W))
    order = np.lexsort((structure.at, structure.subjects, label))
    sizes = np.bincount(label)
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    if sizes.max() > MOST_ROWS or (sizes.astype(float) ** 2).sum() > MOST_NUMBERS:
        raise ValueError("rows that share a random effect or a subject form groups of up to "
                         f"{sizes.max()} rows, and a structure needs dense matrices of that size: "
                         "with crossed random terms it is not available for so many")
    return [_batch(structure, terms, weights, W, order[starts[sizes == n][:, None] + np.arange(n)])
            for n in np.unique(sizes)]


def _components(structure, terms, n):
    """The number of each row's component."""
    factors = [structure.subjects] * (structure.kind is not None) + [codes for codes, _ in terms]
    if not factors:
        return np.arange(n)
    if len(factors) == 1:
        return factors[0]
    ends = np.cumsum([0] + [codes.max() + 1 for codes in factors])
    rows = np.concatenate([codes + end for codes, end in zip(factors[1:], ends[1:])])
    columns = np.tile(factors[0], len(factors) - 1)
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(ends[-1], ends[-1]))
    return np.unique(connected_components(graph, directed=False)[1][factors[0]],
                     return_inverse=True)[1]


def _batch(structure, terms, weights, W, rows):
    """The components with these rows, (B, n)."""
    at = structure.at[rows]
    if structure.kind in ("ar1", "car1", "toep"):                    # only distances count
        at = np.round(at - at.min(axis=1, keepdims=True), 12)
    subjects = _numbered(structure.subjects[rows])
    codes = [_numbered(codes[rows]) for codes, _ in terms]
    parts = [at, subjects, structure.level[rows], weights[rows], *codes]
    parts = [part[:, :, None].astype(float) for part in parts] + [x[rows] for _, x in terms]
    key = np.concatenate(parts, axis=2).reshape(len(rows), -1)
    _, first, pattern = np.unique(key, axis=0, return_index=True, return_inverse=True)
    pattern = pattern.ravel()
    d = np.abs(at[first][:, :, None] - at[first][:, None, :])
    d[subjects[first][:, :, None] != subjects[first][:, None, :]] = np.inf
    same = [c[first][:, :, None] == c[first][:, None, :] for c in codes]
    values, pattern, count = _condensed(W[rows], pattern, len(first))
    which = numbers(structure, at[first][:, :, None], at[first][:, None, :])
    which[np.isinf(d) | np.eye(d.shape[1], dtype=bool)] = -1
    return Batch(values, pattern, count, d, which,
                 1 / np.sqrt(weights[rows[first]]), structure.level[rows[first]], same,
                 [x[rows[first]] for _, x in terms])


def _numbered(codes):
    """In each row of (B, n) the codes anew: 0 for the first that occurs, 1 for the next."""
    return (codes[:, :, None] == codes[:, None, :]).argmax(axis=2)


def _condensed(W, pattern, G):
    """Components of one pattern by fewer with the same cross-products: the rows of R in W = QR, a
    set of rows each."""
    B, n, P = W.shape
    count = np.bincount(pattern, minlength=G)
    if count.max() <= n * P:
        return W, pattern, count
    kept = []
    owners = []
    for g in range(G):
        own = W[pattern == g]
        if count[g] > n * P:
            own = np.linalg.qr(own.reshape(count[g], n * P), mode="r").reshape(-1, n, P)
        kept.append(own)
        owners.append(np.full(len(own), g))
    return np.concatenate(kept), np.concatenate(owners), count
