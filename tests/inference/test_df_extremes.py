"""Degrees of freedom where formulas divide by zero or scales lie far apart.

2 and 4 df; groups that differ much.
"""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

import lmm


def groups(n_groups, n, ratio, seed=0):
    """Balanced groups whose means differ `ratio` times as much as their rows."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(n_groups), n)
    return pd.DataFrame({"g": g, "t": np.tile(np.arange(n), n_groups) / n,
                         "y": ratio * rng.normal(size=n_groups)[g] + rng.normal(size=len(g))})


@pytest.mark.parametrize("ratio", [0.5, 2, 14, 20, 100, 1000])
@pytest.mark.parametrize("n_groups, n", [(6, 20), (50, 20), (3, 4)])
def test_the_mean_of_balanced_groups_has_groups_less_one_df(n_groups, n, ratio):
    fit = lmm.fit("y ~ 1 + (1 | g)", groups(n_groups, n, ratio))
    if not fit.singular:
        for df in ("satterthwaite", "kenward-roger"):
            assert fit.coef_table(df)["df"].iloc[0] == pytest.approx(n_groups - 1, rel=1e-6)


def test_slopes_that_differ_much():
    rng = np.random.default_rng(1)
    data = groups(20, 50, 3)
    data["y"] += 0.6 * rng.normal(size=20)[data["g"]] * 50 * data["t"]
    fit = lmm.fit("y ~ t + (t | g)", data)
    for df in ("satterthwaite", "kenward-roger"):
        np.testing.assert_allclose(fit.coef_table(df)["df"], 19, rtol=1e-5)


def split_plot(blocks, treatments, seed):
    """Treatments on main plots, each split in two."""
    rng = np.random.default_rng(seed)
    data = pd.DataFrame(list(itertools.product(range(blocks), range(treatments), range(2))),
                        columns=["b", "t", "s"])
    plot = 3 * rng.normal(size=(blocks, treatments))
    data["y"] = plot[data["b"], data["t"]] + rng.normal(size=len(data))
    return data.astype({"b": "category", "t": "category", "s": "category"})


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("blocks, treatments", [(3, 2), (2, 3), (5, 2), (3, 3), (2, 5), (4, 3)])
def test_main_plots_have_the_df_of_the_plots_table(blocks, treatments, seed):
    """F and df are those of the analysis of the plots' means.

    Also with 2 df, where Kenward and Roger's formula is 0/0.
    """
    data = split_plot(blocks, treatments, seed)
    fit = lmm.fit("y ~ b + t + s + (1 | b:t)", data)
    if fit.singular:
        pytest.skip("the main plots do not vary here")
    df = (blocks - 1) * (treatments - 1)
    means = data.groupby(["b", "t"], observed=True)["y"].mean().unstack()
    residual = means.sub(means.mean(axis=1), axis=0) - means.mean() + means.to_numpy().mean()
    F = blocks * means.mean().var() / ((residual**2).to_numpy().sum() / df)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for type in (1, 3):
            row = fit.anova(type, df="kenward-roger").loc["t"]
            assert row["den_df"] == pytest.approx(df, rel=1e-6)
            assert row["F"] == pytest.approx(F, rel=1e-6)
        assert fit.coef_table("kenward-roger")["df"]["t[T.1]"] == pytest.approx(df, rel=1e-6)


def test_a_residual_that_rounding_eats_is_told():
    with pytest.warns(RuntimeWarning, match="rounding leaves few digits"):
        lmm.fit("y ~ 1 + (1 | g)", groups(6, 20, 1e5))
