"""lmm.plots.ch01: what is drawn is the data, and the alt text names the right figures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import stats

import lmm
from lmm.plots import ch01

SLEEP = lmm.load("sleepstudy")
WIDE = SLEEP.pivot(index="Subject", columns="Days", values="Reaction")
OLS = lmm.fit("Reaction ~ Days", SLEEP)
FIT = lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_trajectories_draw_every_group_and_the_mean():
    ax = plt.subplots()[1]
    alt = ch01.trajectories(SLEEP, "Days", "Reaction", "Subject", (308,), ax=ax)
    drawn = ax.get_lines()
    assert len(drawn) == 19
    np.testing.assert_allclose(drawn[0].get_ydata(), WIDE.loc[308])
    np.testing.assert_allclose(drawn[-1].get_ydata(), WIDE.mean())
    assert f"308 goes from {WIDE.loc[308, 0]:.4g} to {WIDE.loc[308, 9]:.4g}" in alt
    assert "18 lines" in alt


def test_sides_are_sorted_by_their_means_and_counted():
    ax = plt.subplots()[1]
    alt = ch01.sides(OLS.resid, SLEEP["Subject"], ax=ax, ylabel="residual")
    means = OLS.resid.groupby(SLEEP["Subject"], observed=True).mean().sort_values()
    np.testing.assert_allclose(lines(ax)["mean"].get_ydata(), means)
    assert [t.get_text() for t in ax.get_xticklabels()] == [str(s) for s in means.index]
    assert ch01.one_sided([1, 1, 1, -1, 1, -1, 1, -1], list("aaaabbbb")) == 1
    assert "in 7 groups" in alt


def test_own_lines_are_the_fitted_values():
    one = lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP)
    alt = ch01.own_lines([one, FIT], "Days", "Subject", "Reaction", ["parallel", "own"])
    panels = plt.gcf().axes
    assert [len(ax.get_lines()) for ax in panels] == [20, 20]
    np.testing.assert_allclose(panels[1].get_lines()[1].get_ydata(), FIT.fittedvalues[:10])
    slopes = FIT.random_effects["Subject"]["Days"] + FIT.fe_params["Days"]
    assert f"own: 18 lines with slopes from {slopes.min():.3g} to {slopes.max():.3g}" in alt


def test_p_values_are_counted():
    ax = plt.subplots()[1]
    alt = ch01.p_values({"a": [0.01, 0.02, 0.5, 0.9], "b": [0.2, 0.4, 0.6, 0.8]}, ax=ax)
    assert sum(bar.get_height() for bar in ax.patches) == 8
    assert "a 50.0%; b 0.0%" in alt


def test_the_t_test_of_means_is_the_mixed_model_with_an_intercept():
    pill = np.isin(np.arange(18), [0, 3, 4, 7, 8, 11, 13, 16, 17])
    data = SLEEP.assign(pill=np.repeat(pill, 10).astype(float))
    means = OLS.resid.to_numpy().reshape(18, 10).mean(axis=1)
    model = lmm.fit("Reaction ~ Days + pill + (1 | Subject)", data).coef_table(df="satterthwaite")
    expected = stats.ttest_ind(means[pill], means[~pill]).pvalue
    assert model.loc["pill", "p"] == pytest.approx(expected, rel=1e-5)


def test_estimators_are_those_of_the_design_with_gaps():
    """Chapter 01's closed forms against V of the 30 readings, and what the title says against the
    curves."""
    table = lmm.load("tablets_missing").dropna()
    X = lmm.design.fixed(table, "method", "reference").to_numpy(float)
    Z = lmm.design.random(table, "tablet").to_numpy(float)
    rho = np.array([0.0, 0.3, 0.7, 0.9])
    pairs, singles, rows = 2 * (1 - rho) / 10, 2 / 5, 2 * (1 - rho * 2 / 3) / 15
    se = pd.DataFrame({"pairs": pairs, "rows": rows, "mixed": 1 / (1 / pairs + 1 / singles)},
                      index=rho) ** 0.5
    plain, within = np.linalg.pinv(X)[1], np.linalg.pinv(np.hstack([X, Z]))[1]
    for r in rho:
        V = (1 - r) * np.eye(30) + r * Z @ Z.T
        gls = np.linalg.inv(X.T @ np.linalg.solve(V, X))[1, 1]
        np.testing.assert_allclose(se.loc[r]**2, [within @ V @ within, plain @ V @ plain, gls])
    ax = plt.subplots()[1]
    alt = ch01.estimators(se, 0.7, ax=ax)
    np.testing.assert_allclose(lines(ax)["mixed"].get_ydata(), se["mixed"])
    assert "The mixed is never worse" in alt and "Marked: 0.70" in alt
    assert "None is best" in ch01.estimators(se[["pairs", "rows"]])


def test_population_intervals_count_the_points_inside():
    table = pd.DataFrame({"estimate": 2.0, "lower": [1.5, 0.5], "upper": [2.5, 9]},
                         index=["narrow", "wide"])
    ax = plt.subplots()[1]
    alt = ch01.population_intervals([0, 1, 2, 3], table, ax=ax)
    assert "Of 4 own slopes 1, 3 lie inside" in (ax.get_title(), ax.get_title(loc="left"))
    assert "narrow: 1.5 to 2.5, with 1 of the points inside" in alt
    assert [t.get_text() for t in ax.get_yticklabels()] == ["own slopes", "narrow", "wide"]


def test_dropout_separates_seen_from_lost():
    cut = SLEEP.assign(seen=SLEEP["Reaction"].where(SLEEP["Reaction"] < 350))
    fits = [FIT, lmm.fit("seen ~ Days", cut), lmm.fit("seen ~ Days + (Days | Subject)", cut)]
    ax = plt.subplots()[1]
    alt = ch01.dropout(cut, "Days", "Reaction", "seen", fits, ax=ax)
    drawn = lines(ax)
    n = int(cut["seen"].notna().sum())
    assert (len(drawn["seen"].get_ydata()), len(drawn["lost"].get_ydata())) == (n, 180 - n)
    start, slope = fits[2].fe_params
    np.testing.assert_allclose(drawn["mixed model"].get_ydata(), [start, start + 9 * slope])
    assert f"{n} values seen" in alt and f"mixed model {slope:.4g}" in alt


def test_longitudinal_compares_data_with_the_model():
    V = FIT.V()[:10, :10]
    alt = ch01.longitudinal(WIDE, V, OLS.scale, titles=("near", "apart"))
    left, right = (lines(ax) for ax in plt.gcf().axes)
    corr = WIDE.corr().to_numpy()
    assert left["data"].get_ydata()[8] == pytest.approx(corr[0, 9])
    neighbours = np.diag(lmm.moments.correlation(V), 1)
    assert left["mixed model"].get_ydata()[0] == pytest.approx(neighbours.mean())
    np.testing.assert_allclose(right["mixed model"].get_ydata()**2, np.diag(V))
    np.testing.assert_allclose(right["data"].get_ydata(), WIDE.std())
    assert f"always {OLS.scale**0.5:.3g}" in alt


def test_designs_draw_one_mark_a_term_and_observation():
    fit = lmm.fit("strength ~ 1 + (1 | batch/cask)", lmm.load("pastes"))
    alt = ch01.designs([fit], ["nested"], first=12)
    batch, cask = plt.gcf().axes[0].get_lines()
    np.testing.assert_array_equal(batch.get_ydata(), [0] * 6 + [1] * 6)
    np.testing.assert_array_equal(cask.get_ydata(), 2 + np.repeat(range(6), 2))
    assert alt.count("levels") == 2
    assert "12 observations, 2 levels of batch and 6 levels of batch:cask" in alt
