"""Containment: nlme's rule for denominator degrees of freedom."""

import numpy as np
import pandas as pd

from lmm.engine.threads import one

MOST_NUMBERS = 40_000_000


def of_contrasts(fit, L):
    """For each row of L the smallest df among the coefficients in it, as the lecture's `estimable`
    does (slide 26)."""
    df = of_coefficients(fit).to_numpy()
    return np.array([df[row != 0].min(initial=np.inf) for row in L])


@one
def of_coefficients(fit):
    """nlme's rule (Pinheiro and Bates 2000, section 2.4.2), by ranks.

    A fixed effect that is constant within the levels of a grouping factor is tested against that
    factor: its df are the columns that the factor adds to the fixed effects and to the factors that
    it is nested in. All other effects are tested against the residual. The intercept takes the
    largest df, as in nlme. For nested factors this is nlme's own formula; for crossed ones
    (plank:width and plank:depth) it is the split-plot table's. Random slopes do not count, as in
    nlme. Raises ValueError for a table whose ranks would need more than MOST_NUMBERS dense numbers.
    """
    X = fit.X.to_numpy()
    terms = list({t.name: t for t in fit.terms}.values())
    columns = X.shape[1] + sum(len(t.levels) for t in terms)
    if fit.nobs * columns > MOST_NUMBERS:
        raise ValueError(f"containment would need the rank of a dense {fit.nobs} x {columns} "
                         "matrix; with so many levels "
                         "df='satterthwaite' gives practically the same")
    Z = {t.name: np.eye(len(t.levels))[t.codes] for t in terms}
    residual = fit.nobs - _rank([X, *Z.values()])
    coarser = {t.name: [h.name for h in terms if h is not t and _nested(t, h)] for t in terms}
    stratum = {}
    for name, hosts in coarser.items():
        base = [X] + [Z[h] for h in hosts]
        stratum[name] = _rank(base + [Z[name]]) - _rank(base)
    df = [_of_column(x, terms, coarser, stratum, residual) for x in X.T]
    return pd.Series(df, index=fit.fe_params.index, dtype=float)


def _of_column(x, terms, coarser, stratum, residual):
    if np.ptp(x) == 0:                                               # the intercept
        return max([residual, *stratum.values()])
    within = [t.name for t in terms if _constant_within(x, t)]
    outermost = [name for name in within if not set(coarser[name]) & set(within)]
    return min((stratum[name] for name in outermost), default=residual)


def _constant_within(x, term):
    q = len(term.levels)
    low = np.full(q, np.inf)
    high = np.full(q, -np.inf)
    np.minimum.at(low, term.codes, x)
    np.maximum.at(high, term.codes, x)
    return (low == high).all()


def _nested(inner, outer):
    """Does each level of `inner` lie in one level of `outer`?"""
    fewer = len(outer.levels) < len(inner.levels)
    return fewer and _constant_within(outer.codes.astype(float), inner)


def _rank(parts):
    """Rank of [X Z ...], each column scaled to length 1."""
    A = np.hstack(parts)
    norms = np.linalg.norm(A, axis=0)
    return int(np.linalg.matrix_rank(A / np.where(norms > 0, norms, 1)))
