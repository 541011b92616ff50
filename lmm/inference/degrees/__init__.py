"""Denominator degrees of freedom: containment, Satterthwaite, Kenward-Roger."""

from collections import namedtuple

import numpy as np

from lmm.inference.degrees import containment, kenward_roger, satterthwaite

METHODS = ("satterthwaite", "kenward-roger", "containment")
Test = namedtuple("Test", "num_df den_df F")


def check(method):
    """ValueError unless `method` is one of METHODS."""
    if method not in METHODS:
        raise ValueError(f"df must be one of {', '.join(METHODS)}, not {method!r}")


def covariance(fit, method):
    """Var(beta_hat) to use with a method: Kenward and Roger's is adjusted for the estimated
    variances."""
    check(method)
    adjust = method == "kenward-roger" and not _exact(fit)
    return kenward_roger.adjusted(fit) if adjust else fit.cov_params().to_numpy()


def of_contrasts(fit, L, method):
    """Degrees of freedom for the t test of each row of L."""
    check(method)
    if _exact(fit) or (method == "containment" and not fit.terms):
        return np.full(len(L), float(fit.nobs - fit.X.shape[1]))
    if method == "containment":
        return containment.of_contrasts(fit, L)
    return (satterthwaite if method == "satterthwaite" else kenward_roger).of_contrasts(fit, L)


def f_test(fit, L, method):
    """F test of L beta = 0 for an L of full row rank: numerator df, denominator df, F."""
    check(method)
    if _exact(fit) or (method == "containment" and not fit.terms):
        return Test(len(L), float(fit.nobs - fit.X.shape[1]), _wald(fit, L))
    if method == "containment":
        return Test(len(L), float(containment.of_contrasts(fit, L).min()), _wald(fit, L))
    if method == "satterthwaite":
        return Test(len(L), satterthwaite.of_test(fit, L), _wald(fit, L))
    return Test(len(L), *kenward_roger.of_test(fit, L))


def _exact(fit):
    """Is sigma^2 all that is estimated of V? Then the df are those of the residual."""
    return not fit.terms and fit.found is None


def _wald(fit, L):
    estimate = L @ fit.fe_params.to_numpy()
    return estimate @ np.linalg.solve(L @ fit.cov_params().to_numpy() @ L.T, estimate) / len(L)
