"""Newton's method for T, phi and gamma together, from several starts."""

from dataclasses import replace

import numpy as np

from lmm.engine import components, correlations, criterion, joint, start, structure
from lmm.engine.errors import Errors
from lmm.engine.search import _direction, _snap
from lmm.engine.state import Optimum, pack, record, root, unpack
from lmm.engine.threads import one

MOST_EVALUATIONS = 300
SMALL = 100                         # rows below which several minima are looked for
RANDOM_STARTS = 8
NOTHING = 40.0                      # car1: exp(-40) is 4e-18
FAR = 12.0                          # |eta|: a correlation of 1 - 1e-10, a boundary


@record
class Found:
    """Where the search ended."""

    T: list                         # of the random terms, in the order of `coordinates`
    errors: Errors                  # R: the parameters found
    point: joint.Joint              # the criterion there, derivatives and sums over components
    coordinates: object             # those of T and point, for rows as they are, not whitened
    converged: bool
    at_end: bool        # does the criterion fall where a parameter of R nears the end of its range?
    nothing: bool                   # is phi of car1 estimated as 0?
    n_evaluations: int


@one
def optimum(frame, reml):
    """The best of the searches from several starts, for a Frame with a structure."""
    y, X, terms = frame.y - frame.offset, frame.X.to_numpy(), [(t.codes, t.x) for t in frame.terms]
    plain = criterion.problem(y, X, terms, reml, frame.X.columns)
    there = plain.coordinates
    data = components.batches(frame.structure, there.terms(terms), frame.weights, plain.W)
    moments = start.moments(plain)
    if moments:
        start.told_apart(moments, there.in_order(frame.terms))
    T = start.variances(plain, moments)

    found = []
    for begin in _starts(frame.structure, plain.sizes, T, plain.W):
        found += _ended(frame, data, plain, *begin)
    if not found or not min(found, key=_criterion).converged or _may_have_many(frame):
        for begin in _elsewhere(frame.structure, plain.sizes, T, plain.W):
            found += _ended(frame, data, plain, *begin)
    if not found:
        raise ValueError("no values of the structure's parameters "
                         f"({structure.said(frame.structure)}) "
                         "were found for which V is positive definite; ask for a simpler one")
    best = min(found, key=_criterion)
    if best.converged and frame.terms and not _told_apart(best.point.hessian):
        raise ValueError("the data cannot tell the errors' structure "
                         f"({structure.said(frame.structure)}) from the random terms "
                         f"({', '.join(t.text for t in frame.terms)}): leave one of them out")
    return replace(best, n_evaluations=sum(each.n_evaluations for each in found))


def _criterion(found):
    return found.point.criterion


def _ended(frame, data, plain, T, eta, gamma):
    """Where a search ends, a list of one; of none where V is not positive definite at its start."""
    try:
        return [search(frame, data, plain, T, eta, gamma)]
    except np.linalg.LinAlgError:
        return []


def _may_have_many(frame):
    """Few rows, or many parameters for the rows: the criterion may well have several minima."""
    many = frame.structure.kind in ("toep", "us")
    return len(frame.y) < SMALL * (5 if many else 1)


def _elsewhere(asked, sizes, start_T, W):
    """Starts of strong and of negative correlation, and some drawn at random, always the same."""
    starts = _starts(asked, sizes, start_T, W, [0.9, -0.2])
    _, eta, gamma = starts[0]
    rng = np.random.default_rng(0)
    for _ in range(RANDOM_STARTS):
        T = [np.tril(rng.normal(size=(m, m))) for m in sizes]
        starts.append((T, rng.normal(size=len(eta)), gamma + rng.normal(0, 0.5, len(gamma))))
    return starts


def _told_apart(hessian):
    """Has the criterion a curvature in every direction, but that of variances which are 0?"""
    unit = np.abs(np.diag(hessian))**-0.5
    return np.linalg.eigvalsh(hessian * np.outer(unit, unit))[0] > 1e-8


@one
def at(frame, reml, errors, gamma):
    """The Problem of the rows times L^-1, and its Optimum at these Var(u_k) / sigma^2."""
    problem = criterion.problem(*frame.whitened(errors), reml)
    T = [root(inverse @ gamma[k] @ inverse.T) for k, inverse in problem.coordinates.inverses()]
    return problem, Optimum(T, criterion.evaluate(problem, T), True, 0)


def _starts(asked, sizes, start_T, W, strengths=None):
    """(T, eta, gamma): of weak and of strong correlation, the random effects smaller where it is
    strong."""
    r = W[:, -1]
    by_level = np.bincount(asked.level, r**2) / np.bincount(asked.level)
    gamma = np.log(np.maximum(by_level[1:], 1e-3 * by_level.max()) / max(by_level[0],
                                                                         1e-3 * by_level.max())) / 2
    some = [np.where(np.diag(np.diag(T)) != 0, np.maximum(np.abs(np.diag(T)), 0.3), T)
            for T in start_T]
    some = [np.tril(T)
            if np.diag(T).all() else np.tril(T) + 0.3 * np.eye(len(T)) * (np.diag(T) == 0)
            for T in some]
    if asked.kind is None:
        return [(some, np.zeros(0), gamma)]
    # there may be several minima: of weak and of strong correlation, near 0, below 0
    if strengths is None:
        strengths = [_moment(asked, r), 0.85] if not sizes else [0.2, 0.6]
        if asked.kind in ("us", "cs") and not sizes:                 # us has a start of its own
            strengths.pop()
        more = {"car1": [0.01], "ar1": [-0.4] if sizes else [-0.2]}
        strengths = strengths + more.get(asked.kind, [])
    starts = [([T * np.sqrt(1 - 0.7 * max(s, 0)) for T in some], _eta(asked, s), gamma)
              for s in strengths]
    if asked.kind == "toep" and asked.size > 2:                      # later correlations below 0
        low = np.append(_eta(asked, strengths[0])[:1], np.full(asked.size - 2, -0.5))
        starts.append((starts[0][0], low, gamma))
    if asked.kind == "us":
        starts.append((some, _of_pairs(asked, r / np.sqrt(np.maximum(by_level,
                                                                     1e-12))[asked.level]), gamma))
    return starts


def _of_pairs(asked, r):
    """us: eta from the products of residuals r that stand together, drawn towards 0 until C is
    positive definite."""
    wide = np.zeros((len(asked.labels), asked.size))
    seen = np.zeros(wide.shape)
    wide[asked.subjects, asked.at.astype(int)] = r
    seen[asked.subjects, asked.at.astype(int)] = 1
    power = np.sqrt(np.maximum((wide**2).sum(axis=0) / seen.sum(axis=0), 1e-12))
    C = (wide.T @ wide) / np.maximum(seen.T @ seen, 1) / np.outer(power, power)
    C[np.diag_indices(asked.size)] = 1
    lowest = np.linalg.eigvalsh(C)[0]
    share = max(0.1, 1 - 0.9 / max(1 - lowest, 0.1))
    phi = (1 - share) * C[np.triu_indices(asked.size, 1)]
    return correlations.unbounded("us", phi, asked.size)


def _moment(asked, r):
    """The correlation of rows next to each other in time, within subjects."""
    order = np.lexsort((asked.at, asked.subjects))
    near = np.diff(asked.subjects[order]) == 0
    a, b = r[order][:-1][near], r[order][1:][near]
    s = a @ b / np.sqrt((a @ a) * (b @ b))
    low = -0.9 / (asked.size - 1) if asked.kind == "cs" else -0.6
    return float(np.clip(s, max(low, -0.6), 0.9))


def _eta(asked, s):
    """Starting values for correlations of about s between neighbours."""
    size, kind = asked.size, asked.kind
    if kind in ("cs", "us"):
        s = max(s, -0.9 / (size - 1))
    if kind == "car1":
        return np.array([np.log(-np.log(max(s, 0.001)))])
    if kind == "us":
        lag = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))[np.triu_indices(size, 1)]
        phi = s * 0.9**(lag - 1) if s > 0 else np.full(len(lag), s)
        return correlations.unbounded(kind, phi, size)
    if kind == "toep":
        return np.append(np.arctanh(s), np.zeros(size - 2))
    return correlations.unbounded(kind, np.array([s]), size)


def search(frame, data, plain, T, eta, gamma):
    """Newton's method on (theta, eta, gamma); a step is halved until the criterion falls."""
    asked, sizes = frame.structure, plain.sizes
    first, c = sum(m * (m + 1) // 2 for m in sizes), len(eta)
    shortest = min((b.d[(b.d > 0) & np.isfinite(b.d)].min(initial=np.inf) for b in data))

    def at(values):
        phi, J = correlations.allowed(asked.kind, values[first:first + c], asked.size)
        point = joint.at(asked, data, unpack(values[:first], sizes), phi, values[first + c:],
                         plain.reml)
        whole = np.eye(len(values))
        whole[first:first + c, first:first + c] = J
        # the curvature of phi(eta) is left out: at the optimum it does not count
        return point, whole.T @ point.gradient, whole.T @ point.hessian @ whole

    values = np.concatenate([pack(T), eta, gamma])
    point, gradient, hessian = at(values)
    n_evaluations, converged = 1, False
    def nothing():                                                   # phi of car1 is 0
        return asked.kind == "car1" and np.exp(values[first]) * shortest > NOTHING

    def inside():
        return np.abs(values[first:]).max(initial=0) < FAR and not nothing()

    while n_evaluations < MOST_EVALUATIONS and inside() and not converged:
        step = _direction(gradient, hessian)
        step = step / max(1.0, np.abs(step).max(initial=0))
        noise = 1e-12 * (1 + abs(point.criterion))
        # the last step is taken as well: Newton's method doubles the digits
        converged = abs(step @ gradient) < noise / 10 and np.abs(step).max(initial=0) < 1e-5
        length = 1.0
        while length > 1e-8:
            n_evaluations += 1
            try:
                new = at(values + length * step)
            except np.linalg.LinAlgError:
                new = None
            if new is not None and new[0].criterion <= point.criterion + noise:
                values = values + length * step
                point, gradient, hessian = new
                break
            length /= 3
        else:
            break
    snapped = np.append(_snap(values[:first], sizes), values[first:])
    if (snapped != values).any():                                    # variances of exactly 0
        new = at(snapped)
        if new[0].criterion < point.criterion + 1e-9:
            values, point = snapped, new[0]
    far = bool(np.abs(values[first:]).max(initial=0) > FAR / 2)
    phi = correlations.allowed(asked.kind, values[first:first + c], asked.size)[0]
    errors = Errors(asked, frame.weights, phi, values[first + c:])
    return Found(T=unpack(values[:first], sizes), errors=errors, point=point,
                 coordinates=plain.coordinates, converged=bool(converged or nothing()) and not far,
                 at_end=far, nothing=nothing(), n_evaluations=n_evaluations)
