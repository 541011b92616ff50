"""Small panels, and the pictures of the tablets, show what the tables hold."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lmm
from conftest import xy


def test_small_panels_are_ordered_by_slope_and_hold_every_value():
    data = pd.DataFrame({"t": [0, 1, 2] * 2, "g": list("aaabbb"), "y": [0.0, 2, 4, 5, 5, 5]})
    alt = lmm.plots.small_panels(data, "t", "y", "g", before=1, unit="ms", title="T.")
    first, second = plt.gcf().axes[:2]
    assert [ax.get_title(loc="center") for ax in (first, second)] == ["b", "a"]
    assert np.allclose(xy(second.lines[0]), [[0, 0], [1, 2], [2, 4]])
    assert np.allclose(xy(first.lines[1])[:, 1], 5)
    assert "slopes from" in alt and "to 2 (a)" in alt and "up to t 1" in alt
    plt.close("all")


def test_readings_joins_pairs_and_orders_by_mean(ax):
    wide = pd.DataFrame({"nir": [3.0, 1, np.nan], "hplc": [4.0, 1.5, 2]},
                        index=pd.Index(["a", "b", "c"], name="g"))
    alt = lmm.plots.readings(wide, ax=ax, by_mean=True, mean=True, title="T.")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["b", "c", "a"]
    nir, hplc, mean = (xy(line) for line in ax.lines)
    assert np.allclose(hplc[:, 1], [1.5, 2, 4]) and np.allclose(nir[[0, 2], 1],
                                                                [1, 3]) and np.isnan(nir[1, 1])
    assert np.allclose(mean[:, 1], 11.5 / 5)
    assert "3 groups (g), 2 of them with two" in alt and "up to 1 apart (a)" in alt


def test_draws_counts_every_experiment(ax):
    alt = lmm.plots.draws([0, 0, 1, 2], 1.0, ax=ax, xlabel="s", title="T.")
    assert sum(bar.get_height() for bar in ax.patches) == 4
    assert "4 simulated experiments" in alt and "50.0% are zero" in alt


def test_mean_lines_are_the_means(ax):
    means = pd.DataFrame({0.0: [1.0, 2], 0.2: [3.0, 4]}, index=["a", "b"])
    alt = lmm.plots.mean_lines(means, ax=ax, labels=("dose", "yield"), title="T.")
    assert np.allclose(xy(ax.lines[1]), [[0, 2], [0.2, 4]])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    assert "a: 1, 3; b: 2, 4" in alt


def test_main_plots_name_each_column_by_its_level(ax):
    data = pd.DataFrame({"block": list("IIIIII") + list("JJJJJJ"), "variety": list("GGMMVV") * 2,
                         "y": range(12)})
    alt = lmm.plots.main_plots(data, "block", "variety", "y", ax=ax)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["G\n ", "M\nI", "V\n ", "G\n ", "M\nJ",
                                                            "V\n "]
    assert "12 points in 6 columns" in alt
