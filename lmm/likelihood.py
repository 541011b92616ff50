"""ML and REML as the lecture writes them (slides 32, 34, 35): dense matrices, word for word.

All functions return *negative* log likelihoods and keep the lecture's constant n log 2 pi.
Software has (n - p) log 2 pi under REML; the estimates are the same.
"""

import numpy as np
from scipy.linalg import null_space

from lmm import check


def gls(y, X, V):
    """Generalised least squares: beta = (X' V^-1 X)^-1 X' V^-1 y (slide 32).

    y: (n,); X: (n, p) of full rank; V: (n, n) positive definite. Returns beta (p,).
    Raises ValueError if shapes do not match, X has not full rank or V is no covariance matrix.
    """
    y, X, V = _checked(y, X, V)
    Vi_X = np.linalg.solve(V, X)
    return np.linalg.solve(X.T @ Vi_X, Vi_X.T @ y)


def gls_covariance(X, V):
    """The covariance of the GLS estimate: (X' V^-1 X)^-1, shape (p, p)."""
    X = check.full_rank(X)
    V = check.covariance(V, "V", len(X))
    return np.linalg.inv(X.T @ np.linalg.solve(V, X))


def ml(y, X, beta, V):
    """l = 1/2 (n log 2 pi + log|V| + (y - X beta)' V^-1 (y - X beta)) (slide 32).

    beta: (p,), any value; with `gls(y, X, V)` it is the profile likelihood of the variances.
    """
    y, X, V = _checked(y, X, V)
    beta = check.vector(beta, "beta")
    if len(beta) != X.shape[1]:
        raise ValueError(f"beta has {len(beta)} values but X has {X.shape[1]} columns; they must "
                         "match")
    r = y - X @ beta
    return 0.5 * (len(y) * np.log(2 * np.pi) + _logdet(V) + r @ np.linalg.solve(V, r))


def reml(y, X, V):
    """l_REML = l(y, beta_GLS, V) + 1/2 log|X' V^-1 X| (slide 34).

    Its value depends on the coding of X (never compare it across codings); its minimum does not.
    """
    y, X, V = _checked(y, X, V)
    return ml(y, X, gls(y, X, V), V) + 0.5 * _logdet(X.T @ np.linalg.solve(V, X))


def error_contrasts(X):
    """One matrix K (n, n - p) with K'X = 0 and orthonormal columns (slide 35).
    Any other is K A, A invertible."""
    X = check.full_rank(X)
    if X.shape[0] == X.shape[1]:
        raise ValueError(f"X has as many columns as rows ({len(X)}): no error contrast is left")
    return null_space(X.T)


def contrast_likelihood(y, K, V):
    """Minus the log density of K'y ~ N(0, K'VK) (slide 35).

    Another choice of K adds a constant that does not depend on V, so the variances stay the same.
    """
    y = check.vector(y, "y")
    K = check.full_rank(K, "K")
    check.same_rows(y=y, K=K)
    V = check.covariance(V, "V", len(y))
    w, W = K.T @ y, K.T @ V @ K
    return 0.5 * (len(w) * np.log(2 * np.pi) + _logdet(W) + w @ np.linalg.solve(W, w))


def _checked(y, X, V):
    y = check.vector(y, "y")
    X = check.full_rank(X)
    check.same_rows(y=y, X=X)
    return y, X, check.covariance(V, "V", len(y))


def _logdet(A):
    return np.linalg.slogdet(A)[1]
