"""lmm.fit against R, against the 40-digit optimum, and against the textbook wing."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings, strategies as st

import lmm
from conftest import MODELS, model_fit, reference


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("model", MODELS)
def test_estimates_against_R(model, method):
    got, expected = model_fit(model, reml=method == "REML"), reference(model)[method]
    assert got.converged and got.singular == expected["singular"]
    assert got.criterion == pytest.approx(expected["criterion"], rel=1e-8)
    assert [got.llf, got.aic, got.bic] == pytest.approx(
        [expected[k] for k in ("logLik", "AIC", "BIC")], rel=1e-8)
    np.testing.assert_allclose(got.fe_params, list(expected["fixef"].values()),
                               rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(got.bse_fe, list(expected["se"].values()), rtol=1e-8)
    np.testing.assert_allclose(got.cov_params(), expected["vcov"], rtol=1e-7, atol=1e-12)
    assert np.sqrt(got.scale) == pytest.approx(expected["sigma"], rel=1e-8)
    ours = {(_name(r.group), r.name1.replace("Intercept", "(Intercept)") or None,
             r.name2 or None): r.variance
            for r in got.variance_components.itertuples()}
    for row in expected["varcorr"]:
        var1, var2 = row["var1"], row["var2"]
        variance = ours[_name(row["grp"]), var1, var2]
        assert variance == pytest.approx(row["vcov"], rel=1e-8, abs=1e-14)


def _name(group):
    """R's names of groups in one order, without the .1 that lme4 puts behind the second of two."""
    return ":".join(sorted(group.removesuffix(".1").split(":")))


@pytest.mark.parametrize("model", MODELS)
def test_blups_against_R(model):
    got = {_name(group): table for group, table in model_fit(model).random_effects.items()}
    for group, theirs in reference(model)["REML"]["ranef"].items():
        ours = got[_name(group)]
        ours.index = [":".join(sorted(str(i).split(":"))) for i in ours.index]
        values = pd.DataFrame(theirs["values"],
                              index=[":".join(sorted(i.split(":"))) for i in theirs["levels"]])
        if ours.index.is_unique:                  # not so where two factors share their level names
            ours = ours.loc[values.index]
        else:
            ours, values = np.sort(ours, axis=0), np.sort(values, axis=0)
        np.testing.assert_allclose(ours, values, rtol=1e-7,
                                   atol=1e-7 * np.abs(np.asarray(values)).max())


def test_the_optimum_of_slide_25_in_40_digit_arithmetic():
    got = lmm.fit("y ~ method + (1 | tablet)", lmm.load("tablets_missing"))
    sd = got.variance_components["sd"]
    assert sd[0] == pytest.approx(0.319243174742, rel=1e-9)
    assert sd[1] == pytest.approx(0.208506460899, rel=1e-9)
    assert got.fe_params["Intercept"] == pytest.approx(10.28385682839, rel=1e-9)
    assert got.fe_params["method[T.hplc]"] == pytest.approx(-0.07211093610751, rel=1e-9)
    assert got.bse_fe["Intercept"] == pytest.approx(0.0925917594044, rel=1e-9)
    assert got.bse_fe["method[T.hplc]"] == pytest.approx(0.0869717249922, rel=1e-9)


@pytest.mark.parametrize("model", ["hplc1", "hplc2", "dyestuff", "pastes", "planks1", "sleep_ri"])
def test_containment_and_sequential_anova_against_nlme(model):
    got, expected = model_fit(model), reference(model)["nlme"]
    coefficients = got.coef_table(df="containment")
    assert list(coefficients["df"]) == [row["DF"] for row in expected["tTable"]]
    anova = got.anova(type=1, df="containment")
    rows = expected["anova_sequential"]
    assert list(anova["num_df"]) == [r["numDF"] for r in rows]
    assert list(anova["den_df"]) == [r["denDF"] for r in rows]
    np.testing.assert_allclose(anova["F"], [r["F-value"] for r in rows], rtol=1e-6)


def test_containment_of_the_split_plot_table():
    anova = model_fit("planks3").anova(type=1, df="containment")
    assert list(anova.index) == ["Intercept", "width", "depth", "width:depth"]
    assert list(anova["den_df"])[1:] == [38, 76, 152]
    rows = {r["term"]: r for r in reference("planks3")["satterthwaite"]["anova1"]}
    for term in ("width", "depth", "width:depth"):        # balanced: lmerTest has the same df and F
        assert anova.loc[term, "F"] == pytest.approx(rows[term]["F value"], rel=1e-6)
        assert anova.loc[term, "p"] == pytest.approx(rows[term]["Pr(>F)"], rel=1e-6)


def test_ls_means_against_emmeans():
    expected = reference("planks3")["emmeans"]["depth|satterthwaite"]["emmeans"]
    got = model_fit("planks3").ls_means("depth", df="containment")
    np.testing.assert_allclose(got["mean"], [r["emmean"] for r in expected], rtol=1e-8)
    np.testing.assert_allclose(got["se"], [r["SE"] for r in expected], rtol=1e-7)
    assert list(got.columns) == ["depth", "mean", "se", "df", "lower", "upper"]


def test_ls_means_average_unbalanced_factors_equally_and_hold_covariates_at_their_mean():
    data = lmm.load("planks").drop(index=[0, 1, 2, 17, 40]).assign(
        x=lambda d: np.arange(len(d)) % 7)
    got = lmm.fit("humidity ~ width * depth + x + (1 | plank)", data)
    b = got.fe_params
    by_hand = b["Intercept"] + b["x"] * data["x"].mean() + np.mean(
        [0] + [b[f"depth[T.{d}]"] + b[f"width[T.2]:depth[T.{d}]"]
               for d in (3, 5, 7, 9)]) + b["width[T.2]"]
    assert got.ls_means("width", df="containment")["mean"][1] == pytest.approx(by_hand, rel=1e-12)
    cells = got.ls_means("width:depth", df="containment")
    assert len(cells) == 15
    assert cells["mean"][0] == pytest.approx(b["Intercept"] + b["x"] * data["x"].mean())


def test_contrast_takes_arrays_dicts_and_frames():
    got = model_fit("hplc2")
    one = got.contrast([0, 1], df="containment")
    many = got.contrast({"level": [1, 1], "difference": [0, 1]}, df="containment")
    assert list(many.index) == ["level", "difference"] and list(many["df"]) == [9, 9]
    np.testing.assert_allclose(one.iloc[0], many.loc["difference"])
    np.testing.assert_allclose(one.iloc[0], got.coef_table(df="containment").iloc[1])
    limits = one[["lower", "upper"]].to_numpy()[0]
    np.testing.assert_allclose(limits, [0.0721109361 - 2.2621571628 * 0.0869717250,
                                        0.0721109361 + 2.2621571628 * 0.0869717250], rtol=1e-8)


def test_without_random_terms_it_is_least_squares():
    data = lmm.load("tablets_missing").dropna()
    ours, theirs = lmm.fit("y ~ tablet + method", data), smf.ols("y ~ tablet + method", data).fit()
    np.testing.assert_allclose(ours.fe_params, theirs.params, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ours.bse_fe, theirs.bse, rtol=1e-10)
    assert ours.scale == pytest.approx(theirs.scale, rel=1e-12)
    np.testing.assert_allclose(ours.pvalues, theirs.pvalues, rtol=1e-8)
    np.testing.assert_allclose(ours.conf_int(), theirs.conf_int(), rtol=1e-8)
    for df in ("satterthwaite", "kenward-roger", "containment"):          # all are n - p
        assert (ours.coef_table(df=df)["df"] == theirs.df_resid).all()
    ml = lmm.fit("y ~ tablet + method", data, reml=False)
    assert ml.llf == pytest.approx(theirs.llf, rel=1e-10)


def test_engine_is_the_textbook_wing():
    data = lmm.load("planks").drop(index=[3, 4, 5, 77, 140])
    for reml in (True, False):
        got = lmm.fit("humidity ~ width + depth + (1 | plank) + (1 | plank:width)", data, reml=reml)
        y, X, Z, V = got.y, got.X.to_numpy(), got.Z.toarray(), got.V()
        np.testing.assert_allclose(V, lmm.moments.V(Z, got.G.toarray(), got.R.toarray()),
                                   rtol=1e-12)
        beta, u, C = lmm.henderson.solve(y, X, Z, got.G.toarray(), got.R.toarray())
        np.testing.assert_allclose(got.fe_params, beta, rtol=1e-9)
        np.testing.assert_allclose(got.fe_params, lmm.likelihood.gls(y, X, V), rtol=1e-9)
        np.testing.assert_allclose(
            np.concatenate([d["Intercept"] for d in got.random_effects.values()]), u, atol=1e-9)
        np.testing.assert_allclose(got.cov_params(), lmm.likelihood.gls_covariance(X, V), rtol=1e-8)
        constant = X.shape[1] * np.log(2 * np.pi)
        slide = 2 * (lmm.likelihood.reml(y, X, V) if reml else lmm.likelihood.ml(y, X, beta, V))
        assert got.criterion == pytest.approx(slide - (constant if reml else 0), rel=1e-9)
        np.testing.assert_allclose(got.resid, y - X @ beta - Z @ u, atol=1e-9)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None)
def test_random_designs_profile_is_full_likelihood_and_nothing_lies_below(seed, reml):
    rng = np.random.default_rng(seed)
    n = 40
    data = pd.DataFrame({"x": rng.normal(size=n), "g": rng.integers(0, 6, n),
                         "h": rng.integers(0, 4, n)})
    data["y"] = (data["x"] + rng.normal(0, rng.choice([0, 0.3, 2]), 6)[data["g"]]
                 + rng.normal(size=n))
    got = lmm.fit("y ~ x + (1 | g) + (1 | h)", data, reml=reml)
    y, X, Z = got.y, got.X.to_numpy(), got.Z.toarray()

    def criterion(V):
        if reml:
            loglik = lmm.likelihood.reml(y, X, V)
        else:
            loglik = lmm.likelihood.ml(y, X, lmm.likelihood.gls(y, X, V), V)
        return 2 * loglik - (2 * np.log(2 * np.pi) if reml else 0)
    assert got.converged and got.criterion == pytest.approx(criterion(got.V()), rel=1e-9)
    sizes = [d.shape[0] for d in got.random_effects.values()]
    for factors in rng.uniform(0.2, 3, (20, 3)):
        variances = factors[:2] * (got.variance_components["variance"][:2] + 0.02)
        G = np.diag(np.repeat(variances, sizes))
        V = lmm.moments.V(Z, G, factors[2] * got.scale * np.eye(n))
        assert criterion(V) > got.criterion - 1e-8


def test_order_of_rows_names_of_levels_and_scale_of_y_change_nothing():
    data = lmm.load("tablets_missing").dropna()
    base = lmm.fit("y ~ method + (1 | tablet)", data)
    shuffled = lmm.fit("y ~ method + (1 | tablet)", data.sample(frac=1, random_state=1))
    renamed = lmm.fit("y ~ method + (1 | tablet)",
                      data.assign(tablet=[f"t{99 - t}" for t in data["tablet"]]))
    scaled = lmm.fit("y ~ method + (1 | tablet)", data.assign(y=1000 * data["y"]))
    shifted = lmm.fit("y ~ method + (1 | tablet)", data.assign(y=data["y"] + 1e6))
    for other, scale in [(shuffled, 1), (renamed, 1), (scaled, 1e3), (shifted, 1)]:
        np.testing.assert_allclose(other.variance_components["sd"],
                                   scale * base.variance_components["sd"], rtol=1e-7)
        assert other.fe_params.iloc[1] == pytest.approx(scale * base.fe_params.iloc[1], rel=1e-7)
        np.testing.assert_allclose(other.bse_fe, scale * base.bse_fe, rtol=1e-7)
    assert shuffled.criterion == pytest.approx(base.criterion, rel=1e-10)
    assert scaled.criterion == pytest.approx(base.criterion + 2 * 28 * np.log(1000), rel=1e-10)


def test_missing_rows_are_dropped_and_counted():
    whole, dropped = lmm.load("tablets_missing"), lmm.load("tablets_missing").dropna()
    got = lmm.fit("y ~ method + (1 | tablet)", whole)
    assert (got.nobs, got.n_dropped) == (30, 10)
    assert lmm.fit("y ~ method + (1 | tablet)", dropped).n_dropped == 0
    said = "Number of observations: 30, tablet: 20 (10 rows with missing values dropped)"
    assert said in got.summary()
    assert lmm.fit("y ~ method + (1 | tablet)", whole[::-1]).criterion == pytest.approx(
        got.criterion, rel=1e-12)


def test_summary_reads_like_slide_21():
    text = model_fit("hplc1").summary(df="containment")
    for line in ["Linear mixed model fit by REML", " tablet    Intercept  0.089333   0.29889",
                 " Residual             0.043611   0.20883",
                 "Number of observations: 20, tablet: 10",
                 " Intercept      10.34000    0.11530   9  89.68  <.0001",
                 " method[T.nir]     -0.405"]:
        assert line in text.splitlines()
    assert "singular" in model_fit("dyestuff2").summary() and "singular" not in text


def test_a_column_may_be_called_yield_and_nesting_may_be_written_three_ways():
    oats = lmm.load("oats")
    nested = lmm.fit("yield ~ variety * nitrogen + (1 | block/variety)", oats)
    # nlme, oats split-plot
    assert nested.criterion == pytest.approx(2 * 264.514253503349, rel=1e-8)
    written = lmm.fit("yield ~ variety * nitrogen + (1 | block) + (1 | block:variety)", oats)
    unique = lmm.fit("yield ~ variety * nitrogen + (1 | block) + (1 | plot)",
                     oats.assign(plot=oats["block"].astype(str) + oats["variety"].astype(str)))
    assert written.criterion == nested.criterion
    assert unique.criterion == pytest.approx(nested.criterion, rel=1e-12)
    assert list(nested.anova(type=1, df="containment")["den_df"][1:]) == [10, 45, 45]


def test_the_lectures_matrices():
    got = model_fit("hplc2")
    assert got.Z.shape == (30, 20) and got.X.shape == (30, 2)
    np.testing.assert_allclose(got.V(), (got.Z @ got.G @ got.Z.T + got.R).toarray())
    assert list(got.X.columns) == ["Intercept", "method[T.nir]"]
    big = pd.DataFrame({"y": np.random.default_rng(1).normal(size=5001), "g": np.arange(5001) % 7})
    with pytest.raises(ValueError, match="dense 5001 x 5001 matrix"):
        lmm.fit("y ~ 1 + (1 | g)", big).V()
