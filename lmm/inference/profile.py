"""Likelihood profile intervals of variance parameters and fixed effects."""

from dataclasses import replace

import numpy as np
import pandas as pd
import scipy

from lmm.engine import criterion, search, state
from lmm.inference import parameters


def profile(fit, level=0.95):
    """Likelihood profile intervals: columns parameter, estimate, lower, upper.

    A parameter is held at a value and all others are refitted; the interval is where -2 log
    likelihood rises by less than the chi-square quantile. As in lme4 the likelihood is the full one
    (ML), also for a fit by REML; the estimates are the fit's own. A lower limit is 0 where the
    criterion does not rise enough on the way to 0.
    Parameters: standard deviations, sigma, fixed effects. Correlations are left to `bootstrap`.
    """
    parameters.check_level(level)
    ml = fit.refit(reml=False) if fit.reml else fit
    rise = scipy.stats.chi2.ppf(level, 1)
    limits = _sd_limits(ml, rise) + [_beta_limits(ml, j, rise) for j in range(len(ml.fe_params))]
    names = parameters.names(fit)
    values = parameters.values(fit.gamma, fit.scale, fit.fe_params, fit.errors)
    rows = [(name, value) for name, value in zip(names, values) if not name.startswith("cor_")]
    return pd.DataFrame([(*row, *limit) for row, limit in zip(rows, limits)],
                        columns=["parameter", "estimate", "lower", "upper"])


def _crossing(excess, at, step, rise):
    """Where the criterion has risen by `rise`, from its minimum at `at` in the direction of `step`,
    by bisection and interpolation on the root of the rise, which is nearly straight."""
    signed = lambda x: np.sqrt(max(excess(x), 0)) - np.sqrt(rise)                       # noqa: E731
    for _ in range(30):
        if signed(at + step) > 0:
            return scipy.optimize.brentq(lambda x: -np.sqrt(rise) if x == at else signed(x),
                                         at, at + step, xtol=1e-6 * abs(step), rtol=1e-15)
        step = 2 * step
    return np.sign(step) * np.inf


def _beta_limits(ml, j, rise):
    """y - c x_j is fitted by the other columns of X: their likelihood is the profile at beta_j =
    c."""
    problem = ml.problem
    beta = ml.fe_params.iloc[j]
    se = ml.bse_fe.iloc[j]
    held = problem.coordinates.held(j)

    def excess(c):
        M = held(c)
        products = problem.products
        if products is not None:
            products = replace(products, Cx=M.T @ products.Cx, restx=products.restx @ M,
                               WtW=M.T @ products.WtW @ M)
        found = search.optimum(replace(problem, products=products, W=problem.W @ M))
        return found.point.criterion - ml.optimum.point.criterion
    step = 1.1 * np.sqrt(rise) * se
    return _crossing(excess, beta, -step, rise), _crossing(excess, beta, step, rise)


def _sd_limits(ml, rise):
    """Limits of each standard deviation, and of sigma, the last."""
    there = ml.problem.coordinates
    sizes = [len(g) for g in ml.gamma]
    sigma = there.of_y(np.sqrt(ml.scale))
    limits = []
    G = [sigma**2 * g for g in ml.gamma]                             # in the engine's units of y
    log_sigma = np.log(sigma)
    for k, a in [(k, a) for k, m in enumerate(sizes) for a in range(m)]:
        orders = [np.arange(m) for m in sizes]
        # the profiled effect first: its sd is L_k[0, 0]
        orders[k] = np.append(a, np.delete(orders[k], a))
        roots = [_root(g[np.ix_(o, o)]) for g, o in zip(G, orders)]
        start = np.append(state.pack(roots), log_sigma)
        held = sum(m * (m + 1) // 2 for m in sizes[:k])
        excess = _profiled(_deviance(ml, orders), start, held)
        sd = np.sqrt(G[k][a, a])
        low = _crossing(excess, sd, -sd, rise) if sd > 0 and excess(0.0) > rise else 0.0
        high = _crossing(excess, sd, max(sd, 0.2 * sigma), rise)
        limits.append((there.in_y(low), there.in_y(high)))
    start = np.append(state.pack([_root(g) for g in G]), log_sigma)
    excess = _profiled(_deviance(ml, [np.arange(m) for m in sizes]), start, held=len(start) - 1)
    step = 2 / np.sqrt(ml.nobs)
    ends = [_crossing(excess, log_sigma, s, rise) for s in (-step, step)]
    return limits + [tuple(there.in_y(np.exp(end)) for end in ends)]


def _deviance(ml, orders):
    """-2 log likelihood, with its gradient, as a function of the lower triangles L_k of Var(u_k) =
    L_k L_k', with effects in the given orders, and of log sigma, which is not profiled out."""
    problem = ml.problem
    n = ml.nobs
    sizes = [len(o) for o in orders]
    to_engine = [(k, inverse[:, orders[k]]) for k, inverse in problem.coordinates.inverses()]

    def deviance(values):
        L = state.unpack(values[:-1], sizes)
        s2 = np.exp(2 * values[-1])
        roots = [B @ L[k] / np.sqrt(s2) for k, B in to_engine]
        point = criterion.evaluate(problem, [_lower(root) for root in roots])
        value = point.criterion + n * (np.log(s2 / point.scale) - 1 + point.scale / s2)
        dL = [None] * len(L)
        d_log_sigma = 2 * n - 2 * n * point.scale / s2
        for place, (k, B) in enumerate(to_engine):
            score = point.traces[place] - point.squares[place] / s2  # in Gamma, at this sigma
            dL[k] = 2 * B.T @ score @ roots[place] / np.sqrt(s2)
            d_log_sigma -= 2 * (score * (roots[place] @ roots[place].T)).sum()
        return value, np.append(state.pack(dL), d_log_sigma)
    return deviance


def _profiled(deviance, start, held):
    """excess(x): how far the deviance lies above its value at the optimum `start` when parameter
    `held` is x and the others are refitted (BFGS, from the point found last)."""
    minimum = deviance(start)[0]
    free = np.delete(np.arange(len(start)), held)
    state = {"values": start, "inverse": None}

    def excess(x):
        values = state["values"].copy()
        # at exactly 0 the gradient in L is 0 whatever the data say: start a little away
        small = np.abs(values[:-1]) < 0.02 * np.exp(values[-1])
        values[:-1][small] = 0.02 * np.exp(values[-1])
        values[held] = x

        def inner(others):
            values[free] = others
            value, gradient = deviance(values)
            return value, gradient[free]
        if not len(free):
            return deviance(values)[0] - minimum
        found = scipy.optimize.minimize(inner, values[free], jac=True, method="BFGS",
                                  options={"gtol": 1e-4, "hess_inv0": state["inverse"]})
        values[free] = found.x
        inverse = (found.hess_inv + found.hess_inv.T) / 2
        state.update(values=values, inverse=inverse if np.linalg.eigvalsh(inverse)[0] > 0 else None)
        return found.fun - minimum
    return excess


def _root(G):
    """A lower triangular L with L L' = G, for a G that may be singular."""
    values, vectors = np.linalg.eigh(G)
    return _lower(vectors * np.sqrt(np.maximum(values, 0)))


def _lower(root):
    """The lower triangular L with L L' = root root' and no negative diagonal."""
    L = np.linalg.qr(root.T)[1].T
    return L * np.where(np.diag(L) < 0, -1, 1)


