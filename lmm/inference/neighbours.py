"""New rows beside the rows of their subject: what correlated errors say of a new time.

With c the correlations of the new error with the e of the subject's rows, times their standard
deviations, e_new = k'e + what is new, k = Lambda_s^-1 c. So the row's mean is that of the row
(x - X_s'k, z - Z_s'k) plus the known k'y_s, and the variance of what is new is less by c'k.
"""

from dataclasses import replace

import numpy as np

from lmm.engine import structure, terms
from lmm.engine.errors import Errors


def needed(fit, with_groups, with_errors):
    """Columns of new_data that a structure of the errors asks for."""
    asked = fit.frame.structure
    if asked is None:
        return set()
    names = set(asked.group.split(":")) if asked.kind and with_groups else set()
    names |= {asked.time} - {"1"} if asked.kind and with_groups else set()
    both = asked.variance is not None and (with_errors or (asked.kind and with_groups))
    return names | (set(asked.variance.split(":")) if both else set())


def places(fit, data, with_groups):
    """The subject of each new row, -1 where the fit does not know it or has seen its time; and its
    time, (rows,)."""
    asked = fit.frame.structure
    nobody = np.full(len(data), -1)
    if asked is None or asked.kind is None or not with_groups:
        return nobody, nobody
    subject = terms.known(asked.group, fit.data, asked.subjects, data)
    at = np.zeros(len(data)) if asked.time == "1" else structure.new_times(asked, data)
    if asked.time != "1":
        seen = set(zip(asked.subjects, np.round(asked.at, 9)))
        again = [(s, a) in seen for s, a in zip(subject, np.round(at, 9))]
        subject = np.where(again, -1, subject)
    return subject, at


def levels(fit, data, with_errors):
    """The level of `variance` of each new row, or zeros; ValueError for one that the fit lacks."""
    asked = fit.frame.structure
    if asked is None or asked.variance is None or not set(asked.variance.split(":")) <= set(data):
        return np.zeros(len(data), dtype=int)
    level = terms.known(asked.variance, fit.data, asked.level, data)
    if with_errors and (level < 0).any():
        row = data.index[level < 0].tolist()[0]
        raise ValueError(f"row {row!r} of new_data has a level of {asked.variance} that the fit "
                         "has "
                         "not seen, so the variance of its error is unknown")
    return np.maximum(level, 0)


def errors_of(fit, data, level):
    """Lambda of other rows, with the fit's parameters."""
    asked = fit.frame.structure
    for_rows = structure.read(asked.text or None, None, data) if asked.kind else None
    if for_rows is None:
        for_rows = replace(asked, subjects=np.arange(len(data)), at=np.zeros(len(data)))
    at = structure.new_times(asked, data) if asked.kind and asked.time != "1" else for_rows.at
    for_rows = replace(asked, subjects=for_rows.subjects, labels=for_rows.labels, at=at,
                       level=level)
    return Errors(for_rows, np.ones(len(data)), fit.errors.phi, fit.errors.gamma)


def expected(fit, rows):
    """k'e_hat: what the errors of the subject say of each row's error, (rows,)."""
    out = np.zeros(len(rows.X))
    e = fit.resid.to_numpy()
    for i, own, k, _ in _weights(fit, rows):
        out[i] = k @ e[own]
    return out


def reduced(fit, rows, conditional):
    """The rows less k' times those of their subjects, and the variance of what is new, over
    sigma^2."""
    if rows.level is None:
        return rows, fit.errors.sd**2
    error = fit.errors.ratios()[rows.level]**2
    if not conditional or not (rows.subject >= 0).any():
        return rows, error
    X = rows.X.copy()
    x = [values.copy() for _, values in rows.terms]
    for i, own, k, lost in _weights(fit, rows):
        X[i] -= k @ fit.X.to_numpy()[own]
        for values, term in zip(x, fit.terms):
            values[i] -= k @ term.x[own]
        error[i] -= lost
    return rows._replace(X=X, terms=[(codes, v) for (codes, _), v in zip(rows.terms, x)]), error


def _weights(fit, rows):
    """For each row with a known subject: its number, the subject's rows, k, and c'k."""
    errors = fit.errors
    for i in np.flatnonzero(rows.subject >= 0):
        own = np.flatnonzero(errors.structure.subjects == rows.subject[i])
        if any(codes[i] != t.codes[own[0]] for (codes, _), t in zip(rows.terms, fit.terms)):
            continue                                                 # its random effects are others
        at = errors.structure.at[own]
        sd = errors.sd[own]
        c = errors.ratios()[rows.level[i]] * errors.between(rows.at[i], at) * sd
        same = np.eye(len(own), dtype=bool)
        C = errors.between(at[:, None], at[None, :], own=same) * sd[:, None] * sd[None, :]
        k = np.linalg.solve(C, c)
        yield i, own, k, c @ k
