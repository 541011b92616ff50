"""Henderson's mixed model equations (slide 33): beta and u at once, without inverting V."""

from collections import namedtuple

import numpy as np

from lmm import check

Solution = namedtuple("Solution", "beta u C")


def equations(y, X, Z, G, R):
    """Both sides of the mixed model equations (slide 33).

        [ X'R^-1 X   X'R^-1 Z        ] [beta]   [ X'R^-1 y ]
        [ Z'R^-1 X   Z'R^-1 Z + G^-1 ] [ u  ] = [ Z'R^-1 y ]

    y: (n,); X: (n, p); Z: (n, q); G: (q, q); R: (n, n). Returns the matrix (p+q, p+q) and the right
    side (p+q,). Raises ValueError if shapes do not match, X has not full rank, or G or R is not
    positive definite.
    """
    y = check.vector(y, "y")
    X = check.full_rank(X)
    Z = check.matrix(Z, "Z")
    check.same_rows(y=y, X=X, Z=Z)
    p, q = X.shape[1], Z.shape[1]
    G, R = check.covariance(G, "G", q), check.covariance(R, "R", len(y))
    W = np.hstack([X, Z])
    Ri_W = np.linalg.solve(R, W)
    left = W.T @ Ri_W
    left[p:, p:] += np.linalg.inv(G)      # the penalty on u: without it, this is least squares
    return left, Ri_W.T @ y


def solve(y, X, Z, G, R):
    """Solve the equations: beta is the BLUE, u the BLUP, C the inverse of the matrix (slide 33).

    Returns (beta (p,), u (q,), C (p+q, p+q)). C is the covariance of (beta_hat - beta, u_hat - u):
    its first p rows and columns are Var(beta_hat), its last q those of the prediction errors.
    Raises ValueError as `equations` does; where a variance in G is zero, use the V route.
    """
    left, right = equations(y, X, Z, G, R)
    p = np.shape(X)[1]
    C = np.linalg.inv(left)
    solution = np.linalg.solve(left, right)
    return Solution(solution[:p], solution[p:], C)


def prediction_error_variances(C, p):
    """Var(u_hat - u), the last q diagonal elements of C, where p is the number of fixed effects."""
    C = check.covariance(C, "C", len(C))
    if not 0 <= p < len(C):
        raise ValueError(f"p = {p} does not fit C with {len(C)} rows; p is the number of columns "
                         "of X")
    return np.diag(C)[p:]


def blup(y, X, Z, G, V, beta):
    """The same BLUP by way of V: u = G Z' V^-1 (y - X beta), which also allows variances of
    zero."""
    y = check.vector(y, "y")
    X = check.matrix(X, "X")
    Z = check.matrix(Z, "Z")
    check.same_rows(y=y, X=X, Z=Z)
    G, V = check.covariance(G, "G", Z.shape[1], semi=True), check.covariance(V, "V", len(y))
    return G @ Z.T @ np.linalg.solve(V, y - X @ check.vector(beta, "beta"))
