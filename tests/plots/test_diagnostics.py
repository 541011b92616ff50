"""lmm.diagnostics against the dense formulas of the textbook wing and against refits."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

import lmm
from conftest import model_fit
from lmm import diagnostics, influence, plots

RNG = np.random.default_rng(8)
SLEEP, PLANKS = lmm.load("sleepstudy"), lmm.load("planks")[:150].drop(index=[3, 4, 5, 77, 140])
MODELS = {
    "slopes": model_fit("sleep_corr"),
    "weights, offset, seconds, ||": lmm.fit(
        "Reaction ~ Days + (Days || Subject)", SLEEP.assign(Days=SLEEP["Days"] * 86400.0),
        reml=False,
        weights=RNG.uniform(0.5, 2, 180), offset=RNG.normal(0, 9, 180)),
    "crossed": lmm.fit(
        "humidity ~ width + depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)", PLANKS),
    "slopes and crossed": lmm.fit("humidity ~ width + (1 | depth) + (1 + width | plank)", PLANKS),
    "nested": model_fit("pastes"),
    "singular": model_fit("dyestuff2"),
    "without random terms": lmm.fit("y ~ method", lmm.load("tablets")),
}
GROUPS = [(model, group) for model, fit in MODELS.items()
          for group in dict.fromkeys(t.name for t in fit.terms)]


@pytest.mark.parametrize("model", MODELS)
def test_residuals_and_leverage_are_the_dense_formulas(model):
    fit = MODELS[model]
    X, R, Vi = fit.X.to_numpy(), fit.R.toarray(), np.linalg.inv(fit.V())
    P = Vi - Vi @ X @ np.linalg.inv(X.T @ Vi @ X) @ X.T @ Vi
    variance = np.diag(R @ P @ R)                                # Nobre and Singer 2007, Var(e_hat)
    got = {kind: diagnostics.residuals(fit, kind) for kind in influence.KINDS}
    offset = fit.frame.offset
    np.testing.assert_allclose(got["marginal"], fit.y - offset - X @ fit.fe_params.to_numpy(),
                               rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got["conditional"], R @ P @ (fit.y - offset), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(got["standardised"], fit.resid / np.sqrt(variance),
                               rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(diagnostics.leverage(fit), np.diag(np.eye(fit.nobs) - R @ P),
                               rtol=1e-9)


def test_leverage_of_least_squares_and_without_a_variance():
    # 10 rows a method
    np.testing.assert_allclose(diagnostics.leverage(MODELS["without random terms"]), 0.1)
    np.testing.assert_allclose(diagnostics.leverage(MODELS["singular"]), 1 / 30)


@pytest.mark.parametrize("model,group", GROUPS)
def test_cooks_distance_is_that_of_refits_without_the_level(model, group):
    fit = MODELS[model]
    term = next(t for t in fit.terms if t.name == group)
    y, V = fit.y - fit.frame.offset, fit.V()
    expected = []
    for level in range(len(term.levels)):
        keep = term.codes != level
        change = (fit.fe_params - lmm.likelihood.gls(y[keep], fit.X.to_numpy()[keep],
                                                     V[np.ix_(keep, keep)]))
        expected.append(change @ np.linalg.solve(fit.cov_params(), change) / len(change))
    got = diagnostics.cooks_distance(fit, group)
    assert list(got.index) == list(term.levels) and got.index.name == group
    np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-12)


def test_cooks_distance_is_nan_where_a_level_alone_determines_an_effect():
    data = SLEEP.assign(odd=np.where(SLEEP["Subject"] == SLEEP["Subject"].iloc[-1], "yes", "no"))
    fit = lmm.fit("Reaction ~ Days + odd + (1 | Subject)", data)
    got = diagnostics.cooks_distance(fit, "Subject")
    assert list(got.index[got.isna()]) == [SLEEP["Subject"].iloc[-1]] and (got.dropna() > 0).all()
    assert "1 levels cannot be left out" in diagnostics.influence(fit, "Subject", ax=axes())


@pytest.mark.parametrize("model,group",
                         [(m, g) for m, g in GROUPS if m not in ("singular", "slopes and crossed")])
def test_errors_of_blups_are_hendersons(model, group):
    fit = MODELS[model]
    p, start, found = fit.X.shape[1], 0, 0
    C = lmm.henderson.solve(fit.y, fit.X.to_numpy(), fit.Z.toarray(), fit.G.toarray(),
                            fit.R.toarray()).C
    variances, G = lmm.henderson.prediction_error_variances(C, p), fit.G.diagonal()
    for term in fit.terms:
        m, size = len(term.columns), len(term.levels) * len(term.columns)
        for a, column in enumerate(term.columns):
            if term.name == group:
                got = diagnostics.blups(fit, group, column)
                rows = np.arange(start + a, start + size, m)
                np.testing.assert_allclose(got["se"], np.sqrt(variances[rows]), rtol=1e-8)
                np.testing.assert_allclose(got["blup"], fit.random_effects[group][column])
                spread = np.sqrt(G[rows] - variances[rows])
                np.testing.assert_allclose(got["standardised"], got["blup"] / spread, rtol=1e-7)
                found += 1
        start += size
    assert found == len(fit.random_effects[group].columns)


def test_shift_and_scale_change_nothing():
    data = SLEEP.assign(y=1e6 + 3 * SLEEP["Reaction"], x=5000 + 86400 * SLEEP["Days"])
    moved = lmm.fit("y ~ x + (x | Subject)", data)
    base = MODELS["slopes"]
    for value in (diagnostics.leverage, lambda f: diagnostics.residuals(f, "standardised"),
                  lambda f: diagnostics.cooks_distance(f, "Subject")):
        np.testing.assert_allclose(value(moved), value(base), rtol=1e-4, atol=1e-6)


def test_a_hundred_thousand_rows_need_no_square_matrix():
    n = 100_000
    data = pd.DataFrame({"g": np.arange(n) % 5000, "h": np.arange(n) // 7 % 50,
                         "x": RNG.normal(size=n)})
    data["y"] = data["x"] + RNG.normal(0, 1, 5000)[data["g"]] + RNG.normal(size=n)
    fit = lmm.fit("y ~ x + (1 + x | g) + (1 | h)", data)
    tracemalloc.start()
    total = diagnostics.leverage(fit).sum()
    diagnostics.blups(fit, "g")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # the matrix would take 8e10 bytes
    assert peak < 4e8
    assert 2 < total < 10_000


# Plots -----------------------------------------------------------------------------------------

def axes():
    plt.close("all")
    return plt.subplots(figsize=(5.5, 3.7))[1]


SLOPES = MODELS["slopes"]
MEMORY = lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP, correlation="ar1(Days | Subject)")
PLOTS = {
    "residual_plot": (lambda ax: diagnostics.residual_plot(SLOPES, ax),
                      "Largest standardised residual: row 56, 5.5"),
    "scale_location": (lambda ax: diagnostics.scale_location(SLOPES, ax),
                       "No clear trend of the spread: rank corre"),
    "qq": (lambda ax: diagnostics.qq(SLOPES, ax),
           "Furthest from normal: row 56, 5.5 for 2.8 expected"),
    "qq_blups": (lambda ax: diagnostics.qq_blups(SLOPES, "Subject", ax, column="Days"),
                 "Furthest from normal: "),
    "caterpillar": (lambda ax: diagnostics.caterpillar(SLOPES, "Subject", ax, column="Days"),
                    "6 of 18 intervals"),
    "influence": (lambda ax: diagnostics.influence(SLOPES, "Subject", ax),
                  "Most influential Subject: 309, 0.15 (next"),
    "acf": (lambda ax: diagnostics.acf(MEMORY, ax),
            "Residuals 1 apart: correlation -0.11 (162 pairs)"),
    "variogram": (lambda ax: diagnostics.variogram(MEMORY, ax),
                  "Semivariance 1.04 at distance 1, 0.73 at 9"),
}


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_draws_on_its_axes_and_says_what_it_shows(name):
    draw, finding = PLOTS[name]
    ax = axes()
    alt = draw(ax)
    assert finding in ax.get_title() and ax.get_title() in alt and len(alt) > 80
    assert ax.get_xlabel() and ax.get_ylabel() and plt.get_fignums() == [ax.figure.number]
    colors = {to_hex(line.get_color()) for line in ax.get_lines()}
    assert colors <= {c.lower() for c in plots.COLORS.values()}
    draw(None)
    assert len(plt.get_fignums()) == 2                            # without an Axes it makes its own
    plt.close("all")


def test_the_caterpillar_is_sorted_and_its_title_counts():
    ax = axes()
    diagnostics.caterpillar(SLOPES, "Subject", ax, column="Days")
    table = diagnostics.blups(SLOPES, "Subject", "Days").sort_values("blup")
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), table["blup"])
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(s) for s in table.index]
    segments = np.array([s[:, 0] for s in ax.collections[0].get_segments()])
    np.testing.assert_allclose(segments.mean(axis=1), table["blup"])
    np.testing.assert_allclose(np.ptp(segments, axis=1), 2 * 1.959963984540054 * table["se"])
    assert ax.get_title() == f"{(segments.prod(axis=1) > 0).sum()} of 18 intervals leave out 0"


def test_a_variance_of_zero_is_said():
    fit, ax = MODELS["singular"], axes()
    assert "every BLUP is 0" in diagnostics.caterpillar(fit, "Batch", ax)
    assert (diagnostics.blups(fit, "Batch") == 0).all(axis=None)
    with pytest.raises(ValueError,
                       match="the variance of 'Intercept' for 'Batch' is estimated as 0"):
        diagnostics.qq_blups(fit, "Batch")
    assert "All fitted values are equal" in diagnostics.scale_location(fit, axes())


def test_scale_location_sees_a_variance_that_grows():
    x = np.linspace(1, 10, 200)
    data = pd.DataFrame({"x": x, "y": 5 * x + x * np.random.default_rng(1).normal(size=200)})
    assert "Spread rises with the fit" in diagnostics.scale_location(lmm.fit("y ~ x", data), axes())
    data["y"] = -data["y"]
    assert "Spread falls with the fit" in diagnostics.scale_location(lmm.fit("y ~ x", data), axes())


# R 4.2.2, nlme 3.1-162, m <- lme(Reaction ~ Days, sleepstudy, ~ 1 | Subject):
# ACF(m, resType = "normalized"); with corAR1(form = ~ Days | Subject):
# Variogram(m, form = ~ Days | Subject, resType = "normalized")
NLME_ACF = [0.38251233, 0.08912477, -0.11114832, -0.14346209, -0.37387687, -0.57681012, -0.54025138,
            -0.54150229, -0.29480528]
NLME_VARIOGRAM = [1.0380445, 0.8871629, 0.9777297, 0.8364437, 0.9036899, 1.1659226, 1.0114735,
                  1.1321904, 0.7328586]


def test_acf_and_variogram_are_nlmes():
    plain = lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP)
    table = diagnostics.by_distance(plain, "Days", "Subject")
    np.testing.assert_allclose(table["correlation"], NLME_ACF, atol=1e-6)
    assert list(table["distance"]) == list(range(1, 10))
    assert list(table["pairs"]) == list(range(162, 0, -18))
    table = diagnostics.by_distance(MEMORY)
    np.testing.assert_allclose(table["semivariance"], NLME_VARIOGRAM, atol=1e-5)


def test_by_distance_needs_no_order_counts_by_time_and_takes_series():
    mixed = SLEEP.sample(frac=0.7, random_state=1)
    fit = lmm.fit("Reaction ~ 1", mixed, correlation="ar1(Days | Subject)")
    r = influence.residuals(fit, "normalised")
    same = mixed["Subject"].to_numpy()[:, None] == mixed["Subject"].to_numpy()[None, :]
    apart = np.subtract.outer(mixed["Days"].to_numpy(), mixed["Days"].to_numpy())
    table = diagnostics.by_distance(fit).set_index("distance")
    for distance in (1, 4):
        i, j = np.nonzero(same & (apart == distance))
        e = r.to_numpy()
        assert table.loc[distance, "pairs"] == len(i)
        assert table.loc[distance, "correlation"] == pytest.approx((e[i] * e[j]).mean()
                                                                   / (e**2).mean())
        assert table.loc[distance, "semivariance"] == pytest.approx(((e[i] - e[j])**2).mean() / 2)
    plain = lmm.fit("Reaction ~ 1", mixed)
    by_series = diagnostics.by_distance(plain, SLEEP["Days"], SLEEP["Subject"])
    with_names = lmm.fit("Reaction ~ Days + (1 | Subject)", mixed)
    assert list(by_series["pairs"]) == list(diagnostics.by_distance(with_names, "Days",
                                                                    "Subject")["pairs"])


def test_many_distances_are_put_into_classes():
    data = SLEEP.assign(t=SLEEP["Days"] + RNG.uniform(0, 0.5, 180))
    fit = lmm.fit("Reaction ~ t", data, correlation="car1(t | Subject)")
    table = diagnostics.by_distance(fit)
    assert len(table) == 20 and table["pairs"].sum() == 18 * 45
    assert table["distance"].is_monotonic_increasing and np.ptp(table["pairs"]) <= 2
    assert 0.5 < table["distance"][0] < 1.5


def test_the_times_of_a_factor_are_its_visits():
    fev = lmm.load("fev")
    fit = lmm.fit("FEV1 ~ ARMCD", fev, correlation="us(AVISIT | USUBJID)", variance="AVISIT")
    table = diagnostics.by_distance(fit)
    assert list(table["distance"]) == [1, 2, 3] and "distance in AVISIT" in _drawn(fit)


def _drawn(fit):
    ax = axes()
    diagnostics.variogram(fit, ax)
    return ax.get_xlabel()


BAD = {
    "no time": (lambda: diagnostics.acf(SLOPES), "names the time; give time="),
    "no subject": (lambda: diagnostics.acf(SLOPES, time="Days"),
                   "names the subject; give subject="),
    "unknown time": (lambda: diagnostics.variogram(SLOPES, time="day", subject="Subject"),
                     "no column 'day' in the fit's data; there are: Days, Reaction, Subject"),
    "a factor": (lambda: diagnostics.acf(SLOPES, time="Subject", subject="Days"),
                 "time must be numbers, and 'Subject' is"),
    "no pairs": (lambda: diagnostics.acf(MODELS["nested"], time=pd.Series(0.0, range(60)),
                                         subject=pd.Series(range(60))),
                 "no subject has two rows"),
    "kind": (lambda: diagnostics.residuals(SLOPES, "raw"),
             "kind must be one of conditional, standardised, normalised, marginal, not 'raw'"),
    "group": (lambda: diagnostics.cooks_distance(SLOPES, "Days"),
              "no grouping factor 'Days' in the fit; there are: Subject"),
    "influence": (lambda: diagnostics.influence(MODELS["crossed"], "x"),
                  "there are: plank, plank:width, plank:depth"),
    "no groups": (lambda: diagnostics.caterpillar(MODELS["without random terms"], "method"),
                  "there are: none"),
    "column": (lambda: diagnostics.caterpillar(SLOPES, "Subject", column="x"),
               "no random effect 'x' for 'Subject'; there are: Intercept, Days"),
    "column of ||": (lambda: diagnostics.qq_blups(MODELS["weights, offset, seconds, ||"], "Subject",
                                                  column="x"),
                     "there are: Intercept, Days"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_level_with_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr(influence, "MOST_ROWS_A_LEVEL", 9)
    with pytest.raises(ValueError, match="the level .* of 'Subject' has 10 rows; .* stops at 9"):
        diagnostics.cooks_distance(SLOPES, "Subject")
