"""LS means, pairs, letters, F tests of terms against emmeans, lmerTest, pbkrtest, and by hand."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats
from statsmodels.stats.anova import anova_lm

import lmm
from conftest import MODELS, model_fit, reference, unbalanced
from lmm.inference import anova, means, multiplicity

MEANS = [model for model in MODELS if "means" in MODELS[model]]
METHODS = {"satterthwaite": "satterthwaite", "kenward-roger": "kenward_roger"}
FITS = {model: model_fit(model) for model in MEANS}


def ours(name, factor=""):
    """R's name of a level, factor or term in our words: "width1" is 1, "b:a" is a:b (sorted)."""
    return ":".join(sorted(re.sub(rf"^{factor}(?=\d)", "", name).split(":")))


def expect(got, rows, columns, rtol=1e-6, atol=1e-10):
    """`columns`: our name -> R's."""
    for mine, theirs in columns.items():
        np.testing.assert_allclose(got[mine], [row[theirs] for row in rows], rtol=rtol, atol=atol,
                                   err_msg=mine)


EMMEANS = [(model, key) for model in MEANS for key in reference(model)["emmeans"]]


@pytest.mark.parametrize("model, key", EMMEANS)
def test_means_and_pairs_against_emmeans(model, key):
    expected, (name, df) = reference(model)["emmeans"][key], key.split("|")
    got = FITS[model].ls_means(name, df=df)
    assert [str(level) for level in got[name]] == [ours(row[name]) for row in expected["emmeans"]]
    limits = {"lower": "lower.CL", "upper": "upper.CL"}
    expect(got, expected["emmeans"], {"mean": "emmean", "se": "SE", "df": "df"} | limits)
    got = FITS[model].pairs(name, df=df)
    theirs = [row["contrast"].split(" - ") for row in expected["pairs"]]
    assert list(got["contrast"]) == [" - ".join(ours(level, name) for level in two)
                                     for two in theirs]
    assert list(got) == ["contrast", "estimate", "se", "df", "t", "p", "lower", "upper"]
    expect(got, expected["pairs"], {"estimate": "estimate", "se": "SE", "df": "df", "t": "t.ratio",
                                    "p": "p.value"})
    expect(got, expected["pairs_ci"], limits)


ANOVA = [(model, df, type) for model in MEANS for df in METHODS for type in (1, 3)
         if f"anova{type}" in reference(model)[METHODS[df]]]


@pytest.mark.parametrize("model, df, type", ANOVA)
def test_anova_against_lmerTest_and_pbkrtest(model, df, type):
    got = FITS[model].anova(type=type, df=df).drop(index="Intercept", errors="ignore")
    rows = reference(model)[METHODS[df]][f"anova{type}"]
    assert list(got.columns) == ["num_df", "den_df", "F", "p"] and got.index.name == "term"
    got.index = [ours(term) for term in got.index]
    assert sorted(got.index) == sorted(ours(row["term"]) for row in rows)
    got = got.loc[[ours(row["term"]) for row in rows]]
    assert list(got["num_df"]) == [row["NumDF"] for row in rows]
    expect(got, rows, {"den_df": "DenDF", "F": "F value", "p": "Pr(>F)"}, atol=1e-200)


# Type 3: one hypothesis, whatever the coding ---------------------------------------------------

CODINGS = {
    "a * C(b)": ["C(a, contr.sum) * C(b, contr.sum)", "C(b, contr.helmert) * C(a, contr.helmert)",
                 "C(a, contr.treatment('m')) * C(b, contr.poly)", "0 + a * C(b)"],
    "a * x + C(b)": ["C(a, contr.sum) * x + C(b, contr.sum)", "x * C(a, contr.helmert) + C(b)"],
    "a * C(b) * x": ["C(a, contr.sum) * C(b, contr.sum) * x",
                     "x * C(b, contr.sum) * C(a, contr.poly)"],
    "a * poly(x, 2) + C(b)": ["C(a, contr.sum) * poly(x, 2) + C(b, contr.sum)"],
    "a": ["C(a, contr.sum)", "C(a, contr.helmert)"],
}


def plain(term):
    """The factors of a term without their coding, in sorted order: "C(b, contr.sum):a" is a:b."""
    return ":".join(sorted(part.removeprefix("C(").split(",")[0].rstrip(")")
                           for part in term.split(":")))


@pytest.mark.parametrize("df", METHODS)
@pytest.mark.parametrize("formula", CODINGS)
def test_type_3_is_the_same_in_every_coding(formula, df):
    data = unbalanced()
    expected = lmm.fit(f"y ~ {formula} + (1 | g)", data).anova(df=df).rename(plain)
    for coding in CODINGS[formula]:
        got = lmm.fit(f"y ~ {coding} + (1 | g)", data).anova(df=df).rename(plain)
        # the REML criterion has log|X'X|, a constant: only where the search stops differs a little
        np.testing.assert_allclose(got.loc[expected.index], expected, rtol=1e-7, err_msg=coding)


@pytest.mark.parametrize("formula",
                         ["C(a, contr.sum) * C(b, contr.sum)",
                          "C(a, contr.sum) * C(b, contr.sum) * x"])
def test_type_3_tests_the_coefficients_of_sum_to_zero_coding(formula):
    got = lmm.fit(f"y ~ {formula} + (1 | g)", unbalanced())
    table = got.anova()
    for term, columns in got.model_spec.term_slices.items():
        if str(term) != "1":
            b, V = got.fe_params.iloc[columns], got.cov_params().iloc[columns, columns]
            F = b @ np.linalg.solve(V, b) / len(b)
            assert table.loc[str(term), "F"] == pytest.approx(F, rel=1e-9)
            assert table.loc[str(term), "num_df"] == len(b)


def test_type_3_with_the_levels_reversed():
    data = unbalanced()
    back = data.assign(a=pd.Categorical(data["a"], ["m", "l", "k"]),
                       b=pd.Categorical(data["b"], [20, 10]))
    for formula in ("a * C(b)", "a * C(b) * x", "a"):
        one, two = (lmm.fit(f"y ~ {formula} + (1 | g)", table) for table in (data, back))
        np.testing.assert_allclose(two.anova(df="kenward-roger"), one.anova(df="kenward-roger"),
                                   rtol=1e-7)
        np.testing.assert_allclose(two.anova()["F"], one.anova()["F"], rtol=1e-7)
        # lmerTest's too
        np.testing.assert_allclose(two.anova()["den_df"], one.anova()["den_df"], rtol=0.002)


def test_type_3_does_what_lmerTest_does_in_its_own_words():
    """Rows of the estimable functions: those of a term less their regression on those of others.

    The others are the terms that contain it.
    """
    got = lmm.fit("y ~ a * C(b) + (1 | g)", unbalanced())
    X = got.X.to_numpy()
    one, (a, b) = np.ones((len(X), 1)), (pd.get_dummies(got.data[f]).to_numpy(float) for f in "ab")
    ab = (a[:, :, None] * b[:, None, :]).reshape(len(X), 6)
    A = np.linalg.pinv(X) @ np.hstack([one, a, b, ab])       # (6, 12); X: 1, a2, a3, b2, a2b2, a3b2
    C = A[4:].T
    A[1:4] -= (C @ np.linalg.lstsq(C, A[1:4].T, rcond=None)[0]).T
    reference_levels = [0, 2, 3, 5, 9, 11]                     # of the 12 columns, those that X has
    for term, rows in {"a": [1, 2], "C(b)": [3], "a:C(b)": [4, 5]}.items():
        L, ours = A[rows][:, reference_levels], anova.marginal(got)[term]
        np.testing.assert_allclose(ours, ours[:, rows] @ L, atol=1e-9)
        scale = ours[0, rows[0]]
        # the very rows: Satterthwaite's df need them
        np.testing.assert_allclose(ours, scale * L, atol=1e-9)


def test_type_1_takes_the_terms_in_their_order():
    data = unbalanced()
    got = lmm.fit("y ~ x + a + (1 | g)", data).anova(type=1)
    assert list(got.index) == ["Intercept", "x", "a"]
    both = lmm.fit("y ~ x + a + (1 | g)", data).anova()
    assert got.loc["a", "F"] == pytest.approx(both.loc["a", "F"], rel=1e-9)
    assert got.loc["x", "F"] != pytest.approx(both.loc["x", "F"], rel=1e-3)
    # x in the words of lmerTest: the slope of x in the least-squares fit of X on 1 and x
    model = lmm.fit("y ~ x + a + (1 | g)", data)
    X = model.X[["Intercept", "x", "a[T.l]", "a[T.m]"]].to_numpy()
    L = np.linalg.lstsq(X[:, :2], X, rcond=None)[0][1]
    L = pd.Series(L, ["Intercept", "x", "a[T.l]", "a[T.m]"])[model.fe_params.index]
    assert got.loc["x", "F"] == pytest.approx(model.contrast(L)["t"].iloc[0] ** 2, rel=1e-9)


def test_the_rows_of_type_1_have_a_unit_diagonal_and_with_one_factor_are_those_of_type_3():
    """F does not depend on the scale of the rows, but Satterthwaite's df of unbalanced data do.

    The choice is lmerTest's.
    """
    model = lmm.fit("y ~ a + (1 | g)", unbalanced())
    n = model.data["a"].value_counts()
    # the share of m among the rows that are not l
    expected = [[0, 1, -n["m"] / (n["k"] + n["m"])], [0, 0, 1]]
    np.testing.assert_allclose(anova.sequential(model, "satterthwaite")["a"], expected, atol=1e-12)
    got = anova.marginal(model)["a"]
    np.testing.assert_allclose(got, np.array(expected) * got[0, 1], atol=1e-9)
    assert model.anova().loc["a", "den_df"] == model.anova(type=1).loc["a", "den_df"]


def test_containment_takes_the_df_of_the_terms_own_effects():
    got = FITS["planks3"].anova(df="containment")
    assert list(got["den_df"]) == [38, 76, 152]
    assert list(FITS["hplc2"].anova(type=1, df="containment")["den_df"]) == [19, 9]           # nlme


def test_models_without_factors_or_random_terms():
    sleep = lmm.load("sleepstudy")
    assert lmm.fit("Reaction ~ 1 + (1 | Subject)", sleep).anova().shape == (0, 4)
    got = lmm.fit("Reaction ~ 0 + Days + (1 | Subject)", sleep)
    assert got.anova().loc["Days", "F"] == pytest.approx(got.tvalues["Days"] ** 2)
    flat = lmm.fit("y ~ a + x", unbalanced())
    assert list(flat.anova()["den_df"]) == [166, 166]
    assert flat.anova().loc["x", "F"] == pytest.approx(flat.tvalues["x"] ** 2)


# Adjustments and letters -----------------------------------------------------------------------

def test_holm_and_bonferroni_by_hand():
    got = {adjust: FITS["oats_split"].pairs("nitrogen", adjust=adjust)
           for adjust in ("holm", "bonferroni", "none")}
    t, se, estimate = (got["none"][c].to_numpy() for c in ("t", "se", "estimate"))
    np.testing.assert_allclose(got["none"]["df"], 45, rtol=1e-8)
    p = 2 * stats.t.sf(np.abs(t), 45)
    np.testing.assert_allclose(got["none"]["p"], p, rtol=1e-6)
    np.testing.assert_allclose(got["bonferroni"]["p"], [min(1, 6 * each) for each in p], rtol=1e-6)
    ranked, holm, worst = sorted(p), {}, 0
    for place, each in enumerate(ranked):
        worst = max(worst, (6 - place) * each)
        holm[each] = min(1, worst)
    np.testing.assert_allclose(got["holm"]["p"], [holm[each] for each in p], rtol=1e-6)
    assert not np.allclose(got["holm"]["p"], got["bonferroni"]["p"])
    wide = stats.t.ppf(1 - 0.05 / 12, 45) * se
    for adjust, half in {"bonferroni": wide, "holm": wide,
                         "none": stats.t.ppf(0.975, 45) * se}.items():
        np.testing.assert_allclose(got[adjust]["lower"], estimate - half, rtol=1e-6)
        np.testing.assert_allclose(got[adjust]["upper"], estimate + half, rtol=1e-6)
    np.testing.assert_allclose(multiplicity.holm(np.array([0.01, 0.04, 0.03, 0.9])),
                               [0.04, 0.09, 0.09, 0.9])


@pytest.mark.parametrize("q, k, df", [(3.5, 3, 1), (2.0, 5, 2.5), (3.88, 3, 10), (5.1, 15, 152),
                                      (4.0, 60, 1e4)])
def test_the_studentized_range_against_scipy(q, k, df):
    expected = stats.studentized_range.sf(q, k, df)
    got = multiplicity.tukey_p(np.array([q, 0, q]), k, np.array([df, df, 3]))
    np.testing.assert_allclose(got, [expected, 1, stats.studentized_range.sf(q, k, 3)],
                               rtol=1e-9, atol=1e-11)
    assert multiplicity.tukey_quantile(k, np.array([df]), 1 - expected) == pytest.approx(
        q, rel=1e-8)


def test_the_studentized_range_against_the_tables():
    # Harter 1960: upper 5 % points, 3 means and 10 df, 5 and 20, 10 and 60
    for k, df, q in [(3, 10, 3.877), (5, 20, 4.232), (10, 60, 4.646)]:
        assert multiplicity.tukey_quantile(k, np.array([df]))[0] == pytest.approx(q, abs=5e-4)
    assert np.isnan(multiplicity.tukey_p(np.array([3.0]), 3, np.array([0.0]))).all()
    assert np.isnan(multiplicity.tukey_quantile(3, np.array([0.0, np.nan]))).all()


def test_letters_of_the_planks_depth():
    got = FITS["planks3"].letters("depth")
    assert list(got) == ["depth", "mean", "se", "df", "lower", "upper", "letters"]
    assert dict(zip(got["depth"], got["letters"])) == {1: "a", 3: "b", 5: "c", 7: "b", 9: "a"}
    pd.testing.assert_frame_equal(got.drop(columns="letters"), FITS["planks3"].ls_means("depth"))
    assert set(FITS["planks3"].letters("depth", adjust="none", level=1e-60)["letters"]) == {"a"}


@pytest.mark.parametrize("adjust, level", [("tukey", 0.05), ("none", 0.05), ("none", 0.3),
                                           ("holm", 0.001)])
def test_two_means_share_a_letter_if_and_only_if_they_do_not_differ(adjust, level):
    model = FITS["planks3"]
    got = model.letters("width:depth", adjust=adjust, level=level)
    p = model.pairs("width:depth", adjust=adjust)["p"]
    sets = [set(each) for each in got["letters"]]
    for (one, two), each in zip(itertools.combinations(sets, 2), p):
        assert bool(one & two) == (each >= level)
    assert min(sets[got["mean"].argmin()]) == "a"
    groups = {a: {i for i, each in enumerate(sets) if a in each} for a in set().union(*sets)}
    # none is superfluous
    assert not any(groups[a] <= groups[b] for a, b in itertools.permutations(groups, 2))


# LS means --------------------------------------------------------------------------------------

def test_covariates_stand_at_their_mean_and_other_factors_count_equally():
    data = unbalanced()
    model = lmm.fit("y ~ a * log(x) + C(b) + (1 | g)", data)
    got, b = model.ls_means("a"), model.fe_params
    at = np.log(data["x"].mean())
    base = b["Intercept"] + b["C(b)[T.20]"] / 2 + b["log(x)"] * at
    expected = [base, *(base + b[f"a[T.{level}]"] + b[f"a[T.{level}]:log(x)"] * at
                        for level in "lm")]
    np.testing.assert_allclose(got["mean"], expected, rtol=1e-12)
    assert list(model.ls_means("b")["b"]) == [10, 20] and len(model.ls_means("a:b")) == 6
    assert model.pairs("b")["contrast"][0] == "10 - 20"
    assert model.pairs("a:b")["contrast"][0] == "k 10 - k 20"
    coded = lmm.fit("y ~ 0 + C(a, contr.sum) * log(x) + C(b, contr.helmert) + (1 | g)", data)
    np.testing.assert_allclose(coded.ls_means("a").iloc[:, 1:], got.iloc[:, 1:], rtol=1e-7)
    np.testing.assert_allclose(coded.pairs("a").iloc[:, 1:], model.pairs("a").iloc[:, 1:],
                               rtol=1e-6)


def test_poly_uses_the_basis_of_the_fit():
    data = unbalanced()
    poly, powers = (lmm.fit(f"y ~ a * ({x}) + (1 | g)", data)
                    for x in ("poly(x, 2)", "x + I(x**2)"))
    np.testing.assert_allclose(poly.ls_means("a").iloc[:, 1:], powers.ls_means("a").iloc[:, 1:],
                               rtol=1e-6)


def test_levels_that_look_like_a_difference_get_brackets_as_in_emmeans():
    data = unbalanced().replace({"a": {"k": "pre-test"}})
    got = lmm.fit("y ~ a + (1 | g)", data).pairs("a")
    assert list(got["contrast"]) == ["l - m", "l - (pre-test)", "m - (pre-test)"]


def test_the_offset_stands_at_its_mean():
    data = unbalanced()
    plain, shifted = (lmm.fit("y ~ a + (1 | g)", data.assign(y=data["y"] + add), offset=offset)
                      for add, offset in [(0, None), (7.0, np.full(len(data), 7.0))])
    expected = plain.ls_means("a")
    expected[["mean", "lower", "upper"]] += 7
    np.testing.assert_allclose(shifted.ls_means("a").iloc[:, 1:], expected.iloc[:, 1:], rtol=1e-7)
    np.testing.assert_allclose(shifted.pairs("a").iloc[:, 1:], plain.pairs("a").iloc[:, 1:],
                               rtol=1e-6)


PLANKS = FITS["planks3"]
WRONG = {
    "adjust": (lambda: PLANKS.pairs("depth", adjust="scheffe"),
               "adjust must be one of tukey, dunnett, sidak, holm, bonferroni, none, "
               "not 'scheffe'"),
    "adjust of letters": (lambda: PLANKS.letters("depth", adjust=None), "adjust must be one of"),
    "factor": (lambda: PLANKS.pairs("plank"),
               "'plank' is not a factor of the fixed part; there are: depth, width"),
    "one of two factors": (lambda: PLANKS.ls_means("depth:plank"), "'plank' is not a factor"),
    "covariate": (lambda: lmm.fit("y ~ a + x", unbalanced()).pairs("x"),
                  "'x' is not a factor .*; there are: a$"),
    "df": (lambda: PLANKS.pairs("depth", df="magic"), "df must be one of"),
    "type": (lambda: PLANKS.anova(type=4),
             r"type must be 1 \(sequential\), 2 \(.*\) or 3 \(.*\), not 4"),
    "df of anova": (lambda: PLANKS.anova(df="magic"), "df must be one of"),
    "level": (lambda: PLANKS.letters("depth", level=5), "level must lie between 0 and 1, not 5"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case):
    call, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_too_many_combinations(monkeypatch):
    monkeypatch.setattr(means, "MOST_CELLS", 10)
    with pytest.raises(ValueError,
                       match="depth, width have 15 combinations; LS means average over at most 10"):
        PLANKS.ls_means("depth")


def test_type_2_on_balanced_data_is_type_3():
    np.testing.assert_allclose(PLANKS.anova(type=2), PLANKS.anova(type=3), rtol=1e-7)


def test_type_2_without_random_terms_is_that_of_least_squares():
    data = lmm.load("planks").drop(index=[0, 1, 2, 17, 40, 41, 99]).assign(
        x=lambda d: np.arange(len(d)) % 7)
    formula = "humidity ~ width * depth + x"
    expected = anova_lm(smf.ols(formula, data).fit(), typ=2)
    got = lmm.fit(formula, data).anova(type=2)
    np.testing.assert_allclose(got["F"], expected.loc[got.index, "F"], rtol=1e-9)


# R 4.2.2, lmerTest 3.1-3, the criterion at its optimum (bobyqa, rhoend = 1e-10): den_df and F
TYPE2 = {
    "width": (256.611388, 8.74257343),
    "depth": (256.049379, 73.9702257),
    "x": (256.099904, 1.28226867),
    "width:depth": (256.041483, 0.98396258),
    "width:x": (256.892329, 0.235937229),
}


def test_type_2_on_unbalanced_data_with_a_covariate_against_lmerTest():
    data = lmm.load("planks").drop(index=[0, 1, 2, 17, 40, 41, 99]).assign(
        x=lambda d: np.arange(len(d)) % 7)
    got = lmm.fit("humidity ~ width * depth + width * x + (1 | plank)", data).anova(type=2)
    for term, expected in TYPE2.items():
        assert list(got.loc[term, ["den_df", "F"]]) == pytest.approx(expected, rel=1e-8)
