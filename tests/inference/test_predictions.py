"""predict and simulate: against the fit, Henderson's C computed densely, and by simulation."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

import lmm

SLEEP, PLANKS = lmm.load("sleepstudy"), lmm.load("planks")
WEIGHTED = SLEEP.assign(w=np.linspace(0.5, 2, 180), Days=SLEEP["Days"] - 3)
FITS = {
    "slopes": lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP),
    "crossed": lmm.fit(
        "humidity ~ width * depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)", PLANKS),
    "weights": lmm.fit("Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)", WEIGHTED,
                       weights="w"),
    "factor slopes": lmm.fit("humidity ~ depth + (0 + width | plank)", PLANKS, reml=False),
    "no random term": lmm.fit("humidity ~ width + depth", PLANKS),
}
TABLES = {"slopes": SLEEP, "crossed": PLANKS, "weights": WEIGHTED, "factor slopes": PLANKS,
          "no random term": PLANKS}
Z95 = 1.959963984540054


def variances(table):
    """Variances of the mean and of an observation, from an interval's width."""
    assert np.allclose(table["mean"] - table["lower"], table["upper"] - table["mean"])
    return [((table[c] - table["mean"]) / Z95).to_numpy() ** 2 for c in ("conf_upper", "upper")]


@pytest.mark.parametrize("name", FITS)
def test_the_fits_own_rows(name):
    fit, data = FITS[name], TABLES[name]
    np.testing.assert_allclose(fit.predict(), fit.fittedvalues, rtol=1e-12)
    np.testing.assert_allclose(fit.predict(random="marginal"), fit.X @ fit.fe_params, rtol=1e-12)
    some = data.sample(40, random_state=1)
    for random, expected in [("conditional", fit.fittedvalues),
                             ("marginal", fit.X @ fit.fe_params)]:
        got = fit.predict(some, random=random)
        assert isinstance(got, pd.Series) and list(got.index) == list(some.index)
        np.testing.assert_allclose(got, expected[some.index], rtol=1e-12)
        np.testing.assert_allclose(fit.predict(some, random, 0.9)["mean"], got, rtol=1e-12)


@pytest.mark.parametrize("name", FITS)
def test_variances_against_hendersons_C(name, monkeypatch):
    fit = FITS[name]
    monkeypatch.setattr(lmm.inference.prediction, "MOST_NUMBERS", 2000)           # several portions
    X, Z, R = fit.X.to_numpy(), fit.Z.toarray(), fit.R.diagonal()
    if fit.terms:
        C = lmm.henderson.solve(fit.y, X, Z, fit.G.toarray(), fit.R.toarray()).C
    else:
        C = fit.cov_params().to_numpy()
    W = np.hstack([X, Z])
    mean, single = variances(fit.predict(interval=0.95, df="normal"))
    np.testing.assert_allclose(mean, np.einsum("ij,jk,ik->i", W, C, W), rtol=1e-9)
    np.testing.assert_allclose(single, mean + R, rtol=1e-9)
    mean, single = variances(fit.predict(random="marginal", interval=0.95, df="normal"))
    np.testing.assert_allclose(mean, np.einsum("ij,jk,ik->i", X, fit.cov_params().to_numpy(), X),
                               rtol=1e-9)
    np.testing.assert_allclose(single, mean + fit.V().diagonal(), rtol=1e-9)


def test_new_levels_are_marginal_with_full_variance_and_are_named_once():
    fit = FITS["slopes"]
    new = pd.DataFrame({"Days": [0.0, 4.5, 4.5], "Subject": [308, 308, 999]}, index=["a", "b", "c"])
    with pytest.warns(RuntimeWarning, match="without their random effect: Subject 999$") as caught:
        got = fit.predict(new, interval=0.95, df="normal")
    assert len(caught) == 1 and caught[0].filename == __file__
    u, b = fit.random_effects["Subject"].loc[308], fit.fe_params
    assert got.loc["b", "mean"] == pytest.approx(
        b.iloc[0] + u.iloc[0] + 4.5 * (b.iloc[1] + u.iloc[1]), rel=1e-12)
    assert got.loc["c", "mean"] == pytest.approx(b.iloc[0] + 4.5 * b.iloc[1], rel=1e-12)
    x = np.array([1, 4.5])
    G = fit.G.toarray()[:2, :2]
    mean, single = variances(got.loc[["c"]])
    assert mean[0] == pytest.approx(x @ (fit.cov_params().to_numpy() + G) @ x, rel=1e-9)
    assert single[0] == pytest.approx(mean[0] + fit.scale, rel=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        marginal = fit.predict(new.drop(columns="Subject"), random="marginal", interval=0.95,
                               df="normal")
    np.testing.assert_allclose(variances(marginal.loc[["c"]])[1], single, rtol=1e-9)


def test_a_level_known_to_one_term_only():
    """A known plank of a new width: its plank effect is used, its plank:width effect is new."""
    data = PLANKS[~((PLANKS["plank"] == 1) & (PLANKS["width"] == 2))]
    fit = lmm.fit("humidity ~ width + depth + (1 | plank) + (1 | plank:width)", data)
    new = PLANKS[(PLANKS["plank"] == 1) & (PLANKS["width"] == 2)].head(1)
    with pytest.warns(RuntimeWarning, match="effect: plank:width 1:2$"):
        got = fit.predict(new, interval=0.95, df="normal")
    marginal = fit.predict(new, random="marginal")
    u = fit.random_effects["plank"]["Intercept"][1]
    assert got["mean"].iloc[0] - marginal.iloc[0] == pytest.approx(u, rel=1e-9)
    C = lmm.henderson.solve(fit.y, fit.X, fit.Z.toarray(), fit.G.toarray(), fit.R.toarray()).C
    row = np.zeros(len(C))
    x = np.array([1.0, 1, 0, 0, 0, 0, 0])                             # width 2, depth 1
    assert (new["depth"] == 1).all()
    row[:len(x)], row[len(x) + fit.terms[0].levels.index(1)] = x, 1
    v = fit.variance_components["variance"]
    assert variances(got)[0][0] == pytest.approx(row @ C @ row + v[1], rel=1e-9)


def test_prediction_intervals_cover():
    """New observations of the same groups and of new ones, and the groups' means.

    95 % lie inside, in 20 data sets.
    """
    rng = np.random.default_rng(1)
    g, x = np.repeat(np.arange(40), 4), np.tile([0.0, 1, 2, 3], 40)
    inside = {"conditional": [], "new": [], "mean": []}
    for _ in range(20):
        u = rng.normal(0, 2, 80)
        truth = 10 + 0.5 * x
        fit = lmm.fit("y ~ x + (1 | g)",
                      pd.DataFrame({"y": truth + u[g] + rng.normal(size=160), "x": x, "g": g}))
        own = fit.predict(interval=0.95, df="normal")
        y = truth + u[g] + rng.normal(size=160)
        inside["conditional"] += list(((own["lower"] < y) & (y < own["upper"]))[::2])
        mean = truth + u[g]
        inside["mean"] += list(((own["conf_lower"] < mean) & (mean < own["conf_upper"]))[::4])
        with pytest.warns(RuntimeWarning, match="g 40, g 41, .* and 30 more"):
            new = fit.predict(pd.DataFrame({"x": x, "g": g + 40}), interval=0.95, df="normal")
        y = truth + u[g + 40] + rng.normal(size=160)
        inside["new"] += list(((new["lower"] < y) & (y < new["upper"]))[::4])
    for values in inside.values():
        assert np.mean(values) == pytest.approx(0.95, abs=0.022)


def test_numbers_for_labels_and_transformations():
    fit = FITS["crossed"]
    numbers = PLANKS.astype({"plank": int, "width": int, "depth": int})[::-1]
    np.testing.assert_allclose(fit.predict(numbers), fit.fittedvalues[::-1], rtol=1e-12)
    data = SLEEP.assign(half=np.arange(180) % 2)
    fit = lmm.fit("Reaction ~ scale(Days) + sqrt(Days) + C(half) + (1 + scale(Days) | Subject)",
                  data)
    one = data.iloc[[17]]                              # scale must use the fit's mean and deviation
    assert fit.predict(one).iloc[0] == pytest.approx(fit.fittedvalues[17], rel=1e-12)


def test_offset():
    off = 100.0 * np.arange(180)
    data = SLEEP.assign(off=off, Reaction=SLEEP["Reaction"] + off)
    fit = lmm.fit("Reaction ~ Days + (1 | Subject)", data, offset="off")
    np.testing.assert_allclose(fit.predict(), fit.fittedvalues, rtol=1e-12)
    np.testing.assert_allclose(fit.predict(random="marginal"), fit.X @ fit.fe_params + data["off"],
                               rtol=1e-12)
    np.testing.assert_allclose(fit.simulate(200, 1).mean(axis=1), fit.X @ fit.fe_params + off,
                               atol=20)
    with pytest.raises(ValueError, match="the fit has an offset"):
        fit.predict(data)


@pytest.mark.parametrize("name", ["slopes", "crossed", "weights", "no random term"])
def test_simulated_moments(name):
    fit = FITS[name]
    y = fit.simulate(4000, seed=2)
    assert y.shape == (fit.nobs, 4000)
    V, sd = fit.V(), np.sqrt(fit.V().diagonal())
    z = (y.mean(axis=1) - fit.X.to_numpy() @ fit.fe_params) / sd * np.sqrt(4000)
    assert np.abs(z).max() < 4.5
    # sampling error of a covariance: sqrt((v_ii v_jj + v_ij^2) / n)
    z = (np.cov(y) - V) / np.sqrt((np.outer(sd, sd) ** 2 + V**2) / 4000)
    assert np.abs(z).max() < 6 and z.std() == pytest.approx(1, abs=0.4)
    np.testing.assert_array_equal(fit.simulate(3, seed=2), fit.simulate(3, seed=2))
    assert (fit.simulate(3, seed=3) != fit.simulate(3, seed=2)).all()


def test_simulation_from_a_singular_fit():
    fit = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2"))
    y = fit.simulate(2000, seed=1)
    assert y.var(axis=1).mean() == pytest.approx(fit.scale, rel=0.05)
    table = fit.predict(interval=0.95, df="normal")
    assert table["mean"].nunique() == 1
    np.testing.assert_allclose(variances(table)[0], fit.scale / 30, rtol=1e-9)


HALF = lmm.fit("Reaction ~ C(half) + (1 | Subject)", SLEEP.assign(half=np.arange(180) % 2))
LOG = lmm.fit("Reaction ~ log(x) + (1 | Subject)", SLEEP.assign(x=SLEEP["Days"] + 1.0))
PLANK, SUBJECT = PLANKS.head(2), SLEEP.head(2)
MISUSE = {
    "unknown level": (
        lambda: FITS["crossed"].predict(PLANK.assign(width=9)),
        "'width' .* level 9; the fit knows 1, 2, 3"),
    "unknown level in C()": (lambda: HALF.predict(SUBJECT.assign(half=2)),
                             "'half' .* has the unknown level 2"),
    "unknown level of a factor with slopes": (
        lambda: FITS["factor slopes"].predict(PLANK.assign(width="wide")), "unknown level wide"),
    "missing column": (lambda: FITS["slopes"].predict(SUBJECT[["Subject"]]),
                       "lacks the column 'Days'"),
    "missing group": (lambda: FITS["slopes"].predict(SUBJECT[["Days"]]),
                      "lacks the column 'Subject'"),
    "missing value": (
        lambda: FITS["slopes"].predict(SUBJECT.assign(Days=[1, np.nan])),
        "'Days' .* missing values in row 1"),
    "missing value in row 8": (
        lambda: FITS["slopes"].predict(SUBJECT.assign(Days=[1, np.nan]).set_axis([5, 8])),
        "'Days' .* in row 8;"),
    "missing label": (lambda: FITS["slopes"].predict(SUBJECT.assign(Subject=[308, None])),
                      "'Subject' .* in row 1"),
    "text": (lambda: FITS["slopes"].predict(SUBJECT.assign(Days="two")),
             "in the fit it was numeric"),
    "infinite": (lambda: FITS["slopes"].predict(SUBJECT.assign(Days=np.inf)),
                 "'Days' .* has infinite values"),
    "log of a negative": (lambda: LOG.predict(SUBJECT.assign(x=[-1.0, 2])), "new_data"),
    "log of zero": (lambda: LOG.predict(SUBJECT.assign(x=[0.0, 2])), "new_data"),
    "no table": (lambda: FITS["slopes"].predict({"Days": [1]}),
                 "must be a pandas DataFrame, not dict"),
    "random": (lambda: FITS["slopes"].predict(random="both"),
               "a list of grouping factors \\(Subject\\), not 'both'"),
    "interval": (lambda: FITS["slopes"].predict(interval=95), "between 0 and 1"),
    "truth value": (lambda: FITS["slopes"].predict(interval=True), "between 0 and 1"),
    "draws": (lambda: FITS["slopes"].simulate(0, 1), "must be a positive whole number, not 0"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case):
    call, message = MISUSE[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_new_data_is_left_as_it_was():
    new = PLANKS.astype({"plank": int, "width": int, "depth": int}).head(5)
    before = new.copy()
    FITS["crossed"].predict(new, interval=0.9)
    pd.testing.assert_frame_equal(new, before)


# Intervals by t --------------------------------------------------------------------------------

def test_an_eleventh_tablet_by_t_with_its_own_df():
    """Satterthwaite's df of a sum of mean squares, by hand.

    Balanced, one method: y_new has variance (1 + 1/J) MS_tablet, J - 1 df, where a tablet is
    measured once more as its mean.
    """
    rng = np.random.default_rng(3)
    J, n = 8, 4
    data = pd.DataFrame({"g": np.repeat(np.arange(J), n)})
    data["y"] = 2 * rng.normal(size=J)[data["g"]] + rng.normal(size=len(data))
    fit = lmm.fit("y ~ 1 + (1 | g)", data)
    means = data.groupby("g")["y"].mean()
    MS_a, MS_e = n * means.var(), data.groupby("g")["y"].var().mean()
    # Var = sigma_a^2 + sigma^2 + MS_a / (J n), sigma_a^2 = (MS_a - MS_e) / n
    a, e = MS_a * (1 / n + 1 / (J * n)), MS_e * (1 - 1 / n)
    df = (a + e) ** 2 / (a**2 / (J - 1) + e**2 / (J * (n - 1)))
    with pytest.warns(RuntimeWarning, match="new levels"):
        got = fit.predict(pd.DataFrame({"g": [99]}), interval=0.95)
    half = stats.t.ppf(0.975, df) * np.sqrt(a + e)
    assert got["upper"].iloc[0] - got["mean"].iloc[0] == pytest.approx(half, rel=1e-7)
    marginal = fit.predict(pd.DataFrame({"g": [99]}), random="marginal", interval=0.95)
    assert marginal["upper"].iloc[0] - marginal["mean"].iloc[0] == pytest.approx(half, rel=1e-7)
    conf = stats.t.ppf(0.975, J - 1) * np.sqrt(MS_a / (J * n))
    assert marginal["conf_upper"].iloc[0] - marginal["mean"].iloc[0] == pytest.approx(
        conf, rel=1e-7)


def test_the_mean_of_a_row_has_the_interval_of_its_contrast():
    fit = lmm.fit("Reaction ~ Days + (Days | Subject)", lmm.load("sleepstudy").iloc[:-7])
    new = pd.DataFrame({"Days": [0.0, 3.5, 12.0]})
    got = fit.predict(new, random="marginal", interval=0.95)
    rows = fit.contrast(np.column_stack([np.ones(3), new["Days"]]))
    np.testing.assert_allclose(got["conf_lower"], rows["lower"], rtol=1e-7)


def test_without_random_terms_the_interval_is_that_of_least_squares():
    data = lmm.load("sleepstudy")
    got = lmm.fit("Reaction ~ Days", data).predict(data.head(3), interval=0.9)
    expected = smf.ols("Reaction ~ Days", data).fit().get_prediction(
        data.head(3)).summary_frame(alpha=0.1)
    np.testing.assert_allclose(got["lower"], expected["obs_ci_lower"], rtol=1e-10)
    np.testing.assert_allclose(got["conf_upper"], expected["mean_ci_upper"], rtol=1e-10)


def test_df_of_a_prediction_is_named():
    with pytest.raises(ValueError, match="satterthwaite.*normal"):
        FITS["slopes"].predict(interval=0.9, df="containment")
