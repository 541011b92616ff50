"""The picture of a split-plot design shows the data: a column a main plot, a mark a mean, a line a
block."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import lmm


@pytest.fixture
def field():
    """The oats without their treatments: yield less the mean of its variety and nitrogen."""
    oats = lmm.load("oats")
    means = oats.groupby(["variety", "nitrogen"], observed=True)["yield"].transform("mean")
    return oats.assign(departure=oats["yield"] - means)


@pytest.fixture
def drawn(field):
    ax = plt.subplots()[1]
    alt = lmm.plots.strips(field, "block", "variety", "departure", ax, "A title", "¼ lb")
    yield field, ax, alt
    plt.close(ax.figure)


def lines(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def test_points_are_the_data(drawn):
    field, ax, _ = drawn
    columns = lines(ax, "o")
    assert len(columns) == 18
    assert all(np.ptp(c.get_xdata()) == 0 and len(c.get_xdata()) == 4 for c in columns)
    groups = field.groupby(["block", "variety"], observed=True)["departure"]
    for column, (_, values) in zip(columns, groups):
        assert list(column.get_ydata()) == list(values)


def test_marks_are_means_at_their_column(drawn):
    field, ax, _ = drawn
    marks, = lines(ax, "_")
    means = field.groupby(["block", "variety"], observed=True)["departure"].mean()
    assert np.allclose(marks.get_ydata(), means)
    assert list(marks.get_xdata()) == [c.get_xdata()[0] for c in lines(ax, "o")]


def test_lines_are_the_blocks_over_their_own_columns(drawn):
    field, ax, _ = drawn
    of_blocks = lines(ax, "None")
    assert np.allclose([line.get_ydata() for line in of_blocks],
                       field.groupby("block",
                                     observed=True)["departure"].mean().to_numpy()[:, None])
    places = np.reshape([c.get_xdata()[0] for c in lines(ax, "o")], (6, 3))
    for line, own, tick in zip(of_blocks, places, ax.get_xticks()):
        left, right = line.get_xdata()
        inside = (places > left) & (places < right)
        assert inside.sum() == 3
        assert set(places[inside]) == set(own)
        assert np.isclose(tick, own.mean())
    assert [t.get_text() for t in ax.get_xticklabels()] == ["I", "II", "III", "IV", "V", "VI"]


def test_names_and_alt_text(drawn):
    field, ax, alt = drawn
    assert ax.get_ylabel() == "departure (¼ lb)"
    assert "A title" in (ax.get_title(), ax.get_title("left"))
    named = [t.get_text() for t in ax.get_legend().get_texts()]
    assert named == ["mean of a variety", "mean of a block"]
    blocks = field.groupby("block", observed=True)["departure"].mean()
    assert "72 points in 18 columns" in alt and "6 groups" in alt and alt.endswith("A title")
    assert f"from {blocks.min():.4g} (V) to {blocks.max():.4g} (I)" in alt
    assert "13.46 to 26.46 apart" in alt


def test_main_plots_may_be_missing(field):
    rows = field[~((field["block"] == "II") & (field["variety"] == "Victory"))]
    ax = plt.subplots()[1]
    alt = lmm.plots.strips(rows, "block", "variety", "departure", ax)
    assert len(lines(ax, "o")) == 17 and "68 points in 17 columns" in alt
    plt.close(ax.figure)
