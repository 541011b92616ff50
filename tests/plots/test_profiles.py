"""Interaction plots show the means that they should, and say so."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import lmm
from lmm.plots import shared

PLANKS = lmm.load("planks")


def test_few_lines_are_means_each_with_a_marker_and_a_name(ax):
    alt = lmm.plots.interaction(PLANKS, "width", "depth", "humidity", ax=ax, title="Found",
                                unit="%", unit_of_x="code")
    assert len(ax.lines) == 5
    for line, depth in zip(ax.lines, (1, 3, 5, 7, 9)):
        here = PLANKS[PLANKS["depth"] == depth]
        means = [here.loc[here["width"] == width, "humidity"].mean() for width in (1, 2, 3)]
        np.testing.assert_allclose(line.get_ydata(), means, rtol=1e-12)
        assert list(line.get_xdata()) == [0, 1, 2] and line.get_label() == f"depth {depth}"
    assert len({line.get_marker() for line in ax.lines}) == 5
    assert len({line.get_color() for line in ax.lines}) == 5
    assert sorted(text.get_text() for text in ax.texts) == [f"depth {d}" for d in (1, 3, 5, 7, 9)]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3"]
    assert ax.get_legend() is None
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("width (code)", "mean humidity (%)")
    assert "depth 5: 6.335, 6.54, 5.71" in alt and alt.endswith("Found")


def test_many_lines_are_thin_and_alike_without_names(ax):
    alt = lmm.plots.interaction(PLANKS, "depth", "plank", "humidity", ax=ax)
    assert len(ax.lines) == 20 and len({line.get_color() for line in ax.lines}) == 1
    assert not ax.texts and ax.get_legend() is None
    first = PLANKS.query("plank == 1").groupby("depth", observed=True)["humidity"].mean()
    np.testing.assert_allclose(ax.lines[0].get_ydata(), first, rtol=1e-12)
    means = PLANKS.groupby("plank", observed=True)["humidity"].mean()
    assert (f"from {means.min():.4g} (plank {means.idxmin()}) "
            f"to {means.max():.4g} (plank {means.idxmax()})") in alt
    assert "20 levels of plank" in alt


def test_marked_lines_among_many_are_dark_and_named(ax):
    alt = lmm.plots.interaction(PLANKS, "depth", "plank", "humidity", ax=ax, mark=[13, 15])
    dark = [line for line in ax.lines if line.get_color() == "black"]
    means = [PLANKS[PLANKS["plank"] == plank].groupby("depth", observed=True)["humidity"].mean()
             for plank in (13, 15)]
    np.testing.assert_allclose([line.get_ydata() for line in dark], means, rtol=1e-12)
    assert sorted(text.get_text() for text in ax.texts) == ["plank 13", "plank 15"]
    assert "drawn dark: plank 13, plank 15" in alt


def test_a_numeric_x_is_drawn_to_scale(ax):
    data = pd.DataFrame({"dose": [0, 1, 10] * 2, "drug": list("aaabbb"), "y": [1.0, 2, 3, 2, 3, 4]})
    lmm.plots.interaction(data, "dose", "drug", "y", ax=ax)
    assert all(list(line.get_xdata()) == [0, 1, 10] for line in ax.lines)


def test_an_empty_cell_leaves_a_gap_and_the_name_stands_at_the_last_mean(ax):
    data = pd.DataFrame({"x": list("uvw") * 2, "g": list("aaabbb"), "y": [1.0, 2, 3, 4, 5, np.nan]})
    lmm.plots.interaction(data, "x", "g", "y", ax=ax)
    assert np.isnan(ax.lines[1].get_ydata()).tolist() == [False, False, True]
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert heights == pytest.approx({"g a": 3, "g b": 5})


def test_one_level_of_x_is_drawn_too(ax):
    lmm.plots.interaction(PLANKS.query("depth == 1"), "depth", "width", "humidity", ax=ax)
    assert len(ax.lines) == 3 and ax.get_xlim()[0] < 0 < ax.get_xlim()[1]


def test_it_makes_its_own_axes():
    before = len(plt.get_fignums())
    lmm.plots.interaction(PLANKS, "depth", "width", "humidity")
    assert len(plt.get_fignums()) == before + 1
    plt.close()


@pytest.mark.parametrize("heights, expected", [
    ([0, 10], [0, 10]),
    ([1.0, 1.2], [0.6, 1.6]),
    ([1.0, 1.0, 1.0], [0, 1, 2]),
    ([0, 0.9, 1.8, 9], [-0.1, 0.9, 1.9, 9]),                # two clusters that grow into each other
])
def test_names_are_moved_apart_and_clusters_keep_their_middle(heights, expected):
    np.testing.assert_allclose(shared._apart(np.array(heights, dtype=float), 1.0), expected,
                               atol=1e-12)
