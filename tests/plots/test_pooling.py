"""The pictures of pooling show what the tables hold."""

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import xy


@pytest.fixture
def data():
    return pd.DataFrame({"g": list("bbbaacdddd"), "y": [4.0, 5, 6, 1, 2, 9, 3, 3, 3, 4]})


def test_readings_by_group_draws_every_reading_in_the_order_of_the_means(ax, data):
    alt = lmm.plots.readings_by_group(data, "g", "y", ax=ax, unit="kg", title="T.")
    rows = [t.get_text() for t in ax.get_yticklabels()]
    assert rows == ["a (n = 2)", "d (n = 4)", "b (n = 3)", "c (n = 1)"]
    dots = [xy(line) for line in ax.lines if line.get_marker() == "o"]
    bars = [xy(line) for line in ax.lines if line.get_marker() == "|"]
    assert sorted(np.concatenate(dots)[:, 0]) == sorted(data["y"])
    assert [d[0, 1] for d in dots] == [0, 1, 2, 3]
    assert np.allclose(np.concatenate(bars), [[1.5, 0], [3.25, 1], [5, 2], [9, 3]])
    assert ax.get_xlabel() == "y (kg)"
    assert "4 groups" in alt
    assert "from a with 1.5 (n = 2) to c with 9 (n = 1)" in alt
    assert "1 to 4 a group" in alt


def test_cloud_draws_the_points_and_both_slopes(ax):
    rng = np.random.default_rng(1)
    u = rng.normal(size=1000)
    own = u + rng.normal(size=1000)
    alt = lmm.plots.cloud(own, u, 0.5, ax=ax, shown=300)
    points, steep, flat = (xy(line) for line in ax.lines)
    assert np.allclose(points, np.column_stack([own, u])[:300])
    assert np.allclose(steep[:, 1], steep[:, 0]) and np.allclose(flat[:, 1], 0.5 * flat[:, 0])
    assert "300 simulated groups" in alt
    assert f"deviation {own.std():.3g}" in alt
    assert "slope 0.5 " in alt


def test_shrinkage_judged_puts_each_truth_in_its_own_row(ax, data):
    table = lmm.shrinkage.pooling(data["y"], data["g"], s2u=2.0, s2=2.0)
    truth = pd.Series({"a": 2.0, "b": 5.0, "c": 6.0, "d": 3.0})
    alt = lmm.plots.shrinkage_judged(table, truth, ax=ax, centre=4.0)
    crosses, = [xy(line) for line in ax.lines if line.get_marker() == "x"]
    assert np.allclose(crosses, [[2, 0], [3, 1], [5, 2], [6, 3]])
    near = (table["partial_pooling"] - truth).abs() < (table["no_pooling"] - truth).abs()
    assert f"{near.sum()} of 4 BLUPs are nearer" in alt
    assert "truth" in [t.get_text() for t in ax.get_legend().get_texts()]


@pytest.mark.parametrize("names", ["legend", "ends"])
def test_error_curves_draw_lines_points_and_minima(ax, names):
    x = np.linspace(0, 2, 21)
    curves = pd.DataFrame({"A": (x - 1)**2, "B": 0.5 + 0 * x}, index=x)
    points = curves.loc[[0.0, 2.0]] + 0.01
    alt = lmm.plots.error_curves(curves, points, ["data", "random"], ax=ax, names=names,
                                 lowest=True, labels=("x", "error"))
    lines = {line.get_label(): xy(line) for line in ax.lines}
    assert np.allclose(lines["A"], np.column_stack([x, curves["A"]]))
    assert np.allclose(lines["B"][:, 1], 0.5)
    dots = [xy(line) for line in ax.lines if line.get_marker() == "o"]
    assert np.allclose(dots, [[[0, 1.01], [2, 1.01]], [[0, 0.51], [2, 0.51]]])
    lowest = [xy(line) for line in ax.lines if line.get_marker() == "D"]
    assert np.allclose(lowest[0], [[1, 0]])
    assert (ax.get_legend() is not None) == (names == "legend")
    assert "2 lines of error over x from 0 to 2: A from 1 to 1, lowest 0 at 1" in alt
    assert "within 0.01 of the lines" in alt


def test_error_curves_with_logarithmic_x_tick_at_the_points(ax):
    curves = pd.DataFrame({"A": [3.0, 2, 1]}, index=[1, 2, 4])
    lmm.plots.error_curves(curves, ax=ax, log=True)
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "2", "4"]
