"""The engine wing held against the textbook wing, on designs that nobody chose."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.optimize import minimize

import lmm
from conftest import dense
from lmm.engine import coordinates, criterion, frame, search, start, state

RANDOM = ["(1 | g)", "(1 | g) + (1 | h)", "(1 | g/k)", "(x | g)", "(x || g)", "(0 + x | g)",
          "(x | g) + (1 | h)",
          "(1 | g) + (1 | g:h)", "(x | h) + (x | g)", "(1 | g) + (0 + z | h) + (1 | k:g)"]


def design(seed):
    """A random table, formula, criterion: crossed, nested, slopes, unbalanced, variances of 0."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(30, 60))
    data = pd.DataFrame({"x": rng.normal(rng.choice([0, 50]), 1, n), "z": rng.uniform(0, 3, n),
                         "g": rng.integers(0, 6, n), "h": rng.integers(0, 4, n),
                         "k": rng.integers(0, 2, n)})
    sd = rng.choice([0, 0, 0.5, 2], 4)
    data["y"] = (data["x"] + rng.normal(0, sd[0], 6)[data["g"]] + rng.normal(0, sd[1], 4)[data["h"]]
                 + rng.normal(0, sd[2], 6)[data["g"]] * (data["x"] - data["x"].mean())
                 + rng.normal(0, sd[3], (6, 2))[data["g"], data["k"]] + rng.normal(size=n))
    return f"y ~ x + z + {rng.choice(RANDOM)}", data, bool(rng.integers(2))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_engine_is_the_textbook_wing(seed):
    formula, data, reml = design(seed)
    fit = lmm.fit(formula, data, reml=reml)
    assert fit.converged
    assert fit.criterion == pytest.approx(dense(fit, fit.gamma, fit.scale), rel=1e-8, abs=1e-7)
    y, X, Z, V = fit.y, fit.X.to_numpy(), fit.Z.toarray(), fit.V()
    np.testing.assert_allclose(fit.fe_params, lmm.likelihood.gls(y, X, V), rtol=1e-6, atol=1e-7)
    cov = lmm.likelihood.gls_covariance(X, V)
    np.testing.assert_allclose(fit.cov_params(), cov, rtol=1e-5, atol=1e-7 * np.abs(cov).max())
    u = lmm.henderson.blup(y, X, Z, fit.G.toarray(), V, fit.fe_params)
    np.testing.assert_allclose(np.concatenate([v.ravel() for v in fit.u]), u, rtol=1e-6, atol=1e-7)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_gradient_is_the_derivative_of_the_criterion(seed):
    formula, data, reml = design(seed)
    fit = lmm.fit(formula, data, reml=reml)
    rng, sizes = np.random.default_rng(seed), fit.problem.sizes
    theta = rng.normal(0, 1, len(state.pack(fit.optimum.T)))
    point = criterion.evaluate(fit.problem, state.unpack(theta, sizes))
    for i in range(len(theta)):
        step = 1e-5 * np.eye(len(theta))[i]
        up, down = (
            criterion.evaluate(fit.problem, state.unpack(theta + s * step, sizes)).criterion
            for s in (1, -1))
        assert point.gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("block", range(8))
def test_400_random_models_none_worse_than_the_best_of_several_searches(block):
    rng = np.random.default_rng(block)
    for seed in range(1000 * block, 1000 * block + 50):
        formula, data, reml = design(seed)
        fit = lmm.fit(formula, data, reml=reml)
        sizes = fit.problem.sizes

        def objective(theta):
            point = criterion.evaluate(fit.problem, state.unpack(theta, sizes))
            return point.criterion, point.gradient
        starts = rng.uniform(0.05, 2, (4, len(state.pack(fit.optimum.T))))
        best = min(minimize(objective, start, jac=True, method="L-BFGS-B").fun for start in starts)
        assert fit.converged and fit.optimum.point.criterion <= best + 1e-6, (seed, formula)


def test_blocks_that_are_large_take_another_route_to_the_same_numbers():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"g": rng.integers(0, 150, 900), "h": rng.integers(0, 120, 900),
                         "x": rng.normal(size=900)})
    data["y"] = (data["x"] + rng.normal(size=150)[data["g"]] + rng.normal(0, 0.7, 120)[data["h"]]
                 + rng.normal(size=900))
    for formula in ("y ~ x + (1 | g) + (1 | h)", "y ~ x + (1 | g) + (x | h)"):
        fit = lmm.fit(formula, data)
        assert fit.problem.products.groups[0].columns.shape[1] >= 100
        assert fit.criterion == pytest.approx(dense(fit, fit.gamma, fit.scale), rel=1e-9)
        assert np.abs(fit.optimum.point.gradient).max() < 1e-4


def test_nesting_is_found_in_the_data_however_it_is_written():
    rng = np.random.default_rng(6)
    data = pd.DataFrame({"a": np.repeat(np.arange(12), 12),
                         "b": np.tile(np.repeat(np.arange(4), 3), 12)})
    data["ab"] = data["a"] * 100 + data["b"]
    data["y"] = (rng.normal(size=12)[data["a"]] + rng.normal(size=48)[np.repeat(np.arange(48), 3)]
                 + rng.normal(size=144))
    fits = [lmm.fit(f"y ~ 1 + {random}", data)
            for random in ("(1 | a/b)", "(1 | a) + (1 | a:b)", "(1 | ab) + (1 | a)")]
    assert fits[1].criterion == pytest.approx(fits[0].criterion, rel=1e-12)
    assert fits[2].criterion == pytest.approx(fits[0].criterion, rel=1e-12)
    for fit in fits:                                    # 12 blocks of one column, no 12 x 12 matrix
        assert [g.columns.shape for g in fit.problem.products.groups] == [(12, 1)]


def test_shift_and_scale_of_y_and_of_covariates_change_nothing():
    sleep = lmm.load("sleepstudy")
    base = lmm.fit("Reaction ~ Days + (Days | Subject)", sleep)
    shifted = lmm.fit("Reaction ~ Days + (Days | Subject)",
                      sleep.assign(Reaction=sleep["Reaction"] + 1e8))
    seconds = lmm.fit("Reaction ~ Days + (Days | Subject)",
                      sleep.assign(Days=sleep["Days"] * 86400 + 1e9))
    small = lmm.fit("Reaction ~ Days + (Days | Subject)",
                    sleep.assign(Reaction=sleep["Reaction"] * 1e-6))
    slope = [fit.fe_params["Days"] for fit in (base, shifted, seconds, small)]
    np.testing.assert_allclose(slope, slope[0] * np.array([1, 1, 1 / 86400, 1e-6]), rtol=1e-7)
    sd = [np.sqrt(fit.scale) for fit in (base, shifted, seconds, small)]
    np.testing.assert_allclose(sd, sd[0] * np.array([1, 1, 1, 1e-6]), rtol=1e-6)
    assert shifted.criterion == pytest.approx(base.criterion, rel=1e-7)
    np.testing.assert_allclose([fit.bse_fe["Days"] for fit in (base, shifted)],
                               base.bse_fe["Days"], rtol=1e-6)
    assert seconds.bse_fe["Days"] * 86400 == pytest.approx(base.bse_fe["Days"], rel=1e-6)
    df = [fit.coef_table(df="satterthwaite")["df"]["Days"]
          for fit in (base, shifted, seconds, small)]
    np.testing.assert_allclose(df, 17, rtol=1e-5)


def test_recoding_of_X_changes_the_restricted_criterion_by_a_constant_and_nothing_else():
    data = lmm.load("planks").drop(index=[3, 8, 60, 61])
    random = "(1 | plank) + (1 | plank:width)"
    treatment = lmm.fit(f"humidity ~ width * depth + {random}", data)
    sums = lmm.fit(f"humidity ~ C(width, contr.sum) * C(depth, contr.sum) + {random}", data)
    np.testing.assert_allclose(sums.variance_components["variance"],
                               treatment.variance_components["variance"], rtol=1e-8)
    np.testing.assert_allclose(sums.fittedvalues, treatment.fittedvalues, rtol=1e-9)
    A = np.linalg.lstsq(treatment.X, sums.X, rcond=None)[0]                            # X_sum = X A
    assert sums.criterion - treatment.criterion == pytest.approx(
        2 * np.linalg.slogdet(A)[1], rel=1e-7)


def test_weights_and_offset():
    rng = np.random.default_rng(7)
    data = lmm.load("sleepstudy").assign(w=rng.integers(1, 4, 180), o=rng.normal(size=180))
    fit = lmm.fit("Reaction ~ Days + (1 | Subject)", data, weights="w", offset="o")
    y, X, Z = data["Reaction"] - data["o"], fit.X.to_numpy(), fit.Z.toarray()
    s2u, s2 = fit.variance_components["variance"]
    V = s2u * Z @ Z.T + s2 * np.diag(1 / data["w"])
    np.testing.assert_allclose(fit.V(), V, rtol=1e-12)
    np.testing.assert_allclose(fit.fe_params, lmm.likelihood.gls(y, X, V), rtol=1e-8)
    assert fit.criterion == pytest.approx(2 * lmm.likelihood.reml(y, X, V) - 2 * np.log(2 * np.pi),
                                          rel=1e-10)
    np.testing.assert_allclose(fit.resid + fit.fittedvalues, data["Reaction"])
    # an observation of weight 2 is the mean of two:
    # given the variances, beta is as with the row twice
    twice = data.loc[data.index.repeat(data["w"])]
    long = lmm.fit("Reaction ~ Days + (1 | Subject)", twice, offset="o")
    W = lmm.moments.V(lmm.design.random(twice, "Subject"), s2u * np.eye(18),
                      s2 * np.eye(len(twice)))
    np.testing.assert_allclose(lmm.likelihood.gls(twice["Reaction"] - twice["o"], long.X, W),
                               fit.fe_params, rtol=1e-8)


def test_singular_fits_are_exact_flagged_and_explained():
    fit = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2"))
    assert fit.singular
    assert fit.variance_components["variance"][0] == 0
    assert (fit.random_effects["Batch"] == 0).all().all()
    assert "singular" in fit.summary()
    formula, data, reml = design(15)           # slopes of g: no more than one direction of variance
    slopes = lmm.fit(formula, data, reml=reml)
    ranks = [np.linalg.matrix_rank(gamma) for gamma in slopes.gamma]
    assert slopes.converged and slopes.singular
    assert any(r < len(g) for r, g in zip(ranks, slopes.gamma))


def test_a_variance_that_starts_at_zero_can_leave_it():
    fit = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff"))
    point = criterion.evaluate(fit.problem, [np.zeros((1, 1))])
    assert search._leave_boundary(point, np.zeros(1), [1]) is not None
    at_zero = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2"))
    assert search._leave_boundary(at_zero.optimum.point, np.zeros(1), [1]) is None


@pytest.mark.parametrize("formula, table", [
    ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    ("humidity ~ width * depth + (1 | plank) + (1 | plank:width) + (1 | plank:depth)", "planks"),
    ("strength ~ 1 + (1 | batch/cask)", "pastes"),
    ("yield ~ nitrogen * variety + (1 | block/variety)", "oats"),
])
def test_in_balanced_designs_the_moments_are_the_restricted_optimum(formula, table):
    """Rao's MINQUE(0) is the analysis of variance there: the search has nothing left to do."""
    assert lmm.fit(formula, lmm.load(table)).n_evaluations == 1


def test_the_start_solves_the_dense_moment_equations():
    """E y'B_i y = sum_j v_j tr M B_i M B_j + s tr M B_i, written out with n x n matrices."""
    data = lmm.load("sleepstudy").iloc[:-7]
    model = frame.read("Reaction ~ Days + (Days | Subject) + (1 | day)",
                       data.assign(day=data["Days"].astype("category")))
    problem = criterion.problem(model.y, model.X.to_numpy(), [(t.codes, t.x) for t in model.terms],
                                True)
    Q, y = problem.W[:, :-1], problem.W[:, -1]
    M, B = np.eye(len(y)) - Q @ Q.T, []
    for k in problem.coordinates.order:
        codes, x = model.terms[k].codes, coordinates._centre(model.terms[k].x)[0]
        same = codes[:, None] == codes
        B += [M @ (same * (np.outer(x[:, a], x[:, b]) + np.outer(x[:, b], x[:, a]))
                   / (1 + (a == b))) @ M
              for a in range(x.shape[1]) for b in range(a + 1)]
    B.append(M)
    v = np.linalg.solve([[np.vdot(Bi, Bj) for Bj in B] for Bi in B], [y @ Bi @ y for Bi in B])
    slopes, days = start.variances(problem)
    np.testing.assert_allclose(slopes @ slopes.T, np.array([[v[0], v[1]], [v[1], v[2]]]) / v[-1],
                               rtol=1e-8)
    np.testing.assert_allclose(days**2, [[max(v[3] / v[-1], 1e-3)]], rtol=1e-8)
