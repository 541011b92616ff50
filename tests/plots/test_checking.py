"""lmm.plots.ch17: what is drawn is the data, and the alt text names the right figures."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

import lmm
import lmm.influence
from lmm import plots

SLEEP = lmm.load("sleepstudy")
E = lmm.influence.residuals(lmm.fit("Reaction ~ Days + (1 + Days | Subject)", SLEEP),
                            "standardised")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_by_group_has_a_row_a_group_sorted_by_spread():
    ax = plt.subplots()[1]
    alt = plots.by_group(E, SLEEP["Subject"], ax, title="Rows.", labels=("residual", "subject"))
    *rows, zero = ax.get_lines()
    names = [int(t.get_text()) for t in ax.get_yticklabels()]
    spread = E.groupby(SLEEP["Subject"].to_numpy()).std()
    assert names == list(spread.sort_values().index) and names[-1] == 332 and names[0] == 309
    for height, (line, name) in enumerate(zip(rows, names)):
        np.testing.assert_allclose(line.get_xdata(), E[(SLEEP["Subject"] == name).to_numpy()])
        assert set(line.get_ydata()) == {height}
    assert len(rows) == 18 and list(zero.get_xdata()) == [0, 0]
    assert "180 values (residual) in 18 rows by subject" in alt
    assert "0.37 for 309 to 2.49 for 332" in alt


def test_by_group_takes_any_index_and_plain_groups():
    values = pd.Series([1.0, -1.0, 3.0, -3.0], index=[7, 8, 9, 10])
    alt = plots.by_group(values, ["a", "a", "b", "b"], labels=("e", "g"))
    assert "4 values (e) in 2 rows by g" in alt and "1.41 for a to 4.24 for b" in alt
    assert [t.get_text() for t in plt.gca().get_yticklabels()] == ["a", "b"]


def test_against_draws_the_points_and_their_line():
    ax = plt.subplots()[1]
    x = np.array([0.0, 1, 2, 3])
    alt = plots.against(pd.Series([1.0, 3, 5, 7.0]), x, ax, "Line.", ("age", "BLUP"),
                        color="random")
    _, points, line = ax.get_lines()
    np.testing.assert_allclose(points.get_ydata(), [1, 3, 5, 7])
    np.testing.assert_allclose(line.get_ydata(), [1, 7])
    assert to_hex(points.get_color()) == plots.COLORS["random"].lower()
    assert "4 points, BLUP against age from 0 to 3" in alt and "slope 2, correlation 1.00" in alt
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("age", "BLUP", "Line.")
