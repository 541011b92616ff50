"""Satterthwaite's and Kenward and Roger's methods by dense matrices, straight from the formulas.

Judges of `lmm` and R where the two differ: n x n matrices, exact derivatives, and nothing of the
engine's but the estimates.
"""

import numpy as np


class Dense:
    """A fit's variances as dense matrices.

    X, y and the covariates are multiplied by the roots of the weights: V = sigma^2 I + Z G Z'.
    The parameters of Satterthwaite's method are lme4's, sigma^2 and the elements of the lower
    triangular T_k of Gamma_k = T_k T_k'; Kenward and Roger's are sigma^2 and the elements of G_k.
    Both methods say the same for any columns of the same span: here they are orthonormal.
    """

    def __init__(self, fit):
        n = fit.nobs
        root = np.sqrt(fit.frame.weights)[:, None]
        y = fit.y.to_numpy() if hasattr(fit.y, "to_numpy") else fit.y
        y = y - fit.frame.offset
        self.y, self.reml, s2 = root[:, 0] * y, fit.reml, fit.scale
        self.X, self.R = np.linalg.qr(root * fit.X.to_numpy())       # beta = R^-1 b
        self.V = s2 * np.eye(n)
        self.first, self.second, self.linear = [], {}, []
        for term, gamma in zip(fit.terms, fit.gamma):
            inside = term.codes[:, None] == term.codes
            x, back = np.linalg.qr(root * term.x)          # other columns of the same span
            gamma = back @ gamma @ back.T
            T, m, start = root_of(gamma), len(gamma), len(self.first)
            self.V = self.V + s2 * spread(inside, x, gamma)
            own = [unit(m, a, b) for a in range(m) for b in range(a + 1)]
            for E in own:
                self.first.append(s2 * spread(inside, x, E @ T.T + T @ E.T))
                self.linear.append(spread(inside, x, np.maximum(E, E.T)))
            for i, E in enumerate(own):
                for j, F in enumerate(own):
                    M = E @ F.T + F @ E.T
                    if M.any():
                        self.second[start + i, start + j] = s2 * spread(inside, x, M)
        H = self.V / s2
        for i in range(len(self.first)):
            self.second[i, len(self.first)] = self.second[len(self.first), i] = self.first[i] / s2
        self.first.append(H)
        self.linear.append(np.eye(n))
        self.Vi = np.linalg.inv(self.V)
        self.Phi = np.linalg.inv(self.X.T @ self.Vi @ self.X)
        self.P = self.Vi - self.Vi @ self.X @ self.Phi @ self.X.T @ self.Vi
        self.b = self.Phi @ self.X.T @ self.Vi @ self.y

    def told_apart(self):
        """Do the data tell all variances apart, once X is taken out, whatever the estimates?"""
        M = np.eye(len(self.y)) - self.X @ self.X.T
        parts = [M @ G @ M for G in self.linear]
        size = np.array([np.linalg.norm(part) for part in parts])
        if not (size > 1e-9 * np.array([np.linalg.norm(G) for G in self.linear])).all():
            return False
        products = np.array([[np.sum(a * b) for a in parts] for b in parts]) / np.outer(size, size)
        return np.linalg.eigvalsh(products)[0] > 1e-9

    def to_b(self, L):
        """L beta = M b."""
        return np.linalg.solve(self.R.T, np.atleast_2d(L).T).T

    # Satterthwaite --------------------------------------------------------------------------

    def hessian(self):
        """Of -2 log L in the parameters `first`."""
        P, y, trace = self.P, self.y, self.P if self.reml else self.Vi
        H = np.zeros((len(self.first),) * 2)
        for i, Vi in enumerate(self.first):
            for j, Vj in enumerate(self.first):
                H[i, j] = -np.sum(trace @ Vi * (trace @ Vj).T) + 2 * y @ P @ Vi @ P @ Vj @ P @ y
                if (i, j) in self.second:
                    H[i, j] += np.sum(trace * self.second[i, j]) - y @ P @ self.second[i, j] @ P @ y
        return (H + H.T) / 2

    def satterthwaite_df(self, L):
        M = self.to_b(L)
        XVi = self.Phi @ self.X.T @ self.Vi
        gradient = [XVi @ Vi @ XVi.T for Vi in self.first]
        A = 2 * inverse(self.hessian())
        f = np.einsum("ij,jk,ik->i", M, self.Phi, M)
        g = np.array([np.einsum("ij,jk,ik->i", M, G, M) for G in gradient]).T
        return 2 * f**2 / np.einsum("ip,pq,iq->i", g, A, g)

    # Kenward and Roger ----------------------------------------------------------------------

    def kenward_roger(self):
        """W and P_i of their paper, and the adjusted covariance, of b."""
        X, Vi, P, Phi = self.X, self.Vi, self.P, self.Phi
        PG = [P @ G for G in self.linear]
        W = 2 * inverse(np.array([[np.sum(a * b.T) for a in PG] for b in PG]))
        XV = X.T @ Vi
        Ps = [-XV @ G @ XV.T for G in self.linear]
        middle = np.zeros_like(Phi)
        for i, Gi in enumerate(self.linear):
            for j, Gj in enumerate(self.linear):
                middle += W[i, j] * (XV @ Gi @ Vi @ Gj @ XV.T - Ps[i] @ Phi @ Ps[j])
        return W, Ps, Phi + 2 * Phi @ ((middle + middle.T) / 2) @ Phi

    def kenward_roger_test(self, L):
        """Denominator df and scaled F."""
        M, q = self.to_b(L), len(np.atleast_2d(L))
        W, Ps, adjusted = self.kenward_roger()
        Theta = M.T @ np.linalg.solve(M @ self.Phi @ M.T, M)
        TP = [Theta @ self.Phi @ P @ self.Phi for P in Ps]
        t = np.array([np.trace(a) for a in TP])
        A1 = t @ W @ t
        A2 = sum(W[i, j] * np.trace(a @ b) for i, a in enumerate(TP) for j, b in enumerate(TP))
        Mb = M @ self.b
        F = Mb @ np.linalg.solve(M @ adjusted @ M.T, Mb) / q
        if q == 1:                                         # the limit of what follows: scale 1
            return 2 / A2, F
        if abs(A2 / q - 1) < 1e-6:                         # df 2: 0 / 0, so from a little beside it
            A1, A2 = A1 * (1 - 1e-6), A2 * (1 - 1e-6)
        B = (A1 + 6 * A2) / (2 * q)
        g = ((q + 1) * A1 - (q + 4) * A2) / ((q + 2) * A2)
        c1, c2, c3 = np.array([g, q - g, q + 2 - g]) / (3 * q + 2 * (1 - g))
        over = 1 - A2 / q                                  # 1 / E*
        rho = (1 + c1 * B) * over**2 / ((1 - c2 * B) ** 2 * (1 - c3 * B)) / q
        df = 4 + (q + 2) / (q * rho - 1)
        return df, df * over / (df - 2) * F

    # Tables ---------------------------------------------------------------------------------

    def table(self, L, method):
        """se and df of each row of L."""
        M = self.to_b(L)
        if method == "satterthwaite":
            return np.sqrt(np.einsum("ij,jk,ik->i", M, self.Phi, M)), self.satterthwaite_df(L)
        cov = self.kenward_roger()[2]
        df = np.array([self.kenward_roger_test(row)[0] for row in np.atleast_2d(L)])
        return np.sqrt(np.einsum("ij,jk,ik->i", M, cov, M)), df

    def test(self, L, method):
        """Denominator df and F."""
        if method == "kenward-roger":
            return self.kenward_roger_test(L)
        M = self.to_b(L)
        C, Mb = M @ self.Phi @ M.T, M @ self.b
        F = Mb @ np.linalg.solve(C, Mb) / len(M)
        nu = self.satterthwaite_df(np.linalg.eigh(C)[1].T @ L)
        if len(M) == 1 or np.ptp(nu) < 1e-8 * nu.mean():
            return nu.mean(), F
        if not (nu > 2).all():
            return 2.0, F
        E = (nu / (nu - 2)).sum()
        return 2 * E / (E - len(M)), F


def spread(inside, x, M):
    """Z (I x M) Z' for the covariates x (n, m); inside: do two rows share a level?"""
    return inside * (x @ M @ x.T)


def unit(m, a, b):
    E = np.zeros((m, m))
    E[a, b] = 1
    return E


def root_of(gamma):
    """Lower triangular T with TT' = gamma, which may be singular."""
    values, vectors = np.linalg.eigh(gamma)
    T = np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0))).T)[1].T
    T[:, np.abs(T).max(axis=0) < 1e-6 * np.abs(T).max()] = 0
    return T


def inverse(H):
    """Of a symmetric matrix, scaled to ones on the diagonal; what is not determined is left out."""
    scale = np.sqrt(np.maximum(np.abs(np.diag(H)), 1e-300))
    values, vectors = np.linalg.eigh(H / np.outer(scale, scale))
    keep = values > 1e-7 * values[-1]
    return (vectors[:, keep] / values[keep]) @ vectors[:, keep].T / np.outer(scale, scale)
