"""Fit.refit: the same model on new responses, or by the other criterion."""

import numpy as np
import pandas as pd
import pytest

import lmm

SLEEP = lmm.load("sleepstudy").assign(w=lambda d: 1 + d["Days"] % 3, o=lambda d: d["Days"] / 7)
FORMULA = "Reaction ~ Days + (Days | Subject)"


def same(one, two):
    """Two fits to the last digit."""
    pd.testing.assert_series_equal(one.fe_params, two.fe_params, check_exact=True)
    pd.testing.assert_frame_equal(one.coef_table(), two.coef_table(), check_exact=True)
    pd.testing.assert_frame_equal(one.variance_components, two.variance_components,
                                  check_exact=True)
    pd.testing.assert_frame_equal(one.data, two.data)
    assert (one.criterion, one.reml, one.formula) == (two.criterion, two.reml, two.formula)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("extra", [{}, {"weights": "w", "offset": "o"}])
def test_a_refit_is_the_fit_of_a_table_with_the_new_response(reml, extra):
    fit = lmm.fit(FORMULA, SLEEP, reml=reml, **extra)
    y = fit.simulate(1, seed=1)[:, 0]
    before = fit.y.copy()
    same(fit.refit(y), lmm.fit(FORMULA, SLEEP.assign(Reaction=y), reml=reml, **extra))
    same(fit.refit(reml=not reml), lmm.fit(FORMULA, SLEEP, reml=not reml, **extra))
    same(fit.refit(y, reml=not reml),
         lmm.fit(FORMULA, SLEEP.assign(Reaction=y), reml=not reml, **extra))
    np.testing.assert_array_equal(fit.y, before)


def test_a_series_is_taken_by_its_labels():
    table = SLEEP.set_index(SLEEP.index + 1000)
    table.loc[[1003, 1050], "Days"] = np.nan                      # two rows that the fit leaves out
    fit = lmm.fit(FORMULA, table)
    new = np.log(table["Reaction"])
    expected = lmm.fit(FORMULA, table.assign(Reaction=new))
    same(fit.refit(new), expected.refit())
    same(fit.refit(new[::-1]), expected.refit())
    same(fit.refit(new[fit.X.index]), expected.refit())
    same(fit.refit(new[fit.X.index].to_list()), expected.refit())


def test_a_computed_response_is_replaced_as_a_whole():
    fit = lmm.fit("log(Reaction) ~ Days + (1 | Subject)", SLEEP)
    got = fit.refit(SLEEP["Reaction"])
    assert got.criterion == lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP).criterion


def test_without_random_terms():
    fit = lmm.fit("Reaction ~ Days", SLEEP)
    same(fit.refit(SLEEP["Reaction"] * 2),
         lmm.fit("Reaction ~ Days", SLEEP.assign(Reaction=2 * SLEEP["Reaction"])))


BAD = {
    "too few": (np.ones(3), r"shape \(3,\); it needs one number for each of the 180 rows"),
    "two columns": (np.ones((180, 2)), r"shape \(180, 2\)"),
    "other labels": (SLEEP["Reaction"].set_axis(range(5, 185)), "labels of the new response"),
    "missing": (SLEEP["Reaction"].where(SLEEP.index != 7), "NaN or infinite in row 7"),
    "infinite": (np.append(np.ones(179), np.inf), "NaN or infinite in row 179"),
    "text": (SLEEP["Subject"].astype(str) + "x", "not numeric"),
    "complex": (SLEEP["Reaction"] + 1j, "not numeric"),
    "constant": (np.ones(180), "gives the response exactly"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_responses_are_refused(name):
    y, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        lmm.fit(FORMULA, SLEEP).refit(y)


def test_reml_is_true_or_false():
    with pytest.raises(ValueError, match="reml must be True or False"):
        lmm.fit(FORMULA, SLEEP).refit(reml="ML")
