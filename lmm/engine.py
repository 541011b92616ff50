"""The likelihood of slides 32 and 34, profiled and fast: only cross-products of [Z X y] after set-up.

With gamma_k = sigma_k^2 / sigma^2 and H = V / sigma^2 = I + Z diag(gamma) Z', sigma^2 has a closed form and
    -2 log L = log|H| (+ log|X'H^-1 X| under REML) + m log(r'H^-1 r / m) + m (1 + log 2 pi),
where r = y - X beta_GLS and m = n (ML) or n - p (REML). P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1.
"""

from collections import namedtuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

Optimum = namedtuple("Optimum", "gamma scale beta cov_beta u criterion converged n_evaluations")
Problem = namedtuple("Problem", "ZtZ ZtQ Zty yty sizes n p reml")
Point = namedtuple("Point", "criterion score hessian information scale b cov_b u")

MAX_EVALUATIONS = 100


def optimum(y, X, Z, sizes, reml):
    """Minimise the criterion over gamma >= 0.

    y: (n,); X: (n, p) of full rank; Z: (n, q) sparse, its columns term by term; sizes: columns of each term.
    Returns gamma (a ratio a term), scale (sigma^2), beta, its covariance, u (q,), the criterion with lme4's
    constant, whether the search converged, and how often the criterion was evaluated.
    """
    n, p = X.shape
    # X = QR and y less its OLS fit: shift and scale of y and of the covariates change nothing
    Q, R = np.linalg.qr(X)
    b_ols = Q.T @ y
    r = y - Q @ b_ols
    r -= Q @ (Q.T @ r)
    unit = np.sqrt(r @ r / n)
    if not unit > 1e-12 * np.abs(y).max():
        raise ValueError("the fixed part gives the response exactly: no variance is left to estimate")
    r = r / unit
    problem = Problem((Z.T @ Z).toarray(), Z.T @ Q, Z.T @ r, r @ r, np.asarray(sizes, dtype=int), n, p, reml)
    gamma, point, converged, n_evaluations = _newton(problem)
    m = n - p if reml else n
    Ri = solve_triangular(R, np.eye(p))
    jacobian = 2 * np.log(np.abs(np.diag(R))).sum() if reml else 0.0
    return Optimum(
        gamma, point.scale * unit**2, Ri @ (b_ols + unit * point.b), unit**2 * Ri @ point.cov_b @ Ri.T,
        unit * point.u, point.criterion + m * np.log(unit**2) + jacobian, converged, n_evaluations)


def evaluate(problem, gamma):
    """The criterion at gamma, its first and second derivatives, and all estimates that belong to it."""
    A, B, c, yty, sizes, n, p, reml = problem
    m = n - p if reml else n
    term = np.repeat(np.arange(len(sizes)), sizes)
    # Woodbury: H^-1 = I - Z D M^-1 D Z' with D = diag(sqrt(gamma)), M = I + D Z'Z D
    d = np.sqrt(gamma)[term]
    L = cholesky(np.eye(len(d)) + d[:, None] * A * d, lower=True)
    LA, LB, Lc = (solve_triangular(L, (d * part.T).T, lower=True) for part in (A, B, c))
    ZHZ, ZHX, ZHy = A - LA.T @ LA, B - LA.T @ LB, c - LA.T @ Lc      # Z'H^-1 Z, Z'H^-1 X, Z'H^-1 y
    XHX, XHy = np.eye(p) - LB.T @ LB, -LB.T @ Lc
    # the GLS estimate (slide 32) and sigma^2, both for this gamma
    factor = cholesky(XHX, lower=True)
    b = cho_solve((factor, True), XHy)
    z = ZHy - ZHX @ b                                                # Z'H^-1 (y - X b)
    scale = (yty - Lc @ Lc - XHy @ b) / m
    criterion = 2 * np.log(np.diag(L)).sum() + m * (np.log(scale) + 1 + np.log(2 * np.pi))
    if reml:
        criterion += 2 * np.log(np.diag(factor)).sum()
    # derivatives: the trace takes P under REML and H^-1 under ML, the quadratic forms always P
    ZPZ = ZHZ - ZHX @ cho_solve((factor, True), ZHX.T)
    W = ZPZ if reml else ZHZ
    T = np.eye(len(sizes))[term]                                     # sums over the columns of each term
    quadratic = T.T @ z**2 / scale
    zPz = T.T @ (z[:, None] * ZPZ * z) @ T / scale
    score = T.T @ np.diag(W) - quadratic
    hessian = -T.T @ W**2 @ T + 2 * zPz - np.outer(quadratic, quadratic) / m
    information = zPz - np.outer(quadratic, quadratic) / m           # average information
    cov_b = scale * cho_solve((factor, True), np.eye(p))
    return Point(criterion, score, hessian, information, scale, b, cov_b, d**2 * z)


def _newton(problem):
    """Newton's method on gamma >= 0, a step halved until the criterion falls."""
    gamma = np.ones(len(problem.sizes))
    point, n_evaluations = evaluate(problem, gamma), 1
    while n_evaluations < MAX_EVALUATIONS:
        # a variance at zero whose score is positive stays there
        free = (gamma > 0) | (point.score < 0)
        step = np.zeros_like(gamma)
        step[free] = _direction(point, free)
        if not (np.abs(step) > 1e-9 * (1e-3 + gamma)).any():
            return gamma, point, True, n_evaluations
        length, noise = 1.0, 1e-12 * (1 + abs(point.criterion))
        while True:
            trial = np.maximum(gamma + length * step, 0.0)
            candidate = evaluate(problem, trial)
            n_evaluations += 1
            if candidate.criterion <= point.criterion + noise or n_evaluations >= MAX_EVALUATIONS:
                break
            length /= 2
        if candidate.criterion <= point.criterion + noise:
            gamma, point = trial, candidate
    return gamma, point, False, n_evaluations


def _direction(point, free):
    """-H^-1 score with the Hessian where it is positive definite, else with the average information."""
    score = point.score[free]
    for curvature in (point.hessian, point.information):
        H = curvature[np.ix_(free, free)]
        values, vectors = np.linalg.eigh(H) if len(H) else (np.ones(0), H)
        if (values > 1e-10 * np.abs(values).max(initial=0)).all():
            return -vectors @ ((vectors.T @ score) / values)
    return -score / np.maximum(np.abs(np.diag(H)), 1e-8)
