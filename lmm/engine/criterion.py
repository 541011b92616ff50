"""The likelihood of slides 32 and 34, profiled and fast.

With Gamma_k = Var(u_k) / sigma^2 = T_k T_k' and H = V / sigma^2 = I + Z Gamma Z', sigma^2 has a
closed form and
    -2 log L = log|H| (+ log|X'H^-1 X| under REML) + m log(r'H^-1 r / m) + m (1 + log 2 pi),
where r = y - X beta_GLS and m = n (ML) or n - p (REML). P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1.
"""

import numpy as np

from lmm.engine import blocks, coordinates, products
from lmm.engine.state import Point, Problem, parameters
from lmm.engine.threads import one


@one
def problem(y, X, terms, reml, names=None):
    """Set up, once, in the engine's coordinates; `coordinates.estimates` goes back.

    y: (n,); X: (n, p); terms: list of (codes (n,), covariates (n, m)); names: of the columns of X.
    Raises ValueError if the columns of X depend on each other or give y exactly.
    """
    found, W, terms = coordinates.of(y, X, terms, names)
    prod = products.of_terms(terms, W) if terms else None
    return Problem(prod, W, reml, [x.shape[1] for _, x in terms], found)


def of_frame(read, reml):
    """The Problem of a model as `frame` has read it."""
    return problem(*read.whitened(), reml, read.X.columns)


def evaluate(problem, T):
    """The Point at T: the criterion, its gradient and (average-information) Hessian in the T_k, and
    the estimates there."""
    prod = problem.products
    W = problem.W
    n = W.shape[0]
    p = W.shape[1] - 1
    m = n - p if problem.reml else n
    if prod is None:
        return _without_terms(W, m)
    f = blocks.factor(prod, T)
    U, ZHW = blocks.solve(prod, f, prod.Cx, prod.restx)
    WHW = prod.WtW - blocks.inner(prod.Cx, U[0]) - prod.restx.T @ U[1]   # [X y]'H^-1 [X y]
    # the GLS estimate (slide 32) and sigma^2, both for this T
    lower = np.linalg.cholesky(WHW[:p, :p])
    Phi = np.linalg.inv(WHW[:p, :p])                                 # X is orthonormal: harmless
    b = Phi @ WHW[:p, p]
    residual = np.append(-b, 1)
    scale = residual @ WHW @ residual / m                           # b's error counts by its square
    value = f.logdet + _of_scale(scale, m) + problem.reml * 2 * np.log(np.diag(lower)).sum()
    z = blocks.by_term(prod, residual @ ZHW[0], ZHW[1] @ residual)   # Z'P y
    u = blocks.by_term(prod, residual @ U[0], U[1] @ residual)
    ZHX = blocks.by_term(prod, ZHW[0][:, :p], ZHW[1][:, :p])
    # score in Gamma_k: the sum over levels of Z'PZ (under ML: Z'H^-1 Z) less z z' / sigma^2
    traces = blocks.traces(prod, f)
    if problem.reml:
        traces = [trace - _weighted(x, Phi) for trace, x in zip(traces, ZHX)]
    squares = [zk @ zk.T for zk in z]
    scores = [trace - square / scale for trace, square in zip(traces, squares)]
    gradient, hessian = _derivatives(prod, f, T, z, ZHX, Phi, scores, scale, m)
    return Point(value, gradient, hessian, traces, squares, scale, b, scale * Phi, u, ZHX)


def _of_scale(scale, m):
    """What sigma^2 adds to the criterion, at its best value."""
    return m * (np.log(scale) + 1 + np.log(2 * np.pi))


def _weighted(x, Phi):
    """The sum over levels of x_l Phi x_l', (m, m), for x (m, p, L)."""
    m = len(x)
    return (Phi @ x).reshape(m, -1) @ x.reshape(m, -1).T


def _derivatives(prod, f, T, z, ZHX, Phi, scores, scale, m):
    """Gradient and Hessian in the lower triangles of the T_k.

    For parameter i, dH = Z (E T' + T E') Z', where E is 1 at its place.
    """
    index = parameters(T)
    gradient = np.array([2 * (scores[k] @ T[k])[a, b] for k, a, b in index])
    w = _columns(T, z, index)
    quadratic = sum(blocks.inner(wk, zk[:, None])[:, 0] for wk, zk in zip(w, z)) / scale
    w1, wr = blocks.in_parts(w)
    _, (H1, Hr) = blocks.solve(prod, f, *blocks.multiply(prod, w1, wr))
    wHw = blocks.inner(w1, H1) + wr.T @ Hr
    XHw = sum(blocks.inner(x, wk) for x, wk in zip(ZHX, w))
    # average information
    hessian = (wHw - XHw.T @ Phi @ XHw) / scale - np.outer(quadratic, quadratic) / m
    for i, (k, a, b) in enumerate(index):
        for j, (k2, c, d) in enumerate(index):
            if k == k2 and b == d:
                hessian[i, j] += 2 * scores[k][a, c]                 # d^2 Gamma / dT dT
    return gradient, hessian


def _columns(T, z, index):
    """w with dH P y = Z w, a column a parameter: (m, parameters, L) a term, from z = Z'P y."""
    w = [np.zeros((len(zk), len(index), zk.shape[1])) for zk in z]
    for i, (k, a, b) in enumerate(index):
        w[k][a, i] += T[k][:, b] @ z[k]
        w[k][:, i] += np.outer(T[k][:, b], z[k][a])
    return w


def _without_terms(W, m):
    p = W.shape[1] - 1
    scale = W[:, p] @ W[:, p] / m
    return Point(criterion=_of_scale(scale, m), gradient=np.zeros(0), hessian=np.zeros((0, 0)),
                 traces=[], squares=[], scale=scale, b=np.zeros(p), cov_b=scale * np.eye(p), u=[],
                 ZHX=[])
