"""lmm.plots.ch02: what is drawn equals what was simulated."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from scipy import stats

import lmm


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def title(ax):
    return "".join(ax.get_title(loc=place) for place in ("left", "center"))


def normal(seed, sd, n=1000):
    return np.random.default_rng(seed).normal(10, sd, n)


def test_grand_means_are_counted_and_marked():
    means = {"same": normal(1, 1), "new": normal(2, 2)}
    alt = lmm.plots.grand_means(means, {"same": ("their mean", 10.5), "new": ("the mean", 9.5)},
                                "Finding", "mean (g)")
    panels = plt.gcf().axes
    assert len(panels) == 2 and panels[0].get_xlim() == panels[1].get_xlim()
    for ax, values, target in zip(panels, means.values(), (10.5, 9.5)):
        low = ax.patches[0].get_x()
        high = ax.patches[-1].get_x() + ax.patches[-1].get_width()
        inside = (values >= low) & (values <= high)
        assert sum(p.get_height() for p in ax.patches) == inside.sum() > 990
        assert ax.lines[0].get_xdata()[0] == target
        assert f"SD {values.std():.1f}" in title(ax) and f"SD {values.std():.1f}" in alt
    assert panels[-1].get_xlabel() == "mean (g)" and alt.endswith("Finding")


def test_coverage_draws_each_interval_once_and_counts_hits():
    centre = normal(3, 1, 100)
    panels = {"same": (centre - 1, centre + 1, 10.0), "new": (centre - 1, centre + 1, 11.0)}
    alt = lmm.plots.coverage(panels, "Finding", "mean (g)", show=30)
    for ax, (lower, upper, target) in zip(plt.gcf().axes, panels.values()):
        hit = np.abs(centre[:30] - target) <= 1
        drawn = [np.array(c.get_segments()) for c in ax.collections
                 if isinstance(c, LineCollection)]
        assert [len(d) for d in drawn] == [hit.sum(), (~hit).sum()] and 0 < hit.sum() < 30
        np.testing.assert_allclose(drawn[0][:, 0, 1], lower[:30][hit])
        np.testing.assert_allclose(drawn[1][:, 1, 1], upper[:30][~hit])
        assert f"{hit.sum()} of 30 intervals contain {target:.1f}" in alt
        assert f"{hit.sum()} of 30 hit" in title(ax)


def test_an_interval_that_ends_at_the_target_hits_it():
    assert "1 of 1 intervals contain 2.0" in lmm.plots.coverage({"same": ([1.0], [2.0], 2.0)})


def test_f_ratios_are_densities_of_all_draws():
    F = {"fixed": stats.f(5, 24).rvs(5000, random_state=1),
         "random": 4 * stats.f(5, 24).rvs(5000, random_state=2)}
    laws = {"fixed": stats.f(5, 24).pdf, "random": lambda x: stats.f(5, 24, scale=4).pdf(x)}
    alt = lmm.plots.f_ratios(F, laws, stats.f(5, 24).pdf, 2.62, title="Finding", largest=16)
    ax = plt.gca()
    for stairs, line, (name, values) in zip(ax.patches, ax.lines, F.items()):
        heights, edges, _ = stairs.get_data()
        assert edges[0] == 0 and edges[-1] == pytest.approx(16)
        assert heights @ np.diff(edges) == pytest.approx((values <= 16).mean())
        np.testing.assert_allclose(line.get_ydata(), laws[name](line.get_xdata()))
        assert f"{name}: median {np.median(values):.1f}, {(values > 2.62).mean():.0%} beyond" in alt
    assert ax.lines[3].get_xdata()[0] == 2.62 and "2.62" in alt
