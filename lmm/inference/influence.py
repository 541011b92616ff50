"""Values that check a fit: residuals, leverage, Cook's distance by group, BLUPs with their errors.

Nobre and Singer 2007, "Residual analysis for linear mixed models", Biometrical Journal 49, 863-875.
Rows have the labels of the user's table, without those dropped for missing values.

With H = V / sigma^2 = I + Z Gamma Z' (rows multiplied by the roots of their weights), the engine's
factors give H^-1 = I - D M D' with D sparse (n, q) and M block-diagonal: nothing here is n x n.
"""

from collections import namedtuple

import numpy as np
import pandas as pd
from scipy import linalg, sparse

from lmm.engine import blocks, products
from lmm.engine.threads import one

Parts = namedtuple("Parts", "D M F X HX Py Phi")

KINDS = ("conditional", "standardised", "normalised", "marginal")
MOST_ROWS_A_LEVEL = 5000


def residuals(fit, kind="conditional"):
    """Residuals, a Series with one number a row, in the units of y ("standardised": in standard
    deviations).

    conditional: e_hat = y - X beta - Z u. marginal: y - X beta.
    normalised: L^-1 e_hat / sigma with R = sigma^2 L L' (nlme's): without the correlations of the
    errors, if the structure is right.
    standardised: e_hat_i / sqrt(Var(e_hat)_ii) with Var(e_hat) = R (V^-1 - V^-1 X (X'V^-1 X)^-1
    X'V^-1) R (Nobre and Singer 2007), whose diagonal is sigma^2 / weight_i (1 - leverage_i); NaN
    where the leverage is 1.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    e = fit.resid
    if kind == "marginal":
        mean = fit.X.to_numpy() @ fit.fe_params.to_numpy()
        e = pd.Series(fit.y - fit.frame.offset - mean, index=fit.X.index)
    if kind == "normalised":
        e = pd.Series(fit.errors.whiten(e.to_numpy()) / np.sqrt(fit.scale), index=fit.X.index)
    if kind == "standardised":
        free = pd.Series(_free(fit), index=fit.X.index)
        e = e / np.sqrt(fit.R.diagonal() * free.where(free > 1e-10))
    return e.rename(kind)


def leverage(fit):
    """The weight of y_i in its own conditional fit X beta + Z u: diagonal of [X Z] C^-1 [X Z]'R^-1,
    a Series (n,).

    C is the matrix of Henderson's equations (slide 33); the sum is the number of parameters the fit
    uses in effect.
    """
    parts = _parts(fit)
    L, inverse = _root(fit)
    h = _diagonal(L @ parts.D, parts.M, inverse.T @ parts.D)
    h += _diagonal(L @ parts.HX, parts.Phi, inverse.T @ parts.HX)
    return pd.Series(h, index=fit.X.index, name="leverage")


def _free(fit):
    """Var(e_hat)_ii / R_ii; without correlations 1 - leverage."""
    parts = _parts(fit)
    L = _root(fit)[0]
    lost = _diagonal(L @ parts.D, parts.M) + _diagonal(L @ parts.HX, parts.Phi)
    return 1 - lost / fit.errors.matrix().diagonal()


def _root(fit):
    """L and L^-1, R = sigma^2 L L', sparse: the rows of the engine are the data's times L^-1."""
    if not fit.errors.correlated:
        return sparse.diags_array(fit.errors.sd), sparse.diags_array(1 / fit.errors.sd)
    return tuple(fit.errors.matrix(pairs) for pairs in fit.errors.roots)


@one
def cooks_distance(fit, group):
    """Cook's distance of each level of a grouping factor: (b - b_i)' Var(b)^-1 (b - b_i) / p, a
    Series by level.

    b_i is the GLS estimate without the rows of level i, with the variances held where they are. It
    needs no refit: (X'V^-1 X - A'B^-1 A) (b - b_i) = A'B^-1 r, where A and r are the level's rows
    of V^-1 X and V^-1 (y - X b), and B its block of V^-1. NaN where a fixed effect cannot be
    estimated without the level. Raises ValueError for an unknown group and for a level of more than
    5,000 rows.
    """
    term = fit.terms[_terms_of(fit, group)[0]]
    if not len(fit.fe_params):
        raise ValueError(f"{fit.formula!r} has no fixed effects that a level could influence")
    sizes = np.bincount(term.codes)
    parts = _parts(fit)
    p = fit.X.shape[1]
    if sizes.max() > MOST_ROWS_A_LEVEL:
        raise ValueError(f"the level {term.levels[sizes.argmax()]!r} of {group!r} has "
                         f"{sizes.max()} rows; Cook's "
                         f"distance needs a matrix of that size and stops at {MOST_ROWS_A_LEVEL}: "
                         "take smaller groups")
    order = np.argsort(term.codes, kind="stable")
    D = parts.D[order]
    right = np.column_stack([parts.HX, parts.Py])[order]
    root = np.linalg.cholesky(parts.Phi)            # with b = root c, X'V^-1 X becomes the identity
    distance = np.full(len(sizes), np.nan)
    ends = np.cumsum(sizes)
    for level, (size, end) in enumerate(zip(sizes, ends)):
        rows = slice(end - size, end)
        B = np.eye(size) - (D[rows] @ parts.M @ D[rows].T).toarray()
        A = right[rows, :p] @ root
        solved = linalg.solve(B, np.column_stack([A, right[rows, p]]), assume_a="pos")
        values, vectors = np.linalg.eigh(np.eye(p) - A.T @ solved[:, :p])
        if values[0] > 1e-9:
            change = (vectors.T @ (A.T @ solved[:, p])) / values
            distance[level] = change @ change / (p * fit.optimum.point.scale)
    return pd.Series(distance, index=pd.Index(term.levels, name=group), name="Cook's distance")


def blups(fit, group, column=None):
    """The BLUPs of one column of a grouping factor (by default its first), a row a level.

    Columns: blup; se = sqrt(Var(u_hat - u)), the prediction error of Henderson's C (slide 33),
    which includes that of beta_hat (lme4's condVar does not); standardised = blup /
    sqrt(Var(u_hat)), Var(u_hat) = G - Var(u_hat - u).
    """
    k, a = _column(fit, group, column)
    parts = _parts(fit)
    term = fit.terms[k]
    place, row = fit.problem.coordinates.effect(k, a)
    before = sum(levels * m for levels, m in fit.problem.products.terms[:place])
    L, m = fit.problem.products.terms[place]
    # the level's u in the data's coordinates, from the engine's; then sigma^2 (Z'Z + Gamma^-1)^-1
    # and beta's part
    F = sparse.kron(sparse.eye_array(L), row[None, :]).tocsr() @ parts.F[before:before + L * m]
    UX = F @ (parts.M @ (parts.D.T @ parts.X))
    error = fit.scale * (_diagonal(F, parts.M) + _diagonal(UX, parts.Phi))
    G = fit.scale * fit.gamma[k][a, a]
    u = fit.u[k][:, a]
    spread = np.sqrt(np.maximum(G - error, 0))
    standardised = np.divide(u, spread, out=np.zeros(L),
                             where=(spread > 1e-8 * np.sqrt(G)) & (not _is_zero(fit, k, a)))
    return pd.DataFrame({"blup": u, "se": np.sqrt(error), "standardised": standardised},
                        index=pd.Index(term.levels, name=group))


@one
def _parts(fit):
    """H^-1 = I - D M D', D = Z F; X, H^-1 X, P y, Phi = (X'H^-1 X)^-1. All in the engine's
    coordinates."""
    problem = fit.problem
    point = fit.optimum.point
    p = fit.X.shape[1]
    Phi = point.cov_b / point.scale
    D = sparse.csr_array((fit.nobs, 0))
    M = sparse.csr_array((0, 0))
    F = None
    if fit.terms:
        factors = blocks.factor(problem.products, fit.optimum.T)
        C = problem.products.C
        L, m = problem.products.terms[0]
        K = sparse.bsr_array((factors.K.transpose(2, 0, 1), np.arange(L), np.arange(L + 1)),
                             shape=(L * m, L * m))
        q = C.shape[1]
        Q = sparse.csr_array((q, q))
        for g, lower in zip(problem.products.groups, factors.inverse):
            Q = Q + _spread(g.columns, lower, q)
        T = [sparse.kron(sparse.eye_array(levels), t)
             for (levels, _), t in zip(problem.products.terms[1:], fit.optimum.T[1:])]
        T = sparse.block_diag(T, format="csr") if T else Q
        M = sparse.block_diag([K, T @ Q @ T.T], format="csr")
        F = sparse.block_array([[sparse.eye_array(L * m), -K @ C],
                                [None, sparse.eye_array(q)]], format="csr")
        terms = problem.coordinates.terms(fit.frame.whitened(fit.errors)[2])
        Z = [products.indicators(codes, x) for codes, x in terms]
        D = (sparse.hstack(Z) @ F).tocsr()
    HW = problem.W - D @ (M @ (D.T @ problem.W))
    return Parts(D, M, F, problem.W[:, :p], HW[:, :p], HW[:, p] - HW[:, :p] @ point.b, Phi)


def _spread(columns, lower, q):
    """Symmetric blocks (B, s, s), given by their lower triangles, at rows and columns (B, s) of a
    sparse (q, q)."""
    block = np.tril(lower) + np.tril(lower, -1).transpose(0, 2, 1)
    i, j = np.broadcast_arrays(columns[:, :, None], columns[:, None, :])
    return sparse.csr_array((block.ravel(), (i.ravel(), j.ravel())), shape=(q, q))


def _diagonal(A, M, B=None):
    """Diagonal of A M B', B = A unless given, a thousand rows at a time."""
    B = A if B is None else B
    A, B = (C.tocsr() if sparse.issparse(C) else C for C in (A, B))
    parts = [slice(start, start + 1000) for start in range(0, A.shape[0], 1000)]
    return np.concatenate([np.asarray(((A[s] @ M) * B[s]).sum(axis=1)).ravel() for s in parts])


def _terms_of(fit, group):
    """Which of the fit's terms have this grouping factor; ValueError if none has."""
    names = list(dict.fromkeys(t.name for t in fit.terms))
    if group not in names:
        raise ValueError(f"no grouping factor {group!r} in the fit; there are: "
                         f"{', '.join(names) or 'none'}")
    return [k for k, t in enumerate(fit.terms) if t.name == group]


def _column(fit, group, column):
    """(term, column) of a random effect by its names; ValueError if there is none."""
    found = {}
    for k in _terms_of(fit, group):
        for a, name in enumerate(fit.terms[k].columns):
            found.setdefault(name, (k, a))
    names = list(found)
    if column is not None and column not in found:
        raise ValueError(f"no random effect {column!r} for {group!r}; there are: "
                         f"{', '.join(names)}")
    return found[names[0] if column is None else column]


def _is_zero(fit, k, a):
    """Is this variance estimated as 0, but for rounding?"""
    place, row = fit.problem.coordinates.effect(k, a)
    return np.linalg.norm(row @ fit.optimum.T[place]) <= 1e-8 * np.linalg.norm(row)
