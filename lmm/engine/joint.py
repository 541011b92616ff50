"""The criterion for T and the parameters of R together, its gradient and its exact Hessian.

V = sigma^2 H, H = Lambda(phi, gamma) + Z Gamma Z', block by block of the components; P as in
`criterion`. For parameters i and j, H_i and H_ij are derivatives of H:

    gradient  tr(P H_i) - y'P H_i P y / sigma^2
    Hessian   tr(P H_ij) - y'P H_ij P y / sigma^2
              - tr(P H_i P H_j) + 2 y'P H_i P H_j P y / sigma^2

(under ML H^-1 for the P of traces), and for sigma^2 = y'P y / m, which has a closed form,

    less      (y'P H_i P y) (y'P H_j P y) / (m sigma^4).
"""

from functools import cached_property

import numpy as np

from lmm.engine import correlations
from lmm.engine.state import parameters, record


@record
class Joint:
    """The model at one point: theta, the lower triangles of the T_k; phi; gamma, log sd of the
    levels of `variance` after the first: k parameters in all. H_i = dH / d parameter i."""

    criterion: float                # -2 log likelihood, sigma^2 and beta profiled out
    gradient: np.ndarray            # (k,)
    hessian: np.ndarray             # (k, k) exact, sigma^2 profiled out
    full: np.ndarray                # (k, k) exact, sigma^2 held
    scale: float                    # sigma^2
    b: np.ndarray                   # (p,) GLS estimate
    Phi: np.ndarray                 # (p, p) (X'H^-1 X)^-1
    A: np.ndarray                   # (k, p, p) X'H^-1 H_i H^-1 X
    Q: np.ndarray                   # (k, k, p, p) X'H^-1 H_i H^-1 H_j H^-1 X
    quadratic: np.ndarray           # (k,) y'P H_i P y
    m: int                          # n (ML) or n - p (REML)


def at(structure, data, T, phi, gamma, reml):
    """The Joint at T (a list), phi and gamma. Raises LinAlgError where H is not positive
    definite."""
    places = parameters(T)
    pieces = [_Pieces(structure, b, T, places, phi, gamma) for b in data]
    P = data[0].W.shape[2]
    p = P - 1
    n = sum(int(b.count.sum()) * b.W.shape[1] for b in data)
    m = n - p if reml else n
    # GLS (slide 32) and sigma^2, both for this H
    WHW = sum(piece.cross_products() for piece in pieces)
    criterion = sum(piece.logdet() for piece in pieces)
    Phi = np.linalg.inv(WHW[:p, :p])
    b = Phi @ WHW[:p, p]
    r = np.append(-b, 1)
    scale = r @ WHW @ r / m
    criterion += m * (np.log(scale) + 1 + np.log(2 * np.pi))
    if reml:
        criterion += np.linalg.slogdet(WHW[:p, :p])[1]
    k = len(places) + len(phi) + len(gamma)
    if not k:
        none = np.zeros((0, 0))
        return Joint(criterion, np.zeros(0), none, none, scale, b, Phi, np.zeros((0, p, p)),
                     np.zeros((0, 0, p, p)),
                     np.zeros(0), m)
    # sums over the components: W'H^-1 H_i H^-1 W, W'H^-1 H_i H^-1 H_j H^-1 W, tr(H^-1 H_i H^-1 H_j)
    A = sum(piece.first() for piece in pieces)
    Q = sum(piece.second() for piece in pieces)
    traces = sum(piece.traces() for piece in pieces)
    quadratic = np.einsum("a,iab,b->i", r, A, r)
    XHe = A[:, :p] @ r                                               # X'H^-1 H_i P y
    crossed = np.einsum("a,ijab,b->ij", r, Q, r) - XHe @ Phi @ XHe.T
    A, Q = A[:, :p, :p], Q[:, :, :p, :p]
    if reml:                                                         # from H^-1 to P
        AP = A @ Phi
        traces = traces + np.einsum("iab,jba->ij", AP, AP) - 2 * np.einsum("ijab,ba->ij", Q, Phi)
    # the score in H, N = P - P y y'P / sigma^2 (under ML H^-1 for the first P), block by block
    gradient = np.zeros(k)
    full = 2 * crossed / scale - traces
    for piece in pieces:
        slope, curvature = piece.scores(Phi if reml else 0 * Phi, r, scale)
        gradient += slope
        full += curvature
    full = (full + full.T) / 2
    hessian = full - np.outer(quadratic, quadratic) / (m * scale**2)
    return Joint(criterion, gradient, hessian, full, scale, b, Phi, A, Q, quadratic, m)


class _Pieces:
    """One batch at one point: H, its inverse and its derivatives, and what these give with the
    data."""

    def __init__(self, structure, b, T, places, phi, gamma):
        self.b, self.places = b, places
        s = b.size * np.exp(np.append(0.0, gamma))[b.level]          # sd of the rows over sigma
        self.sd = s[:, :, None] * s[:, None, :]
        C, self.dC, self.d2C = _correlation(structure, b, phi)
        self.Lambda = self.sd * C
        self.t = [x @ T_k for x, T_k in zip(b.x, T)]                 # rows of Z T
        H = self.Lambda
        for same, t in zip(b.same, self.t):
            H = H + np.where(same, t @ t.transpose(0, 2, 1), 0.0)
        self.chol = np.linalg.cholesky(H)
        self.K = np.linalg.inv(H)
        self.KW = self.K[b.pattern] @ b.W                            # (B, n, p + 1)
        self.touched = [(b.level == g + 1).astype(float) for g in range(len(gamma))]
        self.touched = [a[:, :, None] + a[:, None, :] for a in self.touched]

    def logdet(self):
        return 2 * (self.b.count @ np.log(np.diagonal(self.chol, axis1=1, axis2=2)).sum(axis=1))

    def cross_products(self):
        return np.tensordot(self.b.W, self.KW, axes=([0, 1], [0, 1]))

    @cached_property
    def D(self):
        """dH / d parameter, (k, G, n, n)."""
        out = []
        for k, a, col in self.places:                                # Z (E T' + T E') Z'
            half = self.b.x[k][:, :, a][:, :, None] * self.t[k][:, :, col][:, None, :]
            out.append(np.where(self.b.same[k], half + half.transpose(0, 2, 1), 0.0))
        out += [self.sd * C for C in self.dC]
        out += [self.Lambda * a for a in self.touched]
        return np.array(out)

    @cached_property
    def DKW(self):
        """H_i H^-1 W, (B, n, k, p + 1)."""
        b, (k, G, n, _) = self.b, self.D.shape
        D = self.D.transpose(1, 0, 2, 3).reshape(G, k * n, n)
        return (D[b.pattern] @ self.KW).reshape(len(b.W), k, n, -1).transpose(0, 2, 1, 3)

    def first(self):
        return np.tensordot(self.DKW, self.KW, axes=([0, 1], [0, 1]))

    def second(self):
        B, n, k, P = self.DKW.shape
        DKW = self.DKW.reshape(B, n, k * P)
        KDKW = self.K[self.b.pattern] @ DKW
        product = DKW.reshape(B * n, -1).T @ KDKW.reshape(B * n, -1)
        return product.reshape(k, P, k, P).transpose(0, 2, 1, 3)

    def traces(self):
        k, G, n, _ = self.D.shape
        KD = self.K @ self.D
        left = (KD * self.b.count[:, None, None]).reshape(k, -1)
        return left @ KD.transpose(0, 1, 3, 2).reshape(k, -1).T

    def scores(self, Phi, r, scale):
        """tr(N H_i) and tr(N H_ij) with N = sum of H^-1 - H^-1 X Phi X'H^-1 - P y y'P / sigma^2
        over a pattern."""
        p = len(Phi)
        e = self.KW @ r                                              # (B, n) P y
        X = self.KW[:, :, :p]
        N = -(X @ Phi @ X.transpose(0, 2, 1) + e[:, :, None] * e[:, None, :] / scale)
        total = np.zeros_like(self.K)
        np.add.at(total, self.b.pattern, N)
        N = total + self.b.count[:, None, None] * self.K
        flat = N.reshape(-1)
        return self.D.reshape(len(self.D), -1) @ flat, self._curvature(N)

    def _curvature(self, N):
        """tr(N H_ij) of all pairs of parameters; H_ij is 0 for most."""
        k, theta, c = len(self.D), len(self.places), len(self.dC)
        out = np.zeros((k, k))
        for i, (term, a, col) in enumerate(self.places):
            for j, (other, a2, col2) in enumerate(self.places[:i + 1]):
                if term == other and col == col2:                    # Z (E_i E_j' + E_j E_i') Z'
                    x = np.where(self.b.same[term], N, 0.0) @ self.b.x[term][:, :, a2, None]
                    out[i, j] = out[j, i] = 2 * (self.b.x[term][:, :, a, None] * x).sum()
        if self.d2C is not None:
            out[theta:theta + c, theta:theta + c] = np.tensordot(self.d2C, N * self.sd, axes=3)
        if self.touched:
            touched = np.array(self.touched)
            last = slice(theta + c, k)
            out[last, last] = np.tensordot(touched * (N * self.Lambda), touched,
                                           axes=([1, 2, 3], [1, 2, 3]))
            if c:
                out[theta:theta + c, last] = np.tensordot(N * self.D[theta:theta + c], touched,
                                                          axes=([1, 2, 3], [1, 2, 3]))
                out[last, theta:theta + c] = out[theta:theta + c, last].T
        return out


def _correlation(structure, b, phi):
    """C (G, n, n) of a batch and its derivatives."""
    if structure.kind is None:
        n = b.level.shape[1]
        return np.broadcast_to(np.eye(n), (len(b.level), n, n)), [], None
    return correlations.matrices(structure.kind, phi, b.d, b.which)
