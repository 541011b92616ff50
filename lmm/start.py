"""Where the search begins: variances by moments, which in balanced designs are the optimum already."""

import numpy as np

from lmm import blocks


def variances(problem):
    """A lower triangle T_k a term, from quadratic moments of y (MINQUE(0); Rao 1971, J. Multivariate Anal. 1, 257).

    V = s I + sum_i v_i B_i makes E y'B_i y = s tr B_i + sum_j v_j tr B_i B_j and E y'y = s n + sum_j v_j tr B_j linear
    in s and v. B_i is Z E_i Z' for each variance and covariance of the first term, and Z Z' for each covariate of the
    others; where y has lost X, B_i means M B_i M with M = I - QQ'.
    """
    prod, n, p = problem.products, problem.W.shape[0], problem.W.shape[1] - 1
    if prod is None:
        return []
    m, E, one = len(prod.A), _symmetric(len(prod.A)), _components(prod.terms[1:])
    # tr B_i B_j: within the first term, between it and the others, within the others
    A = prod.A.reshape(m * m, -1)
    first = np.einsum("iab,jcd,bcda->ij", E, E, (A @ A.T).reshape(m, m, m, m))
    meet = np.array([[(prod.C[a::m] * prod.C[b::m]).sum(axis=0) @ one for b in range(m)] for a in range(m)])
    between = np.einsum("iab,abj->ij", E, meet)
    rest = one.T @ ((prod.rest * prod.rest) @ one)
    # tr B_i and y'B_i y
    trace = np.append(np.einsum("iab,abl->i", E, prod.A), prod.rest.diagonal() @ one)
    square = np.append(np.einsum("iab,al,bl->i", E, prod.Cx[:, p], prod.Cx[:, p]), prod.restx[:, p] ** 2 @ one)
    lost, lost_trace = _lost(prod, p, E, one)
    moments = np.block([[first, between], [between.T, rest]]) - lost
    moments = np.block([[moments, (trace - lost_trace)[:, None]], [trace - lost_trace, n - p]])
    v = np.linalg.lstsq(moments, np.append(square, n))[0]
    others = np.split(v[len(E):-1], np.cumsum(problem.sizes[1:])[:-1]) if len(problem.sizes) > 1 else []
    gamma = [np.einsum("i,iab->ab", v[:len(E)], E)] + [np.diag(part) for part in others]
    return [_root(g / max(v[-1], 0.05)) for g in gamma]


def _lost(prod, p, E, one):
    """What tr B_i B_j and tr B_i lose with X: 2 tr Q'B_i B_j Q - tr Q'B_i Q Q'B_j Q, and tr Q'B_i Q."""
    Qf, Qr = prod.Cx[:, :p], prod.restx[:, :p]
    nothing, none = np.zeros_like(Qf), np.zeros_like(Qr)
    w = [(np.einsum("ab,bpl->apl", e, Qf), none) for e in E] + [(nothing, c[:, None] * Qr) for c in one.T]   # B_i Q = Z w_i
    K = np.array([(blocks.inner(Qf, first) + Qr.T @ rest).ravel() for first, rest in w])
    ZBQ = [blocks.multiply(prod, first, rest) for first, rest in w]
    both = np.array([[(first * F).sum() + (rest * R).sum() for F, R in ZBQ] for first, rest in w])
    return 2 * both - K @ K.T, K[:, ::p + 1].sum(axis=1)


def _symmetric(m):
    """A basis of symmetric m x m matrices, one a variance or covariance: (m (m + 1) / 2, m, m)."""
    unit = np.eye(m)
    return np.array([(np.outer(unit[a], unit[b]) + np.outer(unit[b], unit[a])) / (1 + (a == b))
                     for a in range(m) for b in range(a + 1)])


def _components(terms):
    """Which covariate of which term a column of the rest belongs to: a matrix of zeros and ones."""
    sizes = [m for _, m in terms]
    of = [before + np.tile(np.arange(m), levels) for (levels, m), before in zip(terms, np.cumsum([0, *sizes]))]
    return np.eye(sum(sizes))[np.concatenate([*of, []]).astype(int)]


def _root(gamma):
    """The Cholesky factor of gamma; where that has none, of its diagonal, at least 1e-3: a search that begins with
    correlations of 1 may end in the wrong valley."""
    if np.linalg.eigvalsh(gamma)[0] > 1e-3:
        return np.linalg.cholesky(gamma)
    return np.diag(np.sqrt(np.maximum(np.diag(gamma), 1e-3)))
