"""Where else the search might begin: with few levels the criterion may have several valleys."""

import numpy as np
from scipy.ndimage import minimum_filter

from lmm.engine import blocks

FEW_LEVELS = 12                                   # beyond, two valleys were hardly ever seen
MOST_COLUMNS = 60
MOST_POINTS = 500
CORRELATIONS = np.array([-1, -0.5, 0, 0.5, 1])    # a valley may lie at exactly 1
MOST_VALLEYS = 4


def starts(problem):
    """The T_k at the local minima of the criterion on a coarse grid, and the criterion there:
    ([T, ...], values (k,)).

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
    """The grid: standard deviations over sigma, then correlations; [] if it would be too coarse."""
    sds = sum(sizes)
    correlations = sum(m * (m - 1) // 2 for m in sizes)
    each = min(25, int((MOST_POINTS / len(CORRELATIONS)**correlations) ** (1 / sds) + 1e-9))
    if each < 4:
        return []
    sd = np.append(0, np.geomspace(0.1, 100, each - 1))
    return [sd] * sds + [CORRELATIONS] * correlations


def _triangles(values, sizes):
    """T_k (B, m, m) from rows of standard deviations and correlations (partial ones: any will
    do)."""
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
    n = problem.W.shape[0]
    p = problem.W.shape[1] - 1
    m = n - p if problem.reml else n
    ZZ = blocks.stacked(*blocks.cross_products(prod))
    ZW = blocks.stacked(prod.Cx, prod.restx)
    T = np.zeros((len(points[0]), *ZZ.shape))          # block-diagonal, a T_k for each level
    place = 0
    for Tk, (levels, size) in zip(points, prod.terms):
        for _ in range(levels):
            T[:, place:place + size, place:place + size] = Tk
            place += size
    Tt = T.transpose(0, 2, 1)
    L = np.linalg.cholesky(Tt @ ZZ @ T + np.eye(len(ZZ)))
    half = np.linalg.solve(L, Tt @ ZW)
    WHW = prod.WtW - half.transpose(0, 2, 1) @ half                  # [X y]'H^-1 [X y]
    lower = np.full(WHW.shape, np.inf)                 # no valley where rounding leaves no factor
    sound = np.linalg.eigvalsh(WHW)[:, 0] > 0
    lower[sound] = np.linalg.cholesky(WHW[sound])
    logs = np.log(np.diagonal(lower, axis1=1, axis2=2))
    logdet = 2 * np.log(np.diagonal(L, axis1=1, axis2=2)).sum(axis=1)
    log_scale = 2 * logs[:, p] - np.log(m)             # sigma^2 = r'H^-1 r / m
    criterion = logdet + m * (log_scale + 1 + np.log(2 * np.pi))
    return criterion + problem.reml * 2 * logs[:, :p].sum(axis=1)
