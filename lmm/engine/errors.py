"""Lambda = R / sigma^2 of the rows of a fit, and its root: Lambda = L L'.

Rows times L^-1 have R = sigma^2 I: then the model is one that the rest of the engine knows. Weights
alone are the case of a diagonal L.
"""

from functools import cached_property

import numpy as np
from scipy import sparse

from lmm.engine import correlations


class Errors:
    """R of a model. structure: a `structure.Structure`, or None; weights (n,); phi, gamma: its
    parameters.

    gamma: log sd of the levels of `variance` after the first; phi: those of the correlation, log
    kappa for car1.
    """

    def __init__(self, structure, weights, phi=(), gamma=()):
        self.structure = structure
        self.weights = weights
        self.phi = np.asarray(phi, dtype=float)
        self.gamma = np.asarray(gamma, dtype=float)

    @cached_property
    def sd(self):
        """Standard deviations of the rows over sigma, (n,)."""
        sd = 1 / np.sqrt(self.weights)
        return sd if self.structure is None else sd * self.ratios()[self.structure.level]

    def ratios(self):
        """Standard deviations of the levels of `variance` over that of the first, (levels,)."""
        return np.exp(np.append(0.0, self.gamma))

    def natural(self):
        """The parameters of the correlation as users read them."""
        return self.phi if self.structure is None else self.structure.natural(self.phi)

    @property
    def n_params(self):
        """sigma^2 and the parameters of a structure."""
        return 1 + len(self.phi) + len(self.gamma)

    @property
    def correlated(self):
        return self.structure is not None and self.structure.kind is not None

    @cached_property
    def blocks(self):
        """Lambda as pairs: rows (B, n) of B subjects with n rows each, and their blocks (B, n,
        n)."""
        at, subjects = self.structure.at, self.structure.subjects
        order = np.lexsort((at, subjects))
        sizes = np.bincount(subjects)
        starts = np.cumsum(sizes) - sizes
        out = []
        for n in np.unique(sizes):
            rows = order[starts[sizes == n][:, None] + np.arange(n)]
            C = self.between(at[rows][:, :, None], at[rows][:, None, :], own=np.eye(n, dtype=bool))
            out.append((rows, self.sd[rows][:, :, None] * C * self.sd[rows][:, None, :]))
        return out

    def between(self, a, b, own=False):
        """Correlations of rows of one subject at times a and b; `own`: where the two are the same
        row."""
        which = numbers(self.structure, a, b)
        C = correlations.correlation(self.structure.kind, self.phi, np.abs(a - b), which)
        return np.where(own, 1.0, C)

    @cached_property
    def roots(self):
        """L of each of the blocks, and its inverse: pairs (rows, L), pairs (rows, L^-1)."""
        L = [(rows, np.linalg.cholesky(M)) for rows, M in self.blocks]
        return L, [(rows, np.linalg.inv(M)) for rows, M in L]

    def whiten(self, columns):
        """L^-1 times columns, (n,) or (n, k)."""
        return _times(self.roots[1], columns) if self.correlated else (columns.T / self.sd).T

    def color(self, columns):
        """L times columns, (n,) or (n, k)."""
        return _times(self.roots[0], columns) if self.correlated else (columns.T * self.sd).T

    def logdet(self):
        """log|Lambda|."""
        if not self.correlated:
            return 2 * np.log(self.sd).sum()
        return sum(2 * np.log(np.diagonal(L, axis1=1, axis2=2)).sum() for _, L in self.roots[0])

    def matrix(self, pairs=None):
        """Lambda, or what other pairs (L, L^-1) give, as a sparse matrix (n, n)."""
        if not self.correlated:
            return sparse.diags_array(self.sd**2).tocsr()
        pairs = self.blocks if pairs is None else pairs
        i = np.concatenate([np.broadcast_to(rows[:, :, None], M.shape).ravel() for rows,
                            M in pairs])
        j = np.concatenate([np.broadcast_to(rows[:, None, :], M.shape).ravel() for rows,
                            M in pairs])
        values = np.concatenate([M.ravel() for _, M in pairs])
        n = len(self.weights)
        return sparse.csr_array((values[values != 0], (i[values != 0], j[values != 0])),
                                shape=(n, n))


def numbers(structure, a, b):
    """The number of the parameter of C for times a and b of one subject; -1 where there is none."""
    if structure.kind == "toep":
        lag = np.abs(a - b).round().astype(int)
        if lag.max(initial=0) >= structure.size:
            raise ValueError(f"{structure.text}: the fit has no two rows of one {structure.group} "
                             f"at distance {lag.max()}, so their correlation is unknown")
        return lag - 1
    if structure.kind == "us":
        return structure.pairs[a.astype(int), b.astype(int)]
    return np.full(np.broadcast(a, b).shape, 0 if structure.kind == "cs" else -1)


def _times(pairs, columns):
    """A matrix for each subject times the columns of its rows."""
    out = np.empty(columns.shape)
    for rows, M in pairs:
        part = columns[rows] if columns.ndim == 2 else columns[rows][:, :, None]
        product = M @ part
        out[rows] = product if columns.ndim == 2 else product[:, :, 0]
    return out
