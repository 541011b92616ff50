"""Means by group and at values, Dunnett, slopes, interactions, tests by group, F of any L, and the
names of other packages."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lmm
from conftest import unbalanced
from lmm.inference import multiplicity
from lmm.inference.names import NAMES


FIT = lmm.fit("y ~ a * C(b) + a * x + (1 | g)", unbalanced())

# R 4.2.2, emmeans 1.8.4-1 on lmerTest's fit of this model, bobyqa with rhoend = 1e-10
BY_AT = [  # emmeans(m, "a", by = "b", at = list(x = 5), level = .9): mean, se, lower, upper
    [2.10346389, 0.381615337, 1.45030181, 2.75662596],
    [3.36758762, 0.478267248, 2.56663039, 4.16854486],
    [2.22159936, 0.620357167, 1.19187148, 3.25132725],
    [1.94453468, 0.352047086, 1.33308868, 2.55598067],
    [3.17311075, 0.381148745, 2.52073338, 3.82548813],
    [2.19349681, 0.435624621, 1.45935743, 2.92763618],
]
WEIGHTS = {
    "proportional": ([1.65908503, 2.85284638, 1.73634059],
                     [0.322280074, 0.345176535, 0.375240115]),
    "cells": ([1.66056525, 2.86000235, 1.73360993],
              [0.322249145, 0.344430671, 0.371193226]),
}
BY_PAIRS = {  # pairs(emmeans(m, "a", by = "b")): p, lower, upper
    "tukey": [
        [2.26938399e-03, -2.061867631, -0.376676416], [9.99485159e-01, -1.271395735, 1.304659331],
        [8.16455675e-02, -0.118862532, 2.590670176], [9.07285163e-06, -1.761512906, -0.605935820],
        [9.06504346e-01, -0.754465974, 0.526076263], [2.14784551e-03, 0.333957047, 1.805101967]],
    "sidak": [
        [2.37037410e-03, -2.078755944, -0.359788104], [9.99985578e-01, -1.297207725, 1.330471321],
        [9.40853835e-02, -0.146019771, 2.617827415], [9.14252443e-06, -1.773096390, -0.594352336],
        [9.65195246e-01, -0.767302195, 0.538912484], [2.24169998e-03, 0.319209796, 1.819849218]],
}
# contrast(emmeans(m, "a", by = "b"), "trt.vs.ctrl", ref = 2), adjust = "mvt": mvtnorm's Monte Carlo
DUNNETT = [
    [1.56464929e-03, -2.01803290, -0.42051115], [6.12949155e-02, -2.52024638, 0.04843874],
    [6.06548773e-06, -1.72736560, -0.64008313], [1.45334061e-03, -1.76162584, -0.37743318]]
SLOPES = [  # emtrends(m, "a", var = "x"): slope, se, df, p
    [0.377250997, 0.108528852, 151.276016, 0.000664335645],
    [0.428474539, 0.217107506, 152.015923, 0.050244735552],
    [0.531163893, 0.275227477, 152.167432, 0.055478387067],
]
INTERACTION = [  # contrast(emmeans(m, c("a", "b")), interaction = "pairwise"): estimate, se
    [-0.0355476611, 0.433310410], [0.1308266536, 0.599997615], [0.1663743147, 0.654571993]]


def test_means_by_group_at_a_value_and_at_another_level():
    got = FIT.ls_means("a", by="b", at={"x": 5}, level=0.9)
    assert list(got["b"]) == [10] * 3 + [20] * 3 and list(got["a"]) == list("klm") * 2
    np.testing.assert_allclose(got[["mean", "se", "lower", "upper"]], BY_AT, rtol=1e-7)
    values = FIT.ls_means("x:a", at={"x": [4, 5], "b": [10]})
    np.testing.assert_allclose(values["mean"][3:], [row[0] for row in BY_AT[:3]], rtol=1e-8)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_weights(weights):
    mean, se = WEIGHTS[weights]
    got = FIT.ls_means("a", weights=weights)
    np.testing.assert_allclose(got["mean"], mean, rtol=1e-8)
    np.testing.assert_allclose(got["se"], se, rtol=1e-7)


@pytest.mark.parametrize("adjust", BY_PAIRS)
def test_pairs_within_each_group(adjust):
    got = FIT.pairs("a", by="b", adjust=adjust)
    assert list(got.columns[:2]) == ["b", "contrast"] and list(got["b"]) == [10] * 3 + [20] * 3
    np.testing.assert_allclose(got[["p", "lower", "upper"]], BY_PAIRS[adjust], rtol=1e-6,
                               atol=1e-8)


def test_dunnett_compares_with_the_reference():
    got = FIT.pairs("a", by="b", adjust="dunnett", reference="l")
    assert list(got["contrast"]) == ["k - l", "m - l"] * 2
    np.testing.assert_allclose(got["p"], [row[0] for row in DUNNETT], rtol=3e-3, atol=2e-6)
    np.testing.assert_allclose(got[["lower", "upper"]], [row[1:] for row in DUNNETT], atol=2e-4)
    assert list(FIT.pairs("a", adjust="dunnett")["contrast"]) == ["l - k", "m - k"]


def test_dunnett_against_the_table():
    # Dunnett 1964, Biometrics 20: two-sided upper 5 % points, equal groups
    for m, df, expected in [(2, 10, 2.57), (3, 20, 2.54), (5, 60, 2.58), (9, 30, 2.86)]:
        R = (np.eye(m) + 1) / 2
        _, wide = multiplicity.dunnett(np.ones(m), np.full(m, float(df)), 0.95, R)
        assert wide[0] == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize("df", [3.3, 12.7, 1e9])
def test_the_lattice_agrees_with_the_integral_over_one_factor(monkeypatch, df):
    b = np.array([0.4, 0.7, 0.55, 0.8])
    R = np.outer(b, b)
    np.fill_diagonal(R, 1)
    exact = multiplicity._outside(R, df)
    monkeypatch.setattr(multiplicity, "_factor", lambda R: None)
    lattice = multiplicity._outside(R, df)
    for c in (0.5, 2.0, 4.0):
        assert lattice(c) == pytest.approx(exact(c), abs=1e-5)
    single = multiplicity._outside_of_factor(np.zeros(1), df)
    assert single(2.0) == pytest.approx(2 * stats.t.sf(2.0, df), abs=1e-8)


def test_slopes_by_group_and_their_differences():
    got = FIT.trends("x", by="a")
    np.testing.assert_allclose(got[["slope", "se", "df", "p"]], SLOPES, rtol=1e-7)
    two = FIT.pairs("a", slopes="x")
    np.testing.assert_allclose(two["estimate"], [-0.0512235413, -0.1539128952, -0.1026893539],
                               rtol=1e-7)
    np.testing.assert_allclose(two["p"], [0.9762, 0.8634, 0.9509], atol=5.1e-5)
    curve = lmm.fit("y ~ x + I(x**2) + (1 | g)", unbalanced())
    b = curve.fe_params
    assert curve.trends("x", at={"x": 5})["slope"][0] == pytest.approx(
        b["x"] + 10 * b["I(x ** 2)"], rel=1e-9)


def test_interaction_contrasts_are_not_adjusted_unless_asked():
    got = FIT.pairs("a:b", interaction=True)
    assert got["contrast"][0] == "(k - l) (10 - 20)"
    np.testing.assert_allclose(got[["estimate", "se"]], INTERACTION, rtol=1e-7)
    np.testing.assert_allclose(got["p"], [0.9347, 0.8277, 0.7997], atol=5.1e-5)
    assert list(FIT.pairs("a:b", "bonferroni", interaction=True)["p"]) == [1, 1, 1]


def test_tests_in_each_group_are_joint_tests():
    got = FIT.anova(by="b")
    assert list(got.index) == [(b, term) for b in (10, 20) for term in ("a", "x", "a:x")]
    # joint_tests(m, by = "b"), which rounds F; its df are the smallest, ours lmerTest's
    np.testing.assert_allclose(got["F"], [6.271, 12.794, 0.138, 12.202, 12.794, 0.138], atol=5.1e-4)
    np.testing.assert_allclose(got["p"], [2.41699050e-3, 4.66087240e-4, 8.71392176e-1,
                                          1.22222766e-5, 4.66087240e-4, 8.71392176e-1], rtol=2e-4)


def test_f_of_any_rows():
    L = pd.DataFrame(0.0, ["l", "m", "both"], FIT.fe_params.index)
    L.loc[["l", "both"], "a[T.l]"] = 1
    L.loc[["m", "both"], "a[T.m]"] = 1
    got = FIT.f_test(L).iloc[0]                                       # lmerTest's contestMD
    np.testing.assert_allclose(got, [2, 151.813893, 0.720757569, 0.488040356], rtol=1e-8)
    one = FIT.f_test(L.iloc[:1], df="kenward-roger").iloc[0]
    t = FIT.contrast(L.iloc[:1], df="kenward-roger").iloc[0]
    np.testing.assert_allclose(one[["den_df", "F", "p"]], [t["df"], t["t"]**2, t["p"]], rtol=1e-9)


def test_coef_is_fixed_plus_random():
    sleep = lmm.load("sleepstudy")
    fit = lmm.fit("Reaction ~ 1 + (1 + Days | Subject)", sleep)
    got = fit.coef()
    blups = fit.random_effects["Subject"]
    np.testing.assert_allclose(got["Intercept"], fit.fe_params["Intercept"] + blups["Intercept"])
    np.testing.assert_allclose(got["Days"], blups["Days"])            # without a fixed effect
    assert list(fit.coef("Subject").columns) == ["Intercept", "Days"]


def test_limits_of_another_coverage():
    table = FIT.coef_table(level=0.9)
    half = stats.t.ppf(0.95, table["df"]) * table["se"]
    np.testing.assert_allclose(table["upper"], table["estimate"] + half, rtol=1e-12)
    pd.testing.assert_frame_equal(FIT.conf_int(alpha=0.1), table[["lower", "upper"]],
                                  check_frame_type=False)
    assert "90 %" in table.attrs["caption"] and "%" not in FIT.coef_table().attrs["caption"]


def test_a_note_where_means_are_averaged_over_an_interaction():
    got = FIT.ls_means("a")
    note = "Note: averaged over b and at the mean of x, which the model lets interact with a."
    assert got.attrs["note"] == note and repr(got).endswith(note) and note in got._repr_html_()
    assert "at the mean of x" in FIT.pairs("a", by="b").attrs["note"]
    assert "note" not in FIT.ls_means("a", by="b", at={"x": 4}).attrs
    assert "note" not in FIT.pairs("b", by="a").attrs
    assert "averaged over a," in FIT.trends("x").attrs["note"]
    assert "note" not in FIT.trends("x", by="a").attrs
    assert "note" not in lmm.fit("y ~ a + C(b) + (1 | g)", unbalanced()).ls_means("a").attrs


@pytest.mark.parametrize("name", NAMES)
def test_names_of_others_are_answered(name):
    with pytest.raises(AttributeError, match=f"no attribute {name!r}; lmm calls it"):
        getattr(FIT, name)


def test_a_fit_is_still_copied_and_stored():
    for other in (copy.copy(FIT), copy.deepcopy(FIT), pickle.loads(pickle.dumps(FIT))):
        assert other.criterion == FIT.criterion and not hasattr(other, "params")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'$"):
        FIT.nonsense
    with pytest.raises(ValueError, match="family=: .* glmmTMB .* bambi"):
        lmm.fit("y ~ a", unbalanced(), family="binomial")
    with pytest.raises(TypeError, match="unexpected keyword argument 'famly'"):
        lmm.fit("y ~ a", unbalanced(), famly="binomial")


ADDITIVE = lmm.fit("y ~ a + C(b) + x + (1 | g)", unbalanced())
WRONG = {
    "weights": (lambda: FIT.ls_means("a", weights="outer"), "weights must be one of equal, "),
    "by": (lambda: FIT.pairs("a", by="g"), "'g' is not a factor of the fixed part; there are: a"),
    "covariate": (lambda: FIT.pairs("x"), r"hold it at values: at={'x'"),
    "twice": (lambda: FIT.ls_means("a", by="a"), "a factor is named twice: a, a"),
    "at": (lambda: FIT.ls_means("a", at={"z": 1}), "at: 'z' is not in the fixed part"),
    "at a level": (lambda: FIT.ls_means("a", at={"b": 30}), "at: 30 is no value of 'b'"),
    "at a word": (lambda: FIT.ls_means("a", at={"x": "5"}), "at: '5' is no value of 'x'"),
    "at is no dict": (lambda: FIT.ls_means("a", at=5), "at must be a dict"),
    "one level": (lambda: FIT.pairs("a", at={"a": ["k"]}), "'a' has one level here"),
    "reference": (lambda: FIT.pairs("a", "dunnett", reference="z"),
                  "the reference 'z' is not among the levels k, l, m"),
    "reference of tukey": (lambda: FIT.pairs("a", reference="k"), "reference is for adjust="),
    "slope": (lambda: FIT.trends("a"), "'a' is not a covariate of the fixed part; there are: x"),
    "no interaction": (lambda: ADDITIVE.pairs("a:b", interaction=True), "has no interaction a:b"),
    "equal slopes": (lambda: ADDITIVE.pairs("a", slopes="x"), "no interaction of x with a"),
    "tukey": (lambda: FIT.pairs("a:b", "tukey", interaction=True), "'tukey' is for differences"),
    "one factor": (lambda: FIT.pairs("a", interaction=True), "asks for two factors or more"),
    "letters": (lambda: FIT.letters("a", "dunnett"), "letters compare all means"),
    "level": (lambda: FIT.pairs("a", level=95), "level must lie between 0 and 1"),
    "alpha": (lambda: FIT.conf_int(alpha=5), "alpha must lie between 0 and 1"),
    "alpha as df": (lambda: FIT.conf_int(0.05), r"the coverage is conf_int\(alpha=\)"),
    "rows": (lambda: FIT.f_test([1, 2]), "L has 2 columns but there are 9 fixed effects"),
    "group": (lambda: FIT.coef("a"), "group must be one of the grouping factors, g, not 'a'"),
    "type by group": (lambda: FIT.anova(type=1, by="b"), "tests by group are of type 3"),
    "by all": (lambda: lmm.fit("y ~ a", unbalanced()).anova(by="a"), "nothing is left to test"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input(case):
    call, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        call()
