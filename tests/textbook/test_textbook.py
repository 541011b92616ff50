"""The textbook wing: the lecture's formulas, against its figures, each other, and algebra."""

import numpy as np
import pandas as pd
import pytest
import sympy
from hypothesis import given, settings, strategies as st
from scipy import stats
from scipy.optimize import minimize

import lmm
from conftest import random_model, reference, tablets_model

seeds = st.integers(0, 2**32 - 1)


def gls_profile(objective, y, X, Z):
    """Minimise objective(V) over log variances; returns (s2u, s2)."""
    def of_logs(logs):
        s2u, s2 = np.exp(logs)
        return objective(lmm.moments.V(Z, s2u * np.eye(Z.shape[1]), s2 * np.eye(len(y))))
    start = minimize(of_logs, [-2.0, -2.0], method="Nelder-Mead",
                     options={"xatol": 1e-9, "fatol": 1e-13})
    return np.exp(start.x)


# Design matrices -------------------------------------------------------------------------------

def test_full_coding_is_slide_27(experiment):
    X = lmm.design.fixed(experiment, ["method", "block"], coding="full")
    assert X.to_numpy().tolist() == [[1, 1, 0, 1, 0, 0], [1, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0],
                                     [1, 0, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1], [1, 0, 1, 0, 0, 1]]
    assert list(X.index) == ["y_11", "y_21", "y_12", "y_22", "y_13", "y_23"]
    assert list(X.columns) == ["Intercept", "method[1]", "method[2]", "block[1]",
                               "block[2]", "block[3]"]


def test_X_and_Z_of_slide_28(experiment):
    X = lmm.design.fixed(experiment, ["method"])
    assert X.to_numpy().tolist() == [[1, 1, 0], [1, 0, 1]] * 3
    reference_coding = lmm.design.fixed(experiment, "method", coding="reference")
    assert reference_coding.to_numpy().tolist() == [[1, 0], [1, 1]] * 3
    assert list(reference_coding.columns) == ["Intercept", "method[T.2]"]
    Z = lmm.design.random(experiment, "block")
    assert Z.to_numpy().tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0],
                                     [0, 0, 1], [0, 0, 1]]
    assert list(Z.columns) == ["block[1]", "block[2]", "block[3]"]


# Moments ---------------------------------------------------------------------------------------

def test_V_is_slide_31_in_symbols(experiment):
    s2, s2B = sympy.symbols("s2 s2B")
    Z = lmm.design.random(experiment, "block").to_numpy().astype(object)
    V = lmm.moments.V(Z, s2B * np.eye(3, dtype=int).astype(object),
                      s2 * np.eye(6, dtype=int).astype(object))
    for i in range(6):
        for j in range(6):
            assert sympy.expand(V[i, j]) == (s2 + s2B if i == j else s2B if i // 2 == j // 2 else 0)
    assert [list(block) for block in lmm.moments.blocks(V)] == [[0, 1], [2, 3], [4, 5]]


def test_blocks_of_the_missing_values():
    _, _, Z = tablets_model("tablets_missing")
    sizes = [len(b)
             for b in lmm.moments.blocks(lmm.moments.V(Z, 0.1 * np.eye(20), 0.04 * np.eye(30)))]
    assert sizes == [2] * 10 + [1] * 10


def test_conditional_and_marginal_moments():
    y, X, Z, G, R = random_model(np.random.default_rng(29))
    mean, variance = lmm.moments.conditional(X, Z, [1.0, 2.0], [1.0, 0.0, 0.0, -1.0], R)
    np.testing.assert_allclose(mean, X[:, 0] + 2 * X[:, 1] + Z[:, 0] - Z[:, 3])
    np.testing.assert_array_equal(variance, R)
    mean, variance = lmm.moments.marginal(X, Z, [1.0, 2.0], G, R)
    np.testing.assert_allclose(mean, X[:, 0] + 2 * X[:, 1])
    np.testing.assert_allclose(variance, Z @ G @ Z.T + R)


def test_icc_and_correlation():
    assert lmm.moments.icc(0.3, 0.1) == pytest.approx(0.75) and lmm.moments.icc(0, 1) == 0
    V = lmm.moments.V(np.ones((2, 1)), [[0.3]], 0.1 * np.eye(2))
    np.testing.assert_allclose(lmm.moments.correlation(V), [[1, 0.75], [0.75, 1]])


# Likelihood ------------------------------------------------------------------------------------

@given(seeds)
@settings(max_examples=25, deadline=None)
def test_ml_is_the_normal_density_and_gls_its_optimum(seed):
    y, X, Z, G, R = random_model(np.random.default_rng(seed))
    V = lmm.moments.V(Z, G, R)
    beta = lmm.likelihood.gls(y, X, V)
    loglik = lmm.likelihood.ml(y, X, beta, V)
    assert loglik == pytest.approx(-stats.multivariate_normal(X @ beta, V).logpdf(y), rel=1e-10)
    for step in np.eye(2):
        assert lmm.likelihood.ml(y, X, beta + 0.01 * step, V) > loglik
    np.testing.assert_allclose(X.T @ np.linalg.solve(V, y - X @ beta), 0, atol=1e-8)


@pytest.mark.parametrize("name, oracle", [("tablets", "hplc1"), ("tablets_missing", "hplc2")])
@pytest.mark.parametrize("method", ["ML", "REML"])
def test_estimates_of_the_tablets_against_R(name, oracle, method):
    y, X, Z = tablets_model(name)
    expected = reference(oracle)[method]
    s2u, s2 = (row["vcov"] for row in expected["varcorr"])
    V = lmm.moments.V(Z, s2u * np.eye(Z.shape[1]), s2 * np.eye(len(y)))
    beta = lmm.likelihood.gls(y, X, V)                      # R's reference method is hplc, ours nir
    assert beta[0] + beta[1] == pytest.approx(expected["fixef"]["(Intercept)"], rel=1e-8)
    assert -beta[1] == pytest.approx(expected["fixef"]["methodnir"], rel=1e-8)
    cov = lmm.likelihood.gls_covariance(X, V)
    assert np.sqrt(cov[1, 1]) == pytest.approx(expected["se"]["methodnir"], rel=1e-8)
    if method == "ML":
        criterion = 2 * lmm.likelihood.ml(y, X, beta, V)
    else:                                                    # software's constant: (n - p) log 2 pi
        criterion = 2 * lmm.likelihood.reml(y, X, V) - 2 * np.log(2 * np.pi)
    assert criterion == pytest.approx(expected["criterion"], rel=1e-8)


def test_textbook_optimum_is_R_s():
    y, X, Z = tablets_model("tablets_missing")
    found = gls_profile(lambda V: lmm.likelihood.reml(y, X, V), y, X, Z)
    np.testing.assert_allclose(np.sqrt(found), [0.319243174742, 0.208506460899], rtol=2e-6)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_error_contrasts_any_K_gives_the_same_likelihood_up_to_a_constant(seed):
    rng = np.random.default_rng(seed)
    y, X, Z, G, R = random_model(rng)
    n, p = X.shape
    K = lmm.likelihood.error_contrasts(X)
    other = K @ (rng.normal(size=(n - p, n - p)) + 5 * np.eye(n - p))
    np.testing.assert_allclose(K.T @ X, 0, atol=1e-12)
    np.testing.assert_allclose(K.T @ K, np.eye(n - p), atol=1e-12)
    at = [lmm.moments.V(Z, c * G, R) for c in (0.1, 1.0, 3.0)]
    gap = [lmm.likelihood.contrast_likelihood(y, other, V) - lmm.likelihood.contrast_likelihood(
        y, K, V) for V in at]
    np.testing.assert_allclose(gap, gap[0], rtol=1e-8)
    # slide 34 from slide 35: for orthonormal K they differ by p/2 log 2 pi and 1/2 log|X'X|
    for V in at:
        slide_34 = lmm.likelihood.contrast_likelihood(y, K, V) + p / 2 * np.log(2 * np.pi) \
            + 0.5 * np.linalg.slogdet(X.T @ X)[1]
        assert lmm.likelihood.reml(y, X, V) == pytest.approx(slide_34, rel=1e-9)


def test_any_K_gives_the_same_variances():
    y, X, Z = tablets_model()
    K = lmm.likelihood.error_contrasts(X)
    other = K @ (np.random.default_rng(35).normal(size=(18, 18)) + 5 * np.eye(18))
    found = [gls_profile(lambda V: lmm.likelihood.contrast_likelihood(y, k, V), y, X, Z)
             for k in (K, other)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    np.testing.assert_allclose(found[0], [0.0893333333, 0.0436111111], rtol=1e-6)


# Henderson -------------------------------------------------------------------------------------

@given(seeds)
@settings(max_examples=50, deadline=None)
def test_V_route_is_the_MME_route(seed):
    y, X, Z, G, R = random_model(np.random.default_rng(seed))
    V = lmm.moments.V(Z, G, R)
    beta, u, C = lmm.henderson.solve(y, X, Z, G, R)
    np.testing.assert_allclose(beta, lmm.likelihood.gls(y, X, V), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(u, lmm.henderson.blup(y, X, Z, G, V, beta), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(C[:2, :2], lmm.likelihood.gls_covariance(X, V),
                               rtol=1e-10, atol=1e-10)
    # Var(u_hat - u) = G - G Z'P Z G, with P = V^-1 - V^-1 X (X'V^-1 X)^-1 X'V^-1
    Vi = np.linalg.inv(V)
    P = Vi - Vi @ X @ lmm.likelihood.gls_covariance(X, V) @ X.T @ Vi
    np.testing.assert_allclose(lmm.henderson.prediction_error_variances(C, 2),
                               np.diag(G - G @ Z.T @ P @ Z @ G), rtol=1e-9, atol=1e-10)


def test_prediction_errors_have_the_variance_that_C_says():
    _, X, Z = tablets_model("tablets_missing")
    G, R, rng = 0.1 * np.eye(20), 0.04 * np.eye(30), np.random.default_rng(33)
    errors = []
    for _ in range(2000):
        u = rng.normal(0, np.sqrt(0.1), 20)
        y = X @ [10, 0.1] + Z @ u + rng.normal(0, 0.2, 30)
        solution = lmm.henderson.solve(y, X, Z, G, R)
        errors.append(solution.u - u)
    expected = lmm.henderson.prediction_error_variances(solution.C, 2)
    np.testing.assert_allclose(np.var(errors, axis=0), expected, rtol=0.15)


# Shrinkage -------------------------------------------------------------------------------------

def test_blups_of_a_one_way_layout_are_shrunken_means():
    rng = np.random.default_rng(9)
    group = np.repeat(["a", "b", "c", "d"], [1, 2, 3, 6])
    y, s2u, s2 = rng.normal(10, 1, 12), 0.5, 0.8
    X, Z = np.ones((12, 1)), lmm.design.random(pd.DataFrame({"g": group}), "g").to_numpy(float)
    beta, u, _ = lmm.henderson.solve(y, X, Z, s2u * np.eye(4), s2 * np.eye(12))
    table = lmm.shrinkage.pooling(y, group, s2u, s2)
    np.testing.assert_allclose(table["partial_pooling"], beta[0] + u, rtol=1e-12)
    np.testing.assert_allclose(table["w"], s2u / (s2u + s2 / np.array([1, 2, 3, 6])))
    np.testing.assert_allclose(table["no_pooling"], [y[group == g].mean() for g in "abcd"])
    assert (table["complete_pooling"] == y.mean()).all()


def test_shrinkage_at_its_ends():
    assert lmm.shrinkage.factor(5, 0, 1) == 0 and lmm.shrinkage.factor(5, 1, 0) == 1
    assert lmm.shrinkage.shrink([12.0], 4, 1, 4, mu=10)[0] == pytest.approx(11)
    no_variance = lmm.shrinkage.pooling([1.0, 2.0, 6.0], ["a", "a", "b"], 0, 1)
    assert (no_variance["partial_pooling"] == 3).all()
