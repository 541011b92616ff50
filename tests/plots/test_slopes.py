"""lmm.plots.ch15: what is drawn is the data, and the alt text names the right figures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from scipy import stats

import lmm
from lmm import plots

SLEEP = lmm.load("sleepstudy")
WIDE = SLEEP.pivot(index="Subject", columns="Days", values="Reaction")
OWN = pd.DataFrame([np.polyfit(range(10), row, 1)[::-1] for row in WIDE.to_numpy()], WIDE.index,
                   ["Intercept", "Days"])
FIT = lmm.fit("Reaction ~ Days + (1 + Days | Subject)", SLEEP)
RANDOM = FIT.random_effects["Subject"] + FIT.fe_params


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_fan_draws_each_line_and_their_mean():
    ax = plt.subplots()[1]
    alt = plots.fan(OWN, [0, 9], ax, title="Fan.", labels=("Days", "ms"))
    *each, mean = ax.get_lines()
    assert len(each) == 18 and mean.get_linestyle() == "--"
    for line, (a, b) in zip(each, OWN.to_numpy()):
        np.testing.assert_allclose(line.get_ydata(), [a, a + 9 * b])
    np.testing.assert_allclose(mean.get_ydata(), [251.405105, 251.405105 + 9 * 10.467286],
                               rtol=1e-7)
    assert "18 lines over Days from 0 to 9, slopes from -2.88 to 21.8" in alt
    assert "intercept 251.4 and slope 10.47" in alt and alt.endswith("Fan.")
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("Days", "ms", "Fan.")


def test_panels_hold_the_readings_and_three_lines_each():
    chosen = [308, 335, 332]
    alt = plots.panels(SLEEP, "Days", "Reaction", "Subject", OWN, RANDOM, FIT.fe_params, chosen,
                       "Six.")
    grid = plt.gcf().axes
    assert [ax.get_visible() for ax in grid] == [True, True, True, False]
    for ax, level in zip(grid, chosen):
        points, common, own, random = ax.get_lines()
        assert ax.get_title() == f"Subject {level}"
        np.testing.assert_allclose(points.get_ydata(), WIDE.loc[level])
        for line, (a, b) in [(common, FIT.fe_params), (own, OWN.loc[level]),
                             (random, RANDOM.loc[level])]:
            np.testing.assert_allclose(line.get_ydata(), [a, a + 9 * b])
    assert alt.startswith("3 panels") and "335 from -2.88 to -0.285" in alt and "slope 10.47" in alt


def test_plane_has_an_arrow_a_group_from_own_to_random():
    ax = plt.subplots()[1]
    alt = plots.plane(OWN, RANDOM, ax, title="Plane.", labels=("a", "b"))
    arrows = [note for note in ax.texts if note.arrow_patch is not None]
    assert len(arrows) == 18
    for arrow, level in zip(arrows, OWN.index):
        np.testing.assert_allclose(arrow.xyann, OWN.loc[level])
        np.testing.assert_allclose(arrow.xy, RANDOM.loc[level])
    # the slopes that move most
    assert [note.get_text() for note in ax.texts if note.get_text()] == ["370", "330"]
    points, diamonds, centre = ax.get_lines()
    assert len(points.get_xdata()) == len(diamonds.get_xdata()) == 18
    np.testing.assert_allclose([centre.get_xdata()[0], centre.get_ydata()[0]], FIT.fe_params)
    assert "goes from 6.56 to 5.46; 370 moves furthest" in alt and "(251.4, 10.47)" in alt


def test_variance_curves_count_the_intervals_they_meet():
    ax = plt.subplots()[1]
    variances = WIDE.var()
    flat = variances.mean()
    curves = {"flat": (lambda x: flat, "wrong", "--"),
              "line": (lambda x: 1000 + 400 * x, "random", "-")}
    alt = plots.variance_curves(range(10), variances, 17, curves, ax, labels=("Days", "ms²"))
    points, first, second = ax.get_lines()
    np.testing.assert_allclose(points.get_ydata(), variances)
    assert set(first.get_ydata()) == {flat}
    assert to_hex(first.get_color()) == plots.COLORS["wrong"].lower()
    np.testing.assert_allclose(second.get_ydata()[[0, -1]], [1000, 4600])
    ends = np.array(ax.collections[0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, np.outer(variances, 17 / stats.chi2.ppf([0.975, 0.025], 17)))
    inside = ((ends[:, 0] < flat) & (flat < ends[:, 1])).sum()
    assert 0 < inside < 10
    assert f"flat goes from {flat:.4g} to {flat:.4g} and meets {inside} of 10 intervals" in alt
    assert "from 1032 to 4487, with 95 % intervals (17 df)" in alt
    assert ax.get_ylim()[0] == 0
