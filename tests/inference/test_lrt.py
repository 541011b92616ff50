"""Likelihood-ratio tests against lmerTest, against known distributions, and against misuse."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lmm
from conftest import model_fit, reference
from lmm.inference.lrt import _null_draws, lrt, ranova, rlrt

SLEEP, PLANKS, PASTES = lmm.load("sleepstudy"), lmm.load("planks"), lmm.load("pastes")
THREE = "(1 | plank) + (1 | plank:width) + (1 | plank:depth)"
# lmerTest's rows in our order of terms
RANOVA = {"dyestuff": [1], "dyestuff2": [1], "hplc1": [1], "hplc2": [1], "pastes": [2, 1],
          "oats_split": [2, 1], "oatyield": [1], "planks1": [1], "planks3": [1, 2, 3],
          "planks3_add": [1, 2, 3], "sleep_ri": [1], "sleep_corr": [1], "sleep_uncorr": [1, 2]}


def sleep(random, reml=True, fixed="Days"):
    return lmm.fit(f"Reaction ~ {fixed} + {random}", SLEEP, reml=reml)


@pytest.mark.parametrize("model", RANOVA)
def test_ranova_against_lmerTest(model):
    got, expected = ranova(model_fit(model)), reference(model)["satterthwaite"]["ranova"]
    assert list(got.columns[:7]) == ["term", "npar", "criterion", "statistic", "df", "p", "p_chi2"]
    assert len(got) == len(expected) - 1
    for (_, row), theirs in zip(got.iterrows(), [expected[i] for i in RANOVA[model]]):
        assert row["statistic"] == pytest.approx(theirs["LRT"], rel=1e-6, abs=1e-7)
        assert row["p_chi2"] == pytest.approx(theirs["Pr(>Chisq)"], rel=1e-6)
        assert (row["npar"], row["df"]) == (theirs["npar"], theirs["Df"])
        inner = stats.chi2.sf(theirs["LRT"], row["df"] - 1) if row["df"] > 1 else theirs["LRT"] <= 0
        assert row["p"] == pytest.approx(0.5 * inner + 0.5 * theirs["Pr(>Chisq)"], rel=1e-6)


def test_the_terms_of_ranova():
    assert list(sleep("(1 + Days | Subject)").ranova()["term"]) == ["Days in (1 + Days | Subject)"]
    terms = list(sleep("(Days || Subject)").ranova()["term"])
    assert terms == ["(1 | Subject)", "(0 + Days | Subject)"]
    data = SLEEP.assign(late=np.where(SLEEP["Days"] > 4, "yes", "no"), x=np.arange(180) % 4)
    # a factor without intercept becomes (1 | g), as in lmerTest;
    # two variances at once give an upper bound of p
    factor = lmm.fit("Reaction ~ Days + (0 + late | Subject)", data)
    row = factor.ranova().iloc[0]
    alone = lmm.fit("Reaction ~ Days + (1 | Subject)", data)
    assert row["term"] == "late in (0 + late | Subject)" and row["df"] == 2
    assert row["statistic"] == pytest.approx(alone.criterion - factor.criterion, rel=1e-9)
    two = lmm.fit("Reaction ~ Days + (1 + Days + x + Days:x | Subject)", data, reml=False)
    # Days and x stay with it
    assert list(two.ranova()["term"]) == ["Days:x in (1 + Days + x + Days:x | Subject)"]
    many = lrt(alone, lmm.fit("Reaction ~ Days + (1 + Days + x | Subject)", data))
    assert many["test"][0] == "at most 0.5 chi-square 4 + 0.5 chi-square 5 (2 variances)"


def test_lrt_of_fixed_effects_refits_by_ml():
    small, large = (lmm.fit(f"humidity ~ {fixed} + {THREE}", PLANKS)
                    for fixed in ("width + depth", "width * depth"))
    got = lmm.lrt(small, large)
    expected = 2 * (reference("planks3")["ML"]["logLik"] - reference("planks3_add")["ML"]["logLik"])
    assert list(got.columns) == ["statistic", "df", "p", "test"] and len(got) == 1
    assert got["statistic"][0] == pytest.approx(expected, rel=1e-7)
    assert (got["df"][0], got["test"][0]) == (8, "chi-square 8")
    assert got["p"][0] == pytest.approx(stats.chi2.sf(expected, 8), rel=1e-6)


def test_lrt_of_variances_uses_the_mixture_and_the_criterion_as_fitted():
    small = "(1 | Subject)"
    middle = "(1 | Subject) + (0 + Days | Subject)"
    large = "(Days | Subject)"
    for reml, method in [(True, "REML"), (False, "ML")]:
        ri, un, co = (reference(f"sleep_{m}")[method]["criterion"]
                      for m in ("ri", "uncorr", "corr"))
        one, both, correlation = (lrt(sleep(a, reml), sleep(b, reml)) for a, b in
                                  [(small, middle), (small, large), (middle, large)])
        for got, statistic, df, test in [(one, ri - un, 1, "0.5 chi-square 0 + 0.5 chi-square 1"),
                                         (both, ri - co, 2, "0.5 chi-square 1 + 0.5 chi-square 2"),
                                         (correlation, un - co, 1, "chi-square 1")]:
            assert got["statistic"][0] == pytest.approx(statistic, rel=1e-5) and got["df"][0] == df
            assert got["test"][0] == test
        assert one["p"][0] == pytest.approx(0.5 * stats.chi2.sf(ri - un, 1), rel=1e-5)
        assert both["p"][0] == pytest.approx(stats.chi2.sf(ri - co, [1, 2]).mean(), rel=1e-5)


def test_fixed_and_random_parts_together():
    got = lrt(sleep("(1 | Subject)", fixed="1"), sleep("(1 + Days | Subject)"))
    expected = (sleep("(1 | Subject)", False, "1").criterion
                - sleep("(1 + Days | Subject)", False).criterion)
    assert got["statistic"][0] == pytest.approx(expected, rel=1e-9)
    assert got["test"][0] == "0.5 chi-square 2 + 0.5 chi-square 3"


def test_coding_and_names_do_not_matter():
    renamed = PLANKS.assign(lath=PLANKS["plank"].astype(str) + "!",
                            depth=PLANKS["depth"].cat.reorder_categories([9, 7, 5, 3, 1]))
    large = lmm.fit("humidity ~ depth + (1 | plank/width)", PLANKS)
    base = lrt(lmm.fit("humidity ~ depth + (1 | plank)", PLANKS), large)
    got = lrt(lmm.fit("humidity ~ 0 + depth + (1 | lath)", renamed), large)
    assert got["statistic"][0] == pytest.approx(base["statistic"][0], rel=1e-8)
    assert base["statistic"][0] > 50
    # REML: it matters
    scaled = lrt(sleep("(1 | Subject)", fixed="I(60 * Days)"), sleep("(Days | Subject)"))
    assert scaled["statistic"][0] == pytest.approx(42.8368134364305, rel=1e-7)   # lmerTest's ranova


def test_no_random_term_at_all():
    got = lrt(lmm.fit("Yield ~ 1", lmm.load("dyestuff")),
              lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff")))
    assert got["statistic"][0] == pytest.approx(6.3689553136212, rel=1e-7)       # lmerTest's ranova
    assert got["p"][0] == pytest.approx(0.0116133944354536 / 2, rel=1e-6)


def test_the_exact_test_of_a_balanced_one_way_layout_is_the_F_test():
    # there the statistic grows with F alone;
    # R: anova(lm(Yield ~ Batch, Dyestuff)), F = 4.5983 on 5 and 24 df
    dyestuff = lmm.load("dyestuff")
    p = stats.f_oneway(*(y["Yield"] for _, y in dyestuff.groupby("Batch", observed=True))).pvalue
    assert p == pytest.approx(0.004398, abs=1e-6)
    got = rlrt(lmm.fit("Yield ~ 1 + (1 | Batch)", dyestuff), n=100_000, seed=1)
    assert got["p"][0] == pytest.approx(p, abs=4 * np.sqrt(p / 100_000))
    assert got["statistic"][0] == pytest.approx(6.3689553136212, rel=1e-7)
    assert got.equals(rlrt(lmm.fit("Yield ~ 1 + (1 | Batch)", dyestuff, reml=False),
                           n=100_000, seed=1))
    assert rlrt(lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2")), seed=1)["p"][0] == 1


def test_the_exact_test_against_refitted_null_data_unbalanced_with_a_covariate_and_weights():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(5), [2, 3, 4, 6, 9])
    data = pd.DataFrame({"g": g, "x": rng.normal(size=24) + g, "y": rng.normal(size=24),
                         "w": 10.0 ** rng.uniform(-2, 2, 24)})
    fit = lmm.fit("y ~ x + (1 | g)", data, weights="w")
    draws = _null_draws(fit, 20_000, np.random.default_rng(1))
    # the same model with each row multiplied by the root of its weight
    r = np.sqrt(data["w"])
    rows = pd.DataFrame({"g": g, "r": r, "rx": r * data["x"], "ry": r * data["y"]})
    same = _null_draws(lmm.fit("ry ~ 0 + r + rx + (0 + r | g)", rows), 20_000,
                       np.random.default_rng(1))
    np.testing.assert_allclose(draws, same, atol=1e-9)
    refitted = []
    for _ in range(200):
        y = rng.normal(size=24) / np.sqrt(data["w"])
        pair = [lmm.fit(f"y ~ x{random}", data.assign(y=y), weights="w").criterion
                for random in ("", " + (1 | g)")]
        refitted.append(pair[0] - pair[1])
    for q in (0.7, 0.9):
        share = (np.array(refitted) <= np.quantile(draws, q)).mean()
        assert share == pytest.approx(q, abs=3.5 * np.sqrt(q * (1 - q) / 200))
    assert (draws < 1e-8).mean() == pytest.approx((np.array(refitted) < 1e-6).mean(), abs=0.1)


TABLETS = lmm.load("tablets")
MISUSE = {
    "order": (lambda: lrt(sleep("(Days | Subject)"), sleep("(1 | Subject)")), "swap them: lmm.lrt"),
    "same": (lambda: lrt(sleep("(1 | Subject)"), sleep("(1 | Subject)", fixed="I(Days + 1)")),
             "the same model"),
    "fixed not nested": (lambda: lrt(sleep("(1 | Subject)", fixed="I(Days ** 2)"),
                                     sleep("(Days | Subject)")),
                         "not nested .* its fixed part has columns"),
    "random not nested": (
        lambda: lrt(lmm.fit("humidity ~ 1 + (1 | width:plank)", PLANKS),
                    lmm.fit("humidity ~ 1 + (1 | plank) + (1 | plank:depth)", PLANKS)),
        r"no random term of the larger model contains \(Intercept \| width:plank\)"),
    "rows": (lambda: lrt(lmm.fit("Reaction ~ 1 + (1 | Subject)", SLEEP[5:]),
                         sleep("(1 | Subject)")),
             "175 and 180 rows"),
    "data": (lambda: lrt(lmm.fit("Reaction ~ 1 + (1 | Subject)", SLEEP[::-1]),
                         sleep("(1 | Subject)")),
             "rows in another order"),
    "weights": (
        lambda: lrt(lmm.fit("Reaction ~ 1 + (1 | Subject)", SLEEP, weights=np.arange(1, 181)),
                    sleep("(1 | Subject)")), "different weights"),
    "methods": (lambda: lrt(sleep("(1 | Subject)", False), sleep("(Days | Subject)")),
                "the same `reml`"),
    "no fit": (lambda: lrt("y ~ 1", sleep("(1 | Subject)")), "two fits of lmm.fit, not str"),
    "no terms": (lambda: ranova(lmm.fit("y ~ method", TABLETS)), "no random terms to test"),
    "several variances": (lambda: rlrt(sleep("(Days | Subject)")),
                          "has 3 variances and covariances"),
    "no draws": (lambda: rlrt(sleep("(1 | Subject)"), n=0), "positive whole number, not 0"),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse(case):
    call, message = MISUSE[case]
    with pytest.raises(ValueError, match=message):
        call()


def test_a_fit_that_has_not_converged_is_not_compared(monkeypatch):
    with monkeypatch.context() as patch:
        optimum = lmm.engine.search.optimum
        patch.setattr(lmm.engine.search, "optimum",
                      lambda *args: replace(optimum(*args), converged=False))
        with pytest.warns(RuntimeWarning, match="not converged"):
            stuck = sleep("(Days | Subject)")
    with pytest.raises(ValueError, match="has not converged; its criterion cannot be compared"):
        lrt(sleep("(1 | Subject)"), stuck)
