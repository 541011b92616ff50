"""F tests of the terms of the fixed part."""

import numpy as np
import pandas as pd
from scipy import stats

from lmm.inference import df as degrees


def table(fit, type, df):
    """Sequential (type 1) F tests, as nlme's anova on slide 21: index term; num_df, den_df, F, p.

    Each term is tested after those before it and before those behind it: with U'U = X'V^-1 X (Cholesky), the rows
    of U beta are independent with variance 1, so F is the mean square of the term's rows.
    """
    if type != 1:
        raise ValueError(f"type must be 1 (sequential), not {type!r}")
    U = np.linalg.cholesky(np.linalg.inv(fit.cov_params())).T
    effects = U @ fit.fe_params.to_numpy()
    nu = degrees.of_coefficients(fit, df).to_numpy()
    rows = {}
    for term, columns in fit.model_spec.term_slices.items():
        num_df, den_df = columns.stop - columns.start, nu[columns].min()
        F = np.mean(effects[columns] ** 2)
        name = "Intercept" if str(term) == "1" else str(term)
        rows[name] = [num_df, den_df, F, stats.f.sf(F, num_df, den_df)]
    result = pd.DataFrame.from_dict(rows, orient="index", columns=["num_df", "den_df", "F", "p"])
    return result.astype({"num_df": int}).rename_axis("term")
