"""Means and covariances of y = X beta + Z u + e, u ~ N(0, G), e ~ N(0, R) (slides 29 to 31)."""

import numbers

import numpy as np
from scipy import linalg
from scipy.sparse.csgraph import connected_components

from lmm import check


def V(Z, G, R):
    """The marginal covariance of y: V = Z G Z' + R (slide 29).

    Z: (n, q); G: (q, q), where a variance may be zero; R: (n, n). Returns (n, n).
    Symbols work too: arrays of dtype object (of sympy's symbols, say) give V in symbols.
    Raises ValueError if shapes do not match, G or R is not symmetric, G not positive
    semidefinite or R not positive definite.
    """
    Z, G, R = (A.toarray() if hasattr(A, "toarray") else np.asarray(A) for A in (Z, G, R))
    if any(A.dtype == object for A in (Z, G, R)):
        return Z @ G @ Z.T + R
    Z, G, R = _checked(Z, G, R)
    return Z @ G @ Z.T + R


def conditional(X, Z, beta, u, R):
    """Given the random effects: E[y|u] = X beta + Z u and Var(y|u) = R (slide 29)."""
    X = check.matrix(X, "X")
    Z = check.matrix(Z, "Z")
    beta = check.vector(beta, "beta")
    u = check.vector(u, "u")
    check.same_rows(X=X, Z=Z)
    _columns_match(X=X, beta=beta)
    _columns_match(Z=Z, u=u)
    return X @ beta + Z @ u, check.covariance(R, "R", len(X))


def marginal(X, Z, beta, G, R):
    """With the random effects integrated out: E[y] = X beta and Var(y) = V (slide 29)."""
    X = check.matrix(X, "X")
    beta = check.vector(beta, "beta")
    _columns_match(X=X, beta=beta)
    check.same_rows(X=X, Z=check.matrix(Z, "Z"))
    return X @ beta, V(Z, G, R)


def ar1(rho, times):
    """Correlations rho^|t_i - t_j| of the errors of one subject at these times, (n, n).

    Whole times: -1 < rho < 1 (AR(1)); any times: 0 < rho < 1 (the continuous CAR(1)). Symbols work
    too. Raises ValueError for a time that occurs twice, and for a rho out of its range.
    """
    times = check.vector(times, "times")
    if len(np.unique(times)) < len(times):
        raise ValueError("a time occurs twice; errors of one subject at one time cannot be two")
    whole = bool((times == np.round(times)).all())
    distances = np.abs(times[:, None] - times[None, :])
    if not isinstance(rho, numbers.Real):
        return np.array([[rho ** (int(d) if whole else d) for d in row] for row in distances],
                        dtype=object)
    low = -1 if whole else 0
    if not low < rho < 1:
        raise ValueError(f"rho must lie between {low} and 1 for these times, not {rho!r}")
    return float(rho) ** distances


def cs(rho, n):
    """Compound symmetry: n errors of one subject, any two with correlation rho, -1 / (n - 1) < rho
    < 1, (n, n)."""
    C = np.full((n, n), rho, dtype=float if isinstance(rho, numbers.Real) else object)
    C[np.diag_indices(n)] = 1
    return C if C.dtype == object else check.covariance(C, f"cs({rho}, {n})", n)


def toep(rho):
    """Toeplitz: correlation rho[k - 1] at distance k; for n equidistant times rho has n - 1
    numbers. (n, n)."""
    rho = check.vector(rho, "rho")
    n = len(rho) + 1
    C = linalg.toeplitz(np.append(1.0, rho))
    return check.covariance(C, "toep(rho)", n)


def R(C, sd):
    """R = D C D: the covariance of errors with correlations C and standard deviations sd (slide 4),
    (n, n).

    C: (n, n); sd: one number, or (n,), one a row: unequal ones are heteroscedastic errors (slide
    6). Symbols work too.
    """
    C = np.asarray(C)
    sd = np.broadcast_to(sd, len(C))
    return sd[:, None] * C * sd[None, :]


def icc(s2u, s2):
    """Intraclass correlation s2u / (s2u + s2): that of two observations of one group (slide 31)."""
    check.variances(s2u, s2)
    return s2u / (s2u + s2)


def correlation(V):
    """The correlation matrix that belongs to the covariance matrix V: V_ij / sqrt(V_ii V_jj)."""
    V = check.covariance(V, "V", len(V))
    sd = np.sqrt(np.diag(V))
    return V / np.outer(sd, sd)


def blocks(V):
    """The block structure of V (slide 30): a list of index arrays, one a block.

    Observations in different blocks have covariance exactly zero. Symbols work too.
    """
    linked = np.asarray(np.asarray(V) != 0, dtype=bool)
    if linked.ndim != 2 or linked.shape[0] != linked.shape[1]:
        raise ValueError(f"V must be square, not of shape {linked.shape}")
    count, label = connected_components(linked, directed=False)
    return [np.flatnonzero(label == block) for block in range(count)]


def _checked(Z, G, R):
    Z = check.matrix(Z, "Z")
    n, q = Z.shape
    return Z, check.covariance(G, "G", q, semi=True), check.covariance(R, "R", n)


def _columns_match(**pair):
    (name, A), (other, b) = pair.items()
    if A.shape[1] != len(b):
        raise ValueError(f"{other} has {len(b)} values but {name} has {A.shape[1]} columns; they "
                         "must match")
