"""Profile limits where the errors have a structure, in the order of `parameters.names`."""

import numpy as np

from lmm.engine import components, correlations, criterion, joint, joint_search, state
from lmm.inference.profile_tools import IMPOSSIBLE, crossing, profiled


def limits(ml, rise):
    """Limits of standard deviations, sigma, the parameters of R, and fixed effects."""
    plain, terms = _plain(ml)
    sizes = [len(g) for g in ml.gamma]
    there = plain.coordinates
    G = [there.of_y(1)**2 * ml.scale * g for g in ml.gamma]
    log_sigmas = np.log(there.of_y(np.sqrt(ml.scale))) + np.append(0.0, ml.errors.gamma)
    out = []
    for k, a in [(k, a) for k, m in enumerate(sizes) for a in range(m)]:
        orders = [np.arange(m) for m in sizes]
        # the profiled effect first: its sd is L_k[0, 0]
        orders[k] = np.append(a, np.delete(orders[k], a))
        start, deviance = _deviance(ml, plain, terms, G, log_sigmas, orders)
        held = sum(m * (m + 1) // 2 for m in sizes[:k])
        excess = profiled(deviance, start, held, sum(m * (m + 1) // 2 for m in sizes))
        sd = np.sqrt(G[k][a, a])
        low = crossing(excess, sd, -sd, rise) if sd > 0 and excess(0.0) > rise else 0.0
        high = crossing(excess, sd, max(sd, 0.2 * np.exp(log_sigmas[0])), rise)
        out.append((there.in_y(low), there.in_y(high)))
    orders = [np.arange(m) for m in sizes]
    start, deviance = _deviance(ml, plain, terms, G, log_sigmas, orders)
    n_roots = sum(m * (m + 1) // 2 for m in sizes)

    def ends(held, step):
        excess = profiled(deviance, start, held, n_roots)
        return [crossing(excess, start[held], s, rise) for s in (-step, step)]
    c = len(ml.errors.phi)
    step = 2 / np.sqrt(ml.nobs)
    # sigma is the last value, those of the other levels stand before it
    of_sigma = [tuple(there.in_y(np.exp(end)) for end in ends(held, step))
                for held in [len(start) - 1, *range(n_roots + c, len(start) - 1)]]
    of_phi = [tuple(sorted(ml.frame.structure.natural(np.array([end]))[0] for end in ends(k, 0.1)))
              for k in range(n_roots, n_roots + c)]
    out += [of_sigma[0], *of_phi, *of_sigma[1:]]
    return out + [_beta_limits(ml, plain, terms, j, rise) for j in range(len(ml.fe_params))]


def _plain(ml):
    """The problem of the rows as they are, and the terms' (codes, x)."""
    terms = [(t.codes, t.x) for t in ml.terms]
    y = ml.frame.y - ml.frame.offset
    return criterion.problem(y, ml.X.to_numpy(), terms, False), terms


def _deviance(ml, plain, terms, G, log_sigmas, orders):
    """Where it starts, and -2 log likelihood with its gradient as a function of the lower triangles
    L_k of Var(u_k) = L_k L_k', effects in the given orders, of phi, and of the log sigma of the
    levels of `variance`, the first of them last; nothing is profiled out."""
    ordered = [(codes, x[:, o]) for (codes, x), o in zip(terms, orders)]
    asked = ml.frame.structure
    data = components.batches(asked, ordered, ml.frame.weights, plain.W)
    sizes = [len(o) for o in orders]
    n_roots = sum(m * (m + 1) // 2 for m in sizes)
    c, n = len(ml.errors.phi), ml.nobs
    roots = [state.root(g[np.ix_(o, o)]) for g, o in zip(G, orders)]
    start = np.concatenate([state.pack(roots), ml.errors.phi, log_sigmas[1:], log_sigmas[:1]])

    def deviance(values):
        sigma = np.exp(values[-1])
        T = state.unpack(values[:n_roots] / sigma, sizes)
        phi, gamma = values[n_roots:n_roots + c], values[n_roots + c:-1] - values[-1]
        try:
            with np.errstate(all="ignore"):
                point = joint.at(asked, data, T, phi, gamma, False)
        except np.linalg.LinAlgError:
            return IMPOSSIBLE, np.zeros_like(values)
        ratio = point.scale / sigma**2
        value = point.criterion + n * (ratio - 1 - np.log(ratio))
        # at this sigma, not at the best one
        slopes = point.gradient + point.quadratic * (1 - ratio) / point.scale
        of_roots, of_phi, of_gamma = np.split(slopes, [n_roots, n_roots + c])
        of_sigma = 2 * n * (1 - ratio) - of_roots @ state.pack(T) - of_gamma.sum()
        return value, np.concatenate([of_roots / sigma, of_phi, of_gamma, [of_sigma]])
    return start, deviance


def _beta_limits(ml, plain, terms, j, rise):
    """y - c x_j is fitted by the other columns of X: their likelihood is the profile at beta_j =
    c."""
    asked = ml.frame.structure
    there = plain.coordinates
    held = there.held(j)
    engine = there.terms(terms)
    eta = correlations.unbounded(asked.kind, ml.errors.phi, asked.size)

    def excess(c):
        data = components.batches(asked, engine, ml.frame.weights, plain.W @ held(c))
        found = joint_search.search(ml.frame, data, plain, _inside(ml.found.T), eta,
                                    ml.errors.gamma)
        return found.point.criterion - ml.found.point.criterion
    step = 1.1 * np.sqrt(rise) * ml.bse_fe.iloc[j]
    beta = ml.fe_params.iloc[j]
    return crossing(excess, beta, -step, rise), crossing(excess, beta, step, rise)


def _inside(roots):
    """Roots with no variance of exactly 0, from where no search would leave."""
    return [T + np.diag(np.where(np.diag(T) == 0, 0.1, 0.0)) for T in roots]
