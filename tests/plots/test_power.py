"""lmm.plots.ch18: what is drawn is what was given, and the alt text says so."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lmm.plots import canvas, ch18


def test_two_worlds_shades_the_power(ax):
    alt = ch18.two_worlds(2.0, 9, ax=ax)
    nothing, something, *edges = ax.lines
    x = nothing.get_xdata()
    critical = stats.t.ppf(0.975, 9)
    np.testing.assert_allclose(nothing.get_ydata(), stats.t.pdf(x, 9))
    np.testing.assert_allclose(something.get_ydata(), stats.nct.pdf(x, 9, 2.0))
    assert sorted(e.get_xdata()[0] for e in edges) == pytest.approx([-critical, critical])
    area = sum(np.trapezoid(*p.get_paths()[0].vertices[:, ::-1].T) for p in ax.collections)
    expected = stats.nct.sf(critical, 9, 2.0) + stats.nct.cdf(-critical, 9, 2.0)
    assert abs(area) == pytest.approx(expected, abs=0.02)
    assert f"the power, {expected:.2g}" in alt


def test_power_curves_draws_each_column_and_each_point(ax):
    curves = pd.DataFrame({"a": [0.1, 0.5, 0.9], "b": [0.3, 0.4, 0.2]}, index=[2, 4, 8])
    points = pd.DataFrame({"line": ["a", "b"], "x": [4, 8], "power": [0.52, 0.21],
                           "se": [0.04, 0.03]})
    alt = ch18.power_curves(curves, points=points, ax=ax, xlabel="tablets", log=True)
    for line, name in zip(ax.lines, curves):
        np.testing.assert_allclose(line.get_ydata(), curves[name])
    assert ax.lines[0].get_color() == canvas.COLORS["fixed"]
    assert ax.lines[1].get_color() == canvas.COLORS["random"]
    bars = [c for c in ax.containers]
    assert [float(b.lines[0].get_xdata()[0]) for b in bars] == [4, 8]
    segment = bars[0].lines[2][0].get_segments()[0]
    np.testing.assert_allclose(sorted(segment[:, 1]), [0.44, 0.60])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2", "4", "8"]
    assert "a from 0.1 to 0.9, highest 0.9 at 8" in alt
    assert "b from 0.3 to 0.2, highest 0.4 at 4" in alt
    assert "2 simulated points" in alt


def test_planned_power_counts_every_study(ax):
    powers = np.array([0.1, 0.5, 0.7, 0.79, 0.81, 0.9, 0.95, 0.99, 0.99, 1.0])
    alt = ch18.planned_power(powers, ax=ax)
    assert sum(p.get_height() for p in ax.patches) == 10
    assert set(ax.lines[0].get_xdata()) == {0.8}
    assert "10 planned studies" in alt and "40% below the promised 0.8" in alt
