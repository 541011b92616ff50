"""Likelihood profile intervals of variance parameters and fixed effects."""

from dataclasses import replace

import numpy as np
import pandas as pd
import scipy

from lmm.engine import criterion, search, state
from lmm.engine.threads import one
from lmm.inference import parameters, profile_structured
from lmm.inference.profile_tools import crossing, profiled


@one
def profile(fit, level=0.95):
    """Likelihood profile intervals: columns parameter, estimate, lower, upper.

    A parameter is held at a value and all others are refitted; the interval is where -2 log
    likelihood rises by less than the chi-square quantile. As in lme4 the likelihood is the full one
    (ML), also for a fit by REML; the estimates are the fit's own. A lower limit is 0 where the
    criterion does not rise enough on the way to 0.
    Parameters: standard deviations, sigma, the parameters of the errors' structure, fixed effects.
    Correlations of random effects are left to `bootstrap`.
    """
    parameters.check_level(level)
    ml = fit.refit(reml=False) if fit.reml else fit
    rise = scipy.stats.chi2.ppf(level, 1)
    if fit.found is not None:
        limits = profile_structured.limits(ml, rise)
    else:
        limits = _sd_limits(ml, rise)
        limits += [_beta_limits(ml, j, rise) for j in range(len(ml.fe_params))]
    names = parameters.names(fit)
    values = parameters.values(fit.gamma, fit.scale, fit.fe_params, fit.errors)
    rows = [(name, value) for name, value in zip(names, values) if not name.startswith("cor_")]
    return pd.DataFrame([(*row, *limit) for row, limit in zip(rows, limits)],
                        columns=["parameter", "estimate", "lower", "upper"])


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
    return crossing(excess, beta, -step, rise), crossing(excess, beta, step, rise)


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
        roots = [state.root(g[np.ix_(o, o)]) for g, o in zip(G, orders)]
        start = np.append(state.pack(roots), log_sigma)
        held = sum(m * (m + 1) // 2 for m in sizes[:k])
        excess = profiled(_deviance(ml, orders), start, held, len(start) - 1)
        sd = np.sqrt(G[k][a, a])
        low = crossing(excess, sd, -sd, rise) if sd > 0 and excess(0.0) > rise else 0.0
        high = crossing(excess, sd, max(sd, 0.2 * sigma), rise)
        limits.append((there.in_y(low), there.in_y(high)))
    start = np.append(state.pack([state.root(g) for g in G]), log_sigma)
    everything = _deviance(ml, [np.arange(m) for m in sizes])
    excess = profiled(everything, start, len(start) - 1, len(start) - 1)
    step = 2 / np.sqrt(ml.nobs)
    ends = [crossing(excess, log_sigma, s, rise) for s in (-step, step)]
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
        point = criterion.evaluate(problem, [state.lower(each) for each in roots])
        value = point.criterion + n * (np.log(s2 / point.scale) - 1 + point.scale / s2)
        dL = [None] * len(L)
        d_log_sigma = 2 * n - 2 * n * point.scale / s2
        for place, (k, B) in enumerate(to_engine):
            score = point.traces[place] - point.squares[place] / s2  # in Gamma, at this sigma
            dL[k] = 2 * B.T @ score @ roots[place] / np.sqrt(s2)
            d_log_sigma -= 2 * (score * (roots[place] @ roots[place].T)).sum()
        return value, np.append(state.pack(dL), d_log_sigma)
    return deviance
