"""The likelihood of slides 32 and 34, profiled and fast.

With Gamma_k = Var(u_k) / sigma^2 = T_k T_k' and H = V / sigma^2 = I + Z Gamma Z', sigma^2 has a closed form and
    -2 log L = log|H| (+ log|X'H^-1 X| under REML) + m log(r'H^-1 r / m) + m (1 + log 2 pi),
where r = y - X beta_GLS and m = n (ML) or n - p (REML). P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1.
"""

import numpy as np
from scipy.linalg import solve_triangular

from lmm import check
from lmm.engine import blocks, products
from lmm.engine.state import Estimates, Point, Problem, parameters


def problem(y, X, terms, reml, names=None):
    """Set up, once. y: (n,); X: (n, p); terms: list of (codes (n,), covariates (n, m)); names: of the columns of X.

    Raises ValueError if the columns of X depend on each other or give y exactly.

    X = QR, y less its least-squares fit and covariates of mean 0 and mean square 1: shift and scale of y and of the
    covariates change nothing. All that follows is in these coordinates; `estimates` goes back.
    """
    rows = np.empty((X.shape[1] + 1, len(y)))                        # [X y]', a row a column
    Qt, r = rows[:-1], rows[-1]
    R = _qr(X, Qt)
    if len(R):                                                       # R has the dependences of X, in p rows
        check.full_rank(R, "the fixed part", names, "drop a term, or let lmm.fit(..., rank_deficient='drop') leave "
                                                    "these columns out, as lmer does")
    b_ols = Qt @ y
    np.subtract(y, b_ols @ Qt, out=r)
    r -= (Qt @ r) @ Qt
    largest = max(r.max(), -r.min()) or 1.0
    r /= largest                                                     # no overflow in the squares
    unit = largest * np.sqrt(r @ r / len(r))
    if unit > 1e150:
        raise ValueError(f"the response is too large for its squares to be computed (up to {np.abs(y).max():.3g}); "
                         "measure it in larger units")
    if not unit > 1e-12 * np.abs(y).max():
        raise ValueError("the fixed part gives the response exactly: no variance is left to estimate")
    r *= largest / unit
    W = rows.T
    order = sorted(range(len(terms)), key=lambda k: -(terms[k][0].max() + 1) * terms[k][1].shape[1])
    centred = [_centre(terms[k][1]) for k in order]
    prod = products.of_terms([(terms[k][0], x) for k, (x, _) in zip(order, centred)], W) if terms else None
    return Problem(prod, W, reml, R, b_ols, unit, order, [back for _, back in centred],
                   [terms[k][1].shape[1] for k in order])


def estimates(problem, T, point):
    """From the engine's coordinates to the data's: Gamma and u by term as given, sigma^2, beta and its covariance,
    and the criterion with lme4's constant."""
    n, p = problem.W.shape[0], problem.W.shape[1] - 1
    unit, Ri = problem.unit, solve_triangular(problem.R, np.eye(p))
    m = n - p if problem.reml else n
    criterion = point.criterion + m * np.log(unit**2)
    if problem.reml:
        criterion += 2 * np.log(np.abs(np.diag(problem.R))).sum()
    gamma, u = [None] * len(T), [None] * len(T)
    for place, k in enumerate(problem.order):
        back = problem.back[place]
        gamma[k] = back @ T[place] @ T[place].T @ back.T
        u[k] = unit * point.u[place] @ back.T
    return Estimates(gamma, point.scale * unit**2, Ri @ (problem.b_ols + unit * point.b),
                     unit**2 * Ri @ point.cov_b @ Ri.T, u, criterion)


def _qr(X, Qt):
    """R of X = QR, and Q' in Qt; for a tall, well-conditioned X by two Cholesky factorisations, several times faster."""
    Qt[:] = X.T
    norms = np.sqrt(np.einsum("pn,pn->p", Qt, Qt))
    if len(X) >= 10_000 and len(norms) and norms.all():
        Qt /= norms[:, None]
        R, condition = np.diag(norms), np.inf
        while 100 < condition:                                       # what is left of orthogonality: eps * condition
            G = Qt @ Qt.T
            condition = np.linalg.cond(G)
            if condition > 1e8:
                break
            upper = np.linalg.cholesky(G).T
            Qt[:] = solve_triangular(upper, np.eye(len(G)), trans="T") @ Qt
            R = upper @ R
        else:
            return R
    Q, R = np.linalg.qr(X)
    Qt[:] = Q.T
    return R


def _centre(x):
    """Covariates with mean 0 (where the term has an intercept) and mean square 1, and the way back: x_new B' u = x u."""
    if x.shape[1] == 1 and (x == x[0]).all() and x[0] != 0:          # an intercept by itself
        return np.ones_like(x), np.ones((1, 1)) / x[0]
    constant = [a for a in range(x.shape[1]) if (x[:, a] == x[0, a]).all() and x[0, a] != 0]
    x = np.array(x.T)                                                # a row a covariate
    shift = np.zeros(len(x))
    if constant:
        shift = x.mean(axis=1) / x[constant[0], 0]
        shift[constant[0]] = 0
        x -= shift[:, None] * x[constant[0], 0]
    rms = np.sqrt(np.einsum("an,an->a", x, x) / x.shape[1])
    rms[rms == 0] = 1
    back = np.diag(1 / rms)
    if constant:
        back[constant[0]] -= shift @ back
        back[constant[0], constant[0]] = 1 / rms[constant[0]]
    x /= rms[:, None]
    return x.T, back


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
