"""Models with a structure of the errors against R and SAS, figures of the minimum
(tests/reference/structured)."""

import json

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import REFERENCE

FOLDER = REFERENCE / "structured"
MODELS = sorted(path.stem for path in FOLDER.glob("*.json"))
LABELS = ["Subject", "Rat", "Chick", "Mare", "plank", "strip", "tablet", "Batch"]
METHODS = {"satterthwaite": "satterthwaite", "kenward-roger": "kenward_roger_linear"}


def model(name):
    """The figures of a model, and lmm's fit of it."""
    known = json.loads((FOLDER / f"{name}.json").read_text())
    data = pd.read_csv(FOLDER / "data" / known["data"])
    for label in data.columns.intersection(LABELS):
        data[label] = data[label].astype(str)
    options = {key: known[key] for key in ("reml", "weights", "correlation", "variance")}
    return known, lmm.fit(known["formula"], data, **options)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_with_a_structure(name):
    known, fit = model(name)
    assert fit.converged and fit.nobs == known["n"] and fit.n_dropped == known["n_dropped"]
    assert fit.criterion == pytest.approx(known["criterion"], abs=1e-8)
    assert fit.n_params == known["n_params"]
    for effect, figures in known["fixed"].items():
        assert fit.fe_params[effect] == pytest.approx(figures["estimate"], abs=1e-7 * figures["se"])
        assert fit.bse_fe[effect] == pytest.approx(figures["se"], rel=1e-7)
    correlations = [value for _, value in sorted(known["correlation_parameters"].items())]
    assert sorted(fit.residual_correlation) == pytest.approx(sorted(correlations), abs=1e-8)
    assert dict(fit.residual_variances) == pytest.approx(known["variances"], rel=1e-8)
    found = fit.variance_components.set_index(["group", "name1", "name2"])["variance"]
    for row in known["random"]:
        value = found[row["group"], row["name1"], row["name2"]]
        assert value == pytest.approx(row["variance"], rel=1e-8, abs=1e-9)
    for df, key in METHODS.items():
        _same_tests(fit, known.get("tests", {}).get(key), df)
        if df == "satterthwaite" or fit.reml:
            _same_anova(fit, known.get(f"anova_type3_{key}"), df)


def _same_tests(fit, tests, df):
    if not tests or (df == "kenward-roger" and not fit.reml):
        return
    table = fit.coef_table(df=df)
    for effect, figures in tests.items():
        assert table.loc[effect, "se"] == pytest.approx(figures["se"], rel=1e-7)
        assert table.loc[effect, "df"] == pytest.approx(figures["df"], rel=1e-6)


def _same_anova(fit, anova, df):
    if not anova:
        return
    table = fit.anova(df=df)
    for term, figures in anova.items():
        same = ":".join(sorted(term.split(":")))
        row = table[[":".join(sorted(name.split(":"))) == same for name in table.index]].iloc[0]
        assert row["F"] == pytest.approx(figures["F"], rel=1e-6)
        assert row["den_df"] == pytest.approx(figures["den_df"], rel=1e-5)


@pytest.mark.parametrize("name", [n for n in MODELS if "bodyweight" in n or "us" in n
                                  or "boundary" in n])
def test_the_criterion_is_slide_34s_for_the_dense_V(name):
    known, fit = model(name)
    X = fit.X.to_numpy()
    V = fit.V()
    inverse = np.linalg.inv(V)
    XVX = X.T @ inverse @ X
    r = fit.y - X @ np.linalg.solve(XVX, X.T @ inverse @ fit.y)
    m = len(V) - fit.reml * X.shape[1]
    value = np.linalg.slogdet(V)[1] + r @ inverse @ r + m * np.log(2 * np.pi)
    value += fit.reml * np.linalg.slogdet(XVX)[1]
    assert fit.criterion == pytest.approx(value, abs=1e-9)
