"""The likelihood of slides 32 and 34, profiled and fast.

With Gamma_k = Var(u_k) / sigma^2 = T_k T_k' and H = V / sigma^2 = I + Z Gamma Z', sigma^2 has a closed form and
    -2 log L = log|H| (+ log|X'H^-1 X| under REML) + m log(r'H^-1 r / m) + m (1 + log 2 pi),
where r = y - X beta_GLS and m = n (ML) or n - p (REML). P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1.
"""

import numpy as np

from lmm.engine import blocks, coordinates, products
from lmm.engine.state import Point, Problem, parameters


def problem(y, X, terms, reml, names=None):
    """Set up, once. y: (n,); X: (n, p); terms: list of (codes (n,), covariates (n, m)); names: of X's
    columns.

    All that follows is in the engine's coordinates; `coordinates.estimates` goes back.
    Raises ValueError if the columns of X depend on each other or give y exactly.
    """
    found, W, terms = coordinates.of(y, X, terms, names)
    prod = products.of_terms(terms, W) if terms else None
    return Problem(prod, W, reml, [x.shape[1] for _, x in terms], found)


def of_frame(read, reml):
    """The Problem of a model as `frame` has read it."""
    return problem(*read.whitened(), reml, read.X.columns)


def evaluate(problem, T):
    """The criterion at T, its gradient and (average-information) Hessian in the T_k, and the estimates there."""
    prod, W, reml = problem.products, problem.W, problem.reml
    n, p = W.shape[0], W.shape[1] - 1
    m = n - p if reml else n
    if prod is None:
        return _without_terms(W, m, reml)
    f = blocks.factor(prod, T)
    U, ZHW = blocks.solve(prod, f, prod.Cx, prod.restx)
    WHW = prod.WtW - blocks.inner(prod.Cx, U[0]) - prod.restx.T @ U[1]   # [X y]'H^-1 [X y]
    # the GLS estimate (slide 32) and sigma^2, both for this T
    lower = np.linalg.cholesky(WHW[:p, :p])
    Phi = np.linalg.inv(WHW[:p, :p])                                                       # X is orthonormal: harmless
    b = Phi @ WHW[:p, p]
    residual = np.append(-b, 1)
    scale = residual @ WHW @ residual / m                            # an error in b counts by its square only
    criterion = f.logdet + m * (np.log(scale) + 1 + np.log(2 * np.pi)) + reml * 2 * np.log(np.diag(lower)).sum()
    z = [(residual @ ZHW[0]).T] + split(ZHW[1] @ residual, prod)                          # Z'P y by term (L, m)
    u = [(residual @ U[0]).T] + split(U[1] @ residual, prod)
    ZHX = [ZHW[0][:, :p].transpose(2, 0, 1)] + split(ZHW[1][:, :p], prod)                  # (L, m, p)
    # score in Gamma_k: the sum over levels of Z'PZ (under ML: Z'H^-1 Z) less z z' / sigma^2
    traces = blocks.traces(prod, f)
    if reml:
        for k, x in enumerate(ZHX):
            by_covariate = (x @ Phi).transpose(1, 0, 2).reshape(x.shape[1], -1)
            traces[k] = traces[k] - by_covariate @ x.transpose(1, 0, 2).reshape(x.shape[1], -1).T
    squares = [zk.T @ zk for zk in z]
    scores = [t - q / scale for t, q in zip(traces, squares)]
    gradient, hessian = _derivatives(prod, f, T, z, ZHX, Phi, scores, scale, m)
    return Point(criterion, gradient, hessian, traces, squares, scale, b, scale * Phi, u, ZHX)


def _derivatives(prod, f, T, z, ZHX, Phi, scores, scale, m):
    """Gradient and Hessian in the lower triangles of the T_k. For parameter i, d H = Z (E T' + T E') Z'."""
    index = parameters(T)
    gradient = np.array([2 * (scores[k] @ T[k])[a, b] for k, a, b in index])
    w = [np.zeros((len(index), *zk.shape)) for zk in z]                                     # (dH P y) = Z w
    for i, (k, a, b) in enumerate(index):
        w[k][i, :, a] += z[k] @ T[k][:, b]
        w[k][i] += np.outer(z[k][:, a], T[k][:, b])
    quadratic = sum(wk.reshape(len(index), -1) @ zk.ravel() for wk, zk in zip(w, z)) / scale
    w1 = w[0].transpose(2, 0, 1)                                                            # (m, k, L)
    wr = np.concatenate([wk.reshape(len(index), -1) for wk in w[1:]], axis=1).T if len(w) > 1 \
        else np.zeros((0, len(index)))
    _, (H1, Hr) = blocks.solve(prod, f, *blocks.multiply(prod, w1, wr))
    wHw = blocks.inner(w1, H1) + wr.T @ Hr
    XHw = sum(x.reshape(x.shape[0] * x.shape[1], x.shape[2]).T @ wk.reshape(len(index), -1).T for x, wk in zip(ZHX, w))
    hessian = (wHw - XHw.T @ Phi @ XHw) / scale - np.outer(quadratic, quadratic) / m       # average information
    for i, (k, a, b) in enumerate(index):
        for j, (k2, c, d) in enumerate(index):
            if k == k2 and b == d:
                hessian[i, j] += 2 * scores[k][a, c]                                        # d^2 Gamma / dT dT
    return gradient, hessian


def _without_terms(W, m, reml):
    p = W.shape[1] - 1
    scale = W[:, p] @ W[:, p] / m
    return Point(m * (np.log(scale) + 1 + np.log(2 * np.pi)), np.zeros(0), np.zeros((0, 0)), [], [], scale, np.zeros(p),
                 scale * np.eye(p), [], [])


def split(columns, prod):
    """Rows of the rest, term by term, as (L, m, ...)."""
    out, start = [], 0
    for levels, m in prod.terms[1:]:
        out.append(columns[start:start + levels * m].reshape(levels, m, *columns.shape[1:]))
        start += levels * m
    return out
