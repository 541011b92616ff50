"""The homework's tables: real designs with effects and errors drawn anew for each student."""

import hashlib

import numpy as np
import pandas as pd

from lmm.data import load


def rng_of(name, student):
    """A random generator that depends on the table's name and the student's id only."""
    digest = hashlib.sha256(f"{name}|{student}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def schools(student):
    """Scores of pupils, some of them tutored, in twelve schools of 2 to 28 pupils: school, tutored,
    score (points).

    Drawn again until the estimated variance between schools is 0.08 to 0.28 of that within (so that
    no student meets a variance of 0), tutoring shows, and the smallest school comes out first or
    last, with and without tutoring, as small ones tend to.
    """
    rng = rng_of("schools", student)
    middle = rng.choice(np.arange(5, 19), 10, replace=False)
    sizes = rng.permutation([rng.integers(2, 5), *middle, rng.integers(22, 29)])
    school = np.repeat(np.arange(12), sizes)
    N = sizes.sum()
    tutored = np.concatenate([np.arange(n) % 2 for n in sizes])
    mean, effect, s2 = rng.uniform(50, 60), rng.uniform(4, 7), rng.uniform(70, 100)
    s2u = s2 * rng.uniform(0.1, 0.25)
    fits = False
    while not fits:
        r = rng.normal(0, s2u**0.5, 12)[school] + rng.normal(0, s2**0.5, N)
        own = np.bincount(school, r) / sizes
        raw = np.bincount(school, r + effect * tutored) / sizes
        within = np.sum((r - own[school])**2) / (N - 12)
        found = effect + r[tutored == 1].mean() - r[tutored == 0].mean()
        fits = (_slope(own, sizes, within, 0.28) < 0 < _slope(own, sizes, within, 0.08)
                and found > 3
                and sizes.argmin() in (own.argmin(), own.argmax())
                and sizes.argmin() in (raw.argmin(), raw.argmax()))
    return pd.DataFrame({"school": np.array(list("ABCDEFGHIJKL"))[school],
                         "tutored": np.array(["no", "yes"])[tutored],
                         "score": np.round(mean + effect * tutored + r, 2)})


def _slope(means, n, s2, ratio):
    """The slope of the restricted log likelihood (times 2) at s2u = ratio * s2: positive below
    REML's estimate."""
    w = 1 / (ratio + 1 / n)
    from_centre = means - np.average(means, weights=w)
    return np.sum((w * from_centre)**2) / s2 - (w.sum() - np.sum(w**2) / w.sum())


WELLS_VARIANCE, ERROR_VARIANCE = 1.8, 1.2       # of "tiny"; the notebook tells the students


def tiny(student):
    """Twelve of twenty planned readings of nitrate (mg/l), five wells (blocks) by two methods:
    well, method, nitrate.

    Drawn again until every task has something to show.
    """
    rng = rng_of("tiny", student)
    plan = pd.DataFrame([(well, method) for well in range(1, 6) for method in ("old", "new")
                         for _ in range(2)],
                        columns=["well", "method"])
    while True:
        table = plan.iloc[np.sort(rng.choice(20, size=12, replace=False))].reset_index(drop=True)
        new = (table["method"] == "new").to_numpy(dtype=float)
        wells = rng.normal(size=5) * WELLS_VARIANCE ** 0.5
        errors = rng.normal(size=12) * ERROR_VARIANCE ** 0.5
        nitrate = rng.uniform(22, 34) + rng.uniform(1, 3) * new + wells[table["well"] - 1] + errors
        table["nitrate"] = nitrate.round(2)
        table["well"] = pd.Categorical(table["well"], categories=range(1, 6))
        table["method"] = pd.Categorical(table["method"], categories=["old", "new"])
        if _telling(table):
            return table


def _telling(table):
    """Is the table unbalanced but connected, are GLS and OLS apart, and is no answer so small that
    rounding spoils it?"""
    y = table["nitrate"].to_numpy()
    Z = np.eye(5)[table["well"].cat.codes]
    X = np.column_stack([np.ones(12), table["method"] == "new"])
    sizes, by_new = X.T @ Z
    paired = (by_new > 0) & (by_new < sizes)
    if sizes.min() == 0 or len(set(sizes)) < 3 or paired.sum() < 3:
        return False
    V = WELLS_VARIANCE * Z @ Z.T + ERROR_VARIANCE * np.eye(12)
    gls_cov, ols_inv = np.linalg.inv(X.T @ np.linalg.solve(V, X)), np.linalg.inv(X.T @ X)
    gls, ols = gls_cov @ X.T @ np.linalg.solve(V, y), ols_inv @ X.T @ y
    printed = ols_inv * ((y - X @ ols) @ (y - X @ ols)) / 10
    se = np.sqrt([cov[1, 1] for cov in (gls_cov, ols_inv @ X.T @ V @ X @ ols_inv, printed)])
    residuals = Z.T @ (y - X @ gls) / sizes
    apart = [np.log(se[0] / se[1]), np.log(se[1] / se[2]), np.log(se[0] / se[2]),
             (gls[1] - ols[1]) / gls[1]]
    return bool(np.abs(apart).min() > 0.03 and min(gls[1], ols[1], *np.abs(residuals)) > 0.05)


def planks(student):
    """Twenty planks, three widths, five depths, as in `lmm.load("planks")`, each student's with a
    bend of their own.

    One width, drawn, is drier than the others; in half of the tables it also bends less over the
    depths.
    """
    rng = rng_of("planks", student)
    inward = np.array([-1, -0.5, 0, 0.5, 1])
    dry = np.arange(3) == rng.integers(3)
    height, bend, tilt = rng.uniform([1.2, 1.7, -0.25], [1.7, 2.8, 0.25])
    arch = -height * np.abs(inward) ** bend
    flatter = rng.choice([0.0, 1.0]) * rng.uniform(0.3, 0.5)
    by_width = rng.normal(0, 0.1, 3) - rng.uniform(0.3, 0.8) * dry
    mean = (6.3 + by_width[:, None] + arch + tilt * inward
            - flatter * dry[:, None] * (arch - arch.mean()))
    sd = np.sqrt(rng.uniform([0.7, 0.25, 0.05, 0.13], [1.0, 0.35, 0.08, 0.18]))
    while True:          # until all variances are estimated well above zero, and F of width above 1
        a, b, c, e = (s * rng.normal(size=n)
                      for s, n in zip(sd, [(20, 1, 1), (20, 3, 1), (20, 1, 5), (20, 3, 5)]))
        humidity = (mean + a + b + c + e).round(2)
        MS = mean_squares(humidity)
        P = MS["plank"] - MS["plank:width"] - MS["plank:depth"] + MS["residual"]
        least = MS["residual"] * 1.2
        telling = (min(MS["plank:width"], MS["plank:depth"], P) > least
                   and MS["width"] > MS["plank:width"])
        if telling and humidity.min() > 0.5:
            return load("planks").assign(humidity=humidity.ravel())


def mean_squares(y):
    """The mean squares of the table y[plank, width, depth] by line, "plank" to "residual"."""
    n = y.shape
    found = {}
    rest = y - y.mean()
    for line in [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]:
        part = rest.mean(axis=tuple({0, 1, 2} - set(line)), keepdims=True)
        rest = rest - part
        names = [("plank", "width", "depth")[i] for i in line]
        name = ":".join(names) if len(line) < 3 else "residual"
        df = np.prod([n[i] - 1 for i in line])
        found[name] = float((part ** 2).sum() * y.size / part.size / df)
    return found


TABLES = {"tiny": tiny, "planks": planks, "schools": schools}
