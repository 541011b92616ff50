"""Correlations of the errors of one subject: C(phi), its derivatives, and a scale on which every
phi is allowed.

    ar1    rho^d     d whole: the distance in time; -1 < rho < 1
    car1   phi^d     d real; 0 < phi < 1, sought as log of kappa = -log phi
    cs     rho       the same for all pairs; -1 / (n - 1) < rho < 1, n rows of the largest subject
    toep   rho_d     one for each distance d = 1, 2, ...
    us     rho_ab    one for each pair of times a, b

Two families: C is a power of one number, or linear in phi, which `which` numbers (-1: no
parameter). Pinheiro and Bates 2000, section 5.3.
"""

import numpy as np

KINDS = ("ar1", "car1", "cs", "toep", "us")


def matrices(kind, phi, d, which):
    """C (G, n, n), its derivatives in phi (k, G, n, n), and the second ones (k, k, G, n, n), or
    None if all are 0.

    d: (G, n, n) distances, infinite between subjects; which: (G, n, n) numbers of parameters.
    """
    if kind == "ar1":
        rho = phi[0]
        near = np.isfinite(d)
        d = np.where(near, d, 0.0)
        C = np.where(near, rho**d, 0.0)
        first = np.where(near & (d >= 1), d * rho ** np.maximum(d - 1, 0), 0.0)
        second = np.where(near & (d >= 2), d * (d - 1) * rho ** np.maximum(d - 2, 0), 0.0)
        return C, first[None], second[None, None]
    if kind == "car1":
        near = np.isfinite(d)
        kappa_d = np.exp(phi[0]) * np.where(near, d, 0.0)
        C = np.where(near, np.exp(-kappa_d), 0.0)
        return C, -(kappa_d * C)[None], (kappa_d * (kappa_d - 1) * C)[None, None]
    own = np.eye(d.shape[-1])
    C = own + np.where(which >= 0, phi[which], 0.0)
    return C, np.stack([(which == k).astype(float) for k in range(len(phi))]), None


def correlation(kind, phi, d, which):
    """C alone, for distances d and numbers of parameters of any shape, within a subject."""
    if kind == "ar1":
        return phi[0] ** d
    if kind == "car1":
        return np.exp(-np.exp(phi[0]) * d)
    return np.where(which >= 0, phi[which], 1.0)


def allowed(kind, eta, size):
    """phi from unbounded numbers eta (k,), and its derivatives (k, k). size: the largest number of
    times of a subject."""
    phi = _allowed(kind, eta, size)
    step = 1e-30                                   # a complex step: derivatives without differences
    J = [np.imag(_allowed(kind, eta + 1j * step * unit, size)) / step for unit in np.eye(len(eta))]
    return phi, np.array(J).T.reshape(len(eta), len(eta))


def _allowed(kind, eta, size):
    if kind == "ar1":
        return np.tanh(eta)
    if kind == "cs":
        low = -1 / (size - 1)
        return low + (1 - low) / (1 + np.exp(-eta))
    if kind == "toep":
        return _from_partial(np.tanh(eta))
    if kind == "us":
        return _from_rows(eta)
    return eta


def unbounded(kind, phi, size):
    """eta from phi, the other way: for starting values."""
    if kind == "ar1":
        return np.arctanh(phi)
    if kind == "cs":
        low = -1 / (size - 1)
        return np.log((phi - low) / (1 - phi))
    if kind == "toep":
        return np.arctanh(_to_partial(phi))
    if kind == "us":
        C = np.eye(size)
        C[np.triu_indices(size, 1)] = phi
        L = np.linalg.cholesky(np.triu(C) + np.triu(C, 1).T)
        return (L / np.diag(L)[:, None])[np.tril_indices(size, -1)]
    return phi


def _from_partial(partial):
    """Autocorrelations from partial ones (Durbin and Levinson)."""
    rho = np.zeros(len(partial), dtype=partial.dtype)
    weights = np.zeros(0, dtype=partial.dtype)
    left = 1.0
    for k, a in enumerate(partial):
        rho[k] = weights @ rho[:k][::-1] + a * left
        left = left * (1 - a * a)
        weights = np.append(weights - a * weights[::-1], a)
    return rho


def _to_partial(rho):
    partial = np.zeros(len(rho))
    weights = np.zeros(0)
    left = 1.0
    for k in range(len(rho)):
        a = (rho[k] - weights @ rho[:k][::-1]) / left
        left = left * (1 - a * a)
        weights = np.append(weights - a * weights[::-1], a)
        partial[k] = a
    return partial


def _from_rows(eta):
    """Correlations of all pairs from the rows of a lower triangle with ones on its diagonal, scaled
    to length 1."""
    size = int(round((1 + np.sqrt(1 + 8 * len(eta))) / 2))
    L = np.eye(size, dtype=eta.dtype)
    L[np.tril_indices(size, -1)] = eta
    L = L / np.sqrt((L * L).sum(axis=1))[:, None]
    return (L @ L.T)[np.triu_indices(size, 1)]
