"""Satterthwaite's and Kenward and Roger's pieces where the errors have a structure, from the
observed information.

V = sigma^2 H(psi), psi the elements of the T_k and the parameters of R. SAS and mmrm take the
observed information here; of Kenward and Roger's adjustment the linear form (SAS: kr(linear)),
which does not depend on how V is parametrised.
"""

import copy

import numpy as np

from lmm.engine import joint_search, state
from lmm.engine.errors import Errors
from lmm.engine.threads import one


def covariance(point):
    """The covariance of (psi, sigma^2): twice the inverse of the Hessian of -2 log L, (k + 1, k +
    1).

    What the data do not determine, and a variance at its boundary of 0, drops.
    """
    k = len(point.quadratic)
    H = np.zeros((k + 1, k + 1))
    H[:k, :k] = point.full
    H[k, :k] = H[:k, k] = point.quadratic / point.scale**2
    H[k, k] = point.m / point.scale**2
    unit = 1 / np.sqrt(np.maximum(np.diag(H), 1e-300))
    unit[np.diag(H) <= 1e-10 * point.m * np.append(np.ones(k), 1 / point.scale**2)] = 0
    values, vectors = np.linalg.eigh(H * np.outer(unit, unit))
    keep = values > 1e-8 * values[-1]
    A = 2 * (vectors[:, keep] / values[keep]) @ vectors[:, keep].T
    return A * np.outer(unit, unit)


@one
def pieces(fit):
    """Var(b), its derivatives (k + 1, p, p) in (psi, sigma^2), and their covariance, as
    `satterthwaite.pieces`."""
    point, B = fit.found.point, _to_problem(fit)
    gradient = np.concatenate([point.scale * point.Phi @ point.A @ point.Phi, point.Phi[None]])
    return B @ (point.scale * point.Phi) @ B.T, B @ gradient @ B.T, covariance(point)


@one
def kenward_roger(fit):
    """Var(b), the P_i, W and the adjusted Var(b), as `kenward_roger.pieces`, linear, with the
    observed information."""
    if not fit.reml:
        raise ValueError("Kenward and Roger's method is made for REML; fit with reml=True or use "
                         "df='satterthwaite'")
    point = fit.found.point
    s2, Phi, k = point.scale, point.Phi, len(point.quadratic)
    p = len(Phi)
    inverse = np.linalg.inv(Phi)
    P = -np.concatenate([point.A / s2, inverse[None] / s2**2])
    Q = np.zeros((k + 1, k + 1, p, p))
    Q[:k, :k] = point.Q / s2
    Q[k, :k] = Q[:k, k] = point.A / s2**2
    Q[k, k] = inverse / s2**3
    W = covariance(point)
    V = s2 * Phi
    Lambda = np.einsum("ij,ijab->ab", W, Q) - np.einsum("ij,iab,bc,jcd->ad", W, P, V, P,
                                                        optimize=True)
    B = _to_problem(fit)
    back = np.linalg.inv(B)
    return B @ V @ B.T, back.T @ P @ back, W, B @ (V + 2 * V @ Lambda @ V) @ B.T


def views(fit):
    """For each of psi the fit a little above and below its optimum, and how far apart."""
    found = fit.found
    sizes = [len(T) for T in found.T]
    phi, gamma = found.errors.phi, found.errors.gamma
    psi = np.concatenate([state.pack(found.T), phi, gamma])
    ends = np.cumsum([len(psi) - len(phi) - len(gamma), len(phi)])
    for i in range(len(psi)):
        width = 1e-4 * max(0.1, abs(psi[i]) if i < ends[0] else 0.1)
        both = []
        for step in (width, -width):
            theta, phi, gamma = np.split(psi + step * np.eye(len(psi))[i], ends)
            view = copy.copy(fit)
            view.errors = Errors(fit.frame.structure, fit.frame.weights, phi, gamma)
            Gamma = found.coordinates.gamma(state.unpack(theta, sizes))
            view.problem, view.optimum = joint_search.at(fit.frame, fit.reml, view.errors, Gamma)
            both.append(view)
        yield *both, 2 * width


def _to_problem(fit):
    """From the coordinates of the rows as they are to those of the rows times L^-1: b = B
    b_as_they_are."""
    as_they_are, whitened = fit.found.coordinates, fit.problem.coordinates
    units = as_they_are.unit / whitened.unit
    return units * whitened.R @ as_they_are.functions(np.eye(len(whitened.R)))
