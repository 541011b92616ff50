"""Pictures of lmm.plots.ch_extra_*: what is drawn is the data, and the alt text names the right figures."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from lmm import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_replicates_counts_all_draws_and_names_the_intervals():
    ax = plt.subplots()[1]
    draws = np.random.default_rng(0).gamma(3, size=200)
    alt = plots.replicates(draws, 2.5, {"Wald": (-1, 4), "profile": (1, 9)}, ax, "Title.", "x")
    [steps] = [patch for patch in ax.patches if hasattr(patch, "get_data")]
    values, edges, _ = steps.get_data()
    assert values.sum() == 200 and edges[0] <= -0.0 and edges[-1] >= draws.max()
    assert "200 estimates" in alt and "Wald from -1 to 4; profile from 1 to 9" in alt and alt.endswith("Title.")
