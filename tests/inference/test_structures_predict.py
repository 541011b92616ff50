"""Predictions, simulation, residuals and tests of models with a structure, against dense
matrices."""

import numpy as np
import pandas as pd
import pytest

import lmm
from conftest import REFERENCE
from lmm.inference import influence

ORTHODONT = pd.read_csv(REFERENCE / "structured" / "data" / "orthodont.csv")
SLEEP = lmm.load("sleepstudy")
FITS = {
    "ar1": ("distance ~ age", dict(correlation="ar1(occasion | Subject)")),
    "car1, sex": ("distance ~ age", dict(correlation="car1(age | Subject)", variance="Sex")),
    "intercept": ("distance ~ age + (1 | Subject)",
                  dict(correlation="ar1(occasion | Subject)", variance="Sex", weights="w")),
    "us": ("distance ~ age * Sex", dict(correlation="us(occasion | Subject)", variance="occ")),
    "toep": ("distance ~ age", dict(correlation="toep(occasion | Subject)", reml=False)),
    "cs": ("distance ~ age", dict(correlation="cs(1 | Subject)", weights="w")),
    "variance": ("distance ~ age + (age | Subject)", dict(variance="Sex")),
}


def holes(data=ORTHODONT):
    """A tenth of the rows is not observed, never the first row of a subject."""
    rng = np.random.default_rng(3)
    return data[(rng.random(len(data)) > 0.2) | (data["occasion"] == 1)]


@pytest.fixture(params=FITS)
def fit(request):
    formula, options = FITS[request.param]
    return lmm.fit(formula, holes(), **options)


def whole(fit):
    """R, G, X, Z of all rows, also those not observed, at the fit's parameters."""
    asked = fit.frame.structure
    table = ORTHODONT.assign(w=np.where(ORTHODONT.index.isin(fit.X.index), ORTHODONT["w"], 1.0))
    options = {"weights": "w"} if "weights" in fit.frame.given else {}
    full = lmm.fit(fit.formula, table, **options, reml=fit.reml,
                   correlation=asked.text or None, variance=asked.variance)
    errors = type(fit.errors)(full.frame.structure, full.frame.weights, fit.errors.phi,
                              fit.errors.gamma)
    R = fit.scale * errors.matrix().toarray()
    G = np.kron(np.eye(27), fit.scale * fit.gamma[0]) if fit.terms else np.zeros((0, 0))
    return R, G, full.X.to_numpy(), full.Z.toarray()


def test_a_new_time_of_a_known_subject_is_kriged(fit):
    R, G, X, Z = whole(fit)
    seen = ORTHODONT.index.isin(fit.X.index)
    C = Z @ G @ Z.T + R
    inverse = np.linalg.inv(C[np.ix_(seen, seen)])
    k = C[np.ix_(~seen, seen)] @ inverse
    beta = fit.fe_params.to_numpy()
    expected = X[~seen] @ beta + k @ (fit.y - X[seen] @ beta)
    new = ORTHODONT[~seen].drop(columns=["distance", "w"])
    table = fit.predict(new, interval=0.95, df="normal")
    np.testing.assert_allclose(table["mean"], expected, rtol=1e-9)
    d = X[~seen] - k @ X[seen]
    variance = C[~seen][:, ~seen].diagonal() - np.einsum("ij,ij->i", k, C[~seen][:, seen])
    variance += np.einsum("ij,jk,ik->i", d, fit.cov_params().to_numpy(), d)
    half = (table["upper"] - table["lower"]) / 2
    np.testing.assert_allclose(half / 1.959963984540054, np.sqrt(variance), rtol=1e-8)
    by_t = fit.predict(new, interval=0.95)
    assert ((by_t["upper"] - by_t["lower"]) / 2 > half).all() and by_t["upper"].notna().all()


def test_rows_of_the_fit_and_of_new_subjects_are_not_kriged(fit):
    data = ORTHODONT.loc[fit.X.index]
    if fit.frame.structure.time != "1":                              # else each row is a new one
        np.testing.assert_allclose(fit.predict(data), fit.fittedvalues, rtol=1e-12)
    stranger = data.assign(Subject="X99").iloc[:3]
    if fit.terms:
        with pytest.warns(RuntimeWarning, match="new levels"):
            found = fit.predict(stranger)
    else:
        found = fit.predict(stranger)
    np.testing.assert_allclose(found, fit.predict(stranger, random="marginal"), rtol=1e-12)


def test_residuals_leverage_and_their_variances(fit):
    R, V = fit.R.toarray(), fit.V()
    X = fit.X.to_numpy()
    inverse = np.linalg.inv(V)
    P = inverse - inverse @ X @ fit.cov_params().to_numpy() @ X.T @ inverse
    np.testing.assert_allclose(fit.resid, R @ P @ fit.y, atol=1e-9)
    np.testing.assert_allclose(influence.leverage(fit), 1 - (R @ P).diagonal(), atol=1e-9)
    sd = np.sqrt((R @ P @ R).diagonal())
    np.testing.assert_allclose(influence.residuals(fit, "standardised"), fit.resid / sd, rtol=1e-8)
    # L'L-1: whitened residuals have the same quadratic form, whatever the root
    normalised = influence.residuals(fit, "normalised")
    assert normalised @ normalised == pytest.approx(fit.resid @ np.linalg.solve(R, fit.resid))


def test_simulated_responses_have_the_covariance_of_the_fit(fit):
    draws = fit.simulate(4000, seed=1)
    V = fit.V()
    rows = np.flatnonzero(fit.frame.data["Subject"] == fit.frame.data["Subject"].iloc[0])
    found = np.cov(draws[rows])
    size = np.sqrt(np.outer(V.diagonal(), V.diagonal()))[np.ix_(rows, rows)]
    assert np.abs((found - V[np.ix_(rows, rows)]) / size).max() < 0.12


def test_bootstrap_names_the_parameters_of_R(fit):
    table = fit.bootstrap(3, seed=1)
    asked = fit.frame.structure
    names = [*asked.names, *(f"sigma_{level}" for level in asked.levels[1:])]
    assert set(names) <= set(table["parameter"]) and len(table) == fit.n_params
    found = table.set_index("parameter")["estimate"]
    assert list(found[asked.names]) == pytest.approx(list(fit.residual_correlation))
    last = fit.residual_variances.iloc[-1]
    assert found[names[-1] if len(asked.levels) > 1 else "sigma"]**2 == pytest.approx(last)


def test_refit_is_the_fit_of_the_new_response(fit):
    y = fit.simulate(1, seed=5)[:, 0]
    data = fit.frame.data.assign(distance=y, w=ORTHODONT["w"])
    asked = fit.frame.structure
    options = {"weights": "w"} if "weights" in fit.frame.given else {}
    anew = lmm.fit(fit.formula, data, **options, reml=fit.reml,
                   correlation=asked.text or None, variance=asked.variance)
    assert fit.refit(y).criterion == pytest.approx(anew.criterion, abs=1e-9)


def chain(*structures, formula="distance ~ age"):
    return [lmm.fit(formula, ORTHODONT, correlation=c, variance=v) for c, v in structures]


def test_lrt_of_structures():
    plain, cs, toep, us, un = chain(
        (None, None), ("cs(occasion | Subject)", None), ("toep(occasion | Subject)", None),
        ("us(occasion | Subject)", None), ("us(occasion | Subject)", "occ"))
    for small, large, df in [(plain, cs, 1), (cs, toep, 2), (toep, us, 3), (us, un, 3)]:
        test = lmm.lrt(small, large)
        assert test["df"][0] == df and test["test"][0] == f"chi-square {df}"
        assert test["statistic"][0] == pytest.approx(small.criterion - large.criterion)
    ar1, = chain(("ar1(occasion | Subject)", None))
    with pytest.raises(ValueError, match="no case of the larger one's; compare such models by aic"):
        lmm.lrt(ar1, cs)
    with pytest.raises(ValueError, match="swap them"):
        lmm.lrt(un, us)


def test_ranova_keeps_the_structure():
    fit = lmm.fit("distance ~ age + (1 | "
                  "Subject)", ORTHODONT, correlation="ar1(occasion | Subject)")
    alone, = chain(("ar1(occasion | Subject)", None))
    assert fit.ranova()["criterion"][0] == pytest.approx(alone.criterion, abs=1e-9)
    with pytest.raises(ValueError, match="independent errors"):
        lmm.rlrt(fit)


@pytest.mark.parametrize("change, said", [
    ({"occasion": 5}, "the fit has not seen occasion 5; it knows 1, 2, 3, 4"),
    ({"occ": "t9"}, "a level of occ that the fit has not seen"),
])
def test_what_predictions_refuse(change, said):
    formula, options = FITS["us"]
    fit = lmm.fit(formula, holes(), **options)
    with pytest.raises(ValueError, match=said):
        fit.predict(ORTHODONT.iloc[:2].assign(**change), interval=0.95)
    with pytest.raises(ValueError, match="lacks the column 'Subject'"):
        fit.predict(ORTHODONT.drop(columns="Subject"))


def test_responses_for_other_rows_and_with_other_parameters(fit):
    new = holes().iloc[:40].assign(Subject=lambda d: "X" + d["Subject"])
    names = ["distance", "w"]
    draws = fit.simulate(3000, seed=2, new_data=new.drop(columns=names), fe_params={"age": 0.0})
    plain = holes().assign(w=1.0)
    options = {"weights": "w"} if "weights" in fit.frame.given else {}
    asked = fit.frame.structure
    same = lmm.fit(fit.formula, plain, **options, reml=fit.reml, correlation=asked.text or None,
                   variance=asked.variance)
    errors = type(fit.errors)(same.frame.structure, np.ones(fit.nobs), fit.errors.phi,
                              fit.errors.gamma)
    V = (fit.Z @ fit.G @ fit.Z.T + fit.scale * errors.matrix()).toarray()[:40, :40]
    beta = fit.fe_params.copy()
    beta["age"] = 0.0
    sd = np.sqrt(V.diagonal())
    off = draws.mean(axis=1) - fit.X.iloc[:40] @ beta
    assert np.abs(off / sd).max() < 5 / np.sqrt(3000)
    assert np.abs((np.cov(draws) - V) / np.outer(sd, sd)).max() < 0.12


def test_chosen_variances_and_names_that_are_none():
    fit = lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP)
    G = [[100.0, 0.0], [0.0, 4.0]]
    draws = fit.simulate(3000, seed=3, sd={"Subject": G, "Residual": 1.0})
    expected = 100 + 4 * np.arange(10)**2 + 1.0
    np.testing.assert_allclose(draws[:10].var(axis=1), expected, rtol=0.12)
    for given in ({"fe_params": {"x": 1}}, {"sd": {"x": 1}}):
        with pytest.raises(ValueError, match="the fit has no 'x'"):
            fit.simulate(1, seed=1, **given)
    with pytest.raises(ValueError, match="covariance matrix"):
        fit.simulate(1, seed=1, sd={"Subject": 3.0})


def test_predictions_at_chosen_terms():
    oats = lmm.load("oats")
    fit = lmm.fit("yield ~ nitrogen + (1 | block) + (1 | block:variety)", oats)
    u = fit.random_effects["block"]["Intercept"]
    fixed = fit.predict(random="marginal")
    found = fit.predict(random=["block"])
    np.testing.assert_allclose(found, fixed + u[oats["block"]].to_numpy(), rtol=1e-12)
    np.testing.assert_allclose(fit.predict(random=["block", "block:variety"]), fit.predict())
    np.testing.assert_allclose(fit.predict(random=[]), fixed)
    one, all_ = (fit.predict(random=r, interval=0.95, df="normal")
                 for r in (["block"], "conditional"))
    inner = fit.variance_components["variance"][1]
    width = ((one["upper"] - one["lower"]) / 2 / 1.959963984540054)**2
    mean = ((one["conf_upper"] - one["conf_lower"]) / 2 / 1.959963984540054)**2
    np.testing.assert_allclose(width - mean, fit.scale + inner, rtol=1e-9)
    assert (one["conf_upper"] - one["conf_lower"] > 0).all() and all_["mean"].notna().all()
    for bad in ("block", ["blok"]):
        with pytest.raises(ValueError, match="a list of grouping factors"):
            fit.predict(random=bad)
