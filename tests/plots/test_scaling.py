"""The pictures of size show what was measured, and a matrix's entries."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import lmm
from benchmarks import scaling


def test_growth_draws_all_that_was_measured(ax):
    table = lmm.load("scaling")
    alt = lmm.plots.growth(table, "megabytes", ax=ax, title="T.")
    drawn = np.vstack([np.column_stack(line.get_data()) for line in ax.lines])
    assert np.allclose(drawn, table[["N", "megabytes"]]) and len(ax.lines) == 4
    assert ax.get_xscale() == ax.get_yscale() == "log"
    last = table[table["route"] == "engine"].iloc[-1]
    assert f"lmm.fit: {last['megabytes']:.3g} MB at 1,000,000 rows" in alt and alt.endswith("T.")


def test_exponent_is_the_slope_between_the_last_two_sizes(ax):
    table = pd.DataFrame({"route": "V", "N": [10, 100, 1000], "seconds": [1.0, 2, 2000]})
    assert np.isclose(lmm.plots.exponent(table, "seconds"), 3)
    alt = lmm.plots.growth(table, "seconds", ax=ax, names=False)
    assert "2e+03 s at 1,000 rows, exponent 3.0" in alt and ax.get_legend() is None


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_pattern_has_a_dot_an_entry(ax, kind):
    A = np.array([[1.0, 0, 2], [0, 3, 0], [4, 0, 5]])
    alt = lmm.plots.pattern(kind(A), ax=ax, at={"one": 0, "rest": 1})
    dots = set(zip(*(v.tolist() for v in ax.lines[0].get_data())))
    assert dots == {(j, i) for i, j in zip(*np.nonzero(A))}
    assert "3 by 3 matrix: 5 of 9 entries" in alt
    assert [t.get_text() for t in ax.get_xticklabels()] == ["one", "rest"]
    assert list(ax.get_xticks()) == [0, 1.5]
    assert set(ax.lines[1].get_ydata()) == {0.5} and set(ax.lines[2].get_xdata()) == {0.5}


def test_the_stored_measurements_are_complete_and_in_order():
    table = lmm.load("scaling")
    assert list(table.columns) == ["route", "N", "q", "seconds", "megabytes"]
    assert list(table["route"].cat.categories) == ["V", "Henderson", "engine", "crossed"]
    assert (table[["seconds", "megabytes"]] > 0).all(axis=None)
    assert all(rows["N"].is_monotonic_increasing
               for _, rows in table.groupby("route", observed=True))
    million = table[(table["route"] == "engine") & (table["N"] == 1_000_000)].iloc[0]
    dense = table[table["route"] == "V"].iloc[-1]
    assert million["megabytes"] < dense["megabytes"]          # what chapter 19 says
    assert million["seconds"] < dense["seconds"]


def test_the_routes_that_were_measured_agree():
    data = scaling.groups(300)
    for one, other in zip(scaling.by_V(data), scaling.by_henderson(data)):
        assert np.allclose(one, other)
    assert scaling.by_engine(data).Z.shape == (300, 30)
