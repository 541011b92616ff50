"""Homework 3, shrinkage, REML and power: what is asked, and the mistakes that are recognised.

Answers that are simulated are compared with what they converge to; their tolerance is four or more
standard errors of a simulation of the size asked for.
"""

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy import stats

import lmm
from lmm.homework import Task
from lmm.homework.tables import TABLES

MODEL = "score ~ tutored + (1 | school)"
NO_TUTORING = "score ~ 1 + (1 | school)"
NO_SCHOOLS = "score ~ tutored"
BALANCED = 6, 6                       # 3b: schools, pupils in each
PLANNED = 20, 10, 4                   # 3g: schools, pupils in each, difference in points


@lru_cache(None)
def fitted(student, reml, formula):
    return lmm.fit(formula, TABLES["schools"](student), reml)


def variances(student, reml=True, formula=MODEL):
    """Between schools and within; every later task builds on those by REML."""
    fit = fitted(student, reml, formula)
    return tuple(fit.variance_components["variance"]) if fit.terms else (0.0, fit.scale)


# 3a. Variances by REML and by ML ------------------------------------------------------------------

def both(student, first=True, second=False, formula=MODEL):
    return [*variances(student, first, formula), *variances(student, second, formula)]


# 3b. The bias of ML, in balanced experiments ------------------------------------------------------

def mean_estimates(s2u, s2):
    """E of (MS_between - MS_within) / m, and of ML's ((1 - 1/q) MS_between - MS_within) / m."""
    q, m = BALANCED
    return [s2u, s2u - (s2u + s2 / m) / q]


def mean_truncated(s2u, s2, points=400):
    """The same with negative estimates set to 0: mean squares at the quantiles of their
    distributions."""
    q, m = BALANCED
    at = (np.arange(points) + 0.5) / points
    between = (m * s2u + s2) * stats.chi2.ppf(at, q - 1) / (q - 1)
    within = s2 * stats.chi2.ppf(at, q * (m - 1))[:, None] / (q * (m - 1))
    return [np.maximum((share * between - within) / m, 0).mean() for share in (1, 1 - 1 / q)]


# 3c. Shrinkage factor and BLUP of the smallest and the largest school -----------------------------

@lru_cache(None)
def school_means(student):
    """Of the smallest and the largest school: n, and the mean of y - X beta, with beta by GLS."""
    fit = fitted(student, True, MODEL)
    r = fit.y - fit.X.to_numpy() @ fit.fe_params.to_numpy()
    school = TABLES["schools"](student)["school"]
    table = pd.Series(r).groupby(school).agg(["size", "mean"]).sort_values("size").iloc[[0, -1]]
    return table["size"].to_numpy(), table["mean"].to_numpy()


def shrunk(student, w):
    """w and w * mean: the smallest school, the largest."""
    return np.column_stack([w, w * school_means(student)[1]]).ravel()


def w(student, reml=True, count=True):
    s2u, s2 = variances(student, reml)
    return s2u / (s2u + s2 / (school_means(student)[0] if count else np.ones(2)))


# 3d. Mean squared errors of no, complete and partial pooling --------------------------------------

def squared_errors(student, between, within):
    """Rows: smallest, largest school.
    between, within: the variances that were simulated; w is right in any case."""
    factor = w(student)
    own = within / school_means(student)[0]
    return np.column_stack([own, [between, between], factor**2 * own + (1 - factor)**2 * between])


def spread(student):
    """What comes out if distances are taken from the global mean, not from the school's true
    mean."""
    s2u, s2 = variances(student)
    n = school_means(student)[0]
    return np.column_stack([s2u + s2 / n, [0, 0], w(student) * s2u])


# 3e. REML by error contrasts ----------------------------------------------------------------------

def drop(student, reml=True):
    """The criterion without schools minus that with schools."""
    return fitted(student, reml, NO_SCHOOLS).criterion - fitted(student, reml, MODEL).criterion


def shift(student):
    """log|K'K| of I - X(X'X)^-1 X' without two columns, one pupil of each kind: both K with K'K = I
    have 0."""
    return -np.log(TABLES["schools"](student)["tutored"].value_counts()).sum()


@lru_cache(None)
def criteria(student, columns=2):
    """The criterion of orthonormal error contrasts, without and with schools;
    columns=1 leaves tutoring out of X."""
    data = TABLES["schools"](student)
    X = lmm.design.fixed(data, ["tutored"], "reference").to_numpy(dtype=float)[:, :columns]
    K = lmm.likelihood.error_contrasts(X)
    same = np.equal.outer(*2 * [data["school"].to_numpy()])
    pairs = variances(student, formula=NO_SCHOOLS), variances(student)
    V = [s2u * same + s2 * np.eye(len(data)) for s2u, s2 in pairs]
    return [2 * lmm.likelihood.contrast_likelihood(data["score"], K, v) for v in V]


def intercept_only(student):
    without, schools = criteria(student, columns=1)
    return [without - schools, without - schools, -np.log(len(TABLES["schools"](student)))]


# 3f. Likelihood-ratio test of the variance --------------------------------------------------------

def lr(statistic, weight=0.5):
    return [statistic, weight * stats.chi2.sf(statistic, 1)]


# 3g. Power ----------------------------------------------------------------------------------------

def power(variance, df, alpha=0.05):
    """Of the two-sided t test; variance: that of the estimated difference."""
    c = stats.t.isf(alpha / 2, df)
    away = PLANNED[2] / np.sqrt(variance)
    return stats.nct.sf(c, df, away) + stats.nct.cdf(-c, df, away)


def plans(student, alpha=0.05):
    """A: half of the schools; B: half of the pupils of each school."""
    s2u, s2 = variances(student)
    q, m, _ = PLANNED
    return [power(4 * (s2u + s2 / m) / q, q - 2, alpha),
            power(4 * s2 / (q * m), q * m - q - 1, alpha)]


def independent(student):
    q, m, _ = PLANNED
    return 2 * [power(4 * sum(variances(student)) / (q * m), q * m - 2)]


_TASKS = {
    "a": Task(
        "a list of four numbers: variance between schools and within, by REML; the same two by ML",
        both,
        [("those are standard deviations; the question is about variances",
          lambda s: np.sqrt(both(s))),
         ("ML comes first in your list, REML second", lambda s: both(s, False, True)),
         ("both pairs are REML's; ask for ML in the second", lambda s: both(s, True, True)),
         ("both pairs are ML's; lmm.fit uses REML unless told otherwise",
          lambda s: both(s, False, False)),
         ("tutoring is missing from the model, so that its effect counts as noise",
          lambda s: both(s, formula=NO_TUTORING))]),
    "b": Task(
        "a list of two numbers: mean of the estimates by REML, mean of those by ML",
        lambda s: mean_estimates(*variances(s)),
        [("negative estimates were set to 0, which is a bias of another kind; keep them",
          lambda s: mean_truncated(*variances(s))),
         ("a variance was given to rng.normal, which expects a standard deviation",
          lambda s: mean_estimates(*np.square(variances(s)))),
         ("ML comes first in your list, REML second",
          lambda s: mean_estimates(*variances(s))[::-1]),
         ("those are the biases, estimates minus truth; the mean estimates are asked for",
          lambda s: np.subtract(mean_estimates(*variances(s)), variances(s)[0]))], within=0.04),
    "c": Task(
        "a list of four numbers: w and BLUP of the smallest school, w and BLUP of the largest",
        lambda s: shrunk(s, w(s)),
        [("that is no pooling: the schools' own deviations, unshrunk",
          lambda s: shrunk(s, np.ones(2))),
         ("that is complete pooling: every school is given the global mean", lambda s: np.zeros(4)),
         ("w does not know how many pupils a school has: the variance of a mean is missing its n",
          lambda s: shrunk(s, w(s, count=False))),
         ("the variances are ML's; take REML's", lambda s: shrunk(s, w(s, reml=False)))]),
    "d": Task(
        "a table of numbers, two rows (smallest and largest school) and three columns (no, "
        "complete, partial pooling)",
        lambda s: squared_errors(s, *variances(s)),
        [("a variance was given to rng.normal, which expects a standard deviation",
          lambda s: squared_errors(s, *np.square(variances(s)))),
         ("those are roots; the squared errors themselves are asked for",
          lambda s: np.sqrt(squared_errors(s, *variances(s)))),
         ("those are distances from the global mean; an error is the distance from the school's "
          "own true mean",
          spread),
         ("the errors have the variance of one pupil's score, not that of a school's mean",
          lambda s: squared_errors(s, variances(s)[0], variances(s)[1] * school_means(s)[0])),
         ("the rows are in the other order: the smallest school comes first",
          lambda s: squared_errors(s, *variances(s))[::-1])], within=0.05),
    "e": Task(
        "a list of three numbers: drop with K1, drop with K2, criterion with K2 minus criterion "
        "with K1",
        lambda s: [drop(s), drop(s), shift(s)],
        [("the function returns minus the log likelihood; the criterion is twice that",
          lambda s: np.array([drop(s), drop(s), shift(s)]) / 2),
         ("the first two are values of the criterion, which depend on K; their drop is asked for",
          lambda s: [criteria(s)[1], criteria(s)[1] + shift(s), shift(s)]),
         ("your K is orthogonal to the intercept only; K'X = 0 holds for every column of X",
          intercept_only),
         ("a drop is the larger value minus the smaller: without schools minus with schools",
          lambda s: [-drop(s), -drop(s), shift(s)]),
         ("the third number is K2's minus K1's, not the other way round",
          lambda s: [drop(s), drop(s), -shift(s)])]),
    "f": Task(
        "a list of two numbers: statistic, p",
        lambda s: lr(drop(s)),
        [("that p is from chi-square 1, as if the variance could also be negative",
          lambda s: lr(drop(s), 1)),
         ("the models were fitted by ML; with the same fixed part, compare them by REML",
          lambda s: lr(drop(s, reml=False))),
         ("the statistic is twice the difference of the log likelihoods",
          lambda s: lr(drop(s) / 2)),
         ("the statistic is twice the difference of the log likelihoods, and p is not that of "
          "chi-square 1",
          lambda s: lr(drop(s) / 2, 1))]),
    "g": Task(
        "a list of two numbers: power of plan A, power of plan B",
        plans,
        [("the pupils are treated as independent, but those of one school share its effect",
          independent),
         ("the two plans are in the other order", lambda s: plans(s)[::-1]),
         ("that is a one-sided test; a difference in either direction counts",
          lambda s: plans(s, alpha=0.1))],
        within=0.05),
}
