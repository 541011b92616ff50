"""Satterthwaite's degrees of freedom, as lmerTest computes them.

For l'beta with f(theta, sigma^2) = l' Var(beta_hat) l: df = 2 f^2 / (g'A g), where g is the
gradient of f and A the covariance of the variance parameters, twice the inverse of the Hessian of
-2 log L. The parameters are the engine's: the elements of the T_k, and sigma^2. In these a variance
at its boundary has gradient zero and drops out.
"""

import copy
from dataclasses import replace

import numpy as np

from lmm.engine import criterion, state
from lmm.engine.threads import one
from lmm.inference.degrees import observed


def of_contrasts(fit, L):
    """df for each row of L, shape (k,)."""
    covariance, gradient, A = fit._satterthwaite
    M = fit.problem.coordinates.functions(L)                         # of b; the unit of y drops out
    f = np.einsum("ij,jk,ik->i", M, covariance, M)
    g = np.einsum("ij,pjk,ik->ip", M, gradient, M)
    return 2 * f**2 / np.einsum("ip,pq,iq->i", g, A, g)


def of_test(fit, L):
    """Denominator df of the F test of L beta = 0, by lmerTest's rule (Fai and Cornelius 1996).

    L is turned into independent contrasts; with their t dfs nu_m, E = sum nu_m / (nu_m - 2) over
    those above 2, and the df are 2 E / (E - number of rows).
    """
    if len(L) == 1:
        return float(of_contrasts(fit, L)[0])
    values, vectors = np.linalg.eigh(L @ fit.cov_params().to_numpy() @ L.T)
    nu = of_contrasts(fit, vectors.T @ L)
    if np.ptp(nu) < 1e-8 * nu.mean():
        return float(nu.mean())
    if not (nu > 2).all():
        return 2.0
    E = (nu / (nu - 2)).sum()
    return float(2 * E / (E - len(L)))


@one
def of_ratios(fit, ratios):
    """df of variances sigma^2 r, each an element of the array that `ratios(view)` returns, for a
    view of the fit at other variances."""
    r = ratios(fit)
    A = fit._satterthwaite[2]
    scale = fit.optimum.point.scale if fit.found is None else fit.found.point.scale
    views = _views(fit) if fit.found is None else observed.views(fit)
    gradient = [scale * (ratios(up) - ratios(down)) / width for up, down, width in views]
    g = np.stack([*gradient, r])
    spread = np.einsum("p...,pq,q...->...", g, A, g)
    return np.divide(2 * (scale * r) ** 2, spread, out=np.full(r.shape, np.inf),
                     where=spread > 0)


def _views(fit):
    """For each parameter the fit a little above and below its optimum, and how far apart."""
    problem = fit.problem
    theta = state.pack(fit.optimum.T)
    for i, size in enumerate(_sizes(fit.optimum.T)):
        both = []
        for step in (1e-4 * size, -1e-4 * size):
            T = state.unpack(theta + step * np.eye(len(theta))[i], problem.sizes)
            both.append(copy.copy(fit))
            point = criterion.evaluate(problem, T)
            both[-1].optimum = replace(fit.optimum, T=T, point=point)
        yield *both, 2e-4 * size


def _sizes(T):
    """The size of each parameter: the length of its row of T, the relative sd of its effect, or
    0.1."""
    return [max(np.linalg.norm(T[k][a]), 0.1) for k, a, b in state.parameters(T)]


@one
def pieces(fit):
    """Var(b), its gradient (parameters, p, p) and the covariance A of the parameters; a fit keeps
    them."""
    problem = fit.problem
    T = fit.optimum.T
    point = fit.optimum.point
    index = state.parameters(T)
    sizes = problem.sizes
    n = problem.W.shape[0]
    p = problem.W.shape[1] - 1
    s2 = point.scale
    # with Var(b) = s2 Phi, dVar(b) / dT_ab = s2 Phi (sum of X'H^-1 Z dGamma Z'H^-1 X) Phi
    Phi = point.cov_b / s2
    gradient = np.zeros((len(index) + 1, p, p))
    for i, (k, a, b) in enumerate(index):
        x = point.ZHX[k]                                             # (m, p, L)
        row = np.einsum("pl,mql,m->pq", x[a], x, T[k][:, b])
        gradient[i] = s2 * Phi @ (row + row.T) @ Phi
    gradient[-1] = Phi
    unit = np.array([*_sizes(T), s2])
    # the Hessian: differences of the gradient at fixed s2, and what is known in closed form
    theta = state.pack(T)
    H = np.zeros((len(index) + 1, len(index) + 1))
    for i in range(len(index)):
        h = 1e-3 * unit[i]
        # central differences of two widths, combined so that their leading error cancels
        D = [_slope(problem, theta, i, step, sizes, s2) for step in (h, h / 2)]
        H[i, :-1] = (4 * D[1] - D[0]) / 3
    H = (H + H.T) / 2
    H[-1, :-1] = H[:-1, -1] = [2 * (point.squares[k] @ T[k])[a, b] / s2**2 for k, a, b in index]
    H[-1, -1] = (n - p if problem.reml else n) / s2**2
    # without a scale, as T and sigma^2 may be far apart
    values, vectors = np.linalg.eigh(H * np.outer(unit, unit))
    keep = values > 1e-8 * values[-1]           # as lmerTest: what the data do not determine, drops
    A = 2 * (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    return point.cov_b, gradient, A * np.outer(unit, unit)


def _slope(problem, theta, i, h, sizes, s2):
    step = h * np.eye(len(theta))[i]
    up = _gradient(problem, theta + step, sizes, s2)
    down = _gradient(problem, theta - step, sizes, s2)
    return (up - down) / (2 * h)


def _gradient(problem, theta, sizes, s2):
    T = state.unpack(theta, sizes)
    point = criterion.evaluate(problem, T)
    slopes = [2 * (trace - square / s2) @ t
              for trace, square, t in zip(point.traces, point.squares, T)]
    return state.pack(slopes)
