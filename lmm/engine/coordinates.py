"""To the engine's coordinates and back: the one place that knows how they are made.

X = QR, so that columns are orthonormal; y less its least-squares fit, in units of its root mean
square; covariates of a random term of mean 0 (where it has an intercept) and mean square 1; the
widest term first. So shift and scale of y and of the covariates change nothing.
"""

import numpy as np
from scipy.linalg import solve_triangular

from lmm import check
from lmm.engine.state import Estimates, record

TALL = 10_000                                     # rows from which a faster QR is worth its check
LARGEST = 1e150                                   # beyond, squares overflow
EXACT = 1e-12                                     # of y's size: nothing but rounding is left


@record
class Coordinates:
    """The way there and back. p fixed effects; a "place" is that of a term in the engine's
    order."""

    R: np.ndarray           # of X = QR, (p, p), in units of X
    inverse: np.ndarray     # R^-1
    b_ols: np.ndarray       # Q'y, (p,), in units of y
    unit: float             # the engine's 1 in units of y: root mean square of y - X beta_OLS
    order: list             # order[place]: which of the formula's terms stands at this place
    back: list              # B of each place, (m, m): x_engine = x B, so that u = B u_engine

    # There ----------------------------------------------------------------------------------------

    def functions(self, L):
        """L R^-1, (k, p), for rows L (k, p) of functions of beta, or of X: L Var(beta) L' is
        unit^2 functions(L) Var(b) functions(L)'."""
        return L @ self.inverse

    def in_order(self, terms):
        """What the formula's terms have, one of it each, in the engine's order."""
        return [terms[k] for k in self.order]

    def terms(self, terms):
        """(codes, covariates (n, m)) of the formula's terms as the engine has them, in its
        order."""
        return [(codes, x @ B) for (codes, x), B in zip(self.in_order(terms), self.back)]

    def effect(self, k, a):
        """Effect a of the formula's term k: the place of the term, and its row of B, (m,)."""
        place = self.order.index(k)
        return place, self.back[place][a]

    def inverses(self):
        """For each place the formula's term k and B^-1, (m, m): u_engine = B^-1 u."""
        return [(k, np.linalg.inv(B)) for k, B in zip(self.order, self.back)]

    def of_y(self, sd):
        """What has the units of y, in the engine's."""
        return sd / self.unit

    def held(self, j):
        """beta_j held at a value: a function value -> M (p + 1, p), such that [Q y] M are the
        orthonormal columns that the other columns of X span, and y - value x_j."""
        # in the coordinates of Q the other columns span V, and v is orthogonal to them
        basis = np.linalg.qr(np.delete(self.R, j, axis=1), mode="complete")[0]
        V = basis[:, :-1]
        v = basis[:, -1]

        def at(value):
            M = np.zeros((len(v) + 1, len(v)))
            M[:-1, :-1] = V
            M[:-1, -1] = v * (v @ (self.b_ols - value * self.R[:, j])) / self.unit
            M[-1, -1] = 1
            return M
        return at

    # And back -------------------------------------------------------------------------------------

    def in_y(self, sd):
        """What the engine has in its units of y, in the data's."""
        return self.unit * sd

    def beta(self, b):
        """beta, (p,), from the engine's b."""
        return self.inverse @ (self.b_ols + self.unit * b)

    def covariance(self, cov_b):
        """Var(beta), (p, p), from Var(b), or from any other (p, p) of its kind."""
        return self.unit**2 * self.inverse @ cov_b @ self.inverse.T

    def scale(self, scale):
        """sigma^2 in squared units of y."""
        return scale * self.unit**2

    def gamma(self, T):
        """Var(u_k) / sigma^2, (m, m) each, in the formula's order."""
        return self._by_term([B @ t @ t.T @ B.T for t, B in zip(T, self.back)])

    def u(self, u):
        """The BLUPs, in units of y over the covariate's, in the formula's order: a row a level,
        (L, m) each, as tables have it."""
        return self._by_term([(self.unit * B @ part).T for part, B in zip(u, self.back)])

    def criterion(self, value, m, reml):
        """-2 log L of the data's y, with lme4's constant; m: n, or n - p under REML."""
        value = value + m * np.log(self.unit**2)
        if reml:
            value += 2 * np.log(np.abs(np.diag(self.R))).sum()
        return value

    def _by_term(self, by_place):
        out = [None] * len(self.order)
        for k, value in zip(self.order, by_place):
            out[k] = value
        return out


def of(y, X, terms, names=None):
    """The Coordinates of a model; [Q y], (n, p + 1); and the terms, both as the engine has them.

    y: (n,); X: (n, p); terms: list of (codes (n,), covariates (n, m)); names: of the columns of X.
    Raises ValueError if the columns of X depend on each other or give y exactly.
    """
    rows = np.empty((X.shape[1] + 1, len(y)))                        # [X y]', a row a column
    R = _qr(X, rows[:-1])
    if len(R):                                                     # R has X's dependences in p rows
        check.full_rank(R, "the fixed part", names,
                        "drop a term, or let lmm.fit(..., rank_deficient='drop') leave these "
                        "columns out, as lmer does")
    b_ols, unit = _residual(y, rows[:-1], rows[-1])
    order = sorted(range(len(terms)), key=lambda k: -_width(*terms[k]))
    centred = [_centre(terms[k][1]) for k in order]
    inverse = solve_triangular(R, np.eye(len(R)))
    found = Coordinates(R, inverse, b_ols, unit, order, [B for _, B in centred])
    return found, rows.T, [(terms[k][0], x) for k, (x, _) in zip(order, centred)]


def estimates(problem, T, point):
    """A point's estimates in the data's coordinates, by terms in the formula's order."""
    there = problem.coordinates
    n = problem.W.shape[0]
    p = problem.W.shape[1] - 1
    m = n - p if problem.reml else n
    return Estimates(gamma=there.gamma(T), scale=there.scale(point.scale), beta=there.beta(point.b),
                     cov_beta=there.covariance(point.cov_b), u=there.u(point.u),
                     criterion=there.criterion(point.criterion, m, problem.reml))


# Steps --------------------------------------------------------------------------------------------

def _width(codes, x):
    """How many columns of Z a term has."""
    return (codes.max() + 1) * x.shape[1]


def _qr(X, Qt):
    """R of X = QR, and Q' in Qt.

    A tall, well-conditioned X is factored by two Cholesky factorisations, several times faster.
    """
    Qt[:] = X.T
    norms = np.sqrt(np.einsum("pn,pn->p", Qt, Qt))
    if len(X) >= TALL and len(norms) and norms.all():
        Qt /= norms[:, None]
        R = np.diag(norms)
        condition = np.inf
        while 100 < condition:                                   # of orthogonality: eps * condition
            G = Qt @ Qt.T
            condition = np.linalg.cond(G)
            if condition > 1e8:
                break
            upper = np.linalg.cholesky(G).T
            Qt[:] = solve_triangular(upper, np.eye(len(G)), trans="T") @ Qt
            R = upper @ R
        else:
            return R
    Q, R = np.linalg.qr(X)
    Qt[:] = Q.T
    return R


def _residual(y, Qt, r):
    """b_ols = Q'y and the unit; r is filled with y less its least-squares fit, in this unit."""
    b_ols = Qt @ y
    np.subtract(y, b_ols @ Qt, out=r)
    r -= (Qt @ r) @ Qt
    largest = max(r.max(), -r.min()) or 1.0
    r /= largest                                                     # no overflow in the squares
    unit = largest * np.sqrt(r @ r / len(r))
    if unit > LARGEST:
        raise ValueError("the response is too large for its squares to be computed "
                         f"(up to {np.abs(y).max():.3g}); measure it in larger units")
    if not unit > EXACT * np.abs(y).max():
        raise ValueError("the fixed part gives the response exactly: no variance is left to "
                         "estimate")
    r *= largest / unit
    return b_ols, unit


def _centre(x):
    """Covariates with mean 0 (where the term has an intercept) and mean square 1, (n, m), and B."""
    constant = [a for a in range(x.shape[1]) if (x[:, a] == x[0, a]).all() and x[0, a] != 0]
    if x.shape[1] == 1 and constant:                                 # an intercept by itself
        return np.ones_like(x), np.ones((1, 1)) / x[0]
    x = np.array(x.T)                                                # a row a covariate
    shift = np.zeros(len(x))
    if constant:
        shift = x.mean(axis=1) / x[constant[0], 0]
        shift[constant[0]] = 0
        x -= shift[:, None] * x[constant[0], 0]
    rms = np.sqrt(np.einsum("an,an->a", x, x) / x.shape[1])
    rms[rms == 0] = 1
    back = np.diag(1 / rms)
    if constant:
        back[constant[0]] -= shift @ back
        back[constant[0], constant[0]] = 1 / rms[constant[0]]
    x /= rms[:, None]
    return x.T, back
