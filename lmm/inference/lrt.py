"""Likelihood-ratio tests of fixed effects and of variances.

A variance cannot be negative, so under the hypothesis that it is 0 it lies on the boundary, and the
statistic does not follow a chi-square. One variance with k - 1 covariances: half chi-square k - 1,
half chi-square k (Self and Liang 1987, Stram and Lee 1994). For several variances at once the
weights depend on the model, but the even and the odd ones still sum to a half each (Shapiro 1988),
so the same mixture of d - 1 and d is an upper bound of p.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
import scipy

MOST_LEVELS = 4000
# what each correlation is a case of, with the same subjects and times
WIDER = {"ar1": ("ar1", "toep", "us"), "car1": ("car1", "us"), "cs": ("cs", "toep", "us"),
         "toep": ("toep", "us"), "us": ("us",)}
DRAWS_AT_ONCE = 2_000_000


def lrt(small, large):
    """Test a model against a larger one that contains it: a table of one row: statistic, df, p,
    test.

    Where the fixed parts differ (in the space that X spans, not in names), both are refitted by ML;
    else they are compared by the criterion they were fitted with. `test` names the reference
    distribution.
    Raises ValueError if the data differ, the models are not nested or equal, or were given in the
    wrong order.
    """
    _same_data(small, large)
    if not _lies_in(small, large):
        if _lies_in(large, small):
            raise ValueError("the first model contains the second; swap them: "
                             f"lmm.lrt(small={large.formula!r}, "
                             f"large={small.formula!r})")
        raise ValueError(f"{small.formula!r} is not nested in "
                         f"{large.formula!r}: " + _lacking(small, large))
    fixed = large.X.shape[1] - small.X.shape[1]
    df = fixed + _n_covariances(large.terms) - _n_covariances(small.terms)
    df += large.errors.n_params - small.errors.n_params
    if df == 0:
        raise ValueError(f"{small.formula!r} and {large.formula!r} are the same model; there is "
                         "nothing to test")
    if fixed:
        small, large = (fit.refit(reml=False) if fit.reml else fit for fit in (small, large))
    elif small.reml != large.reml:
        raise ValueError("one model was fitted by REML, the other by ML; fit both with the same "
                         "`reml`")
    elif small.reml and not np.array_equal(small.X, large.X):
        small = small._changed(X=large.X)     # the restricted likelihood depends on the coding of X
    for fit in (small, large):
        if not fit.converged:
            raise ValueError(f"{fit.formula!r} has not converged; its criterion cannot be compared")
    return pd.DataFrame([_test(small.criterion - large.criterion, df,
                               _new_variances(small, large))])


def ranova(fit):
    """Test each random term, as lmerTest's ranova: (1 | g) is removed, and (1 + x | g) becomes (1 |
    g).

    Columns: term; npar, parameters left; criterion of the smaller model; statistic; df; p, from the
    mixture that `test` names; p_chi2, from the chi-square that lmerTest prints, about twice too
    large for one variance.
    Raises ValueError if the fit has no random terms.
    """
    if not fit.terms:
        raise ValueError(f"{fit.formula!r} has no random terms to test")
    rows = []
    for name, terms in _reductions(fit):
        small = fit._changed(terms=terms)
        df = _n_covariances(fit.terms) - _n_covariances(terms)
        test = _test(small.criterion - fit.criterion, df, _new_variances(small, fit))
        rows.append({"term": name, "npar": fit.n_params - df, "criterion": small.criterion, **test,
                     "p_chi2": scipy.stats.chi2.sf(test["statistic"], df)})
    return pd.DataFrame(rows)[["term", "npar", "criterion", "statistic", "df", "p", "p_chi2",
                               "test"]]


def rlrt(fit, n=10_000, seed=None):
    """Exact restricted likelihood-ratio test of one variance (Crainiceanu and Ruppert 2004), by n
    simulated statistics.

    For a model with one random term of one column, (1 | g) or (0 + x | g); an ML fit is refitted by
    REML. Returns a table of one row: statistic, p, test. p counts the observed statistic as one of
    the draws, so it is never 0.
    Raises ValueError for any other model and for more than MOST_LEVELS levels.
    """
    if fit.frame.structure is not None:
        raise ValueError("the exact test is for independent errors of one variance; "
                         f"{fit.formula!r} has a structure: use ranova or bootstrap")
    if len(fit.terms) != 1 or len(fit.terms[0].columns) != 1:
        raise ValueError("the exact test is for one variance, a single random term such as (1 | "
                         "g); "
                         f"{fit.formula!r} has {_n_covariances(fit.terms)} variances and "
                         "covariances; use ranova")
    if len(fit.terms[0].levels) > MOST_LEVELS:
        raise ValueError(f"the exact test needs a dense matrix of {len(fit.terms[0].levels)} "
                         "levels; with so many "
                         "the mixture of fit.ranova() is practically exact")
    if n < 1 or n != int(n):
        raise ValueError(f"n, the number of draws, must be a positive whole number, not {n!r}")
    large = fit if fit.reml else fit.refit(reml=True)
    statistic = _test(large._changed(terms=[]).criterion - large.criterion, 1, 1)["statistic"]
    draws = _null_draws(large, int(n), np.random.default_rng(seed))
    p = (1 + (draws >= statistic).sum()) / (1 + len(draws))
    return pd.DataFrame([{"statistic": statistic, "p": p, "test": f"exact, {len(draws)} draws"}])


def _null_draws(fit, n, rng):
    """n draws of the statistic if the variance is 0: the maximum over lambda, the ratio of the
    variances, of (n - p) log(1 + N / D) - sum log(1 + lambda mu), with mu the eigenvalues of Z'(I -
    X(X'X)^-1X')Z.
    """
    codes, x = fit.frame.whitened()[2][0]
    z = x[:, 0]
    Q = fit.problem.W[:, :-1]                           # orthonormal columns that span (weighted) X
    ZQ = np.column_stack([np.bincount(codes, z * q) for q in Q.T]
                         or [np.zeros((codes.max() + 1, 0))])
    mu = np.linalg.eigvalsh(np.diag(np.bincount(codes, z**2)) - ZQ @ ZQ.T)
    mu, times = np.unique(np.round(mu[mu > 1e-10 * mu[-1]] / mu[-1], 10), return_counts=True)
    m = Q.shape[0] - Q.shape[1]
    shrink = 1 / (1 + mu[:, None] * np.append(0, np.exp(np.linspace(-8, 12 - np.log(mu[0]), 300))))
    penalty = times @ np.log(shrink)
    out = []
    for size in _portions(n, DRAWS_AT_ONCE // max(len(mu), 300) + 1):
        w = rng.chisquare(times, (size, len(mu)))  # squares of normals, summed where mu is the same
        rest = rng.chisquare(m - times.sum(), (size, 1))
        D = w @ shrink + rest
        out.append((m * (np.log(D[:, :1]) - np.log(D)) + penalty).max(axis=1))
    return np.concatenate(out)


def _portions(n, most):
    return [most] * (n // most) + [n % most] * (n % most > 0)


def _test(statistic, df, variances):
    """A row of results. variances: how many of the df are variances on their boundary."""
    if statistic < -1e-6:
        raise RuntimeError(f"the larger model fits worse (by {-statistic:.3g}): its optimum has "
                           "not been found")
    statistic = statistic if statistic > 1e-8 else 0.0               # rounding
    if not variances:
        return {"statistic": statistic, "df": df, "p": scipy.stats.chi2.sf(statistic, df),
                "test": f"chi-square {df}"}
    inner = scipy.stats.chi2.sf(statistic, df - 1) if df > 1 else float(statistic <= 0)
    test = f"0.5 chi-square {df - 1} + 0.5 chi-square {df}"
    return {"statistic": statistic, "df": df,
            "p": 0.5 * inner + 0.5 * scipy.stats.chi2.sf(statistic, df),
            "test": test if variances == 1 else f"at most {test} ({variances} variances)"}


# Which model lies in which ------------------------------------------------------------------------

def _same_data(small, large):
    for fit in (small, large):
        if not hasattr(fit, "refit"):
            raise ValueError(f"lrt compares two fits of lmm.fit, not {type(fit).__name__}")
    if small.nobs != large.nobs:
        raise ValueError(f"the models use {small.nobs} and {large.nobs} rows; fit both to the "
                         "same rows, "
                         "those complete in the columns of both")
    if not np.array_equal(small.y, large.y):
        raise ValueError("the models have different responses, or rows in another order; fit both "
                         "to the same table")
    for name in ("weights", "offset"):
        if not np.array_equal(getattr(small.frame, name), getattr(large.frame, name)):
            raise ValueError(f"the models have different {name}; fit both with the same")


def _lies_in(small, large):
    terms = all(any(_includes(t, s) for t in large.terms) for s in small.terms)
    return _spans(large.X, small.X) and terms and _structure_lies_in(small, large)


def _structure_lies_in(small, large):
    """Is every R of the small model one of the large model?"""
    a = small.frame.structure
    b = large.frame.structure
    if a is None or b is None:
        return a is None
    finer = len(_pairs(a.level, b.level)) == len(b.levels)           # `variance` of the large one
    if a.kind is None or not finer:
        return finer
    if b.kind not in WIDER[a.kind] or len(_pairs(a.subjects, b.subjects)) != len(a.labels):
        return False
    return a.kind == "cs" or len(_pairs(a.at, b.at)) == len(np.unique(a.at))


def _pairs(a, b):
    return np.unique(np.column_stack([a, b]), axis=0)


def _lacking(small, large):
    """What of the small model the large one lacks, in words."""
    if not _spans(large.X, small.X):
        return "its fixed part has columns that the larger one's columns do not give"
    if not _structure_lies_in(small, large):
        return ("the structure of its errors is no case of the larger one's; compare such models "
                "by aic")
    lost = next(s for s in small.terms if not any(_includes(t, s) for t in large.terms))
    return f"no random term of the larger model contains ({' + '.join(lost.columns)} | {lost.name})"


def _spans(A, B):
    """Are the columns of B combinations of those of A?"""
    A = np.asarray(A, dtype=float)
    B = np.asarray(B, dtype=float)
    if not B.shape[1] or not A.shape[1]:
        return not B.shape[1]
    Q = np.linalg.qr(A / np.linalg.norm(A, axis=0))[0]
    B = B / np.linalg.norm(B, axis=0)
    return B.shape[1] <= A.shape[1] and np.abs(B - Q @ (Q.T @ B)).max() < 1e-6


def _includes(large, small):
    """Same groups, and the columns of the small term among the combinations of the large one's?"""
    if len(large.levels) != len(small.levels):
        return False
    pairs = np.unique(np.column_stack([large.codes, small.codes]), axis=0)
    return len(pairs) == len(large.levels) and _spans(large.x, small.x)


def _n_covariances(terms):
    return sum(len(t.columns) * (len(t.columns) + 1) // 2 for t in terms)


def _new_variances(small, large):
    """How many variances the large model adds; the rest of its new parameters are covariances."""
    return sum(len(t.columns) for t in large.terms) - sum(len(s.columns) for s in small.terms)


# Smaller models -----------------------------------------------------------------------------------

def _reductions(fit):
    """For each test of ranova its name and the terms left."""
    for k, term in enumerate(fit.terms):
        for name, left in _smaller(term):
            yield name, fit.terms[:k] + left + fit.terms[k + 1:]


def _smaller(term):
    """The ways to make one random term smaller: name, and what is left of it, [] or [a term]."""
    if len(term.columns) == 1:                                       # (1 | g), (0 + x | g): removed
        return [(f"({'1' if term.columns == ['Intercept'] else '0 + ' + term.columns[0]} | "
                 f"{term.name})", [])]
    spec = term.model_spec                          # formulaic's; of plain columns only the formula
    places = getattr(spec, "term_slices", None) or {t: slice(i, i + 1) for i, t in enumerate(spec)}
    slices = {str(t): (set(map(str, t.factors)) - {"1"}, at) for t, at in places.items()}
    text = f"({'' if '1' in slices else '0 + '}{' + '.join(slices)} | {term.name})"
    ones = np.ones((len(term.x), 1))
    if len(slices) == 1 and _spans(term.x, ones):                    # (0 + factor | g): to (1 | g)
        return [(f"{next(iter(slices))} in {text}", [replace(term, columns=["Intercept"], x=ones)])]
    out = []
    for name, (factors, at) in slices.items():                 # slopes that no interaction contains
        if factors and not any(factors < other for other, _ in slices.values()):
            keep = np.delete(np.arange(len(term.columns)), at)
            names = [term.columns[i] for i in keep]
            left = [replace(term, columns=names, x=term.x[:, keep])] if names else []
            out.append((f"{name} in {text}", left))
    return out
