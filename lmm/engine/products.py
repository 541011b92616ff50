"""Cross-products of [Z X y]: all that the engine keeps of the data, at the cost of q, not of N.

The first term, the one with most columns, has a block-diagonal Z'Z, by level: A is (m, m, L), the
level last. What is left of the other terms once it is eliminated, S = A_rest - C' K C, is linear in
K (see `blocks`), so its map is built once here. S falls into independent blocks (one a clinic,
where patients are nested in clinics), which are found here, too.
"""

from functools import partial

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from lmm.engine.state import Group, Products


def of_terms(terms, W):
    """Cross-products, once. terms: list of (codes (n,), covariates (n, m)), the widest first;
    W = [X y]."""
    shapes = [(int(c.max()) + 1, x.shape[1]) for c, x in terms]
    A, Cx = _by_level(*terms[0], W)
    C, rest, restx = _with_the_rest(terms, shapes, W)
    groups, base, pairs = _blocks(C, rest, shapes)
    C, Ct, rest = map(_small_dense, (C, C.T.tocsr(), rest))
    pairs = [[_small_dense(P) for P in row] for row in pairs]
    spread = [[P.T for P in row] for row in pairs]
    return Products(shapes, A, C, Ct, Cx, rest, restx, W.T @ W, groups, base, pairs, spread)


def _by_level(codes, x, W):
    """Z_1'Z_1 (m, m, L) and Z_1'W (m, p + 1, L)."""
    m = x.shape[1]
    L = codes.max() + 1
    sums = partial(np.bincount, codes, minlength=L)
    if (codes[1:] >= codes[:-1]).all():                   # sorted by level: stretches are faster
        sums = partial(np.add.reduceat, indices=np.searchsorted(codes, np.arange(L)))
    x = np.asfortranarray(x)
    rows = np.ascontiguousarray(W.T)
    one = [a for a in range(m) if (x[:, a] == 1).all()]   # no need to multiply by 1
    A = np.empty((m, m, L))
    for a in range(m):
        for b in range(a + 1):
            A[a, b] = A[b, a] = sums(x[:, a] if b in one else x[:, a] * x[:, b])
    Cx = [[sums(w if a in one else x[:, a] * w) for w in rows] for a in range(m)]
    return A, np.array(Cx)


def _with_the_rest(terms, shapes, W):
    """Z_1'Z_r, Z_r'Z_r and Z_r'W."""
    if len(terms) == 1:
        levels, m = shapes[0]
        none = sparse.csr_array((0, 0))
        return sparse.csr_array((levels * m, 0)), none, np.zeros((0, W.shape[1]))
    Zr = sparse.hstack([indicators(c, x) for c, x in terms[1:]]).tocsr()
    C = (indicators(*terms[0]).T @ Zr).tocsr()
    return C, (Zr.T @ Zr).tocsr(), Zr.T @ W


def _small_dense(M):
    """A small matrix as an array: what a sparse one saves is less than what each call of it
    costs."""
    return M.toarray() if M.shape[0] * M.shape[1] <= 50_000 else M


def indicators(codes, x):
    """Z of one term, sparse: column l * m + a holds covariate a where the row is of level l."""
    n, m = x.shape
    columns = codes[:, None] * m + np.arange(m)
    return sparse.csr_array((x.ravel(), columns.ravel(), np.arange(0, n * m + 1, m)),
                            shape=(n, (codes.max() + 1) * m))


def _blocks(C, rest, shapes):
    """The independent blocks of S, a Group a shape; Z_r'Z_r as the flat S; and the map from K to
    S."""
    if rest.shape[0] == 0:
        return [], np.zeros(0), []
    groups, place = _layout(*_independent_blocks(C, rest, shapes))
    own = rest.tocoo()
    base = np.zeros(sum(g.columns.size * g.columns.shape[1] for g in groups))
    base[place.entry(own.row, own.col)] = own.data
    return groups, base, _pair_map(C, shapes[0][1], place, len(base))


def _independent_blocks(C, rest, shapes):
    """The block of each column of the rest, (q,), and how many columns of each term a block has,
    (blocks, terms - 1)."""
    q = rest.shape[0]
    own = rest.tocoo()                                    # columns of the rest, those of the first
    first = C.tocoo()                                     # term come after them
    # T_k ties all columns of a level, also where the data leave zeros between them
    column = np.arange(q + C.shape[0])
    head = [*_first_of_level(shapes[1:], 0), *_first_of_level(shapes[:1], q)]
    one = np.concatenate([own.row, first.row + q, column])
    other = np.concatenate([own.col, first.col, *head])
    graph = sparse.coo_array((np.ones(len(one)), (one, other)), shape=(len(column), len(column)))
    label = connected_components(graph, directed=False)[1][:q]
    label = np.unique(label, return_inverse=True)[1]
    term = np.repeat(np.arange(len(shapes) - 1), [levels * k for levels, k in shapes[1:]])
    counts = np.zeros((label.max() + 1, len(shapes) - 1), dtype=int)
    np.add.at(counts, (label, term), 1)
    return label, counts


class _Place:
    """Where each of the q columns stands in the flat S."""

    def __init__(self, q):
        self.begin = np.zeros(q, dtype=np.int64)          # where its block begins
        self.within = np.zeros(q, dtype=np.int64)         # which column of the block it is
        self.size = np.zeros(q, dtype=np.int64)           # how many columns the block has

    def entry(self, i, j):
        """The entry of S at columns i and j of one block."""
        return self.begin[i] + self.within[i] * self.size[i] + self.within[j]


def _layout(label, counts):
    """The Groups, block after block in the flat S, and the _Place of each column."""
    q = len(label)
    order = np.lexsort((np.arange(q), label))             # block by block; inside, term by term
    start = np.concatenate([[0], np.cumsum(counts.sum(1))])
    groups = []
    place = _Place(q)
    offset = 0
    for signature in np.unique(counts, axis=0):
        members = np.flatnonzero((counts == signature).all(1))
        s = signature.sum()
        columns = order[start[members][:, None] + np.arange(s)]
        groups.append(Group(columns, offset, signature))
        place.begin[columns] = offset + np.arange(len(members))[:, None] * s * s
        place.within[columns] = np.arange(s)
        place.size[columns] = s
        offset += len(members) * s * s
    return groups, place


def _pair_map(C, m, place, entries):
    """pairs[a][b]: sparse, from K_l[a, b] (rows, L) to the entries of C'KC.

    All pairs (i >= j) of columns that meet in a level of the first term.
    """
    B = C.tobsr((m, 1)) if C.nnz else sparse.bsr_array(C.shape, blocksize=(m, 1))
    level = np.repeat(np.arange(len(B.indptr) - 1), np.diff(B.indptr))
    sort = np.lexsort((place.within[B.indices], level))
    columns = B.indices[sort]
    values = B.data[sort, :, 0]
    rank = np.arange(len(level)) - B.indptr[level]        # of a column, among those of its level
    before = np.cumsum(rank + 1) - rank - 1               # pairs of the columns before it
    first = np.repeat(np.arange(len(level)), rank + 1)
    second = np.arange(len(first)) - np.repeat(before - B.indptr[level], rank + 1)
    where = place.entry(columns[first], columns[second])
    ends = np.concatenate([[0], np.cumsum(rank + 1)])[B.indptr]
    shape = (len(ends) - 1, entries)
    return [[sparse.csr_array((values[first, a] * values[second, b], where, ends), shape=shape)
             for b in range(m)] for a in range(m)]


def _first_of_level(shapes, start):
    """For each column of the terms the first column of its level; `start`: the number of the first
    one of all."""
    for levels, m in shapes:
        yield start + np.repeat(np.arange(levels) * m, m)
        start += levels * m
