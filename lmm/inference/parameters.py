"""The parameters of a fit, in the order and by the names of lme4's profile."""

import numpy as np


def check_level(level):
    """ValueError unless `level`, the coverage of intervals, is a number between 0 and 1."""
    if not (isinstance(level, float) and 0 < level < 1):
        raise ValueError(f"level must lie between 0 and 1 (0.95, say), not {level!r}")


def names(fit):
    """Parameters as lme4 names them: sd_Intercept|g, cor_x.Intercept|g, sigma, and the fixed
    effects; where the errors have a structure, after sigma its correlations and, as sigma_level,
    the residual standard deviations of the levels of `variance` after the first."""
    out = []
    for t in fit.terms:
        out += [f"sd_{a}|{t.name}" for a in t.columns]
        out += [f"cor_{b}.{a}|{t.name}" for j, b in enumerate(t.columns) for a in t.columns[:j]]
    structure = fit.frame.structure
    errors = []
    if structure is not None:
        errors = [*structure.names, *(f"sigma_{level}" for level in structure.levels[1:])]
    return [*out, "sigma", *errors, *fit.fe_params.index]


def values(gamma, scale, beta, errors):
    """The parameters in the order of `names`."""
    out = []
    for g in gamma:
        sd = np.sqrt(np.maximum(np.diag(g), 0))
        out += list(np.sqrt(scale) * sd)
        out += [g[j, i] / (sd[j] * sd[i]) if sd[j] * sd[i] > 0 else np.nan
                for j in range(len(sd)) for i in range(j)]
    sigmas = np.sqrt(scale) * errors.ratios()
    return [*out, sigmas[0], *errors.natural(), *sigmas[1:], *beta]


def covariance(sd, term):
    """The covariance matrix of a term's effects, (m, m), from a standard deviation or as it is."""
    m = len(term.columns)
    if np.ndim(sd) == 0:
        if m > 1 or not sd >= 0:
            raise ValueError(f"sd of {term.name} must be a number that is not negative, or for "
                             f"{m} columns "
                             f"({', '.join(term.columns)}) their {m} x {m} covariance matrix; not "
                             f"{sd!r}")
        return np.array([[float(sd)**2]])
    G = np.asarray(sd, dtype=float)
    if G.shape != (m, m) or not np.allclose(G, G.T) or np.linalg.eigvalsh(G)[0] < -1e-12:
        raise ValueError(f"sd of {term.name} must be a {m} x {m} covariance matrix, of "
                         f"{', '.join(term.columns)}")
    return G


def root(sd, term):
    """A root of it, (m, m)."""
    values, vectors = np.linalg.eigh(covariance(sd, term))
    return vectors * np.sqrt(np.maximum(values, 0))
