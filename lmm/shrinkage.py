"""Shrinkage: how far the mean of a group is to be trusted (slide 9)."""

import numpy as np
import pandas as pd

from lmm import check


def factor(n, s2u, s2):
    """w = s2u / (s2u + s2 / n) (slide 9): 1 trusts the group's mean, 0 ignores it.

    n: number of observations in the group (or an array of them); s2u: variance between groups; s2:
    within. Raises ValueError for a group without observations or a negative variance.
    """
    n = np.asarray(n, dtype=float)
    if not (n > 0).all():
        raise ValueError("every group needs at least one observation; the smallest n is "
                         f"{n.min():g}")
    check.variances(s2u, s2)
    return s2u / (s2u + s2 / n)


def shrink(means, n, s2u, s2, mu):
    """The BLUP of each group's mean: w * mean + (1 - w) * mu (slide 9). mu: the global mean."""
    w = factor(n, s2u, s2)
    return w * np.asarray(means, dtype=float) + (1 - w) * mu


def pooling(y, group, s2u, s2):
    """Three ways to estimate the mean of each group of a one-way layout (slide 9).

    no pooling: the group's own mean; complete pooling: the mean of all observations;
    partial pooling: the BLUP, shrunk towards the GLS estimate of mu, the mean of the
    groups' means weighted with 1 / (s2u + s2 / n).

    Returns a DataFrame, one row a group: n, w, no_pooling, complete_pooling, partial_pooling.
    """
    y = check.vector(y, "y")
    group = pd.Series(pd.Categorical(group))
    check.same_rows(y=y, group=group)
    if group.isna().any():
        raise ValueError(f"group has {group.isna().sum()} missing value(s); drop those rows first")
    table = pd.Series(y).groupby(group, observed=True).agg(["size", "mean"])
    n, means = table["size"].to_numpy(), table["mean"].to_numpy()
    w = factor(n, s2u, s2)
    mu = np.average(means, weights=1 / (s2u + s2 / n))
    return pd.DataFrame({
        "n": n, "w": w,
        "no_pooling": means, "complete_pooling": y.mean(),
        "partial_pooling": shrink(means, n, s2u, s2, mu),
    }, index=table.index)
