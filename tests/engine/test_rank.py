"""A fixed part of less than full rank, as lmer treats it, and one of no columns at all.

References: R 4.2.2 with lme4 1.1.31 (bobyqa, rhoend 1e-10), lmerTest 3.1.3, emmeans 1.8.4.1.
"""

import numpy as np
import pandas as pd
import pytest

import lmm

SLEEP, PLANKS = lmm.load("sleepstudy"), lmm.load("planks")
FORMULA = "humidity ~ width * depth + z + width:z + (1 | plank)"
NAN = float("nan")


def gaps():
    """The planks without two cells and five more rows, and a covariate."""
    width, depth = PLANKS["width"].astype(int), PLANKS["depth"].astype(int)
    empty = ((width == 2) & (depth == 5)) | ((width == 1) & (depth == 9))
    data = PLANKS[~empty].reset_index(drop=True).drop(index=[2, 16, 39, 40, 98])
    return data.assign(z=np.arange(1, len(data) + 1) * 7 % 11)


DATA = gaps()


def dropping(formula, data, **kwargs):
    with pytest.warns(RuntimeWarning, match="but only rank .*; dropped: ") as caught:
        fit = lmm.fit(formula, data, rank_deficient="drop", **kwargs)
    assert len(caught) == 1 and caught[0].filename == __file__
    return fit


@pytest.fixture(scope="module")
def fit():
    return dropping(FORMULA, DATA)


def test_the_default_is_an_error_that_says_what_to_do():
    with pytest.raises(ValueError,
                       match=r"18 columns but only rank 16: width\[T.2\]:depth\[T.5\], "
                             r"width\[T.3\]:depth\[T.9\] can be written .*rank_deficient='drop'"):
        lmm.fit(FORMULA, DATA)
    with pytest.raises(ValueError, match="rank_deficient must be 'error' or 'drop', not 'yes'"):
        lmm.fit(FORMULA, DATA, rank_deficient="yes")


def test_lmer_drops_the_same_columns(fit):
    assert fit.dropped == ["width[T.2]:depth[T.5]",
                           "width[T.3]:depth[T.9]"] and fit.X.shape == (255, 16)
    assert fit.criterion == pytest.approx(599.6603941362, abs=1e-8)
    np.testing.assert_allclose(fit.fe_params, [
        4.685091721045, 0.2880724450361, -0.2535801451534, 1.311191043654, 1.737756691625,
        1.414182886914, -0.1290159113252,
        -0.0126298294193, 0.05430149252739, -0.4440637530522, -0.5468521595765, -0.3481978145516,
        -0.4869760396862,
        -0.04163527961684, 0.02389848896682, 0.03231160291573], rtol=1e-7)
    np.testing.assert_allclose(fit.bse_fe, [
        0.2953382923714, 0.2687087113349, 0.2633851480302, 0.2125627437903, 0.2131561940566,
        0.2138028959751,
        0.2071795242273, 0.02413143288881, 0.2969829958708, 0.2969451933012, 0.2973060711931,
        0.298366743827,
        0.2980479805745, 0.2950765656309, 0.03443973897487, 0.03206838144679], rtol=1e-7)
    ml = dropping(FORMULA, DATA, reml=False)
    assert ml.criterion == pytest.approx(559.6755613013, abs=1e-8)
    assert ("Dropped from the fixed part, whose other columns give them: width[T.2]:depth[T.5], "
            "width[T.3]:depth[T.9]\n") in fit.summary()
    assert "Dropped from the fixed part" in fit._repr_html_()


ANOVA = {
    1: ([2, 4, 1, 6, 2], [220.0613981366, 220.0448317299, 220.124299192, 220.0434984066,
                          220.573845509],
        [23.64512213405, 54.26040415947, 0.3063733198387, 1.317346781365, 0.5251385994562]),
    3: ([2, 4, 1, 6, 2], [220.4597981455, 220.0477038403, 220.1112949558, 220.0450670902,
                          220.5739516271],
        [8.653460178361, 54.13530072144, 0.2127859294687, 1.337516364154, 0.5251385994563])}


@pytest.mark.parametrize("kind", ANOVA)
def test_anova_against_lmerTest(kind, fit):
    got, (num, den, F) = fit.anova(type=kind).drop(index="Intercept", errors="ignore"), ANOVA[kind]
    assert list(got.index) == ["width", "depth", "z", "width:depth",
                               "width:z"] and list(got["num_df"]) == num
    np.testing.assert_allclose(got["den_df"], den, rtol=1e-6)
    np.testing.assert_allclose(got["F"], F, rtol=1e-6)


def test_kenward_roger_against_pbkrtest(fit):
    got = fit.anova(df="kenward-roger")
    np.testing.assert_allclose(got["F"], [8.651931258405, 54.13474879665, 0.2127759107451,
                                          1.337492464019, 0.525003545412],
                               rtol=1e-6)
    np.testing.assert_allclose(got["den_df"], [220.4393678669, 220.026916132, 220.0905724859,
                                               220.024280176, 220.5535644452],
                               rtol=1e-6)


def test_means_against_emmeans(fit):
    with pytest.warns(RuntimeWarning, match="these means cannot be estimated.*: 1, 2$") as caught:
        got = fit.ls_means("width")
    assert caught[0].filename == __file__
    np.testing.assert_allclose(got["mean"], [NAN, NAN, 5.101164995085], rtol=1e-9)
    with pytest.warns(RuntimeWarning, match=r"these means cannot be estimated.*: 5, 9$"):
        got = fit.ls_means("depth")
    np.testing.assert_allclose(got["mean"], [4.727123493714, 5.908393783859, NAN, 5.862915095882,
                                             NAN], rtol=1e-9)
    np.testing.assert_allclose(got["se"], [0.2380169331611, 0.2379927447947, NAN, 0.2381193248896,
                                           NAN], rtol=1e-7)
    with pytest.warns(RuntimeWarning, match="cannot be estimated.*: 1 9, 2 5$"):
        assert fit.ls_means("width:depth")["mean"].isna().sum() == 2


PAIRS = {                                                # p of 1 - 3, 1 - 7 and 3 - 7; lower limits
    "tukey": ([5.3e-14, 5.2e-14, 0.9957227303074], [-1.513352222819, -1.469004750783,
                                                    -0.2871475239184]),
    "holm": ([5.329347604441e-18, 7.81475831619e-17, 1],
             [-1.523625345244, -1.479312793047, -0.2974374062649]),
    "bonferroni": ([5.329347604441e-18, 8.683064795767e-17, 1],
                   [-1.523625345244, -1.479312793047, -0.2974374062649])}


@pytest.mark.parametrize("adjust", PAIRS)
def test_pairs_against_emmeans(adjust, fit):
    with pytest.warns(RuntimeWarning,
                      match=r"these differences cannot be estimated.*: \(1 - 5\), \(1 - 9\), \(3 "
                            r"- 5\)"):
        got = fit.pairs("depth", adjust=adjust)
    p, lower = PAIRS[adjust]
    assert list(np.flatnonzero(got["p"].notna())) == [0, 2, 5]
    got = got.dropna()
    np.testing.assert_allclose(got["estimate"], [-1.181270290145, -1.135791602168,
                                                 0.04547868797772], rtol=1e-8)
    np.testing.assert_allclose(got["p"], p, rtol=1e-5, atol=1e-13)
    np.testing.assert_allclose(got["lower"], lower, rtol=1e-6)
    with pytest.raises(ValueError, match="letters compare all means"), pytest.warns(RuntimeWarning):
        fit.letters("depth")


def test_predictions(fit):
    np.testing.assert_allclose(fit.predict(DATA.head(30)), fit.fittedvalues.head(30), rtol=1e-12)
    assert fit.predict(DATA.head(30), interval=0.9).notna().all(axis=None)
    ml = dropping(FORMULA, DATA, reml=False)
    new = pd.DataFrame({"width": [1, 3], "depth": [5, 9], "z": [2, 3], "plank": [1, 4]},
                       index=["a", "b"])
    np.testing.assert_allclose(ml.predict(new), [5.58196113761150, 4.65336982192961], rtol=1e-7)
    with pytest.raises(ValueError,
                       match=r"row 'b' of new_data is a combination that the fit cannot estimate: "
                             r"columns of its fixed part were dropped \(width\[T.2\]:depth\[T.5\]"):
        fit.predict(new.assign(width=[1, 2], depth=[5, 5]))


def test_what_else_a_fit_does(fit):
    full = lmm.fit("humidity ~ 0 + cell + z + width:z + (1 | plank)", DATA.assign(
        # the same space in full rank
        cell=DATA["width"].astype(str) + "x" + DATA["depth"].astype(str)))
    assert fit.ranova()["statistic"][0] == pytest.approx(full.ranova()["statistic"][0], rel=1e-8)
    np.testing.assert_allclose(lmm.influence.leverage(fit), lmm.influence.leverage(full), rtol=1e-8)
    np.testing.assert_allclose(fit.profile()[["lower", "upper"]][:2],
                               full.profile()[["lower", "upper"]][:2], rtol=1e-5)
    assert list(fit.bootstrap(3, 1)["parameter"][2:]) == list(fit.fe_params.index)
    small = dropping("humidity ~ width * depth + (1 | plank)", DATA)
    assert lmm.lrt(small, fit)["df"][0] == 3
    for df in ("satterthwaite", "containment"):
        assert fit.coef_table(df).notna().all(axis=None)
    assert fit.contrast(np.eye(16)[3])["estimate"].iloc[0] == fit.fe_params.iloc[3]


def test_collinear_columns():
    data = DATA.assign(copy=DATA["z"] / 3 + 1, d=DATA["depth"].astype(float))
    fit = dropping("humidity ~ z + copy + width + (1 | plank)", data)
    assert fit.dropped == ["copy"]
    # lme4: fixef(lmer(humidity ~ z + I(z/3+1) + width + (1|plank)))
    np.testing.assert_allclose(fit.fe_params, [5.65917607882410, 0.0146891823215946,
                                               -0.127305160923408, -0.632006189793546],
                               rtol=1e-6)
    alone = lmm.fit("humidity ~ z + width + (1 | plank)", data)
    for kind in (1, 3):
        with pytest.warns(RuntimeWarning, match="nothing of copy can be tested"):
            got = fit.anova(type=kind)
        assert got.loc["copy", "num_df"] == 0 and got.loc["copy"].isna().sum() == 3
        pd.testing.assert_frame_equal(got.drop(index="copy"), alone.anova(type=kind), rtol=1e-9)
    np.testing.assert_allclose(fit.ls_means("width")["mean"], alone.ls_means("width")["mean"],
                               rtol=1e-10)
    with pytest.raises(ValueError, match="row 7 of new_data"):
        fit.predict(data.loc[[7]].assign(copy=0.0))
    fit = dropping("humidity ~ d + depth + (1 | plank)",
                   data)       # a trend has nothing beside all of depth
    assert fit.dropped == ["depth[T.9]"]
    with pytest.warns(RuntimeWarning, match="nothing of d can be tested"):
        assert list(fit.anova()["num_df"]) == [0, 3]
    assert list(fit.anova(type=1)["num_df"]) == [1, 1, 3]


def test_columns_of_any_scale():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.normal(size=60), "a": rng.normal(size=60) * 1e8,
                         "b": rng.normal(size=60) * 1e-8,
                         "zero": 0.0, "g": np.arange(60) % 12})
    data["c"] = data["a"] * 1e-6 - data["b"] * 1e10
    fit = dropping("y ~ a + zero + b + c + (1 | g)", data)
    assert fit.dropped == ["zero", "c"]
    assert fit.criterion == pytest.approx(lmm.fit("y ~ a + b + (1 | g)", data).criterion, rel=1e-12)


def test_full_rank_is_left_alone(recwarn):
    fit = lmm.fit("humidity ~ width * depth + (1 | plank)", PLANKS, rank_deficient="drop")
    assert fit.dropped == []
    assert fit.criterion == lmm.fit("humidity ~ width * depth + (1 | plank)", PLANKS).criterion
    assert not recwarn.list


# No fixed effects at all -----------------------------------------------------------------------

NOTHING = {                                                        # criterion and variances by lme4
    "Reaction ~ 0 + (1 | Subject)": (1985.67969094, [90303.39887, 1958.865189]),
    "Reaction ~ 0 + (Days | Subject)": (1832.781364368,
                                        [63770.0159, 142.246222, 2642.58341, 654.941060])}


@pytest.mark.parametrize("formula", NOTHING)
def test_no_fixed_effects_against_lme4(formula):
    fit, (criterion, variances) = lmm.fit(formula, SLEEP), NOTHING[formula]
    assert fit.criterion == pytest.approx(criterion, abs=1e-8)
    np.testing.assert_allclose(fit.variance_components["variance"], variances, rtol=2e-6)
    ml = lmm.fit(formula, SLEEP, reml=False)
    assert ml.criterion == pytest.approx(fit.criterion, rel=1e-13)   # nothing to restrict
    assert [ml.aic, ml.bic] == pytest.approx([criterion + 2 * len(variances),
                                              criterion + len(variances) * np.log(180)])
    for text in (fit.summary(), fit._repr_html_()):
        assert "No fixed effects" in text and "Fixed effects (" not in text
    for table in (fit.coef_table(), fit.coef_table("kenward-roger"), fit.anova(), fit.anova(type=1),
                  fit.conf_int()):
        assert len(table) == 0
    np.testing.assert_allclose(fit.predict(SLEEP.head(5)), fit.fittedvalues.head(5), rtol=1e-12)
    Z, G, columns = fit.Z.toarray(), fit.G.toarray(), len(fit.terms[0].columns)
    C = np.linalg.inv(Z.T @ Z / fit.scale + np.linalg.inv(G))        # Henderson's, of u alone
    np.testing.assert_allclose(lmm.influence.blups(fit, "Subject")["se"] ** 2,
                               np.diag(C)[::columns], rtol=1e-8)
    assert fit.predict(interval=0.95).notna().all(axis=None)
    assert len(fit.ranova()) == 1 and fit.profile()["upper"].notna().all()
    assert len(fit.bootstrap(3, 1)) == len(variances)
    larger = lmm.fit(formula.replace("0 +", "1 +", 1), SLEEP)
    assert lmm.lrt(fit, larger)["df"][0] == 1
    for call, message in [(lambda: fit.ls_means("Subject"), "not a factor of the fixed part"),
                          (lambda: fit.contrast([1]), "has no fixed effects"),
                          (lambda: lmm.influence.cooks_distance(fit, "Subject"),
                           "has no fixed effects")]:
        with pytest.raises(ValueError, match=message):
            call()


def test_no_fixed_effects_and_many_rows():
    data = pd.concat([SLEEP] * 60, ignore_index=True)
    assert lmm.fit("Reaction ~ 0 + (0 + Days | Subject)", data).converged
    assert lmm.fit("Reaction ~ 0", SLEEP).scale == pytest.approx((SLEEP["Reaction"] ** 2).mean())
    assert lmm.rlrt(lmm.fit("Reaction ~ 0 + (1 | Subject)", SLEEP), 50, seed=1)["p"][0] < 0.05
