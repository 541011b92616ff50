"""Homework 2, "Planks": the right analysis and the well-known wrong ones, by mean squares, as the
design is balanced.

y[plank, width, depth] are 20 x 3 x 5 readings. In the model with plank, plank:width and plank:depth
random the mean squares have the expectations that chapter 14 lists, and REML's variances solve
these equations.
"""

from functools import lru_cache

import numpy as np
from scipy import stats

from lmm.homework.tables import TABLES, mean_squares
from lmm.inference.multiplicity import tukey_p, tukey_quantile

FIXED = ["width", "depth", "width:depth"]
DF = {"plank": 19, "width": 2, "depth": 4, "plank:width": 38, "plank:depth": 76, "width:depth": 8,
      "residual": 152}
OWN = [DF[line] for line in FIXED]                                    # numerator degrees of freedom
ERROR = {"width": "plank:width", "depth": "plank:depth", "width:depth": "residual"}
WIDTH = np.array([1, 2, 3]) - 2                                       # as numbers, less their means
DEPTH = np.array([1, 3, 5, 7, 9]) - 5


@lru_cache(maxsize=None)
def readings(student):
    return TABLES["planks"](student)["humidity"].to_numpy().reshape(20, 3, 5)


@lru_cache(maxsize=None)
def squares(student):
    return mean_squares(readings(student))


def pooled(student, *lines):
    """The mean square of the residual of a model without these lines, and its degrees of
    freedom."""
    lines = (*lines, "residual")
    df = sum(DF[line] for line in lines)
    return sum(squares(student)[line] * DF[line] for line in lines) / df, df


def no_plank(student):
    return pooled(student, "plank", "plank:width", "plank:depth")


def plank_alone(student):
    return pooled(student, "plank:width", "plank:depth")


# 2a, 2b: profiles ---------------------------------------------------------------------------------

def cell_means(student):
    return readings(student).mean(axis=0)


def differences(student):
    """Width 3 less 1 and depth 5 less 1 of each plank."""
    y = readings(student)
    return y[:, 2] - y[:, 0], y[:, :, 2] - y[:, :, 0]


def spread(student, ddof=1):
    return [d.mean(axis=1).std(ddof=ddof) for d in differences(student)]


def spread_unpaired(student):
    y = readings(student)
    w, d = y.mean(axis=2).var(axis=0, ddof=1), y.mean(axis=1).var(axis=0, ddof=1)
    return [np.sqrt(w[2] + w[0]), np.sqrt(d[2] + d[0])]


# 2c: the fixed analysis ---------------------------------------------------------------------------

def against(student, error):
    """F of the three fixed terms against one mean square."""
    return [squares(student)[term] / error for term in FIXED]


@lru_cache(maxsize=None)
def design(coding, numbers, interactions):
    """X, (X'X)^-1, the columns of each term, and the residual's df.

    coding: "treatment", or "centred", where type III agrees with types I and II; numbers: factors
    taken as numbers; interactions: are plank:width and plank:depth in?
    """
    columns = {}
    for name, levels in {"plank": np.arange(1, 21), "width": WIDTH, "depth": DEPTH}.items():
        code = levels[:, None] if name in numbers else np.eye(len(levels))[:, 1:]
        columns[name] = code - code.mean(axis=0) * (coding == "centred")
    terms = [(), ("plank",), ("width",), ("depth",), ("width", "depth")]
    terms += [("plank", "width"), ("plank", "depth")] * interactions
    blocks, at, start = [], {}, 0
    for term in terms:
        block = np.ones((1, 1))
        for name, code in columns.items():
            block = np.kron(block, code if name in term else np.ones((len(code), 1)))
        blocks.append(block)
        at[":".join(term)] = slice(start, start + block.shape[1])
        start += block.shape[1]
    X = np.hstack(blocks)
    return X, np.linalg.inv(X.T @ X), at, len(X) - start


def type_three(student, coding, numbers=(), interactions=True):
    """F of the three fixed terms in a least-squares fit, each line adjusted for all others."""
    X, inverse, at, df = design(coding, numbers, interactions)
    y = readings(student).ravel()
    beta = inverse @ (X.T @ y)
    s2 = ((y - X @ beta) ** 2).sum() / df
    F = []
    for term in FIXED:
        b, cov = beta[at[term]], inverse[at[term], at[term]]
        F.append(b @ np.linalg.solve(cov, b) / len(b) / s2)
    return F


# 2d: variances ------------------------------------------------------------------------------------

@lru_cache(maxsize=None)
def variances(student):
    """plank, plank:width, plank:depth, residual."""
    MS = squares(student)
    s2, w, d = MS["residual"], MS["plank:width"], MS["plank:depth"]
    return np.array([(MS["plank"] - w - d + s2) / 15, (w - s2) / 5, (d - s2) / 3, s2])


def variances_plank_alone(student):
    s2 = plank_alone(student)[0]
    return [(squares(student)["plank"] - s2) / 15, s2]


def variances_without_depth(student):
    s2, w = pooled(student, "plank:depth")[0], squares(student)["plank:width"]
    return [(squares(student)["plank"] - w) / 15, (w - s2) / 5, s2]


# 2e: tests in the mixed model ---------------------------------------------------------------------

def table(F, df, own=OWN, p=None):
    """Rows width, depth, width:depth; columns F, its denominator degrees of freedom, p."""
    return np.column_stack([F, np.broadcast_to(df, 3), stats.f.sf(F, own, df) if p is None else p])


def mixed(student):
    MS = squares(student)
    return [MS[term] / MS[ERROR[term]] for term in FIXED], [DF[ERROR[term]] for term in FIXED]


def without_depth(student):
    s2, df = pooled(student, "plank:depth")
    F = against(student, s2)
    return table([mixed(student)[0][0], *F[1:]], [DF["plank:width"], df, df])


def chi_square(F):
    return stats.chi2.sf(np.multiply(F, OWN), OWN)


def at_reference(student):
    """Wald tests of a treatment coding: widths at depth 1, depths at width 1."""
    cells = cell_means(student)
    _, w, d, s2 = variances(student)
    return [20 * cells[:, 0].var(ddof=1) / (w + s2), 20 * cells[0].var(ddof=1) / (d + s2),
            mixed(student)[0][2]]


@lru_cache(maxsize=None)
def as_numbers(student):
    """Slopes in place of the fixed factors: of width where depth is 0, of depth where width is 0,
    and their product."""
    cells = cell_means(student)
    MS = squares(student)
    sizes = np.array([100 * 2, 60 * 40, 20 * 80])   # sums of squares of WIDTH, DEPTH, their product
    slopes = np.array([cells.mean(axis=1) @ WIDTH / 2, cells.mean(axis=0) @ DEPTH / 40,
                       WIDTH @ cells @ DEPTH / 80])
    df = np.empty(3)                                # what a slope does not explain is left as error
    v = np.empty(3)
    for i, term in enumerate(FIXED):
        df[i] = DF[ERROR[term]] + DF[term] - 1
        v[i] = (MS[ERROR[term]] * DF[ERROR[term]] + MS[term] * DF[term]
                - sizes[i] * slopes[i] ** 2) / df[i]
    v /= sizes
    b = np.array([slopes[0] - 5 * slopes[2], slopes[1] - 2 * slopes[2], slopes[2]])
    extra = np.array([25, 4, 0]) * v[2]
    return table(b ** 2 / (v + extra), (v + extra) ** 2 / (v ** 2 / df + extra ** 2 / df[2]), 1)


# 2f: LS means, widths and then depths -------------------------------------------------------------

def ls_means(student, widths, depths):
    """Columns mean and standard error, from the variances of a mean of 100 readings (widths) and of
    60 (depths)."""
    means = [*readings(student).mean(axis=(0, 2)), *readings(student).mean(axis=(0, 1))]
    variances_of = [*np.broadcast_to(widths, 3), *np.broadcast_to(depths, 5)]
    return np.column_stack([means, np.sqrt(variances_of)])


def ls_means_mixed(student):
    P, PW, PD, s2 = variances(student)
    return ls_means(student, (P + PW + PD / 5 + s2 / 5) / 20, (P + PW / 3 + PD + s2 / 3) / 20)


def ls_means_plank_alone(student):
    P, s2 = variances_plank_alone(student)
    return ls_means(student, (P + s2 / 5) / 20, (P + s2 / 3) / 20)


def ls_means_no_plank(student):
    s2 = no_plank(student)[0]
    return ls_means(student, s2 / 100, s2 / 60)


def ls_means_raw(student):
    y = readings(student)
    return ls_means(student, y.var(axis=(0, 2), ddof=1) / 100, y.var(axis=(0, 1), ddof=1) / 60)


def ls_means_of_differences(student):
    MS = squares(student)
    return ls_means(student, 2 * MS["plank:width"] / 100, 2 * MS["plank:depth"] / 60)


def coefficients(student):
    """Treatment coding: each level's difference to the first one, at the first level of the other
    factor."""
    cells = cell_means(student)
    _, PW, PD, s2 = variances(student)
    found = np.array([*(cells[:, 0] - cells[0, 0]), *(cells[0] - cells[0, 0])])
    found[[0, 3]] = cells[0, 0]
    se = np.sqrt(np.array([PW + s2] * 3 + [PD + s2] * 5) / 10)
    se[[0, 3]] = np.sqrt(variances(student).sum() / 20)
    return np.column_stack([found, se])


# 2g: Tukey ----------------------------------------------------------------------------------------

def pairs(student, error, df, adjust="tukey", sign=1):
    """Pairs of widths 1-2, 1-3, 2-3 and of depths 3-5, 5-7: difference, lower, upper, p.

    error, df: the mean squares that widths and depths are compared by, and their degrees of
    freedom.
    """
    y = readings(student)
    widths = (y.mean(axis=(0, 2)), 100, [0, 0, 1], [1, 2, 2])
    depths = (y.mean(axis=(0, 1)), 60, [1, 2], [2, 3])
    rows = []
    for (mean, n, first, second), ms, nu in zip((widths, depths), error, df):
        d = mean[first] - mean[second]
        se = np.sqrt(2 * ms / n)
        k = len(mean)
        t = np.abs(d) / se
        m = k * (k - 1) / 2 if adjust == "bonferroni" else 1
        if adjust == "tukey":
            p = tukey_p(np.sqrt(2) * t, k, np.full(len(t), float(nu)))
            wide = quantile(k, nu) / np.sqrt(2)
        else:
            p = np.minimum(1, m * 2 * stats.t.sf(t, nu))
            wide = stats.t.ppf(1 - 0.025 / m, nu)
        rows.append(np.column_stack([sign * d, sign * d - wide * se, sign * d + wide * se, p]))
    return np.vstack(rows)


@lru_cache(maxsize=None)
def quantile(k, df):
    return tukey_quantile(k, np.array([float(df)]))[0]


def pairs_mixed(student, adjust="tukey", df=(DF["plank:width"], DF["plank:depth"]), sign=1):
    return pairs(student, [squares(student)["plank:width"], squares(student)["plank:depth"]], df,
                 adjust, sign)


@lru_cache(maxsize=None)
def pairs_raw(student, sign=1):
    """Tukey's HSD of one factor at a time, as if the readings were independent."""
    MS = squares(student)
    total = sum(MS[line] * DF[line] for line in DF)
    error, df = zip(*((total - MS[f] * DF[f], 299 - DF[f]) for f in ("width", "depth")))
    return pairs(student, np.divide(error, df), df, sign=sign)


def pairs_pooled(student, model):
    ms, df = model(student)
    return pairs(student, [ms, ms], [df, df])
