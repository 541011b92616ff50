"""Variances that no data can tell apart are refused, by name; designs near them are fitted."""

import itertools

import numpy as np
import pandas as pd
import pytest

import lmm


def schools(n=2):
    """Six schools, four classes in each with a method f of their own, n pupils a class.

    Also herds with one diet each.
    """
    rng = np.random.default_rng(0)
    data = pd.DataFrame(list(itertools.product(range(6), "abcd", range(n))),
                        columns=["school", "f", "row"])
    data["x"] = rng.normal(size=len(data))
    data["group"] = data["school"].map(lambda s: f"g{s}")
    data["half"] = np.where(data["school"] < 3, "p", "q")
    data["cls"] = data["school"].astype(str) + data["f"]
    data["y"] = rng.normal(size=6)[data["school"]] + rng.normal(size=len(data))
    return data


REFUSED = {
    "y ~ group + (1 | school)": r"\(1 \| school\).*fixed effects",
    "y ~ f * x + (1 | f)": r"\(1 \| f\).*fixed effects",
    "y ~ x + (1 | school) + (1 | group)": "school.*group|group.*school",
    "y ~ f + (1 | school) + (0 + f | school)": "school",
    "y ~ f + (0 + f | school) + (1 | cls)": "cls.*school|school.*cls",
    "y ~ f + (f | school) + (1 | cls)": "cls.*school|school.*cls",
    "y ~ half + (0 + half | school)": "covariance.*school",
}


@pytest.mark.parametrize("formula", REFUSED)
@pytest.mark.parametrize("reml", [True, False])
def test_refused_by_name(formula, reml):
    with pytest.raises(ValueError, match=REFUSED[formula]):
        lmm.fit(formula, schools(), reml=reml)


def test_one_row_a_class_is_the_residual():
    with pytest.raises(ValueError, match="residual"):
        lmm.fit("y ~ f + (1 | school) + (1 | school:f)", schools(n=1))


@pytest.mark.parametrize("formula", [
    "y ~ half + (1 | school)", "y ~ f + (1 | school) + (1 | cls)", "y ~ f + (f | school)",
    "y ~ f + (0 + f | school)",
    "y ~ f + (x || school)", "y ~ f + (1 | school) + (1 | half:f)", "y ~ x + (1 | f) + (x | cls)"])
def test_designs_beside_them_are_fitted(formula):
    assert lmm.fit(formula, schools(n=3)).converged


def test_a_term_with_one_level_more_than_the_fixed_part():
    """Seven herds, six diets: one diet has two herds, so one df is left for the herds' variance."""
    data = schools(n=3)
    data.loc[data["cls"].isin(["0a", "0b"]), "school"] = 6
    fit = lmm.fit("y ~ group + (1 | school)", data)
    assert fit.converged
    if not fit.singular:
        assert fit.coef_table("kenward-roger")["df"].notna().all()
