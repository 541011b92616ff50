"""Errors with a structure: R = sigma^2 Lambda(phi), what is asked for, and the rows it concerns.

Lambda = D C(phi) D is block-diagonal by subject; D has the sd of the level of `variance` (the first
is 1) over the root of the row's weight. `correlation="ar1(visit | patient)"` names C, the times and
the subjects.
"""

import re

import numpy as np

from lmm.engine import columns, correlations, terms
from lmm.engine.state import record

SPEC = re.compile(r"\s*(\w+)\s*\(([^|]+)\|([^|]+)\)\s*")


@record
class Structure:
    """What R is made of, for the n rows of a fit."""

    kind: str | None                # ar1, car1, cs, toep, us; None: no correlation
    text: str                       # as the user wrote it
    time: str                       # name of the column of times
    group: str                      # name of the subjects' column, "a:b" for combinations
    subjects: np.ndarray   # (n,) number of the row's subject; without a correlation each row is one
    labels: list                    # names of the subjects
    at: np.ndarray                  # (n,) time; for us and factors its place among `visits`
    unit: float                     # car1: times are measured in this many of the user's units
    visits: list                    # us and factors: the times by name
    size: int                       # the largest number of times that a subject may have
    pairs: np.ndarray | None        # us: (visits, visits) number of the parameter
    names: list                     # names of the parameters
    variance: str | None            # name of the factor with residual variances of its own
    level: np.ndarray               # (n,) number of the row's level of it
    levels: list                    # names of these levels

    def natural(self, phi):
        """The parameters of the correlation as the user reads them: for car1 phi at distance 1."""
        return np.exp(-np.exp(phi) / self.unit) if self.kind == "car1" else phi


def parse(correlation):
    """The kind, the time's name and the subjects' of a text like "ar1(visit | patient)"."""
    match = SPEC.fullmatch(correlation) if isinstance(correlation, str) else None
    if match is None or match[1] not in correlations.KINDS:
        raise ValueError(f"correlation must be one of {', '.join(correlations.KINDS)} with the "
                         "times and the subjects, as "
                         f'"ar1(visit | patient)", not {correlation!r}')
    kind, time, group = (part.strip() for part in match.groups())
    time = time.strip("`")
    group = ":".join(part.strip().strip("`") for part in group.split(":"))
    if time == "1" and kind != "cs":
        raise ValueError(f"{correlation!r} needs the column of times before the bar; only cs does "
                         f"without one, cs(1 | {group})")
    return kind, time, group


def needed(correlation, variance):
    """Names of the columns that a structure uses."""
    names = set()
    if correlation is not None:
        _, time, group = parse(correlation)
        names |= {time} - {"1"} | set(group.split(":"))
    if variance is not None:
        if not isinstance(variance, str):
            raise ValueError(f"variance must be the name of a factor, not {variance!r}")
        names |= {part.strip().strip("`") for part in variance.split(":")}
    return names


def read(correlation, variance, data):
    """The Structure of the rows of a table (complete and prepared), or None if neither is asked
    for."""
    if correlation is None and variance is None:
        return None
    n = len(data)
    parts = dict(kind=None, text="", time="", group="", subjects=np.arange(n), labels=[],
                 at=np.zeros(n), unit=1.0, visits=[],
                 size=1, pairs=None, names=[], variance=None, level=np.zeros(n, dtype=np.int64),
                 levels=[""])
    if correlation is not None:
        parts |= _correlation(correlation, data)
    if variance is not None:
        name = ":".join(part.strip().strip("`") for part in variance.split(":"))
        level, levels = terms.levels_of(name, data)
        if len(levels) == 1:
            raise ValueError(f"the factor {name!r} of variance has only the level {levels[0]!r}; "
                             "leave it out")
        if len(levels) == n:
            raise ValueError(f"the factor {name!r} of variance has as many levels as rows ({n}); "
                             "each needs several")
        parts |= dict(variance=name, level=level, levels=levels)
    return Structure(**parts)


def _correlation(text, data):
    kind, time, group = parse(text)
    subjects, labels = terms.levels_of(group, data)
    counts = np.bincount(subjects)
    if counts.max() == 1:
        raise ValueError(f"{text}: each {group} has one row only, so there is nothing that could "
                         "be correlated")
    at, unit, visits = _times(kind, time, text, data, subjects, labels)
    size, pairs, names = int(counts.max()), None, [{"car1": "phi"}.get(kind, "rho")]
    if kind == "toep":
        size = _largest_lag(at, subjects, text, visits) + 1
        names = [f"rho{k}" for k in range(1, size)]
    if kind == "us":
        size = len(visits)
        first, second = np.triu_indices(size, 1)
        _pairs_occur(at, subjects, size, visits, text)
        pairs = np.full((size, size), -1)
        pairs[first, second] = pairs[second, first] = np.arange(len(first))
        names = [f"rho({visits[a]}, {visits[b]})" for a, b in zip(first, second)]
    return dict(kind=kind, text=text.strip(), time=time, group=group, subjects=subjects,
                labels=labels, at=at, unit=unit,
                visits=visits, size=size, pairs=pairs, names=names)


def _times(kind, time, text, data, subjects, labels):
    """The rows' times as the correlation counts them, the unit of car1, and the times' names."""
    if time == "1":
        return np.zeros(len(data)), 1.0, []
    values, visits, unit = data[time], [], 1.0
    if columns.is_time(values):
        raise ValueError(f"{text}: column {time!r} holds dates or times ({values.dtype}); make "
                         "them numbers first")
    if kind == "us" or columns.is_factor(values):
        if kind == "car1":
            raise ValueError(f"{text}: car1 needs times that are numbers, and {time!r} is a "
                             "factor; ar1 takes its levels in order")
        codes, visits = terms.levels_of(time, data)
        at = codes.astype(float)
    else:
        at = values.to_numpy(dtype=float)
    order = np.lexsort((at, subjects))
    twice = np.flatnonzero((np.diff(at[order]) == 0) & (np.diff(subjects[order]) == 0))
    if len(twice):
        row = order[twice[0]]
        raise ValueError(f"{text}: {labels[subjects[row]]!r} has two rows at {time} "
                         f"{data[time].iloc[row]!s}; a time may occur "
                         "once in a subject, so name finer subjects or times")
    if kind in ("ar1", "toep") and (at != np.round(at)).any():
        odd = at[at != np.round(at)][0]
        raise ValueError(f"{text}: {kind} needs whole times, and {time!r} has {odd:g}; "
                         f"car1({time} | ...) takes any")
    if kind == "car1":
        gaps = np.diff(at[order])[np.diff(subjects[order]) == 0]
        unit = float(np.median(gaps))
        at = at / unit
    return at, unit, visits


def _largest_lag(at, subjects, text, visits):
    """toep: the largest distance, if all smaller ones occur too."""
    seen = set()
    for rows in _rows_of(subjects):
        seen |= {int(lag) for lag in np.unique(np.abs(np.subtract.outer(at[rows], at[rows])))}
    missing = sorted(set(range(1, max(seen))) - seen)
    if missing:
        raise ValueError(f"{text}: no subject has two rows at distance {missing[0]}, so "
                         f"rho{missing[0]} cannot be estimated; "
                         "ar1 or car1 do with one parameter")
    return max(seen)


def _pairs_occur(at, subjects, size, visits, text):
    """us: ValueError for two times that no subject has together."""
    Z = np.zeros((subjects.max() + 1, size))
    Z[subjects, at.astype(int)] = 1
    together = Z.T @ Z
    for a, b in zip(*np.triu_indices(size, 1)):
        if together[a, b] == 0:
            raise ValueError(f"{text}: no subject has both {visits[a]} and {visits[b]}, so their "
                             "correlation cannot be "
                             "estimated; toep or ar1 have fewer parameters")


def _rows_of(subjects):
    """The rows of each subject."""
    order = np.argsort(subjects, kind="stable")
    return np.split(order, np.cumsum(np.bincount(subjects))[:-1])


def fits(structure, random, X):
    """ValueError where a structure and the random terms, or the fixed part, leave something that no
    data can tell."""
    for term in random if structure.kind else []:
        lowest = np.full(structure.subjects.max() + 1, len(term.levels))
        np.minimum.at(lowest, structure.subjects, term.codes)
        if (lowest[structure.subjects] != term.codes).any():
            raise ValueError(f"{structure.text}: {term.text} has several levels of {term.name} "
                             f"within one {structure.group}; a "
                             "correlation is of rows that share all random effects, so name finer "
                             "subjects, as "
                             f"{structure.kind}({structure.time} | {structure.group}:{term.name})")
        same = len(np.unique(term.codes)) == len(structure.labels)
        ones = np.ones(len(term.x))
        has_intercept = np.abs(term.x @ np.linalg.lstsq(term.x, ones,
                                                        rcond=None)[0] - 1).max() < 1e-8
        if same and has_intercept and structure.kind in ("cs", "toep", "us") and (
                structure.variance is None or structure.kind == "us"):
            raise ValueError(f"{structure.text} and {term.text} both let the rows of one "
                             f"{structure.group} be equally correlated, "
                             "and no data can tell them apart: leave one of them out")
    if structure.variance is not None:
        Q = np.linalg.qr(X)[0] if X.shape[1] else X
        free = np.bincount(structure.level, 1 - (Q**2).sum(axis=1))
        if (free < 1e-8).any():
            name = structure.levels[int(np.flatnonzero(free < 1e-8)[0])]
            raise ValueError(f"the fixed part gives the rows of {structure.variance} {name} "
                             "exactly, so they say nothing of "
                             "their residual variance: join this level with another one, or leave "
                             "it out")


def new_times(structure, data):
    """The times of new rows, as `at` has those of the fit; ValueError for one that C does not
    know."""
    text, values = structure.text, data[structure.time]
    if structure.visits:
        number = {visit: k for k, visit in enumerate(structure.visits)}
        unknown = [visit for visit in values if visit not in number]
        if unknown:
            raise ValueError(f"{text}: the fit has not seen {structure.time} {unknown[0]}; it "
                             "knows "
                             f"{', '.join(map(str, structure.visits))}")
        return np.array([number[visit] for visit in values], dtype=float)
    at = values.to_numpy(dtype=float)
    if structure.kind in ("ar1", "toep") and (at != np.round(at)).any():
        raise ValueError(f"{text}: {structure.kind} needs whole times, and {structure.time!r} of "
                         f"new_data has {at[at != np.round(at)][0]:g}")
    return at / structure.unit


def said(structure):
    """The structure in words."""
    variance = f"variance by {structure.variance}" if structure.variance else ""
    return ", ".join(part for part in (structure.text, variance) if part)


def ends(errors):
    """Which parameter of R is at the end of its range, in words."""
    asked = errors.structure
    said = [f"{name} is {value:.4f}" for name, value in zip(asked.names, errors.natural())
            if abs(value) > 0.999]
    said += [f"the residual sd of {asked.variance} {name} is {ratio:.1e} of the first level's"
             for name, ratio in zip(asked.levels, errors.ratios()) if not 1e-3 < ratio < 1e3]
    return " and ".join(said[:3]) or f"the correlation matrix of {asked.text} is singular"
