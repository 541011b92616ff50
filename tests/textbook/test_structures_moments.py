"""R with a structure, as the slides would write it, against what the engine fits."""

import numpy as np
import pytest
import sympy
from scipy.linalg import block_diag

import lmm

SLEEP = lmm.load("sleepstudy")


def test_ar1_of_three_visits_in_symbols():
    rho = sympy.Symbol("rho")
    C = lmm.moments.ar1(rho, [1, 2, 4])
    assert C.tolist() == [[1, rho, rho**3], [rho, 1, rho**2], [rho**3, rho**2, 1]]


def test_ranges():
    assert lmm.moments.ar1(-0.5, [0, 1, 3])[0, 2] == -0.125
    with pytest.raises(ValueError, match="between 0 and 1"):
        lmm.moments.ar1(-0.5, [0, 0.5])
    with pytest.raises(ValueError, match="between -1 and 1"):
        lmm.moments.ar1(1.0, [0, 1])
    with pytest.raises(ValueError, match="occurs twice"):
        lmm.moments.ar1(0.5, [1, 1])
    with pytest.raises(ValueError, match="positive definite"):
        lmm.moments.cs(-0.5, 3)
    with pytest.raises(ValueError, match="positive definite"):
        lmm.moments.toep([0.9, -0.9])


@pytest.mark.parametrize("correlation", ["ar1(Days | Subject)", "cs(Days | Subject)",
                                         "toep(Days | Subject)"])
def test_R_of_a_fit_is_the_slides(correlation):
    fit = lmm.fit("Reaction ~ Days", SLEEP, correlation=correlation, variance="Days")
    found = fit.residual_correlation.to_numpy()
    times = SLEEP["Days"].to_numpy()[:10]
    C = {"a": lambda: lmm.moments.ar1(found[0], times), "c": lambda: lmm.moments.cs(found[0], 10),
         "t": lambda: lmm.moments.toep(found)}[correlation[0]]()
    R = lmm.moments.R(C, np.sqrt(fit.residual_variances.to_numpy()))
    np.testing.assert_allclose(fit.R.toarray(), block_diag(*[R] * 18), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(fit.V(), fit.R.toarray(), rtol=1e-12)


def test_the_engine_is_slide_34_for_R_of_the_slides():
    fit = lmm.fit("Reaction ~ Days + (1 | Subject)", SLEEP, correlation="ar1(Days | Subject)")
    rho = fit.residual_correlation["rho"]
    C = lmm.moments.ar1(rho, np.arange(10))
    R = lmm.moments.R(block_diag(*[C] * 18), np.sqrt(fit.scale))
    V = lmm.moments.V(fit.Z.toarray(), fit.G.toarray(), R)
    X = fit.X.to_numpy()
    np.testing.assert_allclose(lmm.likelihood.gls(fit.y, X, V), fit.fe_params, rtol=1e-10)
    np.testing.assert_allclose(np.linalg.inv(X.T @ np.linalg.solve(V, X)), fit.cov_params(),
                               rtol=1e-9)
