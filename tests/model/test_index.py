"""What has a value for each row carries the labels of the user's table."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import lmm

SLEEP = lmm.load("sleepstudy")
FORMULA = "Reaction ~ Days + (Days | Subject)"
DRAWS = [lmm.diagnostics.residual_plot, lmm.diagnostics.scale_location, lmm.diagnostics.qq]
INDEXES = {
    "numbers": np.arange(180),
    "after a filter": np.arange(180) * 3 + 7,
    "text": [f"row {i}" for i in range(180)],
    "duplicates": np.arange(180) // 2,
    "all the same": [0] * 180,
    "shuffled": np.random.default_rng(1).permutation(180),
    "dates": pd.date_range("2024-01-01", periods=180),
    "two levels": pd.MultiIndex.from_frame(SLEEP[["Subject", "Days"]]),
    "the name of a column": pd.Index(np.arange(180) + 5, name="Days"),
}


def by_row(fit):
    """All that has a value a row."""
    out = {f"residuals, {kind}": lmm.influence.residuals(fit, kind) for kind in lmm.influence.KINDS}
    return out | {"fittedvalues": fit.fittedvalues, "resid": fit.resid,
                  "leverage": lmm.influence.leverage(fit),
                  "predict": fit.predict(), "interval": fit.predict(interval=0.9),
                  "marginal": fit.predict(random="marginal"),
                  "X": fit.X, "data": fit.data}


@pytest.mark.parametrize("name", INDEXES)
def test_every_kind_of_index(name):
    plain = lmm.fit(FORMULA, SLEEP)
    index = INDEXES[name]
    data = SLEEP.set_index(index if isinstance(index, pd.Index) else pd.Index(index))
    fit = lmm.fit(FORMULA, data)
    assert fit.criterion == plain.criterion
    for (what, got), expected in zip(by_row(fit).items(), by_row(plain).values()):
        pd.testing.assert_index_equal(got.index, data.index, obj=what)
        np.testing.assert_array_equal(got, expected, err_msg=what)
    assert fit.data.assign(e=fit.resid)["e"].notna().all()
    data = data.assign(half=np.arange(180) % 2)
    again = lmm.fit("Reaction ~ C(half) * scale(Days) + (1 | Subject)",
                    data)          # through formulaic, too
    pd.testing.assert_index_equal(again.resid.index, data.index)
    np.testing.assert_allclose(again.predict(again.data), again.fittedvalues, rtol=1e-12)
    for draw in DRAWS:
        assert draw(fit)
        plt.close("all")


def test_a_filtered_table_gets_its_own_residuals():
    late = SLEEP[SLEEP["Days"] >= 2].copy()
    late["e"] = lmm.fit(FORMULA, late).resid
    assert late["e"].notna().all()
    # lme4: residuals(lmer(Reaction ~ Days + (Days | Subject), subset(sleepstudy, Days >= 2)))[1:3]
    assert list(late["e"].iloc[:3]) == pytest.approx([-41.6664704, 8.9353831, 24.3101366], abs=2e-6)


def test_rows_with_missing_values_stay_missing():
    gaps = SLEEP.copy()
    gaps.loc[[3, 10], "Reaction"] = np.nan
    gaps["e"] = lmm.fit(FORMULA, gaps).resid
    assert list(gaps.index[gaps["e"].isna()]) == [3, 10]
    without = lmm.fit(FORMULA, SLEEP.drop(index=[3, 10]).reset_index(drop=True))
    np.testing.assert_array_equal(gaps["e"].dropna(), without.resid)


def test_the_largest_residual_is_named_by_its_label():
    late = SLEEP[SLEEP["Days"] >= 2]
    fit = lmm.fit(FORMULA, late)
    label = lmm.influence.residuals(fit, "standardised").abs().idxmax()
    assert (late.loc[label, "Subject"], late.loc[label, "Days"]) == (332, 6)
    assert f"row {label}, " in lmm.diagnostics.residual_plot(fit)
    named = lmm.fit(FORMULA,
                    late.set_index(late["Subject"].astype(str) + "/" + late["Days"].astype(str)))
    for draw in (lmm.diagnostics.residual_plot, lmm.diagnostics.qq):
        assert "row 332/6, " in draw(named)
    plt.close("all")


def test_weights_and_offsets_go_by_place():
    data = SLEEP.set_index(np.arange(180)[::-1])
    w = pd.Series(np.linspace(1, 2, 180))
    plain = lmm.fit(FORMULA, SLEEP, weights=w)
    assert lmm.fit(FORMULA, data, weights=w).criterion == plain.criterion
