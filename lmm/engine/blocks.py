"""Elimination of the random effects from the cross-products: what an evaluation of the likelihood
costs.

H = V / sigma^2 = I + Z Gamma Z', Gamma_k = T_k T_k' for each level of term k. The first term is
block-diagonal by level: K_l = T (T' A_l T + I)^-1 T' is a tiny Cholesky, done for all levels at
once, and E_l = I - A_l K_l = (I + A_l Gamma)^-1, which is inverted as it stands: the difference
would lose the digits of a small sigma^2. What is left of the other terms, S, falls into independent
blocks; each is factored densely.
"""

import numpy as np
from scipy.linalg import lapack

from lmm.engine.state import Factors
from lmm.engine.threads import one


def factor(prod, T):
    """Everything that depends on T (a list, one matrix a term): K, the blocks of S, log|H|."""
    m = prod.terms[0][1]
    chol = _cholesky(np.eye(m)[:, :, None] + _sandwich(T[0], prod.A))
    logdet = 2 * np.log(chol[range(m), range(m)]).sum()
    half = _solve(chol, np.broadcast_to(T[0].T[:, :, None], prod.A.shape))
    K = np.einsum("ial,ibl->abl", half, half)
    gamma = np.broadcast_to((T[0] @ T[0].T)[:, :, None], prod.A.shape)
    E = _inverse(np.eye(m)[:, :, None] + _times(prod.A, gamma))
    flat = prod.base
    chols = []
    inverses = []
    if prod.groups:
        flat = prod.base - sum(P @ k for row, Ks in zip(prod.spread, K) for P, k in zip(row, Ks))
    for g in prod.groups:
        M = _conjugate(_lower_blocks(flat, g), T, g, prod)
        _diagonal(M)[:] += 1                                                           # T'ST + I
        lower, inverse = _factor_blocks(M)
        logdet += 2 * np.log(_diagonal(lower)).sum()
        chols.append(lower)
        inverses.append(inverse)
    return Factors(K, E, logdet, chols, inverses, flat, T)


def solve(prod, f, F1, Fr):
    """U = Gamma Z'H^-1 F and Z'H^-1 F for columns F given as F1 = Z_1'F (m, k, L) and Fr = Z_rest'F
    (q, k)."""
    KF = _times(f.K, F1)
    if not prod.groups:
        return (KF, Fr), (_times(f.E, F1), Fr)
    right = Fr - prod.Ct @ flat(KF)
    Ur = np.zeros_like(right)
    for g, lower, inverse in zip(prod.groups, f.chol, f.inverse):
        within = _left(right[g.columns], [t.T for t in f.T], g, prod)                  # T M^-1 T'
        Ur[g.columns] = _left(_solve_blocks(lower, inverse, within), f.T, g, prod)
    left = F1 - by_level(prod.C @ Ur, len(F1))
    U1 = _times(f.K, left)
    return (U1, Ur), (_times(f.E, left), Fr - prod.rest @ Ur - prod.Ct @ flat(U1))


def multiply(prod, w1, wr):
    """Z'Z w, in the two parts."""
    first = _times(prod.A, w1)
    if not prod.groups:
        return first, wr
    return first + by_level(prod.C @ wr, len(w1)), prod.rest @ wr + prod.Ct @ flat(w1)


def cross_products(prod):
    """Z'Z, a column for each random effect, in the two parts."""
    L, m = prod.terms[0]
    q = L * m + prod.rest.shape[0]
    unit = np.eye(q)
    return multiply(prod, by_level(unit[:L * m], m), unit[L * m:])


def stacked(first, rest):
    """The two parts as one dense matrix: the first term level by level, then the rest."""
    return np.vstack([flat(first), rest])


def traces(prod, f):
    """For each term the sum over its levels of the diagonal blocks of Z'H^-1 Z, a list of (m,
    m)."""
    E = f.E
    first = _times(E, prod.A).sum(axis=2)
    if prod.groups:               # less E C_l N C_l' E', N = T M^-1 T', by the adjoint of the map P
        entries = np.concatenate([_halved(_conjugate(inverse, [t.T for t in f.T], g, prod)).ravel()
                                  for g, inverse in zip(prod.groups, f.inverse)])
        CNC = np.array([[P @ entries for P in row] for row in prod.pairs])
        CNC = CNC + CNC.transpose(1, 0, 2)
        first = first - np.einsum("abl,bcl,dcl->ad", E, CNC, E)
    out = [first]
    for k in range(1, len(prod.terms)):
        levels, m = prod.terms[k]
        total = np.zeros((m, m))
        T = f.T[k]
        for g, lower, inverse in zip(prod.groups, f.chol, f.inverse):
            at = _range(g, k)
            if at.start == at.stop:
                continue
            if not is_singular(T):                                            # T^-T (I - M^-1) T^-1
                Ti = np.linalg.inv(T)
                total += Ti.T @ (np.eye(m) * inverse.shape[0] * ((at.stop - at.start) // m)
                                 - _diagonal_sum(inverse, at, m)) @ Ti
            else:                                                                      # S - S N S
                S = _lower_blocks(f.flat, g)
                S = np.tril(S) + np.tril(S, -1).transpose(0, 2, 1)
                half = _left(S[:, :, at], [t.T for t in f.T], g, prod)
                half = np.linalg.solve(np.tril(lower), half)
                half = half.reshape(*half.shape[:2], -1, m)
                total += _diagonal_sum(S, at, m) - np.einsum("bila,bilc->ac", half, half)
        out.append(total)
    return out


def is_singular(T):
    """Has T (almost) no variance left in some direction?"""
    return np.linalg.svd(T, compute_uv=False)[-1] < 1e-4


# Small pieces -------------------------------------------------------------------------------------

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


def _inverse(M):
    """M_l^-1 for each level of M (m, m, L)."""
    if len(M) == 1:
        return 1 / M
    if len(M) == 2:
        (a, b), (c, d) = M
        return np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return np.linalg.inv(M.transpose(2, 0, 1)).transpose(1, 2, 0)


def _sandwich(T, A):
    m = len(T)
    half = (T.T @ A.reshape(m, -1)).reshape(A.shape)                          # over the rows of A_l
    return T.T @ half                                                             # over its columns


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
    """Cholesky factor (lower) of each block of M (B, s, s), and its inverse, of which the lower
    triangle counts."""
    if M.shape[1] < 100:
        lower = np.linalg.cholesky(M)
        return lower, np.linalg.inv(np.tril(M) + np.tril(M, -1).transpose(0, 2, 1))
    inverse = np.empty_like(M)
    for b, block in enumerate(M):
        with one.unless_large(len(block)):
            # LAPACK sees the transposed block, whose upper triangle this is
            factor, failed = lapack.dpotrf(block.T, lower=False, clean=False, overwrite_a=True)
            if failed:
                raise np.linalg.LinAlgError("a block is not positive definite")
            M[b] = factor.T
            inverse[b] = lapack.dpotri(factor, lower=False)[0].T
    return M, inverse


def _solve_blocks(lower, inverse, F):
    """M^-1 F for each block: small ones by their inverse, large ones, of which half is there, by
    their factor."""
    if lower.shape[1] < 100:
        return inverse @ F
    return np.array([lapack.dpotrs(block.T, f, lower=False)[0] for block, f in zip(lower, F)])


def _halved(N):
    """N with half its diagonal: the sum over pairs i >= j, added to its transpose, is then the sum
    over all pairs."""
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
        at = _range(g, k)
        m = prod.terms[k][1]
        part = F[:, at]
        out[:, at] = (T[k] @ part.reshape(len(part), -1, m, part.shape[2])).reshape(part.shape)
    return out


def _diagonal_sum(M, at, m):
    """Sum of the m x m diagonal blocks of M (B, s, s) in the range `at`, from its lower
    triangles."""
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


def flat(U):
    """(m, k, L) -> (L * m, k), the order of columns of Z."""
    m, k, L = U.shape
    return U.transpose(2, 0, 1).reshape(L * m, k)


def by_level(U, m):
    """(L * m, k) -> (m, k, L), and (L * m,) -> (m, L)."""
    U = U.reshape(len(U) // m, m, *U.shape[1:])
    return U.transpose(*range(1, U.ndim), 0)


def by_term(prod, first, rest):
    """The two parts as a list, (m, k, L) or (m, L) a term."""
    out = [first]
    start = 0
    for L, m in prod.terms[1:]:
        out.append(by_level(rest[start:start + L * m], m))
        start += L * m
    return out


def in_parts(w):
    """A list, (m, k, L) a term, as the two parts: (m, k, L) and (q, k)."""
    rest = [flat(part) for part in w[1:]]
    return w[0], np.concatenate(rest) if rest else np.zeros((0, w[0].shape[1]))
