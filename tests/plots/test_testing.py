"""lmm.plots.ch16: what is drawn is what was given, and the alt text says so."""

import numpy as np
from scipy import stats

import lmm
from lmm.plots import canvas, ch16


FIT = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets_missing"))
L = {"NIR": [1, 0], "difference": [0, 1]}


def test_half_widths_are_drawn_at_half_of_upper_less_lower(ax):
    tables = {m: FIT.contrast(L, df=m) for m in ("containment", "satterthwaite", "kenward-roger")}
    tables["z"] = tables["satterthwaite"].assign(df=np.inf)
    alt = ch16.half_widths(tables, ax)
    drawn = [float(line.get_xdata()[0]) for line in ax.lines]
    expected = [(t["upper"] - t["lower"])[name] / 2 for name in L for t in tables.values()]
    np.testing.assert_allclose(drawn, expected)
    assert [t.get_text() for t in ax.get_yticklabels()] == 2 * list(tables)
    notes = [t.get_text() for t in ax.texts]
    assert notes == ["NIR", "19 df", "25.81 df", "25.81 df", "z", "difference", "9 df", "11.70 df",
                     "11.70 df", "z"]
    assert "difference, containment: 0.1967 (9 df)" in alt


def test_half_widths_colours_each_method_alike(ax):
    tables = {"z": FIT.contrast(L, df="satterthwaite").assign(df=np.inf),
              "containment": FIT.contrast(L, df="containment")}
    ch16.half_widths(tables, ax)
    colors = [line.get_color() for line in ax.lines]
    assert colors == 2 * [canvas.COLORS["wrong"], canvas.COLORS["data"]]


def test_tail_share_counts_draws_at_or_beyond():
    draws = np.array([0.0, 0.0, 1.0, 3.0])
    np.testing.assert_allclose(ch16.tail_share(draws, [-1, 0, 0.5, 1, 3, 4]),
                               [1, 1, 0.5, 0.5, 0.25, 0])


def test_tail_draws_the_simulated_share_and_the_references(ax):
    draws = np.append(np.zeros(50), np.linspace(0.1, 5, 50))
    alt = ch16.tail(draws, {"chi-square 1": (lambda x: stats.chi2.sf(x, 1), "wrong"),
                            "half": lambda x: 0.5 + 0 * x},
                       observed=2.5, ax=ax)
    simulated, chi, half, mark = ax.lines
    np.testing.assert_allclose(simulated.get_ydata(),
                               [np.mean(draws >= x) for x in simulated.get_xdata()])
    np.testing.assert_allclose(chi.get_ydata(), stats.chi2.sf(chi.get_xdata(), 1))
    assert chi.get_color() == canvas.COLORS["wrong"] and half.get_color() == canvas.COLORS["fixed"]
    assert set(mark.get_xdata()) == {2.5} and ax.get_yscale() == "log"
    assert "100 simulated statistics, 50% of them zero" in alt
    assert "At the observed 2.5: 0.26 simulated" in alt


def test_profile_curve_marks_both_intervals_at_the_cut(ax):
    x = np.linspace(0, 4, 41)
    alt = ch16.profile_curve(x, (x - 2) ** 2, (0.5, 3.5), 4.0, wald=(2.0, 0.5), ax=ax,
                             xlabel="variance")
    curve, limits, parabola, ends, _ = ax.lines
    np.testing.assert_allclose(curve.get_ydata(), (x - 2) ** 2)
    np.testing.assert_allclose(limits.get_xdata(), [0.5, 3.5])
    np.testing.assert_allclose(parabola.get_ydata(), 4 * (x - 2) ** 2)
    np.testing.assert_allclose(ends.get_xdata(), [1, 3])
    assert set(ends.get_ydata()) == {4.0}
    assert "reaches 4 at 0.5 and 3.5" in alt and "at 1 and 3" in alt


def test_profile_curve_without_wald(ax):
    x = np.linspace(0, 4, 41)
    assert "Wald" not in ch16.profile_curve(x, (x - 2) ** 2, (0, 4), 4.0, ax=ax)
    assert len(ax.lines) == 3
