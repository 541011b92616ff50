"""Quadratic moments of y (MINQUE(0); Rao 1971, J. Multivariate Anal. 1, 257): where the search
begins, in balanced designs the optimum already; and can the data tell the variances apart at all?

V = s I + sum_i v_i B_i with B_i = Z_k E_ab Z_k' for each variance (a = b) and covariance of term k.
With M = I - QQ', where y has lost X,
    E y'B_i y = s tr MB_i + sum_j v_j tr MB_i MB_j and E y'y = s (n - p) + sum_j v_j tr MB_j
are linear in s and v. If two combinations of the B_i are the same to M, no data can tell their
variances apart.
"""

import numpy as np

from lmm.engine import blocks
from lmm.engine.state import Moments
from lmm.engine.threads import one

NOT_TOLD_APART = 1e-10


def variances(problem, found=None):
    """A lower triangle T_k a term, from the moments (`found`, where they are known)."""
    found = found or moments(problem)
    if found is None:
        return []
    index = found.index
    v = np.linalg.lstsq(found.matrix, found.right)[0]
    gamma = [np.zeros((m, m)) for m in problem.sizes]
    for (k, a, b), value in zip(index, v):
        gamma[k][a, b] = gamma[k][b, a] = value
    return [_factor(g / max(v[-1], 0.05)) for g in gamma]


def told_apart(found, terms):
    """ValueError if the variances cannot be told from one another, from the residual's or from the
    fixed effects.

    found: the moments; terms: the random terms (with `text`s and `columns`), in the engine's order.
    """
    empty = np.diag(found.before) == 0
    if empty.any():
        k, a, b = found.index[empty.argmax()]
        one = terms[k].columns[a]
        other = terms[k].columns[b]
        raise ValueError(f"the covariance of {one} and {other} in {terms[k].text} cannot be "
                         "estimated: no level has rows of both; give each a term of its own")
    alike = _unseen(found.before)
    if alike is not None:
        involved = [terms[k].text for (k, _, _), part in zip(found.index, alike) if part]
        names = list(dict.fromkeys(involved))
        what = f"the variances {'of' if len(names) > 1 else 'in'} {' and '.join(names)}"
        if alike[-1]:
            raise ValueError(f"{what} cannot be told from the residual's; leave a random term or a "
                             "slope out")
        raise ValueError(f"{what} cannot be told apart, other values give the same V; leave a term "
                         "or a slope out")
    lost = _unseen(found.matrix, np.diag(found.before))
    if lost is not None:
        k = found.index[lost.argmax()][0]
        places = {a for (j, a, b), part in zip(found.index, lost) if part and j == k and a == b}
        what = terms[k].text
        if len(terms[k].columns) > 1:
            columns = [terms[k].columns[place] for place in sorted(places)]
            what = f"{', '.join(columns)} in {what}"
        raise ValueError(f"the fixed part gives all random effects of {what}, so their variance "
                         "cannot be told from the fixed effects: leave out one or the other")


def _unseen(matrix, whole=None):
    """Which components make a combination that the moments do not see: a mask, or None.

    whole: the diagonal of the moments before X was lost.
    """
    size = np.diag(matrix).copy()
    if whole is not None:
        gone = size <= NOT_TOLD_APART * whole
        if gone.any():
            return gone
    sd = np.sqrt(size)
    values, vectors = np.linalg.eigh(matrix / np.outer(sd, sd))
    if values[0] > NOT_TOLD_APART:
        return None
    return np.abs(vectors[:, 0]) > 1e-3


@one
def moments(problem):
    """The components (k, a, b); the matrix of the moments, the residual last; y'B_i y; and the
    matrix before X is lost.

    None for a model without random terms.
    """
    if problem.products is None:
        return None
    prod = problem.products
    n = problem.W.shape[0]
    p = problem.W.shape[1] - 1
    index = [(k, a, b) for k, m in enumerate(problem.sizes) for a in range(m) for b in range(a + 1)]
    meet = _Meet(prod)
    both = np.array([[meet.trace(i, j) if place <= row else 0 for place, j in enumerate(index)]
                     for row, i in enumerate(index)])
    both = np.tril(both) + np.tril(both, -1).T
    ZQ = blocks.by_term(prod, prod.Cx[:, :p], prod.restx[:, :p])     # (m, p, L) each
    Zy = blocks.by_term(prod, prod.Cx[:, p], prod.restx[:, p])       # (m, L)
    square = np.array([(1 + (a != b)) * Zy[k][a] @ Zy[k][b] for k, a, b in index])
    trace = np.array([(1 + (a != b)) * meet.alone(k, a, b) for k, a, b in index])
    # what tr B_i B_j and tr B_i lose with X: 2 tr Q'B_i B_j Q - tr Q'B_i Q Q'B_j Q, and tr Q'B_i Q,
    # with B_i Q = Z w_i
    w = [_weights(ZQ, *i) for i in index]
    QBQ = [sum(blocks.inner(x, y) for x, y in zip(ZQ, wi)) for wi in w]
    QBQ = np.array(QBQ).reshape(len(w), p * p)
    ZBQ = [_multiply(prod, wi) for wi in w]
    twice = np.array([[sum((x * y).sum() for x, y in zip(wi, Zwj)) for Zwj in ZBQ] for wi in w])
    matrix = both - 2 * twice + QBQ @ QBQ.T
    left = trace - QBQ[:, ::p + 1].sum(axis=1)
    matrix = np.block([[matrix, left[:, None]], [left, n - p]])
    before = np.block([[both, trace[:, None]], [trace, n]])
    return Moments(index, matrix, np.append(square, n), before)


class _Meet:
    """Cross-products of two covariates of two terms, and the traces that they make."""

    def __init__(self, prod):
        self.prod = prod
        self.known = {}
        self.start = np.cumsum([0, *(levels * m for levels, m in prod.terms[1:])])

    def slice(self, k, a, j, c):
        """Z_ka'Z_jc, a row a level of term k and a column a level of term j."""
        if (k, a, j, c) not in self.known:
            self.known[k, a, j, c] = self._slice(k, a, j, c)
        return self.known[k, a, j, c]

    def _slice(self, k, a, j, c):
        prod = self.prod
        if k == j == 0:
            return prod.A[a, c]                                      # diagonal: (levels,)
        if k == 0:
            return prod.C[a::prod.terms[0][1], self._at(j, c)]
        if j == 0:
            return self.slice(j, c, k, a).T
        return prod.rest[self._at(k, a), self._at(j, c)]

    def _at(self, k, a):
        return slice(self.start[k - 1] + a, self.start[k], self.prod.terms[k][1])

    def alone(self, k, a, b):
        """The sum over the levels of term k of Z_ka'Z_kb."""
        within = self.slice(k, a, k, b)
        return within.trace() if k else within.sum()

    def trace(self, one, other):
        """tr B_i B_j."""
        (k, a, b) = one
        (j, c, d) = other
        total = (self.slice(k, a, j, c) * self.slice(k, b, j, d)).sum()
        if a != b and c != d:
            total += (self.slice(k, a, j, d) * self.slice(k, b, j, c)).sum()
        return total * (1 + (a != b or c != d))


def _weights(ZQ, k, a, b):
    """w with B Q = Z w: Z_b'Q beside Z_a and Z_a'Q beside Z_b, zeros for all other terms."""
    w = [np.zeros_like(x) for x in ZQ]
    w[k][a] = ZQ[k][b]
    w[k][b] = ZQ[k][a]
    return w


def _multiply(prod, w):
    """Z'Z w, term by term."""
    return blocks.by_term(prod, *blocks.multiply(prod, *blocks.in_parts(w)))


def _factor(gamma):
    """The Cholesky factor of gamma; where that has none, of its diagonal, at least 1e-3: a search
    that begins with correlations of 1 may end in the wrong valley."""
    if np.linalg.eigvalsh(gamma)[0] > 1e-3:
        return np.linalg.cholesky(gamma)
    return np.diag(np.sqrt(np.maximum(np.diag(gamma), 1e-3)))
