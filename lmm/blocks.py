"""Cross-products of [Z X y] and their elimination: all that the engine does with data, at the cost of q, not of N.

H = V / sigma^2 = I + Z Gamma Z', Gamma_k = T_k T_k' for each level of term k. The first term, the one with most
columns, is block-diagonal by level: K_l = T (T' A_l T + I)^-1 T' is a tiny Cholesky, done for all levels at once.
What is left of the other terms, S = A_rest - C' K C, is linear in K, so its map P is built once. S falls into
independent blocks (one a clinic, where patients are nested in clinics); each is factored densely.

Arrays by level have the level last: A is (m, m, L).
"""

from collections import namedtuple
from functools import partial

import numpy as np
from scipy import sparse
from scipy.linalg import lapack
from scipy.sparse.csgraph import connected_components

Products = namedtuple("Products", "terms A C Ct Cx rest restx WtW groups base pairs spread")
Group = namedtuple("Group", "columns offset sizes")       # blocks of one shape: columns (B, s); place in S; per term
Factors = namedtuple("Factors", "K logdet chol inverse flat T")


def products(terms, W):
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
    edges = np.concatenate([own.row, first.row + q]), np.concatenate([own.col, first.col])
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


def factor(prod, T):
    """Everything that depends on T (a list, one matrix a term): K, the blocks of S, log|H|."""
    m = prod.terms[0][1]
    chol = _cholesky(np.eye(m)[:, :, None] + _sandwich(T[0], prod.A))
    logdet = 2 * np.log(chol[range(m), range(m)]).sum()
    half = _solve(chol, np.broadcast_to(T[0].T[:, :, None], prod.A.shape))
    K = np.einsum("ial,ibl->abl", half, half)
    flat, chols, inverses = prod.base, [], []
    if prod.groups:
        flat = prod.base - sum(P @ k for row, Ks in zip(prod.spread, K) for P, k in zip(row, Ks))
    for g in prod.groups:
        M = _conjugate(_lower_blocks(flat, g), T, g, prod)
        _diagonal(M)[:] += 1                                                           # T'ST + I
        lower, inverse = _factor_blocks(M)
        logdet += 2 * np.log(_diagonal(lower)).sum()
        chols.append(lower)
        inverses.append(inverse)
    return Factors(K, logdet, chols, inverses, flat, T)


def solve(prod, f, F1, Fr):
    """U = Gamma Z'H^-1 F and Z'H^-1 F for columns F given as F1 = Z_1'F (m, k, L) and Fr = Z_rest'F (q, k)."""
    KF = _times(f.K, F1)
    if not prod.groups:
        return (KF, Fr), (F1 - _times(prod.A, KF), Fr)
    right = Fr - prod.Ct @ _flat(KF)
    Ur = np.zeros_like(right)
    for g, lower, inverse in zip(prod.groups, f.chol, f.inverse):
        within = _left(right[g.columns], [t.T for t in f.T], g, prod)                  # T M^-1 T'
        Ur[g.columns] = _left(_solve_blocks(lower, inverse, within), f.T, g, prod)
    Z1rU = _by_level(prod.C @ Ur, F1.shape)
    U1 = _times(f.K, F1 - Z1rU)
    return (U1, Ur), (F1 - _times(prod.A, U1) - Z1rU, Fr - prod.rest @ Ur - prod.Ct @ _flat(U1))


def multiply(prod, w1, wr):
    """Z'Z w, in the two parts."""
    first = _times(prod.A, w1)
    if not prod.groups:
        return first, wr
    return first + _by_level(prod.C @ wr, w1.shape), prod.rest @ wr + prod.Ct @ _flat(w1)


def traces(prod, f):
    """For each term the sum over its levels of the diagonal blocks of Z'H^-1 Z, a list of (m, m)."""
    A, K = prod.A, f.K
    E = np.eye(len(A))[:, :, None] - _times(A, K)
    first = _times(E, A).sum(axis=2)
    if prod.groups:                               # less E C_l N C_l' E', N = T M^-1 T', by the adjoint of the map P
        entries = np.concatenate([_halved(_conjugate(inverse, [t.T for t in f.T], g, prod)).ravel()
                                  for g, inverse in zip(prod.groups, f.inverse)])
        CNC = np.array([[P @ entries for P in row] for row in prod.pairs])
        CNC = CNC + CNC.transpose(1, 0, 2)
        first = first - np.einsum("abl,bcl,dcl->ad", E, CNC, E)
    out = [first]
    for k in range(1, len(prod.terms)):
        levels, m = prod.terms[k]
        total, T = np.zeros((m, m)), f.T[k]
        for g, lower, inverse in zip(prod.groups, f.chol, f.inverse):
            at = _range(g, k)
            if at.start == at.stop:
                continue
            if np.linalg.svd(T, compute_uv=False)[-1] > 1e-4:                          # T^-T (I - M^-1) T^-1
                Ti = np.linalg.inv(T)
                total += Ti.T @ (np.eye(m) * inverse.shape[0] * ((at.stop - at.start) // m)
                                 - _diagonal_sum(inverse, at, m)) @ Ti
            else:                                                                      # S - S N S
                S = _lower_blocks(f.flat, g)
                S = np.tril(S) + np.tril(S, -1).transpose(0, 2, 1)
                half = np.linalg.solve(np.tril(lower), _left(S[:, :, at], [t.T for t in f.T], g, prod))
                total += _diagonal_sum(S, at, m) - np.einsum("bila,bilc->ac", *2 * [half.reshape(*half.shape[:2], -1, m)])
        out.append(total)
    return out


# Small pieces ----------------------------------------------------------------------------------------------------

def _cholesky(M):
    """Cholesky factors of M (m, m, L), all levels at once."""
    m = len(M)
    out = np.zeros_like(M)
    for j in range(m):
        out[j, j] = np.sqrt(M[j, j] - (out[j, :j] ** 2).sum(0))
        for i in range(j + 1, m):
            out[i, j] = (M[i, j] - (out[i, :j] * out[j, :j]).sum(0)) / out[j, j]
    return out


def _solve(lower, B):
    """lower^-1 B for lower triangular (m, m, L) and B (m, k, L)."""
    out = np.empty(B.shape)
    for i in range(len(B)):
        out[i] = (B[i] - np.einsum("jl,jkl->kl", lower[i, :i], out[:i])) / lower[i, i]
    return out


def _sandwich(T, A):
    m = len(T)
    half = (T.T @ A.reshape(m, -1)).reshape(A.shape)                                   # over the rows of A_l
    return T.T @ half                                                                  # over its columns


def _lower_blocks(flat, g):
    """The blocks of S of one shape, (B, s, s); only their lower triangles are filled."""
    B, s = g.columns.shape
    return flat[g.offset:g.offset + B * s * s].reshape(B, s, s)


def _conjugate(S, T, g, prod):
    """T'ST, from the lower triangles of S; only its lower triangles are meant."""
    if all(m == 1 for _, m in prod.terms[1:]):
        t = np.repeat([T[k][0, 0] for k in range(1, len(prod.terms))], g.sizes)
        M = S * t
        M *= t[:, None]
        return M
    S = np.tril(S) + np.tril(S, -1).transpose(0, 2, 1)
    left = [t.T for t in T]
    return _left(_left(S, left, g, prod).transpose(0, 2, 1), left, g, prod)


def _diagonal(M):
    """A view of the diagonals of M (B, s, s), to change in place."""
    return M.reshape(len(M), -1)[:, ::M.shape[1] + 1]


def _factor_blocks(M):
    """Cholesky factor (lower) of each block of M (B, s, s), and its inverse, of which the lower triangle counts."""
    if M.shape[1] < 100:
        lower = np.linalg.cholesky(M)
        return lower, np.linalg.inv(np.tril(M) + np.tril(M, -1).transpose(0, 2, 1))
    inverse = np.empty_like(M)
    for b, block in enumerate(M):
        # LAPACK sees the transposed block, whose upper triangle this is
        factor, failed = lapack.dpotrf(block.T, lower=False, clean=False, overwrite_a=True)
        if failed:
            raise np.linalg.LinAlgError("a block is not positive definite")
        M[b] = factor.T
        inverse[b] = lapack.dpotri(factor, lower=False)[0].T
    return M, inverse


def _solve_blocks(lower, inverse, F):
    """M^-1 F for each block: small ones by their inverse, large ones, of which half is there, by their factor."""
    if lower.shape[1] < 100:
        return inverse @ F
    return np.array([lapack.dpotrs(block.T, f, lower=False)[0] for block, f in zip(lower, F)])


def _halved(N):
    """N with half its diagonal: the sum over pairs i >= j, added to its transpose, is then the sum over all pairs."""
    _diagonal(N)[:] *= 0.5
    return N


def _range(g, k):
    """Where term k's columns stand in the blocks of a group."""
    return slice(int(g.sizes[:k - 1].sum()), int(g.sizes[:k].sum()))


def _left(F, T, g, prod):
    """blockdiag(T_k) F for F (B, s, k)."""
    if all(m == 1 for _, m in prod.terms[1:]):
        return F * np.repeat([T[k][0, 0] for k in range(1, len(prod.terms))], g.sizes)[:, None]
    out = np.empty(F.shape)
    for k in range(1, len(prod.terms)):
        at, m = _range(g, k), prod.terms[k][1]
        part = F[:, at]
        out[:, at] = (T[k] @ part.reshape(len(part), -1, m, part.shape[2])).reshape(part.shape)
    return out


def _diagonal_sum(M, at, m):
    """Sum of the m x m diagonal blocks of M (B, s, s) in the range `at`, from its lower triangles."""
    start = np.arange(at.start, at.stop, m)
    out = np.empty((m, m))
    for a in range(m):
        for b in range(a + 1):
            out[a, b] = out[b, a] = M[:, start + a, start + b].sum()
    return out


def _times(A, F):
    """A_l F_l for each level: (m, m, L) times (m, k, L)."""
    return (A[:, :, None] * F[None]).sum(axis=1)


def inner(F, G):
    """Sum over levels of F_l'G_l for F (m, k, L) and G (m, j, L)."""
    return (F @ G.transpose(0, 2, 1)).sum(axis=0)


def _flat(U):
    """(m, k, L) -> (L * m, k), the order of columns of Z."""
    m, k, L = U.shape
    return U.transpose(2, 0, 1).reshape(L * m, k)


def _by_level(U, shape):
    """(L * m, k) -> (m, k, L)."""
    m, k, L = shape
    return U.reshape(L, m, k).transpose(1, 2, 0)
