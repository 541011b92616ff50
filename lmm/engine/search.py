"""The search for the optimum of the engine's criterion: Newton's method, with its start and what
happens at boundaries."""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from lmm.engine import blocks, start, valleys
from lmm.engine.criterion import evaluate
from lmm.engine.state import Optimum, pack, unpack
from lmm.engine.threads import one

MAX_EVALUATIONS = 100


@one
def optimum(problem, moments=None):
    """The T_k that minimise the criterion, the point there, whether the search converged,
    evaluations needed.

    moments: those of `start`, where they are known.
    """
    found = _newton(problem, start.variances(problem, moments))
    n_evaluations = found.n_evaluations
    for T in _other_starts(problem, found):
        other = _newton(problem, T)
        n_evaluations += other.n_evaluations
        if other.converged and other.point.criterion < found.point.criterion - 1e-9:
            found = other
    return replace(found, n_evaluations=n_evaluations)


def _other_starts(problem, found):
    """Where to look again, for a valley may be the wrong one of several: where a variance is 0 or a
    covariance singular, from T = I and 10 I; where a term has few levels, from the valleys of a
    coarse grid."""
    if problem.products is None:
        return []
    starts, heights = valleys.starts(problem)
    if len(starts) == 1 and heights[0] > found.point.criterion - 1e-9:        # the one where we are
        starts = []
    if any(map(blocks.is_singular, found.T)):
        starts = starts + [[size * np.eye(m) for m in problem.sizes] for size in (1, 10)]
    return starts


def _newton(problem, T):
    """Newton's method on theta, the lower triangles of the T_k; a step is halved until the
    criterion falls."""
    theta = pack(T)
    point = evaluate(problem, T)
    n_evaluations = 1
    correction = np.zeros_like(point.hessian)
    while n_evaluations < MAX_EVALUATIONS:
        step = _direction(point.gradient, point.hessian + correction)
        step /= max(1, (np.abs(step) / (1 + np.abs(theta))).max(initial=0) / 2)   # no leap
        if _is_small(step, theta, point.gradient):
            theta, point, away, more = _settle(problem, theta, point)
            n_evaluations += more
            if away is None:
                return Optimum(unpack(theta, problem.sizes), point, True, n_evaluations)
            theta = away
            point = evaluate(problem, unpack(theta, problem.sizes))
            n_evaluations += 1
            continue
        found, length, more = _line_search(problem, theta, point, step,
                                           MAX_EVALUATIONS - n_evaluations)
        n_evaluations += more
        if found is None:
            break
        moved = length * step
        missed = found.gradient - point.gradient - (point.hessian + correction) @ moved
        correction = _corrected(correction, missed, moved, theta, length)
        theta = theta + moved
        point = found
    return _descend(problem, theta, n_evaluations)


def _is_small(step, theta, gradient):
    """Is there nothing left to gain?"""
    return (np.abs(step) <= 1e-9 * (1e-3 + np.abs(theta))).all() or abs(step @ gradient) < 1e-18


def _settle(problem, theta, point):
    """Where the steps have become small: theta and the point, snapped to the boundary where it has
    come close; the theta from which to go on, or None if all is well; and evaluations needed."""
    snapped = _snap(theta, problem.sizes)
    n_evaluations = 0
    if (snapped != theta).any():
        theta = snapped
        point = evaluate(problem, unpack(theta, problem.sizes))
        n_evaluations = 1
    return theta, point, _leave_boundary(point, theta, problem.sizes), n_evaluations


def _line_search(problem, theta, point, step, most):
    """The point after as much of the step as lets the criterion fall, how much, and evaluations
    needed; no point (None) if none was found in `most` evaluations or in steps down to 1e-6."""
    noise = 1e-12 * (1 + abs(point.criterion)) + 1e-15 * len(problem.W) / point.scale
    slope = step @ point.gradient
    length = 1.0
    n_evaluations = 0
    while True:
        found = _try(problem, unpack(theta + length * step, problem.sizes))
        n_evaluations += 1
        rise = found.criterion - point.criterion if found else np.inf
        if rise <= noise:
            return found, length, n_evaluations
        if n_evaluations >= most or length < 1e-6:
            return None, length, n_evaluations
        # the minimum of the parabola through both points
        length *= np.clip(-slope * length / (2 * (rise - slope * length)), 0.1, 0.5)


def _corrected(correction, missed, moved, theta, length):
    """The correction of the Hessian for the steps to come: by what it `missed` along this step
    (symmetric rank one), if the step was whole and small."""
    if length < 1:
        return np.zeros_like(correction)
    small = (np.abs(moved) < 0.1 * (0.01 + np.abs(theta))).all()
    if small and abs(missed @ moved) > 1e-6 * np.linalg.norm(missed) * np.linalg.norm(moved):
        return correction + np.outer(missed, missed) / (missed @ moved)
    return correction


def _descend(problem, theta, n_evaluations):
    """Where Newton creeps along a flat valley (a first variance near 0 leaves the rest of T free to
    turn): L-BFGS."""
    def objective(values):
        point = _try(problem, unpack(values, problem.sizes))
        finite = point and np.isfinite(point.criterion)
        return (point.criterion, point.gradient) if finite else (1e100, np.zeros_like(values))
    found = minimize(objective, theta, jac=True, method="L-BFGS-B",
                     options={"maxfun": 10 * MAX_EVALUATIONS, "gtol": 1e-7, "ftol": 0})
    theta = _snap(found.x, problem.sizes)
    point = evaluate(problem, unpack(theta, problem.sizes))
    converged = np.abs(point.gradient).max() < 1e-6 * (1 + abs(point.criterion))
    return Optimum(unpack(theta, problem.sizes), point, bool(converged),
                   n_evaluations + found.nfev + 1)


def _try(problem, T):
    """The point at T; None where rounding has left no positive definite matrix."""
    try:
        return evaluate(problem, T)
    except np.linalg.LinAlgError:
        return None


def _direction(gradient, hessian):
    """-H^-1 gradient, with the eigenvalues of H made positive."""
    if not len(gradient):
        return gradient
    values, vectors = np.linalg.eigh(hessian)
    values = np.maximum(np.abs(values), 1e-8 * np.abs(values).max() + 1e-300)
    return -vectors @ ((vectors.T @ gradient) / values)


def _snap(theta, sizes):
    """Variances that have run to the boundary become exactly 0."""
    T = unpack(theta, sizes)
    for k, t in enumerate(T):
        left, values, right = np.linalg.svd(t)
        if values[-1] < 1e-5 * max(1, values[0]):
            values = np.where(values < 1e-5 * max(1, values[0]), 0, values)
            if len(t) == 1:
                T[k] = values[None, :]
            else:
                T[k] = np.linalg.qr((left * values).T)[1].T
    return pack(T)


def _leave_boundary(point, theta, sizes):
    """At T_k = 0 the gradient in T is zero whatever the data say: ask the score in Gamma_k. None if
    all is well."""
    T = unpack(theta, sizes)
    for k, t in enumerate(T):
        null = np.linalg.svd(t)[0][:, np.linalg.svd(t, compute_uv=False) == 0]
        if null.shape[1]:
            score = point.traces[k] - point.squares[k] / point.scale
            values, vectors = np.linalg.eigh(null.T @ score @ null)
            if values[0] < -1e-6 * (1 + np.abs(score).max()):
                v = null @ vectors[:, :1]
                T[k] = np.linalg.cholesky(t @ t.T + 0.01 * v @ v.T + 1e-12 * np.eye(len(t)))
                return pack(T)
    return None
