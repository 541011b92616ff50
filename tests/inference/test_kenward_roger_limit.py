"""Kenward and Roger's F where theory knows it exactly: Hotelling's T^2 on subjects' means.

Also with 2 df.
"""

import numpy as np
import pandas as pd
import pytest

import lmm


def repeated(subjects, levels, seed):
    """Balanced: each subject under each level of b, three times."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([range(subjects), range(levels), range(3)],
                                       names=["s", "b", "r"])
    data = index.to_frame(index=False)
    data["y"] = (3 * rng.normal(size=(subjects, levels))[data["s"], data["b"]]
                 + rng.normal(size=len(data)))
    return data.assign(b=data["b"].map("b{}".format))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("subjects, levels",
                         [(3, 3), (4, 3), (5, 3), (6, 3), (5, 4), (6, 4), (8, 4)])
def test_repeated_measures_are_hotellings_test(subjects, levels, seed):
    data = repeated(subjects, levels, seed)
    fit = lmm.fit("y ~ b + (0 + b | s)", data)
    if fit.singular:
        pytest.skip("a singular covariance: the variances are at their bound")
    means = data.groupby(["s", "b"])["y"].mean().unstack().to_numpy()
    d = means[:, 1:] - means[:, :1]
    q = levels - 1
    df = subjects - q
    T2 = subjects * d.mean(axis=0) @ np.linalg.solve(np.cov(d.T), d.mean(axis=0))
    row = fit.anova(df="kenward-roger").loc["b"]
    assert row["den_df"] == pytest.approx(df, rel=1e-6)
    assert row["F"] == pytest.approx(df / ((subjects - 1) * q) * T2, rel=1e-6)
