"""Profile intervals against lme4's confint; the bootstrap's seeds, workers and coverage."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import lmm
from conftest import MODELS, model_fit, reference

PROFILE = [model for model in MODELS if MODELS[model].get("profile")]
SLEEP = lmm.load("sleepstudy")
SLOPES = lmm.fit("Reaction ~ Days + (Days | Subject)", SLEEP)
BATCHES = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff"))


def in_our_words(par):
    """lme4's "sd_(Intercept)|cask:batch" as our "sd_Intercept|batch:cask"."""
    name, bar, group = par.replace("(Intercept)", "Intercept").partition("|")
    return name + bar + ("batch:cask" if group == "cask:batch" else group)


@pytest.mark.parametrize("model", PROFILE)
def test_profile_against_lme4(model):
    fit = model_fit(model)
    got = fit.profile()
    assert list(got.columns) == ["parameter", "estimate", "lower", "upper"]
    variances = got[got["parameter"].str.match(r"sd_|sigma")].set_index("parameter")
    fixed = got[~got["parameter"].str.match(r"sd_|sigma")]
    rows = [(in_our_words(r["par"]), r["2.5 %"], r["97.5 %"])
            for r in reference(model)["profile_ci"]]
    expected = [r for r in rows if r[0].startswith("sd_") or r[0] == "sigma"]
    assert sorted(name for name, *_ in expected) == sorted(variances.index)
    for name, lower, upper in expected:      # R interpolates: its own error is up to 2e-4 of the sd
        assert variances.loc[name, "lower"] == pytest.approx(lower, abs=3e-4 * upper)
        assert variances.loc[name, "upper"] == pytest.approx(upper, rel=3e-4)
    theirs = [r[1:] for r in rows if not r[0].startswith(("sd_", "cor_")) and r[0] != "sigma"]
    np.testing.assert_allclose(fixed[["lower", "upper"]], theirs, atol=1e-5 * np.ptp(fit.y))
    np.testing.assert_allclose(fixed["estimate"], fit.fe_params)


def test_profile_against_a_search_over_all_other_parameters():
    """The definition, by the textbook wing: the least -2 log likelihood with one parameter held."""
    data = SLEEP[:60].assign(w=np.linspace(0.5, 2, 60), off=np.arange(60) % 5)
    fit = lmm.fit("Reaction ~ Days + (Days | Subject)", data, weights="w", offset="off")
    got = fit.profile(level=0.8).set_index("parameter")
    X, Z, y = fit.X.to_numpy(), fit.Z.toarray(), fit.y - data["off"].to_numpy()
    centre = np.array([30.0, 6, 0, 25])

    def deviance(sd0, sd1, r, sigma):
        G = np.kron(np.eye(6), [[sd0**2, r * sd0 * sd1], [r * sd0 * sd1, sd1**2]])
        V = Z @ G @ Z.T + np.diag(sigma**2 / data["w"])
        e = y - X @ np.linalg.solve(X.T @ np.linalg.solve(V, X), X.T @ np.linalg.solve(V, y))
        return np.linalg.slogdet(V)[1] + e @ np.linalg.solve(V, e)

    def least(held, value):
        def inner(free):
            values = np.insert(free, held, value / centre[held]) * np.where(centre == 0, 1, centre)
            values[2] = np.tanh(values[2])
            return deviance(*values)
        return optimize.minimize(inner, np.delete([1.0, 1, 0, 1], held), method="Nelder-Mead",
                                 options={"xatol": 1e-6, "fatol": 1e-8, "maxiter": 3000}).fun
    ml = lmm.fit("Reaction ~ Days + (Days | Subject)", data, reml=False, weights="w", offset="off")
    minimum = deviance(*ml.variance_components["sd"])
    for held, name in [(0, "sd_Intercept|Subject"), (1, "sd_Days|Subject"), (3, "sigma")]:
        for end in ("lower", "upper"):
            if got.loc[name, end] > 0:
                assert least(held, got.loc[name, end]) - minimum == pytest.approx(
                    stats.chi2.ppf(0.8, 1), abs=1e-3)


def test_profile_of_a_singular_fit_starts_at_zero():
    got = lmm.fit("Yield ~ 1 + (1 | Batch)", lmm.load("dyestuff2")).profile().set_index("parameter")
    assert got.loc["sd_Intercept|Batch", "lower"] == 0
    # lme4
    assert got.loc["sd_Intercept|Batch", "upper"] == pytest.approx(2.08404348900881, rel=1e-4)
    # there sigma's profile is that of a normal sample: n log(s^2) + rss / s^2,
    # rss = 30 * 3.653231^2 (ML, lme4)
    s = got.loc["sigma", ["lower", "upper"]].to_numpy(dtype=float)
    rss = ((lmm.load("dyestuff2")["Yield"] - lmm.load("dyestuff2")["Yield"].mean()) ** 2).sum()
    rise = 30 * np.log(s**2) + rss / s**2 - (30 * np.log(rss / 30) + 30)
    assert rise[1] == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-4)
    # below the estimate the batches may take a part
    assert rise[0] >= stats.chi2.ppf(0.95, 1) - 1e-4


def test_profile_without_random_terms_and_its_units():
    tablets = lmm.load("tablets")
    got = lmm.fit("y ~ method", tablets).profile()
    # the profile of least squares: rss grows by the factor exp(chi-square / n)
    fit = lmm.fit("y ~ method", tablets, reml=False)
    half = fit.bse_fe.iloc[1] * np.sqrt(20 * np.expm1(stats.chi2.ppf(0.95, 1) / 20))
    assert got["upper"][2] == pytest.approx(fit.fe_params.iloc[1] + half, rel=1e-5)
    base, scaled = BATCHES.profile(), lmm.fit("Yield ~ 1 + (1 | Batch)", BATCHES.data.assign(
        Yield=1e3 * BATCHES.data["Yield"])).profile()
    np.testing.assert_allclose(scaled[["lower", "upper"]], 1e3 * base[["lower", "upper"]],
                               rtol=1e-5)


def test_level():
    narrow, wide = BATCHES.profile(level=0.5), BATCHES.profile(level=0.99)
    assert (narrow["lower"] > wide["lower"]).all() and (narrow["upper"] < wide["upper"]).all()
    for call in (lambda: BATCHES.profile(level=95), lambda: BATCHES.bootstrap(10, 1, level=1.0)):
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            call()


def test_bootstrap_table_and_draws():
    got = SLOPES.bootstrap(20, seed=3, level=0.8)
    draws = got.attrs["draws"]
    assert list(got["parameter"]) == list(draws.columns) == [
        "sd_Intercept|Subject", "sd_Days|Subject", "cor_Days.Intercept|Subject", "sigma",
        "Intercept", "Days"]
    assert draws.shape == (20, 6) and got.attrs["not_converged"] == 0
    np.testing.assert_allclose(got["estimate"],
                               [*SLOPES.variance_components["sd"], *SLOPES.fe_params])
    np.testing.assert_allclose(got[["lower", "upper"]], draws.quantile([0.1, 0.9]).T)


def test_a_replicate_is_a_fit_to_a_simulated_response_with_weights_and_offset():
    off = 1e3 * np.arange(180)
    data = SLEEP.assign(w=np.linspace(0.5, 2, 180), off=off, Reaction=SLEEP["Reaction"] + off)
    fit = lmm.fit("Reaction ~ Days + (1 | Subject)", data, weights="w", offset="off")
    draws = fit.bootstrap(3, seed=11).attrs["draws"]
    for seed, row in zip(np.random.SeedSequence(11).spawn(3), draws.to_numpy()):
        again = lmm.fit("Reaction ~ Days + (1 | Subject)",
                        data.assign(Reaction=fit.simulate(1, seed)[:, 0]),
                        weights="w", offset="off")
        np.testing.assert_allclose(row, [*again.variance_components["sd"], *again.fe_params],
                                   rtol=1e-6)


def test_bootstrap_agrees_with_the_exact_distribution():
    """Balanced one-way: the intercept is normal, sigma^2 chi-square on 24 df (if b is not 0)."""
    draws = BATCHES.bootstrap(150, seed=1).attrs["draws"]
    assert draws["Intercept"].std() == pytest.approx(BATCHES.bse_fe.iloc[0], rel=4 / np.sqrt(300))
    inside = draws[draws["sd_Intercept|Batch"] > 0]
    assert (inside["sigma"] ** 2).mean() / BATCHES.scale == pytest.approx(
        1, abs=4 * np.sqrt(2 / 24 / 150))
    assert np.median(draws["sigma"]) == pytest.approx(
        np.sqrt(BATCHES.scale * stats.chi2.median(24) / 24), rel=0.06)


def test_the_same_draws_with_threads_processes_and_alone():
    alone = BATCHES.bootstrap(24, seed=5)
    with ThreadPoolExecutor(3) as threads:
        pd.testing.assert_frame_equal(BATCHES.bootstrap(24, seed=5, executor=threads),
                                      alone, rtol=1e-10)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
        pooled = BATCHES.bootstrap(24, seed=5, executor=processes)
    pd.testing.assert_frame_equal(pooled.attrs["draws"], alone.attrs["draws"], rtol=1e-10)
    first = BATCHES.bootstrap(10, seed=5).attrs["draws"]              # a replicate has its own seed
    pd.testing.assert_frame_equal(first, alone.attrs["draws"][:10], rtol=1e-10)
    assert not BATCHES.bootstrap(10, seed=6).attrs["draws"].equals(first)


def test_the_same_draws_on_dask():
    distributed = pytest.importorskip("distributed", reason="Dask's distributed is not installed")
    with distributed.Client(n_workers=1, threads_per_worker=2, processes=False,
                            dashboard_address=None) as client:
        got = BATCHES.bootstrap(12, seed=5, executor=client.get_executor())
    pd.testing.assert_frame_equal(got.attrs["draws"], BATCHES.bootstrap(12, seed=5).attrs["draws"],
                                  rtol=1e-10)


def test_refits_that_do_not_converge_are_counted(monkeypatch):
    optimum = lmm.engine.search.optimum
    monkeypatch.setattr(lmm.engine.search, "optimum",
                        lambda problem: replace(optimum(problem), converged=False))
    with pytest.warns(RuntimeWarning, match="5 of 5 refits have not converged; they are kept"):
        got = SLOPES.bootstrap(5, seed=1)
    assert got.attrs["not_converged"] == 5 and len(got.attrs["draws"]) == 5


def test_progress_is_shown_for_long_work_only(capfd, monkeypatch):
    assert lmm.inference.simulation.PROGRESS_FROM == 200
    monkeypatch.setattr(lmm.inference.simulation, "PROGRESS_FROM", 12)
    BATCHES.bootstrap(11, seed=1)
    assert "fits" not in capfd.readouterr().err
    BATCHES.bootstrap(12, seed=1)
    assert "12/12" in capfd.readouterr().err


@pytest.mark.parametrize("n", [1, 0, -3, 2.5, True, "100", None])
def test_the_number_of_replicates_is_checked(n):
    with pytest.raises(ValueError,
                       match="n, the number of replicates, must be a whole number of at least 2"):
        BATCHES.bootstrap(n, seed=1)
