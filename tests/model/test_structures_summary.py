"""The summary of a model with a structure; what such a model refuses."""

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import REFERENCE

ORTHODONT = pd.read_csv(REFERENCE / "structured" / "data" / "orthodont.csv")
FEV = pd.read_csv(REFERENCE / "structured" / "data" / "fev_data.csv")
DYESTUFF2 = pd.read_csv(REFERENCE / "structured" / "data" / "dyestuff2.csv")


def fit(data=ORTHODONT, formula="distance ~ age", **options):
    return lmm.fit(formula, data, **options)


def test_structure_parameters_and_r_of_a_subject_are_shown():
    text = str(fit(correlation="us(occasion | Subject)", variance="occ").summary())
    assert "Generalised least squares fit by REML" in text
    assert "Errors: us(occasion | Subject), variance by occ" in text
    lines = [line.split() for line in text.splitlines()]
    found = fit(correlation="us(occasion | Subject)", variance="occ")
    sd = np.sqrt(found.residual_variances)
    row = next(w for w in lines if w[:1] == ["4"])
    rho = found.residual_correlation
    expected = [f"{sd['t4']:.4f}", *(f"{rho[f'rho({k}, 4)']:.3f}" for k in (1, 2, 3))]
    assert row[1:] == expected
    assert "Number of observations: 108, Subject: 27" in text


def test_html_has_the_same_tables():
    found = fit(correlation="ar1(occasion | Subject)", variance="Sex")
    html = found._repr_html_()
    assert "<caption>Residual variances by Sex</caption>" in html
    assert f"(rho {found.residual_correlation['rho']:.4f})</caption>" in html


def test_a_boundary_is_said():
    rng = np.random.default_rng(0)
    y = np.tile([1.0, -1, 1, -1], 27) + 0.3 * rng.normal(size=108)
    found = fit(ORTHODONT.assign(distance=y), "distance ~ 1", correlation="car1(occasion | "
                                                                          "Subject)")
    assert found.singular and found.residual_correlation["phi"] < 1e-12
    plain = fit(ORTHODONT.assign(distance=y), "distance ~ 1")
    assert found.criterion == pytest.approx(plain.criterion, abs=1e-9)
    assert "phi is estimated as 0" in str(found.summary())
    with pytest.warns(RuntimeWarning, match="us\\(VISITN | USUBJID\\) is singular"):
        few = fit(FEV.iloc[:50], "FEV1 ~ ARMCD", correlation="us(VISITN | USUBJID)",
                  variance="AVISIT")
    assert not few.converged and few.singular and "NOT CONVERGED" in str(few.summary())


def test_negative_correlation_of_cs_against_a_variance_of_0():
    cs = fit(DYESTUFF2, "Yield ~ 1", correlation="cs(run | Batch)")
    intercept = fit(DYESTUFF2, "Yield ~ 1 + (1 | Batch)")
    assert cs.residual_correlation["rho"] < 0 and intercept.singular
    assert cs.criterion == pytest.approx(161.20921677558, abs=1e-8)
    assert intercept.criterion == pytest.approx(161.82827781, abs=1e-6)         # lme4, polished


def test_even_gaps_cannot_tell_the_sign():
    once = fit(correlation="ar1(occasion | Subject)")
    twice = fit(ORTHODONT.assign(t=2 * ORTHODONT["occasion"]), correlation="ar1(t | Subject)")
    assert twice.residual_correlation["rho"]**2 == pytest.approx(once.residual_correlation["rho"])
    assert twice.residual_correlation["rho"] > 0


@pytest.mark.parametrize("options", [
    dict(correlation="ar1(occasion | Subject)"), dict(correlation="car1(age | Subject)"),
    dict(correlation="us(occasion | Subject)", variance="occ"), dict(variance="Sex"),
    dict(correlation="toep(occ | Subject)", variance="Sex"),
])
def test_order_of_rows_unit_and_labels_do_not_matter(options):
    found = fit(**options)
    mixed = ORTHODONT.sample(frac=1, random_state=4)
    mixed = mixed.assign(distance=1e4 * mixed["distance"] + 3e6)
    other = fit(mixed, **options)
    assert other.criterion - 106 * np.log(1e8) == pytest.approx(found.criterion, abs=1e-6)
    np.testing.assert_allclose(other.residual_correlation, found.residual_correlation, rtol=1e-6)
    np.testing.assert_allclose(other.residual_variances[found.residual_variances.index] / 1e8,
                               found.residual_variances, rtol=1e-6)
    np.testing.assert_allclose(other.coef_table()["df"], found.coef_table()["df"], rtol=1e-5)
    heavy = fit(ORTHODONT.assign(u=7.0), weights="u", **options)
    np.testing.assert_allclose(heavy.coef_table(), found.coef_table(), rtol=1e-6, atol=1e-9)


TWICE = pd.concat([ORTHODONT, ORTHODONT.iloc[:1]], ignore_index=True)
APART = ORTHODONT[(ORTHODONT["occasion"] != 1) | (ORTHODONT["Subject"] < "M05")]
APART = APART[(APART["occasion"] != 4) | (APART["Subject"] >= "M05")]
SAME = "both let the rows of one Subject be equally correlated"
REFUSED = {
    "two rows at one time": (dict(data=TWICE, correlation="ar1(occasion | Subject)"),
                             "'M01' has two rows at occasion 1"),
    "times not whole": (dict(data=ORTHODONT.assign(t=ORTHODONT["age"] / 3),
                             correlation="ar1(t | Subject)"), "needs whole times"),
    "a pair never together": (dict(data=APART, correlation="us(occasion | Subject)"),
                              "no subject has both 1 and 4"),
    "a distance never seen": (dict(data=ORTHODONT[ORTHODONT["occasion"].isin([1, 2, 4])]
                                   [lambda d: (d["occasion"] != 2) | (d["Subject"] < "F05")]
                                   .assign(o=lambda d: d["occasion"].replace({4: 5})),
                                   correlation="toep(o | Subject)"), "at distance 2"),
    "cs and an intercept": (dict(formula="distance ~ age + (1 | Subject)",
                                 correlation="cs(occasion | Subject)"), SAME),
    "us and an intercept": (dict(formula="distance ~ age + (1 | Subject)", variance="occ",
                                 correlation="us(occasion | Subject)"), SAME),
    "us and a slope": (dict(formula="distance ~ age + (0 + age | Subject)", variance="occ",
                            correlation="us(occasion | Subject)"), "cannot tell the errors'"),
    "ar1 of two rows and an intercept": (
        dict(data=ORTHODONT[ORTHODONT["occasion"] < 3], formula="distance ~ age + (1 | Subject)",
             correlation="ar1(occasion | Subject)"), "cannot tell the errors' structure"),
    "a term that varies within": (dict(formula="distance ~ age + (1 | occ)",
                                       correlation="ar1(occasion | Subject)"),
                                  "several levels of occ within one Subject"),
    "one row a subject": (dict(data=ORTHODONT.drop_duplicates("Subject"),
                               correlation="ar1(occasion | Subject)"), "one row only"),
    "one level": (dict(data=ORTHODONT.assign(k="a"), variance="k"), "only the level 'a'"),
    "a level without residuals": (
        dict(data=ORTHODONT.assign(k=["a"] + ["b"] * 107), formula="distance ~ age + k",
             variance="k"), "gives the rows of k a exactly"),
    "no such kind": (dict(correlation="ar2(occasion | Subject)"), "must be one of ar1, car1, cs"),
    "no such column": (dict(correlation="ar1(visit | Subject)"), "no column 'visit'"),
    "no time": (dict(correlation="ar1(1 | Subject)"), "needs the column of times"),
    "a factor's time": (dict(correlation="car1(occ | Subject)"), "needs times that are numbers"),
    "not a name": (dict(variance=["Sex"]), "must be the name of a factor"),
    "a family": (dict(family="poisson"), "glmmTMB"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    options, said = REFUSED[name]
    with pytest.raises(ValueError, match=said):
        fit(**options)
