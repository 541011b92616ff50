"""The engine's legend: what it passes on, one line a field.

The symbols are the slides' where there is one, else those of `criterion`: H = V / sigma^2
= I + Z Gamma Z', Gamma_k = T_k T_k' and P = H^-1 - H^-1 X (X'H^-1 X)^-1 X'H^-1. T_k is the Lambda_k
of Bates et al. (2015, J. Stat. Software 67), one level of it; theta holds its elements.

All but `Estimates` is in the engine's coordinates (see `coordinates`): orthonormal columns of X, y
less its least-squares fit, covariates centred and scaled, the widest term first. There y, sigma, b
and u have no unit.

Shapes: n rows and p fixed effects; term k has L levels and m columns a level; the terms but the
first, "the rest", have q columns. The level stands last: what a term has is (m, k, L), k columns
a level, or (m, L). Only the rest as a whole is flat, (q, k), in the order of Z's columns: term by
term, level by level; `blocks.by_term` and `blocks.in_parts` go from one to the other.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

record = dataclass(frozen=True, eq=False, slots=True)      # == of arrays is no truth value


@record
class Group:
    """Blocks of S, of one shape."""

    columns: np.ndarray     # their columns among the rest, a row a block, (B, s)
    offset: int             # where the first of them begins in the flat S
    sizes: np.ndarray       # how many of the s columns each term of the rest has, (terms - 1,)


@record
class Products:
    """Cross-products of [Z X y], once for a fit; Z_1: the first term, Z_r: the rest."""

    terms: list             # (L, m) of each term
    A: np.ndarray           # Z_1'Z_1 by level, (m, m, L)
    C: object               # Z_1'Z_r, (L m, q), sparse unless small
    Ct: object              # its transpose, (q, L m)
    Cx: np.ndarray          # Z_1'[X y] by level, (m, p + 1, L)
    rest: object            # Z_r'Z_r, (q, q), sparse unless small
    restx: np.ndarray       # Z_r'[X y], (q, p + 1)
    WtW: np.ndarray         # [X y]'[X y], (p + 1, p + 1)
    groups: list            # the independent blocks of S = Z_r'Z_r - C'KC, a Group a shape
    base: np.ndarray        # Z_r'Z_r as the flat S: block after block, row by row, (entries,)
    pairs: list             # pairs[a][b]: K_l[a, b] (rows, L) to the entries of C'KC (columns)
    spread: list            # their transposes


@record
class Problem:
    """What does not change during a search."""

    products: Products      # None without random terms
    W: np.ndarray           # [Q y], (n, p + 1)
    reml: bool              # slide 34's criterion, or with False slide 32's
    sizes: list             # m of each term
    coordinates: object     # the way back to the data's, a `coordinates.Coordinates`


@record
class Factors:
    """What depends on T alone."""

    K: np.ndarray           # T (T'A_l T + I)^-1 T' of the first term by level, (m, m, L)
    E: np.ndarray           # (I + A_l Gamma)^-1 by level, (m, m, L)
    logdet: float           # log|H|
    chol: list              # lower Cholesky factors of M = T'ST + I, (B, s, s) a Group
    inverse: list           # M^-1, of which the lower triangles count, (B, s, s) a Group
    flat: np.ndarray        # S, flat as in Products.base, (entries,)
    T: list                 # the T_k, (m, m) each


@record
class Point:
    """The criterion at one T, and the estimates there."""

    criterion: float      # -2 log L of slide 32 or 34, without beta and sigma^2, for the engine's y
    gradient: np.ndarray    # in theta, (parameters,)
    hessian: np.ndarray     # average information and d^2 Gamma, (parameters, parameters)
    traces: list            # sum over levels of Z_k'PZ_k (ML: Z_k'H^-1 Z_k), (m, m) each
    squares: list           # sum over levels of z z', z = Z_k'Py, (m, m) each
    scale: float            # sigma^2
    b: np.ndarray           # beta_GLS of the engine's X and y (slide 32), (p,)
    cov_b: np.ndarray       # Var(b) = sigma^2 (X'H^-1 X)^-1, (p, p)
    u: list                 # BLUPs (slide 33), (m, L) each
    ZHX: list               # Z_k'H^-1 X, (m, p, L) each


@record
class Moments:
    """Quadratic moments of y. A component is (term, a, b), with B_i = Z_k E_ab Z_k'; M = I -
    QQ'."""

    index: list             # the components, (term, a, b) each; the residual comes after them
    matrix: np.ndarray      # tr MB_i MB_j, (components + 1, components + 1)
    right: np.ndarray       # y'B_i y, (components + 1,)
    before: np.ndarray      # tr B_i B_j, before X is lost, (components + 1, components + 1)


@record
class Optimum:
    """Where the search has ended."""

    T: list                 # the T_k, lower triangles (m, m) each; exact zeros at the boundary
    point: Point            # the criterion and the estimates there
    converged: bool         # False: do not trust it
    n_evaluations: int      # of the criterion, over all starts


@record
class Estimates:
    """The same in the data's coordinates and units, terms in the formula's order."""

    gamma: list             # Var(u_k) / sigma^2, (m, m) each
    scale: float            # sigma^2, in squared units of y
    beta: np.ndarray        # beta_GLS (slide 32), (p,)
    cov_beta: np.ndarray    # (X'V^-1 X)^-1, (p, p)
    u: list                 # BLUPs (slide 33), a row a level, (L, m) each
    criterion: float        # -2 log L, with lme4's constant


# theta and T --------------------------------------------------------------------------------------

_triangle = lru_cache(np.tril_indices)


def parameters(T):
    """What each element of theta is: (term, row, column) in the lower triangles of the T_k."""
    return [(k, a, b) for k, t in enumerate(T) for a in range(len(t)) for b in range(a + 1)]


def pack(T):
    """theta, (parameters,), from the T_k."""
    return np.concatenate([t[_triangle(len(t))] for t in T]) if T else np.zeros(0)


def unpack(theta, sizes):
    """The T_k, lower triangles (m, m), from theta; sizes: m of each."""
    T = []
    start = 0
    for m in sizes:
        t = np.zeros((m, m))
        count = m * (m + 1) // 2
        t[_triangle(m)] = theta[start:start + count]
        T.append(t)
        start += count
    return T


def root(G):
    """A lower triangular L with L L' = G, for a G that may be singular."""
    values, vectors = np.linalg.eigh(G)
    return lower(vectors * np.sqrt(np.maximum(values, 0)))


def lower(root):
    """The lower triangular L with L L' = root root' and no negative diagonal."""
    L = np.linalg.qr(root.T)[1].T
    return L * np.where(np.diag(L) < 0, -1, 1)
