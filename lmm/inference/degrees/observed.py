"""Satterthwaite's and Kenward and Roger's pieces where the errors have a structure, from the observed information.

V = sigma^2 H(psi), psi the elements of the T_k and the parameters of R. SAS and mmrm take the observed information
here; of Kenward and Roger's adjustment the linear form (SAS: kr(linear)), which does not depend on how V is parametrised.
"""

import numpy as np


def covariance(state):
    """The covariance of (psi, sigma^2): twice the inverse of the Hessian of -2 log L, (k + 1, k + 1).

    What the data do not determine, and a variance at its boundary of 0, drops.
    """
    k = len(state.quadratic)
    H = np.zeros((k + 1, k + 1))
    H[:k, :k] = state.full
    H[k, :k] = H[:k, k] = state.quadratic / state.scale**2
    H[k, k] = state.m / state.scale**2
    unit = 1 / np.sqrt(np.maximum(np.diag(H), 1e-300))
    unit[np.diag(H) <= 1e-10 * state.m * np.append(np.ones(k), 1 / state.scale**2)] = 0
    values, vectors = np.linalg.eigh(H * np.outer(unit, unit))
    keep = values > 1e-8 * values[-1]
    A = 2 * (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    return A * np.outer(unit, unit)


def satterthwaite(state):
    """Var(b), its derivatives (k + 1, p, p) in (psi, sigma^2), and their covariance."""
    Phi = state.Phi
    gradient = np.concatenate([state.scale * Phi @ state.A @ Phi, Phi[None]])
    return state.scale * Phi, gradient, covariance(state)


def kenward_roger(state):
    """Var(b), the P_i, W and the adjusted Var(b), as `kenward_roger.pieces`, linear, with the observed information."""
    s2, Phi, k = state.scale, state.Phi, len(state.quadratic)
    p = len(Phi)
    inverse = np.linalg.inv(Phi)
    P = -np.concatenate([state.A / s2, inverse[None] / s2**2])
    Q = np.zeros((k + 1, k + 1, p, p))
    Q[:k, :k] = state.Q / s2
    Q[k, :k] = Q[:k, k] = state.A / s2**2
    Q[k, k] = inverse / s2**3
    W = covariance(state)
    V = s2 * Phi
    Lambda = np.einsum("ij,ijab->ab", W, Q) - np.einsum("ij,iab,bc,jcd->ad", W, P, V, P, optimize=True)
    return V, P, W, V + 2 * V @ Lambda @ V
