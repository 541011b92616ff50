"""Homework 3: right answers found by other routes, mistakes recognised, nothing given away."""

import re

import numpy as np
import pytest
from scipy import optimize, stats

import lmm
from lmm import homework
from lmm.homework import hw3
from lmm.homework.tables import TABLES

MANY = [f"student{k}" for k in range(60)]
FEW = ["solution", "novakjan", "student7"]


def dense(student):
    """y, X, ZZ' and n by school of one student's table."""
    data = TABLES["schools"](student)
    X = np.column_stack([np.ones(len(data)), data["tutored"] == "yes"]).astype(float)
    same = np.equal.outer(data["school"].to_numpy(), data["school"].to_numpy()).astype(float)
    return data["score"].to_numpy(), X, same


def minimise(student, reml):
    """Variances by a general optimiser on the textbook's likelihood."""
    y, X, same = dense(student)

    def criterion(log_variances):
        s2u, s2 = np.exp(log_variances)
        V = s2u * same + s2 * np.eye(len(y))
        if reml:
            return lmm.likelihood.reml(y, X, V)
        return lmm.likelihood.ml(y, X, lmm.likelihood.gls(y, X, V), V)
    precise = {"xatol": 1e-7, "fatol": 1e-10}
    return np.exp(optimize.minimize(criterion, np.log([12, 80]), method="Nelder-Mead",
                                    options=precise).x)


def answers(student):
    """All answers, without lmm.fit, and by simulation where the task is one."""
    y, X, same = dense(student)
    identity = np.eye(len(y))
    rng = np.random.default_rng(1)
    (s2u, s2), (ml_u, ml_e) = minimise(student, True), minimise(student, False)
    V = s2u * same + s2 * identity
    n = TABLES["schools"](student)["school"].value_counts(sort=False)
    ends = [n.idxmin(), n.idxmax()]
    school = TABLES["schools"](student)["school"].to_numpy()
    # the BLUP, repeated by pupil
    u = s2u * same @ np.linalg.solve(V, y - X @ lmm.likelihood.gls(y, X, V))
    blup = [u[school == end][0] for end in ends]
    w = [1 - s2 / (s2 + n[end] * s2u) for end in ends]
    b = rng.normal(0, s2u**0.5, (200_000, 6, 1))
    m = rng.normal(0, s2**0.5, (200_000, 6, 6))
    MSB = 6 * np.var((b + m).mean(2), axis=1, ddof=1)
    MSW = np.var(b + m, axis=2, ddof=1).mean(1)
    rows = []
    for end, factor in zip(ends, w):
        true = rng.normal(0, s2u**0.5, 20_000)
        own = true + rng.normal(0, s2**0.5, (n[end], 20_000)).mean(axis=0)
        rows.append([np.mean((own - true)**2), np.mean(true**2), np.mean((factor * own - true)**2)])
    s2_alone = np.sum((y - X @ np.linalg.lstsq(X, y, rcond=None)[0])**2) / (len(y) - 2)
    M = identity - X @ np.linalg.pinv(X)
    K1, K2 = np.linalg.svd(M)[0][:, :-2], M[:, 2:]
    values = [[-2 * stats.multivariate_normal.logpdf(K.T @ y, cov=K.T @ v @ K)
               for v in (s2_alone * identity, V)]
              for K in (K1, K2)]
    drop = values[0][0] - values[0][1]
    return {"a": [s2u, s2, ml_u, ml_e],
            "b": [np.mean(MSB - MSW) / 6, np.mean(5 / 6 * MSB - MSW) / 6],
            "c": [w[0], blup[0], w[1], blup[1]], "d": rows,
            "e": [drop, values[1][0] - values[1][1], values[1][1] - values[0][1]],
            "f": [drop, stats.norm.sf(drop**0.5)], "g": powers(s2u, s2, rng)}


def powers(s2u, s2, rng, studies=20_000):
    """Both plans pupil by pupil. B's t test of the two-way table is that of the mixed model."""
    u = rng.normal(0, s2u**0.5, (studies, 20, 1))
    e = rng.normal(0, s2**0.5, (studies, 20, 10))
    A = (u + e).mean(axis=2)
    p_A = stats.ttest_ind(A[:, :10] + 4, A[:, 10:], axis=1).pvalue
    d = e[..., :5].mean((1, 2)) - e[..., 5:].mean((1, 2)) + 4
    difference = e[..., 5:].mean((1, 2)) - e[..., :5].mean((1, 2))
    left = e - e.mean(axis=2, keepdims=True)
    left = left + difference[:, None, None] * np.repeat([0.5, -0.5], 5)
    t = d / np.sqrt(4 / 200 * np.sum(left**2, axis=(1, 2)) / 179)
    return [np.mean(p_A < 0.05), np.mean(2 * stats.t.sf(abs(t), 179) < 0.05)]


@pytest.mark.parametrize("student", FEW)
def test_right_answers_by_other_routes(student):
    for letter, answer in answers(student).items():
        assert homework.verdict("3" + letter, answer, student) == "right", (letter, answer)
        assert homework.score("3" + letter, answer, student) == 1


def test_variances_against_statsmodels():
    smf = pytest.importorskip("statsmodels.formula.api")
    found = smf.mixedlm("score ~ tutored", TABLES["schools"]("novakjan"), groups="school").fit()
    assert hw3.variances("novakjan") == pytest.approx([found.cov_re.iloc[0, 0], found.scale],
                                                      rel=1e-3)


def test_the_table():
    one, two = TABLES["schools"]("novakjan"), TABLES["schools"]("svobodova")
    assert one.equals(TABLES["schools"]("novakjan")) and not one["score"].equals(two["score"])
    assert np.array_equal(one["score"], one["score"].round(2))
    for student in MANY:
        data = TABLES["schools"](student)
        n = data["school"].value_counts()
        assert len(n) == 12 and n.iloc[-1] <= 4 and n.iloc[0] >= 22 and n.is_unique
        assert list(data["tutored"][:2]) == ["no", "yes"]      # so that K2 of task 3e has full rank
        s2u, s2 = hw3.variances(student)
        assert 0.05 < s2u / s2 < 0.35


@pytest.mark.parametrize("letter", hw3._TASKS)
def test_mistakes_are_told_apart_and_nothing_is_given_away(letter):
    task, name = hw3._TASKS[letter], "3" + letter
    for student in MANY:
        right = task.right(student)
        assert homework.verdict(name, right, student) == "right"
        for message, wrong in task.wrong:
            assert homework.score(name, wrong(student), student) < 1, (student, message)
            assert homework.verdict(name, wrong(student), student) == f"not right: {message}"
        told = [task.form, *(message for message, _ in task.wrong)]
        numbers = [float(x) for text in told for x in re.findall(r"-?\d+\.?\d*", text)]
        for value in np.ravel(right):
            assert not any(abs(x - value) <= 0.005 * abs(value) for x in numbers)


@pytest.mark.parametrize("student", FEW)
def test_tolerance_of_simulations(student):
    """Four standard errors of a simulation of the size asked for stay within, for every entry."""
    s2u, s2 = hw3.variances(student)
    q, m = hw3.BALANCED
    within_part = 2 / (q * (m - 1)) * (s2 / m)**2
    sd = [np.sqrt((2 / (q - 1)) * (share * (s2u + s2 / m))**2 + within_part)
          for share in (1, 1 - 1 / q)]
    assert np.all(4 * np.array(sd) / np.sqrt(200_000) < hw3._TASKS["b"].within
                  * np.array(hw3.mean_estimates(s2u, s2)))
    assert 4 * np.sqrt(2 / 20_000) < hw3._TASKS["d"].within
    p = np.array(hw3.plans(student))
    assert np.all(4 * np.sqrt(p * (1 - p) / 20_000) < hw3._TASKS["g"].within * p)


def test_simulated_mistakes_are_recognised():
    """The closed forms of mistakes are what those mistakes give in a simulation."""
    s2u, s2 = hw3.variances("novakjan")
    rng, n = np.random.default_rng(2), hw3.school_means("novakjan")[0]
    y = rng.normal(0, s2u**0.5, (200_000, 6, 1)) + rng.normal(0, s2**0.5, (200_000, 6, 6))
    MSB, MSW = 6 * y.mean(2).var(1, ddof=1), y.var(2, ddof=1).mean(1)
    truncated = [np.maximum(share * MSB - MSW, 0).mean() / 6 for share in (1, 5 / 6)]
    assert "set to 0" in homework.verdict("3b", truncated, "novakjan")
    rows = []
    for size, factor in zip(n, hw3.w("novakjan")):
        true = rng.normal(0, s2u, 20_000)                      # a variance for a standard deviation
        own = true + rng.normal(0, s2 / size**0.5, 20_000)
        rows.append([np.mean((c * own - true)**2) for c in (1, 0, factor)])
    assert "rng.normal" in homework.verdict("3d", rows, "novakjan")
    u = rng.normal(0, s2u**0.5, (2, 20_000))
    own = u + rng.normal(0, s2**0.5, (2, 20_000)) / np.sqrt(n)[:, None]
    factor = hw3.w("novakjan")
    distances = np.column_stack([np.mean(own**2, 1), np.zeros(2),
                                 np.mean((factor[:, None] * own)**2, 1)])
    assert "global mean" in homework.verdict("3d", distances, "novakjan")
