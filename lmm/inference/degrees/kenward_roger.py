"""Kenward and Roger 1997: an adjusted covariance of the fixed effects, degrees of freedom and a
scaled F, as pbkrtest computes them.

V is linear in the variances, and nothing depends on the basis in which it is written: we take V =
r_0 H + sum r_i V_i with H = V / sigma^2 at the estimates and V_i = Z_k S_i Z_k' for each element of
the covariance of term k. All terms with H then have a closed form, and the others need q x q
matrices only.
"""

import numpy as np

from lmm.engine import blocks, state
from lmm.engine.threads import one

MOST_COLUMNS = 4000
NEAR_2 = 1e-5
ASIDE = 1e-4


def adjusted(fit):
    """The adjusted covariance Phi_A (p, p) of beta_hat."""
    _, _, _, phi_a = fit._kenward_roger
    return fit.problem.coordinates.covariance(phi_a)


def of_contrasts(fit, L):
    """df for each row of L, shape (k,)."""
    return np.array([of_test(fit, row[None, :])[0] for row in L])


@one
def of_test(fit, L):
    """Denominator df and scaled F of the test of L beta = 0."""
    Phi, P, W, _ = fit._kenward_roger
    M = fit.problem.coordinates.functions(L)
    q = len(L)
    Theta = M.T @ np.linalg.solve(M @ Phi @ M.T, M)
    TP = Theta @ Phi @ P @ Phi                                       # (parameters, p, p)
    trace = np.trace(TP, axis1=1, axis2=2)
    A1 = trace @ W @ trace
    A2 = np.einsum("ij,iab,jba->", W, TP, TP, optimize=True)
    estimate = L @ fit.fe_params.to_numpy()
    F = estimate @ np.linalg.solve(L @ adjusted(fit) @ L.T, estimate) / q
    den_df, scale = _df_and_scale(q, A1, A2)
    return float(den_df), float(scale * F)


def _df_and_scale(q, A1, A2):
    """Denominator df and the factor of F, from A1 and A2 of Kenward and Roger.

    With 2 df their formulas are 0 / 0. The limit is taken from both sides; pbkrtest takes 1 for the
    factor, which is right in split plots, where A1 = q A2, but not where a covariance is estimated
    (Hotelling's T^2).
    """
    if q == 1:                                     # then A1 = A2, and their formulas shrink to this
        return 2 / A2, 1.0
    den_df, scale, small = _formula(q, A1, A2)
    if small < NEAR_2 or abs(den_df - 2) < NEAR_2:
        sides = [_formula(q, A1 * side, A2 * side)[:2] for side in (1 - ASIDE, 1 + ASIDE)]
        return tuple(np.mean(sides, axis=0))
    return den_df, scale


def _formula(q, A1, A2):
    """Denominator df, the factor of F, and the smaller of the two terms that are 0 with 2 df; fit
    for 4 df, too."""
    B = (A1 + 6 * A2) / (2 * q)
    g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
    c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
    mean = 1 - A2 / q
    V1 = 1 - c2 * B
    V2 = 1 - c3 * B
    small = min(abs(mean), abs(V1))
    if small == 0:
        return np.nan, np.nan, small
    den_df = 4 + (q + 2) * V2 / ((mean / V1) ** 2 * (1 + c1 * B) - V2)
    if den_df == 2:
        return den_df, np.nan, small
    return den_df, den_df * mean / (den_df - 2), small


@one
def pieces(fit):
    """Phi = Var(b), the P_i, W = Var(r_hat) and the adjusted Phi, in the engine's coordinates; a
    fit keeps them."""
    problem = fit.problem
    T = fit.optimum.T
    point = fit.optimum.point
    columns = sum(levels * m for levels, m in problem.products.terms)
    if not fit.reml:
        raise ValueError("Kenward and Roger's method is made for REML; fit with reml=True or use "
                         "df='satterthwaite'")
    if columns > MOST_COLUMNS:
        raise ValueError(f"Kenward and Roger's method would need a dense {columns} x {columns} "
                         "matrix; with so many "
                         "levels df='satterthwaite' gives practically the same")
    s2 = point.scale
    Phi = point.cov_b
    (n, p) = np.subtract(problem.W.shape, (0, 1))
    ZHX = np.concatenate([blocks.flat(x) for x in point.ZHX])
    ZHZ = _ZHZ(problem, T)
    ZPZ = ZHZ - ZHX @ (Phi / s2) @ ZHX.T
    S = [_Selector(problem, T, *parameter) for parameter in state.parameters(T)]
    SX = [s.times(ZHX) for s in S]
    SZ = [s.times(ZPZ) for s in S]
    r = len(S) + 1
    P = np.zeros((r, p, p))
    Q = np.zeros((r, r, p, p))
    information = np.zeros((r, r))
    # with H: P_0 = -X'H^-1 X and Q_0i = -P_i, tr(PHPH) = n - p and tr(PHPV_i) = tr(PV_i), in units
    # of sigma^2
    P[0] = -np.linalg.inv(Phi) * s2
    Q[0, 0] = -P[0]
    information[0, 0] = n - p
    for i in range(1, r):
        P[i] = -ZHX.T @ SX[i - 1]                                    # -X'H^-1 V_i H^-1 X
        Q[0, i] = Q[i, 0] = -P[i]
        information[0, i] = information[i, 0] = S[i - 1].trace(point.traces)
        for j in range(1, r):
            Q[i, j] = SX[i - 1].T @ ZHZ @ SX[j - 1]                  # X'H^-1 V_i H^-1 V_j H^-1 X
            information[i, j] = (SZ[i - 1] * SZ[j - 1].T).sum()      # tr(P V_i P V_j)
    P = P / s2**2
    Q = Q / s2**3
    W = 2 * s2**2 * _inverse(information)
    Lambda = np.einsum("ij,ijab->ab", W, Q)
    Lambda -= np.einsum("ij,iab,bc,jcd->ad", W, P, Phi, P, optimize=True)
    return Phi, P, W, Phi + 2 * Phi @ Lambda @ Phi


def _inverse(information):
    """The inverse of the information, scaled to ones on its diagonal; what the data do not
    determine, drops."""
    sd = np.sqrt(np.diag(information))
    size = np.outer(sd, sd)
    return np.linalg.pinv(information / size, rcond=1e-12, hermitian=True) / size


def _ZHZ(problem, T):
    """Z'H^-1 Z, dense."""
    products = problem.products
    factors = blocks.factor(products, T)
    return blocks.stacked(*blocks.solve(products, factors, *blocks.cross_products(products))[1])


class _Selector:
    """S_i of V_i = Z S_i Z': ones at (a, b) and (b, a) for each level of term k."""

    def __init__(self, problem, T, k, a, b):
        self.k = k
        self.a = a
        self.b = b
        self.m = len(T[k])
        start = sum(levels * m for levels, m in problem.products.terms[:k])
        self.rows = start + np.arange(problem.products.terms[k][0]) * self.m

    def times(self, A):
        """S_i A."""
        out = np.zeros_like(A)
        out[self.rows + self.a] = A[self.rows + self.b]
        out[self.rows + self.b] = A[self.rows + self.a]
        return out

    def trace(self, traces):
        """tr(P V_i), from the sums over levels of the diagonal blocks of Z'PZ."""
        return traces[self.k][self.a, self.b] * (1 if self.a == self.b else 2)
