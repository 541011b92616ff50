"""Where the search begins: variances by moments, which in balanced designs are the optimum already; and where else it
might begin, for the criterion may have several valleys."""

import numpy as np
from scipy.ndimage import minimum_filter

from lmm import blocks

FEW_LEVELS = 12                                          # terms with more have not been seen to make two valleys
MOST_COLUMNS = 60
MOST_POINTS = 500
CORRELATIONS = np.array([-1, -0.5, 0, 0.5, 1])             # a valley may lie where a correlation is 1 exactly
MOST_VALLEYS = 4


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


def valleys(problem):
    """The T_k at the local minima of the criterion on a coarse grid, and the criterion there: ([T, ...], values (k,)).

    The lowest first, four at most. Empty where no term has few levels: then one valley is the rule.
    """
    levels = [levels for levels, _ in problem.products.terms]
    q = sum(levels * m for levels, m in problem.products.terms)
    axes = _axes(problem.sizes)
    if min(levels) > FEW_LEVELS or q > MOST_COLUMNS or not axes:
        return [], np.zeros(0)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    points = _triangles(grid.reshape(-1, len(axes)), problem.sizes)
    values = _criteria(problem, points)
    shape = grid.shape[:-1]
    lowest = values == minimum_filter(values.reshape(shape), size=3, mode="nearest").ravel()
    lowest = np.flatnonzero(lowest & np.isfinite(values))
    lowest = lowest[np.argsort(values[lowest])][:MOST_VALLEYS]
    return [[T[i] for T in points] for i in lowest], values[lowest]


def _axes(sizes):
    """The grid: standard deviations relative to sigma, then correlations; [] where it would be too coarse."""
    sds = sum(sizes)
    correlations = sum(m * (m - 1) // 2 for m in sizes)
    each = min(25, int((MOST_POINTS / len(CORRELATIONS)**correlations) ** (1 / sds) + 1e-9))
    if each < 4:
        return []
    sd = np.append(0, np.geomspace(0.1, 100, each - 1))
    return [sd] * sds + [CORRELATIONS] * correlations


def _triangles(values, sizes):
    """T_k (B, m, m) from rows of standard deviations and correlations (partial ones, so that any value will do)."""
    sd = np.split(values[:, :sum(sizes)], np.cumsum(sizes)[:-1], axis=1)
    correlation = iter(values[:, sum(sizes):].T)
    out = []
    for s in sd:
        m = s.shape[1]
        T = np.zeros((len(s), m, m))
        for a in range(m):
            left = s[:, a].copy()
            for b in range(a):
                rho = next(correlation)
                T[:, a, b] = rho * left
                left *= np.sqrt(1 - rho**2)
            T[:, a, a] = left
        out.append(T)
    return out


def _criteria(problem, points):
    """The criterion for many T at once, densely. points: T_k (B, m, m), one array a term."""
    prod = problem.products
    n, p = problem.W.shape[0], problem.W.shape[1] - 1
    m = n - p if problem.reml else n
    ZZ, ZW = blocks.dense(prod)
    T = np.zeros((len(points[0]), *ZZ.shape))                        # block-diagonal, a T_k for each level
    place = 0
    for Tk, (levels, size) in zip(points, prod.terms):
        for _ in range(levels):
            T[:, place:place + size, place:place + size] = Tk
            place += size
    Tt = T.transpose(0, 2, 1)
    L = np.linalg.cholesky(Tt @ ZZ @ T + np.eye(len(ZZ)))
    half = np.linalg.solve(L, Tt @ ZW)
    WHW = prod.WtW - half.transpose(0, 2, 1) @ half                  # [X y]'H^-1 [X y]
    lower = np.full(WHW.shape, np.inf)                               # no valley where rounding leaves no Cholesky factor
    sound = np.linalg.eigvalsh(WHW)[:, 0] > 0
    lower[sound] = np.linalg.cholesky(WHW[sound])
    logs = np.log(np.diagonal(lower, axis1=1, axis2=2))
    logdet = 2 * np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
    return logdet + m * (2 * logs[:, p] - np.log(m) + 1 + np.log(2 * np.pi)) + problem.reml * 2 * logs[:, :p].sum(axis=1)
