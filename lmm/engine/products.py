"""Cross-products of [Z X y]: all that the engine keeps of the data, at the cost of q, not of N.

The first term, the one with most columns, has a block-diagonal Z'Z, by level: A is (m, m, L), the level last. What is left
of the other terms once it is eliminated, S = A_rest - C' K C, is linear in K (see `blocks`), so its map is built once here.
S falls into independent blocks (one a clinic, where patients are nested in clinics), which are found here, too.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lmm.engine.state import Group, Products


def of_terms(terms, W):
    """Cross-products, once. terms: list of (codes (n,), covariates (n, m)), the widest first; W = [X y]."""
    codes, x = terms[0]
    m, L = x.shape[1], codes.max() + 1
    by_level = partial(np.bincount, codes, minlength=L)
    if (codes[1:] >= codes[:-1]).all():                              # sorted by level: sums of stretches are faster
        by_level = partial(np.add.reduceat, indices=np.searchsorted(codes, np.arange(L)))
    x, rows = np.asfortranarray(x), np.ascontiguousarray(W.T)
    A, one = np.empty((m, m, L)), [a for a in range(m) if (x[:, a] == 1).all()]          # no need to multiply by 1
    for a in range(m):
        for b in range(a + 1):
            A[a, b] = A[b, a] = by_level(x[:, a] if b in one else x[:, a] * x[:, b])
    Cx = np.array([[by_level(w if a in one else x[:, a] * w) for w in rows] for a in range(m)])
    if len(terms) > 1:
        Zr = sparse.hstack([indicators(c, v) for c, v in terms[1:]]).tocsr()
        C = (indicators(codes, x).T @ Zr).tocsr()
        rest, restx = (Zr.T @ Zr).tocsr(), Zr.T @ W
    else:
        C, rest, restx = sparse.csr_array((L * m, 0)), sparse.csr_array((0, 0)), np.zeros((0, W.shape[1]))
    shapes = [(int(c.max()) + 1, v.shape[1]) for c, v in terms]
    groups, base, pairs = _blocks(C, rest, shapes)
    C, Ct, rest = map(_small_dense, (C, C.T.tocsr(), rest))
    pairs = [[_small_dense(P) for P in row] for row in pairs]
    return Products(shapes, A, C, Ct, Cx, rest, restx, W.T @ W, groups, base, pairs, [[P.T for P in row] for row in pairs])


def _small_dense(M):
    """A small matrix as a plain array: what a sparse one saves is less than what each call of it costs."""
    return M.toarray() if M.shape[0] * M.shape[1] <= 50_000 else M


def indicators(codes, x):
    """Z of one term, sparse: column l * m + a holds covariate a where the row is of level l."""
    n, m = x.shape
    columns = codes[:, None] * m + np.arange(m)
    return sparse.csr_array((x.ravel(), columns.ravel(), np.arange(0, n * m + 1, m)), shape=(n, (codes.max() + 1) * m))


def _blocks(C, rest, shapes):
    """Find the independent blocks of S, and the map from K to S (pairs: rows K_l[a, b], columns entries of S)."""
    q, m = rest.shape[0], shapes[0][1]
    if q == 0:
        return [], np.zeros(0), []
    own, first = rest.tocoo(), C.tocoo()                  # columns of the rest, then those of the first term
    # T_k ties all columns of a level, also where the data leave zeros between them
    column = np.arange(q + C.shape[0])
    head = np.concatenate([*_first_of_level(shapes[1:], 0), *_first_of_level(shapes[:1], q)])
    edges = np.concatenate([own.row, first.row + q, column]), np.concatenate([own.col, first.col, head])
    graph = sparse.coo_array((np.ones(len(edges[0])), edges), shape=(q + C.shape[0], q + C.shape[0]))
    label = np.unique(connected_components(graph, directed=False)[1][:q], return_inverse=True)[1]
    term = np.repeat(np.arange(len(shapes) - 1), [levels * k for levels, k in shapes[1:]])
    counts = np.zeros((label.max() + 1, len(shapes) - 1), dtype=int)
    np.add.at(counts, (label, term), 1)
    order = np.lexsort((np.arange(q), label))             # columns block by block; inside, term by term
    start = np.concatenate([[0], np.cumsum(counts.sum(1))])
    groups, place, offset = [], np.zeros((3, q), dtype=np.int64), 0
    for signature in np.unique(counts, axis=0):
        members = np.flatnonzero((counts == signature).all(1))
        s = signature.sum()
        columns = order[start[members][:, None] + np.arange(s)]
        groups.append(Group(columns, offset, signature))
        place[0, columns] = offset + np.arange(len(members))[:, None] * s * s         # where its block begins
        place[1, columns], place[2, columns] = np.arange(s), s
        offset += len(members) * s * s
    entry = lambda i, j: place[0, i] + place[1, i] * place[2, i] + place[1, j]         # noqa: E731
    base = np.zeros(offset)
    base[entry(own.row, own.col)] = own.data
    # all pairs (i >= j) of columns that meet in a level of the first term, one sparse map for each K[a, b]
    B = C.tobsr((m, 1)) if C.nnz else sparse.bsr_array(C.shape, blocksize=(m, 1))
    level = np.repeat(np.arange(len(B.indptr) - 1), np.diff(B.indptr))
    sort = np.lexsort((place[1, B.indices], level))
    columns, values = B.indices[sort], B.data[sort, :, 0]
    rank = np.arange(len(level)) - B.indptr[level]
    first = np.repeat(np.arange(len(level)), rank + 1)
    second = np.arange(len(first)) - np.repeat(np.cumsum(rank + 1) - rank - 1 - B.indptr[level], rank + 1)
    where = entry(columns[first], columns[second])
    ends = np.concatenate([[0], np.cumsum(rank + 1)])[B.indptr]
    pairs = [[sparse.csr_array((values[first, a] * values[second, b], where, ends), shape=(len(ends) - 1, offset))
              for b in range(m)] for a in range(m)]
    return groups, base, pairs


def _first_of_level(shapes, start):
    """For each column of the terms the first column of its level; `start`: the number of the first one of all."""
    for levels, m in shapes:
        yield start + np.repeat(np.arange(levels) * m, m)
        start += levels * m
