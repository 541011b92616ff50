"""Pictures of lmm.plots.ch_extra_*: what is drawn is the data, and the alt text names the right
figures."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

import lmm
from lmm import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_replicates_counts_all_draws_and_names_the_intervals():
    ax = plt.subplots()[1]
    draws = np.random.default_rng(0).gamma(3, size=200)
    alt = plots.replicates(draws, 2.5, {"Wald": (-1, 4), "profile": (1, 9)}, ax, "Title.", "x")
    [steps] = [patch for patch in ax.patches if hasattr(patch, "get_data")]
    values, edges, _ = steps.get_data()
    assert values.sum() == 200 and edges[0] <= -0.0 and edges[-1] >= draws.max()
    assert "200 estimates" in alt and "Wald from -1 to 4; profile from 1 to 9" in alt
    assert alt.endswith("Title.")


def test_runs_draws_the_residuals_of_each_chosen_group_in_the_order_of_x():
    e, x, g = [1, -1, 2, 3, -2, -3], [1, 0, 2, 0, 1, 2], [7, 7, 7, 8, 8, 8]
    alt = plots.runs(e, x, g, [7, 8], "Title.", ("day", "residual"))
    first, second = plt.gcf().axes
    assert list(first.get_lines()[1].get_ydata()) == [-1, 1, 2]
    assert list(second.get_lines()[1].get_ydata()) == [3, -2, -3]
    assert "Changes of sign: 7 1, 8 1" in alt and alt.endswith("Title.")


def test_correlogram_draws_the_data_and_each_model():
    ax = plt.subplots()[1]
    alt = plots.correlogram([1, 2], [0.8, 0.5], {"flat": ([0.6, 0.6], "wrong", "--")}, ax, "Title.",
                            ("lag", "correlation"))
    points, line = ax.get_lines()
    assert list(points.get_ydata()) == [0.8, 0.5] and list(line.get_ydata()) == [0.6, 0.6]
    assert "the data from 0.80 to 0.50, flat from 0.60 to 0.60" in alt


def test_a_caterpillar_takes_a_title_of_its_own():
    fit = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets"))
    assert lmm.diagnostics.caterpillar(fit, "tablet").endswith("2 of 10 intervals leave out 0.")
    assert lmm.diagnostics.caterpillar(fit, "tablet", title="Mine").endswith("Mine.")
