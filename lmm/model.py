"""lmm.fit: a linear mixed model from a formula and a table."""

import warnings

import numpy as np
import pandas as pd
from scipy import sparse, stats

from lmm import check, engine, formula as formulas, summary
from lmm.inference import anova, df as degrees, means

MOST_ROWS_DENSE = 5000


def fit(formula, data, reml=True):
    """Fit y = X beta + Z u + e by REML, or by ML with `reml=False` (slides 32 and 34).

    formula: lme4's syntax, "y ~ method + (1 | tablet)", with any number of random intercepts: `(1 | g)`,
    `(1 | a:b)`, `(1 | a/b)`. Without a random term it is ordinary least squares.
    data: DataFrame; rows with missing values in the formula's columns are dropped and counted.

    Returns a Fit. Raises ValueError for a column that is unknown, not numeric or infinite, a fixed part that has
    not full rank, and a grouping factor with one level or with as many levels as rows.
    """
    if not isinstance(data, pd.DataFrame):
        raise ValueError(f"data must be a pandas DataFrame, not {type(data).__name__}")
    model = formulas.read(formula, data)
    check.full_rank(model.X, f"the fixed part of {formula!r}")
    if len(model.y) == model.X.shape[1]:
        raise ValueError(f"{len(model.y)} rows and as many fixed effects: nothing is left for the variances")
    Z = sparse.hstack([_indicators(term) for term in model.terms] or [sparse.csr_array((len(model.y), 0))]).tocsr()
    optimum = engine.optimum(model.y, model.X.to_numpy(), Z, [len(t.levels) for t in model.terms], reml)
    if not optimum.converged:
        warnings.warn(f"{formula!r} has not converged after {optimum.n_evaluations} evaluations; do not trust it",
                      RuntimeWarning, stacklevel=2)
    return Fit(formula, model, Z, optimum, reml)


def _indicators(term):
    n = len(term.codes)
    return sparse.csr_array((np.ones(n), (np.arange(n), term.codes)), shape=(n, len(term.levels)))


class Fit:
    """A fitted model; the names are those of statsmodels' results and, for matrices, the lecture's."""

    def __init__(self, formula, model, Z, optimum, reml):
        names = model.X.columns
        self.formula, self.reml, self.data = formula, reml, model.data
        self.terms, self.model_spec = model.terms, model.model_spec
        self.X, self.y, self.Z = model.X, model.y, Z
        self.nobs, self.n_dropped = len(model.y), model.n_dropped
        self.fe_params = pd.Series(optimum.beta, index=names)
        self._cov = pd.DataFrame(optimum.cov_beta, index=names, columns=names)
        self.scale, self._s2u, self._u = optimum.scale, optimum.gamma * optimum.scale, optimum.u
        self.criterion, self.llf = optimum.criterion, -optimum.criterion / 2
        self.converged, self.n_evaluations = optimum.converged, optimum.n_evaluations
        self.singular = bool((optimum.gamma == 0).any())
        n_params = len(names) + len(model.terms) + 1
        self.aic = optimum.criterion + 2 * n_params
        self.bic = optimum.criterion + np.log(self.nobs) * n_params

    # Estimates -----------------------------------------------------------------------------------------------

    def cov_params(self):
        """Var(beta_hat) = (X'V^-1 X)^-1 (slide 32)."""
        return self._cov.copy()

    @property
    def bse_fe(self):
        """Standard errors of the fixed effects."""
        return pd.Series(np.sqrt(np.diag(self._cov)), index=self.fe_params.index)

    @property
    def tvalues(self):
        return self.fe_params / self.bse_fe

    @property
    def pvalues(self):
        return self.coef_table()["p"]

    def conf_int(self, df="containment"):
        """95 % confidence intervals of the fixed effects: columns lower, upper."""
        return self.coef_table(df)[["lower", "upper"]]

    @property
    def variance_components(self):
        """One row a variance: group, name1, name2, variance, sd; the last row is the residual."""
        variance = np.append(self._s2u, self.scale)
        return pd.DataFrame({
            "group": [t.name for t in self.terms] + ["Residual"],
            "name1": ["Intercept"] * len(self.terms) + [""], "name2": "",
            "variance": variance, "sd": np.sqrt(variance)})

    @property
    def random_effects(self):
        """The BLUPs (slide 33): a dict, group -> DataFrame with a row a level and a column a name."""
        ends = np.cumsum([len(t.levels) for t in self.terms])[:-1]
        return {t.name: pd.DataFrame({"Intercept": u}, index=pd.Index(t.levels, name=t.name))
                for t, u in zip(self.terms, np.split(self._u, ends))}

    @property
    def fittedvalues(self):
        """X beta + Z u, the conditional mean (slide 29)."""
        return pd.Series(self.X.to_numpy() @ self.fe_params.to_numpy() + self.Z @ self._u)

    @property
    def resid(self):
        """y - X beta - Z u."""
        return self.y - self.fittedvalues

    # The lecture's matrices ----------------------------------------------------------------------------------

    @property
    def G(self):
        """Var(u), diagonal and sparse, (q, q)."""
        return sparse.diags_array(np.repeat(self._s2u, [len(t.levels) for t in self.terms])).tocsr()

    @property
    def R(self):
        """Var(e) = sigma^2 I, sparse, (n, n)."""
        return (self.scale * sparse.eye_array(self.nobs)).tocsr()

    def V(self):
        """Var(y) = Z G Z' + R as a dense matrix (slide 29)."""
        if self.nobs > MOST_ROWS_DENSE:
            raise ValueError(f"V would be a dense {self.nobs} x {self.nobs} matrix; above {MOST_ROWS_DENSE} rows "
                             "use fit.Z, fit.G and fit.R, which are sparse")
        return (self.Z @ self.G @ self.Z.T + self.R).toarray()

    # Inference -----------------------------------------------------------------------------------------------

    def coef_table(self, df="containment"):
        """Fixed effects: estimate, se, df, t, p, lower, upper (95 %)."""
        return means.contrast(self, pd.DataFrame(np.eye(len(self.fe_params)), self.fe_params.index), df)

    def contrast(self, L, df="containment"):
        """Any linear function L beta of the fixed effects, the lecture's `estimable` (slide 26)."""
        return means.contrast(self, L, df)

    def ls_means(self, factors, df="containment"):
        """Least-squares means of a factor, or of "a:b": mean, se, df, lower, upper (slide 26)."""
        return means.ls_means(self, factors, df)

    def anova(self, type=1, df="containment"):
        """F tests of the terms: num_df, den_df, F, p. Type 1 is sequential, as nlme's table on slide 21."""
        return anova.table(self, type, df)

    def df(self, method="containment"):
        """Denominator degrees of freedom of each fixed effect."""
        return degrees.of_coefficients(self, method)

    def summary(self, df="containment"):
        """All of it as text, laid out like lme4's summary, with df and p."""
        return summary.Text(summary.text(self, df))

    def __repr__(self):
        how = "REML" if self.reml else "ML"
        return f"<Fit {self.formula!r} by {how}: {self.nobs} rows, criterion {self.criterion:.4f}>"
