"""The pictures of a posterior show what they are given."""

import numpy as np
import pandas as pd

import lmm
from conftest import xy


def test_densities_draw_each_curve_and_name_its_peak(ax):
    x = np.geomspace(0.1, 100, 31)
    curves = {"low": np.exp(-np.log(x / 1) ** 2), "high": 2 * np.exp(-np.log(x / 10) ** 2)}
    alt = lmm.plots.densities(x, curves, ax=ax, mark={"REML": 5}, xlabel="sd (g)", title="T.")
    low, high, mark = ax.lines
    assert np.allclose(xy(low), np.column_stack([x, curves["low"]]))
    assert np.allclose(xy(high)[:, 1], curves["high"])
    assert set(xy(mark)[:, 0]) == {5} and ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["low", "high", "REML"]
    assert "low at 1, high at 10" in alt and "from 0.1 to 100" in alt and alt.endswith("T.")


def test_trace_draws_the_first_draws_and_the_starts(ax):
    chains = np.array([[1.0, 2, 3, 4], [100, 50, 5, 9]])
    alt = lmm.plots.trace(chains, ax=ax, first=3, ylabel="sd")
    one, start, other, _ = (xy(line) for line in ax.lines)
    assert np.array_equal(one, [[0, 1], [1, 2], [2, 3]])
    assert np.array_equal(other[:, 1], [100, 50, 5])
    assert np.array_equal(start, [[0, 1]]) and ax.get_yscale() == "log"
    assert "2 chains of 3 draws" in alt
    assert "start at 1, 100" in alt
    assert "end between 3 and 5" in alt


def test_posterior_has_a_histogram_of_all_draws_a_curve_and_the_intervals(ax):
    draws = np.random.default_rng(1).gamma(4, 10, 5000)
    x = np.linspace(0.1, 200, 400)
    density = x**3 * np.exp(-x / 10) / 6e4
    marks = {"one": (10, 30, 60), "other": (12, 35, 90)}
    alt = lmm.plots.posterior(draws, x, density, marks, ax=ax, upto=120, xlabel="sd")
    heights, edges, _ = ax.patches[0].get_data()
    assert np.isclose(heights.sum() * (edges[1] - edges[0]), (draws < 120).mean())
    curve, bar, point, bar2, point2 = (xy(line) for line in ax.lines)
    assert curve[:, 0].max() <= 120 and np.allclose(curve[:, 1], density[x <= 120])
    assert list(bar[:, 0]) == [10, 60]
    assert list(point[:, 0]) == [30]
    assert list(bar2[:, 0]) == [12, 90]
    assert (bar[:, 1] < 0).all() and (bar2[:, 1] < bar[:, 1]).all() and point2[0, 0] == 35
    assert "5000 draws" in alt
    assert "one: 30 (10 to 60); other: 35 (12 to 90)" in alt
    assert "highest near 30" in alt


def test_versus_draws_two_intervals_a_level(ax):
    names = pd.Index(["a", "b"], name="batch")
    first = pd.DataFrame({"lower": [0.0, 1], "estimate": [1.0, 2], "upper": [2.0, 3]}, names)
    second = first.assign(lower=[-1.0, 0], upper=[3.0, 4])
    alt = lmm.plots.versus({"known": first, "averaged": second}, ax=ax, xlabel="g")
    bars = [np.array(c.get_segments()) for c in ax.collections]
    assert np.allclose(bars[0][:, :, 0], [[0, 2], [1, 3]])
    assert np.allclose(bars[1][:, :, 0], [[-1, 3], [0, 4]])
    # the first above the second: the axis runs down
    assert (bars[0][:, 0, 1] < bars[1][:, 0, 1]).all()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"] and ax.get_ylabel() == "batch"
    assert "each of 2 levels" in alt and "known 2, averaged 4" in alt
