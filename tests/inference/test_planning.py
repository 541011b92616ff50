"""Power by simulation against closed forms, and what it refuses."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lmm

FORMULA = "y ~ method + (1 | tablet)"
FIXED = {"Intercept": 10.0, "method[T.nir]": 0.25}
SD = {"tablet": 0.3, "Residual": 0.2}


def tablets(n):
    return pd.DataFrame({"tablet": np.repeat(np.arange(n), 2), "method": ["hplc", "nir"] * n})


def exact(n, delta=0.25):
    """The paired t test."""
    critical = stats.t.ppf(0.975, n - 1)
    shift = delta / np.sqrt(2 * 0.04 / n)
    return stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)


def test_the_power_of_the_paired_t_test():
    sd = {"tablet": 3.0, "Residual": 0.2}       # never estimated as 0: then it is the paired t test
    table = lmm.power(FORMULA, tablets, FIXED, sd, "method", n=300, seed=4, grid={"n": [6, 10]})
    assert list(table.columns) == ["n", "power", "lower", "upper", "draws", "not_converged"]
    for row in table.itertuples():
        expected = exact(row.n)
        assert abs(row.power - expected) < 3.5 * np.sqrt(expected * (1 - expected) / 300)
        assert row.lower < row.power < row.upper and (row.draws, row.not_converged) == (300, 0)


def test_effects_and_variances_of_the_grid():
    grid = {"method[T.nir]": [0.0, 0.5], "Residual": [0.2, 0.4]}
    table = lmm.power(FORMULA, tablets(10), FIXED, SD, "method", n=60, seed=1, grid=grid)
    assert table[["method[T.nir]", "Residual"]].to_numpy().tolist() == [[0, 0.2], [0, 0.4],
                                                                        [0.5, 0.2], [0.5, 0.4]]
    assert table["power"][0] < 0.2 and table["power"][2] > 0.9 > table["power"][3]


def test_a_random_term_and_an_executor():
    one = lmm.power(FORMULA, tablets(12), FIXED, SD, "(1 | tablet)", n=40, seed=5)
    with ThreadPoolExecutor(2) as executor:
        two = lmm.power(FORMULA, tablets(12), FIXED, SD, "(1 | tablet)", n=40, seed=5,
                        executor=executor)
    pd.testing.assert_frame_equal(one, two)
    assert one["power"][0] > 0.5


def test_slopes_need_a_covariance_matrix():
    data = pd.DataFrame({"x": np.tile(np.arange(5.0), 8), "g": np.repeat(np.arange(8), 5)})
    fixed = {"Intercept": 0.0, "x": 1.0}
    table = lmm.power("y ~ x + (x | g)", data, fixed, {"g": [[1, 0.1], [0.1, 0.2]],
                                                       "Residual": 1.0}, "x", n=20, seed=1)
    assert 0.5 < table["power"][0] <= 1


@pytest.mark.parametrize("change, said", [
    ({"fixed": {"Intercept": 1}}, "fixed lacks 'method"),
    ({"fixed": {**FIXED, "x": 1}}, "fixed has 'x'"),
    ({"sd": {"tablet": 1}}, "sd lacks 'Residual'"),
    ({"sd": {**SD, "tablet": -1}}, "sd of tablet must be a number"),
    ({"test": "tablet"}, "test must be one of method, "),
    ({"grid": {"k": [1]}}, "'k' of grid is neither in fixed nor in sd"),
    ({"n": 0}, "positive whole number"),
    ({"level": 5}, "level must lie between 0 and 1"),
])
def test_what_it_refuses(change, said):
    options = {"fixed": FIXED, "sd": SD, "test": "method", "n": 2, **change}
    with pytest.raises(ValueError, match=said):
        lmm.power(FORMULA, tablets(5), **options)
