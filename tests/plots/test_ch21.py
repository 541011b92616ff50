"""lmm.plots.ch21: what is drawn is the data, and the alt text names the right figures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from lmm import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_correlations_draws_a_line_a_model_and_the_observed_ones():
    ax = plt.subplots()[1]
    days = [1, 2, 3]
    curves = {"ar1": pd.Series([0.5, 0.25, 0.125], days), "cs": pd.Series([0.3] * 3, days)}
    alt = plots.correlations(curves, pd.Series([0.4, 0.2, -0.1], days), ax, "Decay.", "days apart")
    first, second, points, zero = ax.get_lines()
    np.testing.assert_allclose(first.get_ydata(), [0.5, 0.25, 0.125])
    np.testing.assert_allclose(second.get_ydata(), [0.3] * 3)
    np.testing.assert_allclose(points.get_ydata(), [0.4, 0.2, -0.1])
    assert set(zero.get_ydata()) == {0}
    assert "ar1 from 0.50 to 0.12; cs from 0.30 to 0.30. Observed from 0.40 to -0.10. Decay." in alt
    assert "over days apart from 1 to 3" in alt
    assert (ax.get_xlabel(), ax.get_title()) == ("days apart", "Decay.")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["ar1", "cs", "observed"]


def test_correlations_without_observed_ones():
    alt = plots.correlations({"ar1": pd.Series([0.5, 0.25], [1, 2])}, title="T.", xlabel="d")
    assert "Observed" not in alt and alt.endswith("ar1 from 0.50 to 0.25. T.")


def test_means_over_visits_draws_means_and_intervals_of_each_arm():
    table = pd.DataFrame({"arm": ["a", "a", "b", "b"], "visit": ["V1", "V2"] * 2,
                          "mean": [1.0, 2, 3, 5], "lower": [0.5, 1, 2, 4], "upper": [2.0, 3, 4, 7]})
    ax = plt.subplots()[1]
    alt = plots.means_over_visits(table, "visit", "arm", ax, "Apart.", ("visit", "FEV1 (%)"))
    for container, name, color in zip(ax.containers, "ab", ("fixed", "random")):
        rows = table[table["arm"] == name]
        np.testing.assert_allclose(container[0].get_ydata(), rows["mean"])
        assert to_hex(container[0].get_color()) == plots.COLORS[color].lower()
        ends = np.array([segment[:, 1] for segment in container[2][0].get_segments()])
        np.testing.assert_allclose(ends, rows[["lower", "upper"]])
    places = [container[0].get_xdata() for container in ax.containers]
    np.testing.assert_allclose(places[1] - places[0], 0.12)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["V1", "V2"]
    assert "FEV1 (%) with 95 % intervals at 2 visits: a 1.0, 2.0; b 3.0, 5.0. Apart." in alt
