"""Homework 1, "By hand": what each task asks for, and the mistakes that `check` knows by name."""

from collections import namedtuple
from functools import lru_cache

import numpy as np

from lmm.homework import Task
from lmm.homework.tables import ERROR_VARIANCE, TABLES, WELLS_VARIANCE

Parts = namedtuple("Parts", "y X Z")


@lru_cache(maxsize=None)
def parts(student):
    """y, X (intercept, new method) and Z (a column a well) of one student's table."""
    table = TABLES["tiny"](student)
    X = np.column_stack([np.ones(len(table)), table["method"] == "new"])
    return Parts(table["nitrate"].to_numpy(), X, np.eye(5)[table["well"].cat.codes])


def covariance(Z, wells=WELLS_VARIANCE, error=ERROR_VARIANCE):
    """V = ZGZ' + R."""
    return wells * Z @ Z.T + error * np.eye(len(Z))


# ---- a: X and Z

def matrices(student, full=False, reference="old", columns=False):
    y, X, Z = parts(student)
    old = 1 - X[:, 1:]
    if full:
        X = np.hstack([X[:, :1], old, X[:, 1:]])
    if reference == "new":
        X = np.hstack([X[:, :1], old])
    rank = (lambda A: A.shape[1]) if columns else np.linalg.matrix_rank
    return np.append(X.T @ Z, [rank(X), rank(Z), rank(np.hstack([X, Z]))])


# ---- b: V

def moments(student, wells=WELLS_VARIANCE, error=ERROR_VARIANCE, ratio=False, independent=False):
    Z = parts(student).Z
    n = len(Z)
    V = covariance(Z, wells, error)
    mean = np.trace(V) / n ** 2 if independent else V.sum() / n ** 2
    return np.array([wells + error, wells, wells / error if ratio else wells / (wells + error),
                     np.linalg.slogdet(V)[1], mean])


# ---- c: GLS and OLS

def estimates(student, row=1, printed=False, variances=False, swapped=False):
    y, X, Z = parts(student)
    V = covariance(Z)
    gls_cov, ols_inv = np.linalg.inv(X.T @ np.linalg.solve(V, X)), np.linalg.inv(X.T @ X)
    gls, ols = gls_cov @ X.T @ np.linalg.solve(V, y), ols_inv @ X.T @ y
    rss = (y - X @ ols) @ (y - X @ ols)
    ols_cov = ols_inv * rss / (len(y) - 2) if printed else ols_inv @ X.T @ V @ X @ ols_inv
    power = 1 if variances else 0.5
    pairs = [[b[row], cov[row, row] ** power] for b, cov in ((gls, gls_cov), (ols, ols_cov))]
    return np.ravel(pairs[::-1] if swapped else pairs)


# ---- d: Henderson's equations

def henderson(student, wells=WELLS_VARIANCE, error=ERROR_VARIANCE, penalty=1 / WELLS_VARIANCE):
    y, X, Z = parts(student)
    W = np.hstack([X, Z])
    left = W.T @ W / error + np.diag([0, 0] + [penalty] * 5)
    return np.linalg.lstsq(left, W.T @ y / error, rcond=1e-10)[0]


# ---- e: shrinkage

def shrinkage(student, single=False, lost=False, raw=False):
    y, X, Z = parts(student)
    n = Z.sum(axis=0)
    w = WELLS_VARIANCE / (WELLS_VARIANCE + ERROR_VARIANCE / (np.ones(5) if single else n))
    middle = y.mean() if raw else X @ henderson(student)[:2]
    return np.array([1 - w if lost else w, Z.T @ (y - middle) / n])


# ---- f: the criteria

def criteria(student, factor=0.5, software=False, sign=1):
    y, X, Z = parts(student)
    V = covariance(Z)
    r = y - X @ henderson(student)[:2]
    ml = len(y) * np.log(2 * np.pi) + np.linalg.slogdet(V)[1] + r @ np.linalg.solve(V, r)
    reml = ml + sign * np.linalg.slogdet(X.T @ np.linalg.solve(V, X))[1]
    return factor * np.array([ml, reml - (X.shape[1] * np.log(2 * np.pi) if software else 0)])


_TASKS = {
    "a": Task(
        "a list of thirteen numbers: the two rows of X'Z, then the ranks of X, of Z, and of both "
        "side by side",
        matrices, [
            ("X is in the lecture's full coding, with a column for each method; "
             "in reference coding the old method has none", lambda s: matrices(s, full=True)),
            ("the column of X marks the old method; the old method is the reference, so mark the "
             "new one (beware of alphabetical order)", lambda s: matrices(s, reference="new")),
            ("the numbers of columns are not the ranks: add up the columns of Z, and look for the "
             "sum in X",
             lambda s: matrices(s, columns=True)),
        ]),
    "b": Task(
        "a list of five numbers: variance of a reading, covariance and correlation of two readings "
        "of a well, natural logarithm of the determinant of V, variance of the mean of all "
        "readings",
        moments, [
            ("the given numbers are variances already; they have been squared once more",
             lambda s: moments(s, WELLS_VARIANCE ** 2, ERROR_VARIANCE ** 2)),
            ("the variances have been swapped: G holds the wells' variance, R that of the error",
             lambda s: moments(s, ERROR_VARIANCE, WELLS_VARIANCE)),
            ("a correlation is the covariance over the whole variance of a reading, not over the "
             "error's alone",
             lambda s: moments(s, ratio=True)),
            ("the variance of the mean adds up variances only, as if readings were independent; "
             "V has covariances, too", lambda s: moments(s, independent=True)),
        ]),
    "c": Task(
        "a list of four numbers for the effect of the new method: GLS estimate, its standard "
        "error, OLS estimate, the standard error that it really has under V",
        estimates, [
            ("the last number is the standard error that OLS prints: it takes readings of a well "
             "for independent; the sandwich formula of the task does not",
             lambda s: estimates(s, printed=True)),
            ("these are variances; a standard error is the square root",
             lambda s: estimates(s, variances=True)),
            ("these are the numbers of the intercept; the effect of the new method is the other "
             "coefficient",
             lambda s: estimates(s, row=0)),
            ("GLS and OLS have changed places", lambda s: estimates(s, swapped=True)),
        ]),
    "d": Task(
        "a list of seven numbers: the estimates of intercept and new method, then the BLUPs of the "
        "five wells in order",
        henderson, [
            ("the inverse of G is missing: this is least squares with the wells fixed, nothing is "
             "shrunk",
             lambda s: henderson(s, penalty=0)),
            ("G itself has been added to Z'Z over the error variance; it is the inverse of G that "
             "belongs there",
             lambda s: henderson(s, penalty=WELLS_VARIANCE)),
            ("the inverse of R has been left out: if you multiply the equations by the error "
             "variance, the inverse of G is multiplied as well", lambda s: henderson(s, error=1)),
        ]),
    "e": Task(
        "two rows of five numbers: the shrinkage factors of the wells in order, "
        "and below them the wells' means of the residuals from X times the GLS estimate",
        shrinkage, [
            ("the factors are those of a single reading; a well's mean of n readings has the error "
             "variance over n",
             lambda s: shrinkage(s, single=True)),
            ("the first row is what shrinkage takes away; the factor is what it leaves",
             lambda s: shrinkage(s, lost=True)),
            ("the second row is the wells' means minus the mean of all readings; that ignores by "
             "which methods a well was read", lambda s: shrinkage(s, raw=True)),
        ]),
    "f": Task(
        "a list of two numbers, not rounded: the lecture's criterion of ML, then that of REML",
        criteria, [
            ("this is twice the lecture's criterion (software prints it so); the lecture has a "
             "half in front",
             lambda s: criteria(s, factor=1)),
            ("the sign is wrong: the lecture's criterion is the negative log likelihood, to be "
             "made small",
             lambda s: criteria(s, factor=-0.5)),
            ("the constant of REML is the software's, with n - p; the lecture keeps n",
             lambda s: criteria(s, software=True)),
            ("the term that REML adds has the wrong sign: it is the determinant of X' times V "
             "inverse times X, not that of the estimate's covariance",
             lambda s: criteria(s, sign=-1)),
        ], 1e-4),
}
