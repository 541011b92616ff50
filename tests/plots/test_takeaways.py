"""lmm.plots.ch13: what is drawn is the data, the curves are those of the analyses, and the alt text
says so."""

from itertools import combinations
import numpy as np
import pytest
from matplotlib import pyplot as plt
from scipy import stats

import lmm
from lmm.plots import ch13

PASTES = lmm.load("pastes")
Y = PASTES["strength"].to_numpy().reshape(10, 3, 2)
FIT = lmm.fit("strength ~ 1 + (1 | batch/cask)", PASTES)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def half_of_the_batches():
    batches = Y.mean(axis=(1, 2))
    return np.array([batches[list(h)].mean() for h in combinations(range(10), 5)])


def pairs():
    i, j = np.triu_indices(60, 1)
    gap = Y.ravel()[i] - Y.ravel()[j]
    cask = i // 2 == j // 2
    batch = i // 6 == j // 6
    return {"cask": gap[cask], "batch": gap[batch & ~cask], "other": gap[~batch]}


def test_the_scatter_of_halves_is_the_standard_error_of_the_fit():
    assert half_of_the_batches().std() == pytest.approx(FIT.bse_fe.iloc[0], rel=1e-7)


def test_half_means_draw_every_mean_and_the_curve_of_each_standard_error():
    means = half_of_the_batches()
    ax = plt.subplots()[1]
    alt = ch13.half_means({"narrow": 60 + (means - 60) / 2, "wide": means}, [0.3, 0.7], ax=ax,
                          title="found")
    width = np.ptp(means) / 21
    areas = [sum(bar.get_height() for bar in bars) * width for bars in ax.containers]
    np.testing.assert_allclose(areas, 1)
    narrow, wide = ax.get_lines()
    np.testing.assert_allclose(wide.get_ydata(),
                               stats.norm.pdf(wide.get_xdata(), means.mean(), 0.7))
    assert narrow.get_ydata().max() == pytest.approx(stats.norm.pdf(0) / 0.3, rel=1e-3)
    assert "wide: SD 0.677 of 252 means around 60.05, curve with standard error 0.7" in alt
    assert alt.endswith("found")


def test_pairs_give_the_variances_of_reml():
    half = [np.mean(d**2) / 2 for d in pairs().values()]
    batch, cask, residual = FIT.variance_components["variance"]
    np.testing.assert_allclose(np.diff(half, prepend=0), [residual, cask, batch], rtol=1e-6)


def test_pair_distances_draw_shares_of_pairs_and_of_the_model():
    kinds = pairs()
    ax = plt.subplots()[1]
    alt = ch13.pair_distances(kinds, [0.7, 9.0, 11.0], ax=ax)
    drawn = ax.get_lines()
    assert len(drawn) == 6
    for line, d in zip(drawn[::2], kinds.values()):
        assert len(line.get_ydata()) == len(d) + 1 and line.get_ydata()[-1] == 1
        at = np.searchsorted(line.get_xdata(), 3.0, side="right") - 1
        assert line.get_ydata()[at] == pytest.approx(np.mean(np.abs(d) <= 3.0))
    x = drawn[3].get_xdata()
    np.testing.assert_allclose(drawn[3].get_ydata(), 2 * stats.norm.cdf(x, scale=18**0.5) - 1)
    median = np.median(np.abs(kinds["cask"]))
    model = stats.norm.ppf(0.75) * 1.4**0.5
    assert f"cask: 30 pairs, median {median:.3g} apart, model {model:.3g}" in alt
    assert "other: 1620 pairs" in alt
