"""Profile limits of models with a structure: there the dense criterion has risen by 3.84."""

import numpy as np
import pandas as pd
import pytest
from scipy import linalg, optimize, stats

import lmm
from conftest import REFERENCE

ORTHODONT = pd.read_csv(REFERENCE / "structured" / "data" / "orthodont.csv")
RISE = stats.chi2.ppf(0.95, 1)
X = np.column_stack([np.ones(108), ORTHODONT["age"]])
Y = ORTHODONT["distance"].to_numpy()


def criterion(V):
    inverse = np.linalg.inv(V)
    r = Y - X @ np.linalg.solve(X.T @ inverse @ X, X.T @ inverse @ Y)
    return np.linalg.slogdet(V)[1] + r @ inverse @ r + 108 * np.log(2 * np.pi)


def least(of_one):
    """The criterion with sigma^2 as it fits best, for a V / sigma^2 by subject."""
    found = optimize.minimize_scalar(
        lambda log_s2: criterion(np.exp(log_s2) * linalg.block_diag(*[of_one] * 27)),
        bracket=(1, 2), options={"xtol": 1e-12})
    return found.fun


def test_rho_of_ar1():
    fit = lmm.fit("distance ~ age", ORTHODONT, reml=False, correlation="ar1(occasion | Subject)")
    row = fit.profile().set_index("parameter").loc["rho"]
    for end in (row["lower"], row["upper"]):
        value = least(lmm.moments.ar1(end, np.arange(4)))
        assert value - fit.criterion == pytest.approx(RISE, abs=1e-4)
    assert row["lower"] < row["estimate"] < row["upper"]


@pytest.mark.parametrize("k", [0, 1, 2])
def test_each_rho_of_toep(k):
    fit = lmm.fit("distance ~ age", ORTHODONT, reml=False, correlation="toep(occasion | Subject)")
    row = fit.profile().set_index("parameter").loc[f"rho{k + 1}"]
    free = np.delete(np.arange(3), k)
    for end in (row["lower"], row["upper"]):
        def others(values):
            rho = np.zeros(3)
            rho[k] = end
            rho[free] = values
            C = linalg.toeplitz(np.append(1, rho))
            return least(C) if np.linalg.eigvalsh(C)[0] > 1e-9 else 1e10
        start = np.array([0.6, 0.6]) if end > 0 else np.zeros(2)
        found = optimize.minimize(others, start, method="Nelder-Mead",
                                  options={"xatol": 1e-6, "fatol": 1e-8})
        assert found.fun - fit.criterion == pytest.approx(RISE, abs=1e-3)


def test_fixed_effects_and_sigma_by_level():
    fit = lmm.fit("distance ~ age", ORTHODONT, reml=False, variance="Sex")
    table = fit.profile().set_index("parameter")
    male = (ORTHODONT["Sex"] == "Male").to_numpy()
    for end in table.loc["sigma_Male", ["lower", "upper"]]:
        found = optimize.minimize_scalar(
            lambda log_s2: criterion(np.diag(np.where(male, end**2, np.exp(log_s2)))),
            bracket=(1, 2), options={"xtol": 1e-12})
        assert found.fun - fit.criterion == pytest.approx(RISE, abs=1e-4)
    for end in table.loc["age", ["lower", "upper"]]:
        without = ORTHODONT.assign(distance=Y - end * ORTHODONT["age"])
        held = lmm.fit("distance ~ 1", without, reml=False, variance="Sex")
        assert held.criterion - fit.criterion == pytest.approx(RISE, abs=1e-4)


def test_a_variance_beside_a_structure():
    """sd of the intercepts: the limits of a scan by fits of data with the variance held."""
    fit = lmm.fit("distance ~ age + (1 | Subject)", ORTHODONT, reml=False, variance="Sex")
    row = fit.profile().set_index("parameter").loc["sd_Intercept|Subject"]
    male = (ORTHODONT["Sex"] == "Male").to_numpy()
    J = linalg.block_diag(*[np.ones((4, 4))] * 27)
    for end in (row["lower"], row["upper"]):
        def others(logs):
            return criterion(end**2 * J + np.diag(np.exp(np.where(male, logs[0], logs[1]))))
        found = optimize.minimize(others, np.zeros(2), method="Nelder-Mead",
                                  options={"xatol": 1e-8, "fatol": 1e-9})
        assert found.fun - fit.criterion == pytest.approx(RISE, abs=1e-4)
