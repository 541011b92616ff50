"""Time and memory of three routes to one model against its size: python -m benchmarks.scaling

Writes data/scaling.csv, which chapter 19 draws; a cell must not measure, or its output would change
from run to run. The model is y ~ x + (1 | g) with ten rows a group. Each route starts from the
columns of the table:

    V          slides 29 to 34 with dense matrices: V, its Cholesky factor, beta, u, l_REML, once
    Henderson  slide 33 with a dense matrix of p + q rows: its factor, beta, u, l_REML, once
    engine     lmm.fit: formula, set-up, the whole search for the variances, estimates
    crossed    lmm.fit with three crossed terms, of the shape of lme4's InstEval

Seconds are the best of five rounds (all sizes once, then all again: a busy moment spoils one round,
not one size; what is fast is repeated within a round). Megabytes are the peak of what is allocated
on the way (tracemalloc, in a run of its own); the table itself is not counted.
"""

import platform
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve

import lmm
from benchmarks.tables import insteval

DATA = Path(__file__).parents[1] / "data"
ROUNDS, AT_LEAST = 5, 0.2                                     # seconds of repetition within a round
S2B, S2 = 0.5, 1.0
SIZES = {"V": [300, 1_000, 3_000, 5_000], "Henderson": [1_000, 3_000, 10_000, 30_000],
         "engine": [1_000, 10_000, 100_000, 1_000_000]}


def groups(n, seed=19):
    """n rows in n / 10 groups."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(n // 10), 10), rng.normal(size=n)
    y = 1 + 2 * x + rng.normal(0, np.sqrt(S2B), n // 10)[g] + rng.normal(0, np.sqrt(S2), n)
    return pd.DataFrame({"y": y, "x": x, "g": pd.Categorical(g)})


def columns(data):
    """y, X and the codes of the groups."""
    X = np.column_stack([np.ones(len(data)), data["x"]])
    return data["y"].to_numpy(), X, data["g"].cat.codes.to_numpy()


def by_V(data):
    """beta, u and 2 l_REML through V, dense."""
    y, X, codes = columns(data)
    n, q = len(y), codes.max() + 1
    Z = np.zeros((n, q))
    Z[np.arange(n), codes] = 1
    V = Z @ (S2B * np.eye(q)) @ Z.T + S2 * np.eye(n)
    factor = cho_factor(V, lower=True)
    Vi_X = cho_solve(factor, X)
    XVX = X.T @ Vi_X
    beta = np.linalg.solve(XVX, Vi_X.T @ y)
    r = y - X @ beta
    Vi_r = cho_solve(factor, r)
    logdet = 2 * np.log(np.diag(factor[0])).sum() + np.linalg.slogdet(XVX)[1]
    return beta, S2B * Z.T @ Vi_r, n * np.log(2 * np.pi) + logdet + r @ Vi_r


def by_henderson(data):
    """The same through Henderson's equations, with a dense matrix."""
    y, X, codes = columns(data)
    n, p, q = len(y), X.shape[1], codes.max() + 1
    Z = sparse.csr_array((np.ones(n), codes, np.arange(n + 1)), shape=(n, q))
    left = np.empty((p + q, p + q))
    left[:p, :p] = X.T @ X / S2
    left[p:, :p] = Z.T @ X / S2
    left[p:, p:] = (Z.T @ Z).toarray() / S2
    left[:p, p:] = left[p:, :p].T
    left[range(p, p + q), range(p, p + q)] += 1 / S2B
    factor = cho_factor(left, lower=True)
    right = np.concatenate([X.T @ y, Z.T @ y]) / S2
    solution = cho_solve(factor, right)
    logdet = 2 * np.log(np.diag(factor[0])).sum() + q * np.log(S2B) + n * np.log(S2)
    criterion = n * np.log(2 * np.pi) + logdet + y @ y / S2 - right @ solution
    return solution[:p], solution[p:], criterion


def by_engine(data):
    return lmm.fit("y ~ x + (1 | g)", data)


def crossed(data):
    return lmm.fit("y ~ 1 + (1 | s) + (1 | d) + (1 | dept)", data)


def seconds(route, data):
    """The fastest call; calls are repeated until they add up to AT_LEAST seconds."""
    times = []
    while sum(times) < AT_LEAST:
        start = time.perf_counter()
        route(data)
        times.append(time.perf_counter() - start)
    return min(times)


def megabytes(route, data):
    """The peak of allocated memory."""
    tracemalloc.start()
    route(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main():
    for one, other in zip(by_V(groups(300)), by_henderson(groups(300))):
        assert np.allclose(one, other)                        # what is compared is the same
    cases = [(name, route, groups(n), n // 10)
             for (name, sizes), route in zip(SIZES.items(), (by_V, by_henderson, by_engine))
             for n in sizes]
    rating = insteval()
    cases.append(("crossed", crossed, rating, sum(rating[g].nunique() for g in ("s", "d", "dept"))))
    for _, route, data, _ in cases:
        if len(data) <= 10_000:
            route(data)                                       # imports and caches
    rounds = [[seconds(route, data) for _, route, data, _ in cases] for _ in range(ROUNDS)]
    rows = []
    for (name, route, data, q), best in zip(cases, np.min(rounds, axis=0)):
        measured = [float(f"{value:.3g}") for value in (best, megabytes(route, data))]
        rows.append((name, len(data), q, *measured))
        print("{:10} {:9,} rows {:7,} effects {:9.4g} s {:9.4g} MB".format(*rows[-1]), flush=True)
    pd.DataFrame(rows, columns=["route", "N", "q", "seconds", "megabytes"]).to_csv(
        DATA / "scaling.csv", index=False)
    print(f"Python {platform.python_version()}, numpy {np.__version__}")


if __name__ == "__main__":
    main()
